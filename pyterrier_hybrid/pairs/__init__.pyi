from .cloze import inverse_cloze as inverse_cloze
from .corpus import ParallelPairs as ParallelPairs
from .views import PairsSubset as PairsSubset
from .views import hold_out as hold_out

from .grid import Ranks as Ranks
from .grid import rank_grid as rank_grid
from .scores import exact_scores as exact_scores
from .search import top_k as top_k
from .separation import (
    as_float32 as as_float32,
)
from .separation import (
    join as join,
)
from .separation import (
    separate as separate,
)
from .separation import (
    separate_run as separate_run,
)

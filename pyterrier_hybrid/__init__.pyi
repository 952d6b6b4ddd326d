from . import measures as measures
from .batches import HybridBatches as HybridBatches
from .encoding import HybridEncoder as HybridEncoder
from .experiment import MultilingualExperiment as MultilingualExperiment
from .experiment import ratio_study as ratio_study
from .indexing import MultilingualIndex as MultilingualIndex
from .lexical import BM25Index as BM25Index
from .pairs import ParallelPairs as ParallelPairs
from .training import train as train

__version__: str

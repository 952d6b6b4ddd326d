from .hybrid import Batch as Batch
from .hybrid import HybridBatches as HybridBatches
from .kinds import Kind as Kind

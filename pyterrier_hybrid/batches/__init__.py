"""What makes up each training batch: kinds, mix, supplies, plan. A batch is a pure function of (seed, step)."""
from pyterrier_hybrid.lazy import lazy_names

_EXPORTS = {
    'HybridBatches': 'hybrid',
    'Batch': 'hybrid',
    'Kind': 'kinds',
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _EXPORTS)

"""Training an encoder on hybrid batches: the objective, the trainer, validation, checkpoints."""
import lazy_loader

from pyterrier_hybrid.moved import with_moved

_MOVED = {
    'ParallelPairs': 'pyterrier_hybrid.pairs.corpus',
    'PairsSubset': 'pyterrier_hybrid.pairs.views',
    'hold_out': 'pyterrier_hybrid.pairs.views',
    'inverse_cloze': 'pyterrier_hybrid.pairs.cloze',
    'HybridBatches': 'pyterrier_hybrid.batches.hybrid',
    'Batch': 'pyterrier_hybrid.batches.hybrid',
    'Kind': 'pyterrier_hybrid.batches.kinds',
}
_getattr, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = with_moved(__name__, _getattr, _MOVED)

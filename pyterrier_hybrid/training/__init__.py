"""Training an encoder on hybrid batches: the objective, the trainer, validation, checkpoints."""
from pyterrier_hybrid.lazy import lazy_names

_EXPORTS = {
    'TrainingArguments': 'arguments',
    'ValidationSet': 'validation',
    'check_training': 'prepared',
    'train': 'trainer',
    'verify_run': 'record',
    'whiten': 'whitening',
}
_MOVED = {
    'ParallelPairs': 'pyterrier_hybrid.pairs.corpus',
    'PairsSubset': 'pyterrier_hybrid.pairs.views',
    'hold_out': 'pyterrier_hybrid.pairs.views',
    'inverse_cloze': 'pyterrier_hybrid.pairs.cloze',
    'HybridBatches': 'pyterrier_hybrid.batches.hybrid',
    'Batch': 'pyterrier_hybrid.batches.hybrid',
    'Kind': 'pyterrier_hybrid.batches.kinds',
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _EXPORTS, _MOVED)

"""Training on hybrid batches: the parallel corpus, what makes up a batch, the objective, the trainer."""
from importlib import import_module

_EXPORTS = {
    'ParallelPairs': 'pairs',
    'PairsSubset': 'pairs_subset',
    'HybridBatches': 'batches',
    'Batch': 'batches',
    'Kind': 'pools',
    'inverse_cloze': 'cloze',
    'hold_out': 'held_out',
    'ValidationSet': 'validation',
    'train': 'trainer',
    'whiten': 'whitening',
}
__all__ = list(_EXPORTS)


def __getattr__(name: str):
    if name in _EXPORTS:
        return getattr(import_module(f'{__name__}.{_EXPORTS[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

"""Dense retrieval across languages for PyTerrier.

*Hybrid* means mixed-language training batches (arXiv 2408.10536) everywhere in this package; it does not mean a mixture
of sparse and dense retrieval.

Importing the package registers the data sets (``datasets_ext``) and the language-bias measures, and loads neither torch
nor scipy; every other public name is loaded when it is first asked for (PEP 562).
"""
from importlib import import_module

import datasets_ext  # noqa: F401  (registers the data sets)
from pyterrier_hybrid import measures

__version__ = '0.1.0'

_EXPORTS = {
    'HybridEncoder': 'encoding',
    'MultilingualIndex': 'indexing',
    'BM25Index': 'lexical',
    'ParallelPairs': 'training',
    'HybridBatches': 'training',
    'train': 'training',
    'MultilingualExperiment': 'experiment',
    'ratio_study': 'experiment',
}
__all__ = [*_EXPORTS, '__version__', 'measures']


def __getattr__(name: str):
    if name in _EXPORTS:
        return getattr(import_module(f'{__name__}.{_EXPORTS[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})

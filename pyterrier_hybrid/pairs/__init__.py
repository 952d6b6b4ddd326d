"""The parallel corpus: question-passage pairs and parallel texts in many languages, memory-mapped."""
from pyterrier_hybrid.lazy import lazy_names

_EXPORTS = {
    'ParallelPairs': 'corpus',
    'PairsSubset': 'views',
    'hold_out': 'views',
    'inverse_cloze': 'cloze',
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _EXPORTS)

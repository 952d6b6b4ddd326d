"""Ranking by dot product: exact scores, the best k, and the ranks of chosen passages, as functions over arrays.

The order holds everywhere in this project: by (-score, docno ascending), see :mod:`pyterrier_hybrid.ranking.order`.
Separated scores make every evaluator order a run so.
"""
from pyterrier_hybrid.lazy import lazy_names

_EXPORTS = {
    'exact_scores': 'scores',
    'top_k': 'search',
    'rank_grid': 'grid',
    'Ranks': 'grid',
    'as_float32': 'separation',
    'join': 'separation',
    'separate': 'separation',
    'separate_run': 'separation',
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _EXPORTS)

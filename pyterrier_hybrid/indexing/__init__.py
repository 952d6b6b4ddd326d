"""Indexing: one dense index over passages of many languages, and exact search in all of them or in some.

``MultilingualIndex`` is the index, ``top_k`` and ``exact_scores`` are the search it rests on, as functions over arrays.
"""
from pyterrier_hybrid.lazy import lazy_names

_EXPORTS = {
    'MultilingualIndex': 'index',
    'MultilingualIndexer': 'indexer',
    'IndexingMode': 'indexer',
    'ExactRetriever': 'retriever',
    'ExactScorer': 'scorer',
    'exact_scores': '.ranking.scores',
    'top_k': '.ranking.search',
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _EXPORTS)

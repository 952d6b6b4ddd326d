"""Indexing: one dense index over passages of many languages, and exact search in all of them or in some.

``MultilingualIndex`` is the index. ``top_k`` and ``exact_scores`` are its exact search, as functions over arrays.
"""
import lazy_loader

from pyterrier_hybrid.moved import with_moved

_MOVED = {
    'exact_scores': 'pyterrier_hybrid.ranking.scores',
    'top_k': 'pyterrier_hybrid.ranking.search',
}
_getattr, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = with_moved(__name__, _getattr, _MOVED)

"""Indexing: one dense index over passages of many languages, and exact search in all of them or in some.

``MultilingualIndex`` is the index, ``top_k`` and ``exact_scores`` are the search it rests on, as functions over arrays.
"""
from importlib import import_module

_EXPORTS = {
    'MultilingualIndex': 'index',
    'MultilingualIndexer': 'indexer',
    'IndexingMode': 'indexer',
    'ExactRetriever': 'retriever',
    'exact_scores': 'search',
    'top_k': 'search',
}
__all__ = list(_EXPORTS)


def __getattr__(name: str):
    if name in _EXPORTS:
        return getattr(import_module(f'{__name__}.{_EXPORTS[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})

"""Multilingual BM25 without Java: analysis per language, one index over all languages, retrieval in any of them."""
from importlib import import_module

_EXPORTS = {'BM25Index': 'index', 'BM25Retriever': 'retriever', 'analyse': 'analysis'}
__all__ = [*_EXPORTS]


def __getattr__(name: str):
    if name in _EXPORTS:
        return getattr(import_module(f'{__name__}.{_EXPORTS[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})

"""Multilingual BM25 without Java: analysis per language, one index over all languages, retrieval in any of them."""
from pyterrier_hybrid.lazy import lazy_names

_EXPORTS = {'BM25Index': 'index', 'BM25Retriever': 'retriever', 'analyse': 'analysis'}
__getattr__, __dir__, __all__ = lazy_names(__name__, _EXPORTS)

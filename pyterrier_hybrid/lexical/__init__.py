"""Multilingual BM25 without Java: analysis per language, one index over all languages, retrieval in any of them."""
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Texts into vectors: :class:`HybridEncoder` over any sentence-transformers or transformers checkpoint.

Public names are loaded when they are first asked for (PEP 562): importing this package loads no torch.
"""
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Texts into vectors: :class:`HybridEncoder` over any sentence-transformers or transformers checkpoint.

Public names are loaded when they are first asked for (PEP 562): importing this package loads no torch.
"""
from pyterrier_hybrid.lazy import lazy_names

_EXPORTS = {
    'HybridEncoder': 'encoder',
    'PRESETS': 'presets',
    'Preset': 'presets',
    'small_backbone': 'compact',
    'static_backbone': 'backbones',
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _EXPORTS)

"""Texts into vectors: :class:`HybridEncoder` over any sentence-transformers or transformers checkpoint.

Public names are loaded when they are first asked for (PEP 562): importing this package loads no torch.
"""
from importlib import import_module

_EXPORTS = {
    'HybridEncoder': 'encoder',
    'PRESETS': 'presets',
    'Preset': 'presets',
    'small_backbone': 'compact',
    'static_backbone': 'backbones',
}
__all__ = [*_EXPORTS]


def __getattr__(name: str):
    if name in _EXPORTS:
        return getattr(import_module(f'{__name__}.{_EXPORTS[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})

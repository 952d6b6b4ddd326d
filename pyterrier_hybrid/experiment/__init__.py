"""Experiments: evaluate encoders and pipelines in all monolingual, cross-lingual and multilingual settings."""
import lazy_loader

from pyterrier_hybrid.moved import with_moved

_MOVED = {'rank_grid': 'pyterrier_hybrid.ranking.grid'}
_getattr, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = with_moved(__name__, _getattr, _MOVED)

"""Data sets across languages for ir_datasets: XQuAD-R, MLQA-R, pooled MIRACL, worldfacts, SQuADShifts, your own.

Importing the package registers its ids, since ir_datasets has no plug-in mechanism; nothing is read or downloaded then.
Data of your own become data sets by ``beir_folder`` and ``squad_files``.

MLQA-R is licensed CC BY-NC 4.0: it must not be used for commercial purposes.
"""
from importlib import import_module

from datasets_ext import lareqa, miracl_multi, squadshifts, worldfacts

_EXPORTS = {'beir_folder': 'beir', 'pooled_miracl': 'miracl_multi', 'squad_files': 'squad'}
__all__ = [*_EXPORTS, 'register']

_registered = False


def register() -> None:
    """Registers every id of this package in ir_datasets; called on import, and harmless when called again.

    An id that ir_datasets itself comes to have is left to it: ``irds:`` then serves theirs, ``hybrid:`` ours.
    """
    global _registered
    if not _registered:
        for collection in (lareqa, miracl_multi, squadshifts, worldfacts):
            collection.register()
        _registered = True


def __getattr__(name: str):
    if name in _EXPORTS:
        return getattr(import_module(f'{__name__}.{_EXPORTS[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})


register()

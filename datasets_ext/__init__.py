"""Data sets across languages for ir_datasets: XQuAD-R, MLQA-R, pooled MIRACL, worldfacts, SQuADShifts, your own.

Importing the package registers its ids, since ir_datasets has no plug-in mechanism; nothing is read or downloaded then.
``beir_folder`` and ``squad_files`` make data sets of your own data.

MLQA-R is licensed CC BY-NC 4.0: it must not be used for commercial purposes.
"""
from importlib import import_module as _import_module

from datasets_ext import miracl_multi, published, shape, worldfacts

_EXPORTS = {'beir_folder': 'beir', 'pooled_miracl': 'miracl_multi', 'squad_files': 'squad'}
__all__ = [*_EXPORTS, 'register']


def register() -> None:
    """Registers every id of this package in ir_datasets; called on import, and harmless when called again.

    If ir_datasets has an id itself, that one is kept: ``irds:`` then serves theirs, ``hybrid:`` ours.
    """
    if not shape.SHIPPED:
        for collection in (published, miracl_multi, worldfacts):
            collection.register()
        shape.SHIPPED.update(known.split('/')[0] for known in shape.REGISTERED)


def __getattr__(name: str) -> object:
    if name in _EXPORTS:
        return getattr(_import_module(f'{__name__}.{_EXPORTS[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return sorted([*__all__, 'worldfacts'])


register()

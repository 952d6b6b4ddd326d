"""The report: what an experiment and a study found, as one page that opens from disk, and its figures as files."""
from importlib import import_module

_EXPORTS = {'write_report': 'page'}
__all__ = list(_EXPORTS)


def __getattr__(name: str):
    if name in _EXPORTS:
        return getattr(import_module(f'{__name__}.{_EXPORTS[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

"""Work on many machines, by Ray, which is optional: ``pip install pyterrier-hybrid[ray]``.

Nothing here knows what the work is. Public names are loaded when they are first asked for (PEP 562); Ray itself is not
imported before there is work for it.
"""
from importlib import import_module

_EXPORTS = {
    'on_ray': 'tasks',
    'Resources': 'resources',
}
__all__ = [*_EXPORTS]


def __getattr__(name: str):
    if name in _EXPORTS:
        return getattr(import_module(f'{__name__}.{_EXPORTS[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})

"""Work on many machines, by Ray, which is optional: ``pip install pyterrier-hybrid[ray]``.

Nothing here knows what the work is. Public names are loaded when they are first asked for (PEP 562); Ray itself is not
imported before there is work for it.
"""
from pyterrier_hybrid.lazy import lazy_names

_EXPORTS = {
    'on_ray': 'tasks',
    'Resources': 'resources',
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _EXPORTS)

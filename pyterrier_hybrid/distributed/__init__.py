"""Work on many machines, by Ray, which is optional: ``pip install pyterrier-hybrid[ray]``.

``on_ray`` calls a function for many items, whatever it does; ``build_index`` and ``RayIndex`` build and search a dense
index. Public names are loaded when they are first asked for (PEP 562); Ray itself is not imported before there is
work for it.
"""
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

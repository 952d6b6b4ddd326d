"""Public names that a package loads when they are first asked for (PEP 562), so that importing it is cheap."""
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(
    package: str, exports: Mapping[str, str], moved: Mapping[str, str] | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """What a package's ``__init__`` assigns to ``__getattr__, __dir__, __all__``.

    Args:
        package: the package's ``__name__``.
        exports: maps each public name to the module of the package that defines it; ``'.x'`` is a module beside the
            package.
        moved: maps each name that has moved to another package to the module there; it still works, with a warning.
    """

    def __getattr__(name: str) -> object:
        if name in exports:
            return getattr(import_module(f'.{exports[name]}', package), name)
        if moved and name in moved:
            room = moved[name].rsplit('.', 1)[0]
            warnings.warn(f'{package}.{name} has moved: import it from {room}', FutureWarning, stacklevel=2)
            return getattr(import_module(moved[name]), name)
        raise AttributeError(f'module {package!r} has no attribute {name!r}')

    return __getattr__, lambda: sorted(exports), list(exports)

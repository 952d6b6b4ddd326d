"""Names that have moved to another package. They still work in the old one, with a warning."""
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module


def with_moved(package: str, getter: Callable[[str], object], moved: Mapping[str, str]) -> Callable[[str], object]:
    """Returns a package's ``__getattr__`` that knows names which have moved.

    Args:
        package: the package's ``__name__``.
        getter: its ``__getattr__`` for all other names.
        moved: maps each name that has moved to the module that defines it now.
    """

    def __getattr__(name: str) -> object:
        if name not in moved:
            return getter(name)
        room = moved[name].rpartition('.')[0]
        warnings.warn(f'{package}.{name} has moved: import it from {room}', FutureWarning, stacklevel=2)
        return getattr(import_module(moved[name]), name)

    return __getattr__

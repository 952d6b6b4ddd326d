"""Data sets of a user's own in the registry: names that are free, and replacing one's own data set by a newer one."""
import re

import ir_datasets

from datasets_ext.shape import REGISTERED
from datasets_ext.shape import register as shape_register

_names: set[str] = set()


def check_name(name: str) -> str:
    """Returns the name of a data set of the user's own if it can be one.

    A name may be used again, and then stands for the new data; one of this package's or of ir_datasets' may not.

    Raises:
        ValueError: the name cannot be part of an id, or is taken.
    """
    if not re.fullmatch(r'[A-Za-z0-9][A-Za-z0-9._-]*', name):
        raise ValueError(f'{name!r} cannot name a data set; use letters, digits, ".", "_" and "-"')
    taken = {known.split('/')[0] for known in (*REGISTERED, *ir_datasets.registry._registered)}
    if name in taken - _names:
        raise ValueError(f'there is a data set {name!r} already; choose another name')
    return name


def register(name: str, **shape) -> list[str]:
    """``shape.register`` for data of a user's own: an earlier data set of theirs of that name gives way to the new one.

    Its ids are removed first, since the new one may have other languages.

    Args:
        name: one that ``check_name`` has passed.
        **shape: what ``datasets_ext.shape.register`` takes.

    Returns:
        The ids.
    """
    for dataset_id in [known for known in REGISTERED if known.split('/')[0] == name]:
        if ir_datasets.registry._registered.get(dataset_id) is REGISTERED.pop(dataset_id):
            del ir_datasets.registry._registered[dataset_id]
    _names.add(name)
    return shape_register(name, **shape)

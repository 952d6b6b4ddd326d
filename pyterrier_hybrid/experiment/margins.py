"""Margins, which are the greatest differences that do not matter, by measure; and names as a user gives them."""
from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
from ir_measures.measures import Measure


def margin_of(measure: str, margin: object) -> float:
    """Returns the margin of a measure as a float; raises ValueError if it is not a number above 0."""
    width = float(margin) if isinstance(margin, Real) and not isinstance(margin, bool) else np.nan
    if not 0 < width < np.inf:
        raise ValueError(f'the margin of {measure} is {margin!r}; it is a number above 0, in its unit')
    return width


def by_name(margin: Mapping, known: Sequence[str]) -> dict[str, float]:
    """The margins by the names of their measures.

    Raises:
        ValueError: a measure that is not among the ``known`` ones or has two margins, or an invalid margin.
    """
    named: dict[str, float] = {}
    for measure, width in margin.items():
        (name,) = listed([measure])
        if name not in known:
            raise ValueError(f'margin names {name!r}, which is no measure of the result; it has '
                             f'{", ".join(known)}')  # fmt: skip
        if name in named and named[name] != width:
            raise ValueError(f'{name} has the margins {named[name]!r} and {width!r}; give it one')
        margin_of(name, width)
        named[name] = width
    return named


def listed(names: str | Measure | Sequence[str | Measure]) -> list[str]:
    """Returns names as a list, each once. A single name may be given, and a measure instead of its name."""
    names = [names] if isinstance(names, str | Measure) else names
    return list(dict.fromkeys(repr(name) if isinstance(name, Measure) else name for name in names))

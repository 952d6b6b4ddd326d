"""Measures of whole rankings, at a depth that cut and whole rankings have in common."""
from collections.abc import Sequence

from ir_measures.measures import Measure

from pyterrier_hybrid.measures.base import LanguageMeasure


def with_common_depth(measures: Sequence[Measure], depth: int | None) -> list[Measure]:
    """Adds, behind each measure over the whole pool, the same measure at a depth.

    The value of such a measure on a cut ranking rests on an expectation of what was cut off. At a depth to which all
    systems have ranked, it does not.

    Args:
        measures: those asked for.
        depth: the common depth; None if all rankings are whole, for which nothing is added.
    """
    found: dict[Measure, None] = {}
    for measure in measures:
        found[measure] = None
        over_pool = isinstance(measure, LanguageMeasure) and 'pool' in measure.SUPPORTED_PARAMS
        if depth and over_pool and 'cutoff' not in measure.params:
            params = {name: value for name, value in measure.params.items() if name not in ('pool', 'norm')}
            found[type(measure)(**params, cutoff=depth)] = None
    return list(found)

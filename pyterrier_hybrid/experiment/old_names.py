"""Functions of earlier versions that are now methods of :class:`Result`. They still work, with a warning."""
import warnings
from typing import Any

import pandas as pd

from pyterrier_hybrid.experiment.contributions import NothingToCompare
from pyterrier_hybrid.experiment.languages_won import COMPARISON
from pyterrier_hybrid.experiment.result import Result


def compare_systems(result: Result, baseline: str, **how: Any) -> pd.DataFrame:
    """The old form of :meth:`Result.compare`."""
    _warn('compare_systems(result, baseline)', 'result.compare(baseline)')
    return result.compare(baseline, **how)


def equivalence(result: Result, baseline: str, **how: Any) -> pd.DataFrame:
    """The old form of :meth:`Result.equivalence`."""
    _warn('equivalence(result, baseline)', 'result.equivalence(baseline)')
    return result.equivalence(baseline, **how)


def compare_by_language(
    result: Result, system: str, baseline: str, measure: str, setting: str, **how: Any
) -> pd.DataFrame:
    """The old form of :meth:`Result.compare_by_language`, of one comparison."""
    _warn('compare_by_language(result, ...)', 'result.compare_by_language(baseline)')
    found = result.compare_by_language(baseline, systems=system, measures=measure, settings=setting, **how)
    return found.drop(columns=COMPARISON)


def compare_every_language(result: Result, baseline: str, **how: Any) -> dict[tuple[str, str, str, str], pd.DataFrame]:
    """The old form of :meth:`Result.compare_by_language`, by (system, baseline, measure, setting)."""
    _warn('compare_every_language(result, baseline)', 'result.compare_by_language(baseline)')
    try:
        found = result.compare_by_language(baseline, **how)
    except NothingToCompare:
        return {}
    return {key: rows.drop(columns=COMPARISON) for key, rows in found.groupby(COMPARISON, sort=False)}


def _warn(old: str, new: str) -> None:
    warnings.warn(f'{old} is {new} now', FutureWarning, stacklevel=3)

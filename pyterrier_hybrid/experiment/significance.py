"""Whether the differences between systems are real: paired tests over questions, corrected for their number."""
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pandas as pd

from .contributions import Contributions, TooFewQuestions, check_systems, contributions
from .corrections import CORRECTIONS
from .paired import TESTS, Outcome, bootstrap_interval, effect_size, randomization, t_interval, tost
from .result import KINDS, Result


def compare_systems(
    result: Result,
    baseline: str,
    *,
    systems: Sequence[str] | None = None,
    measures: Sequence[str] | None = None,
    settings: Sequence[str] | None = None,
    test: str = 't',
    correction: str | None = 'holm',
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compares systems with a baseline, in every measure and kind of setting in which two questions or more have both.

    A question is one observation, with all its languages (:func:`~.contributions.contributions`), and the difference
    that is tested is that of the table's figures, over the questions that both systems have values for.

    Args:
        result: the result.
        baseline: the system to compare with.
        systems, measures, settings: which ones, by name; None for all.
        test: ``'t'``, ``'wilcoxon'`` or ``'randomization'``.
        correction: ``'holm'`` or ``'bonferroni'`` over all rows of the outcome, or None.
        level: of the interval; a difference is significant if its corrected p is less than 1 - level.
        resamples: of the bootstrap, and of the randomisation test.
        seed: of both.

    Returns:
        ``system, baseline, measure, setting, value, baseline_value, difference, low, high, effect, statistic, p,
        p_corrected, significant, n``, then how they were made: ``test, correction, comparisons, level``. ``low`` and
        ``high`` bound the difference (percentile bootstrap over questions), ``effect`` is Cohen's d for paired data,
        ``n`` the number of questions, ``comparisons`` the number that the correction is for.

    Raises:
        ValueError: an unknown name, or nothing to compare.
    """
    check_choices(test, correction, level)
    rows = []
    for system, measure, setting, found in _compared(result, baseline, systems, measures, settings):
        low, high = bootstrap_interval(found.differences, level=level, resamples=resamples, seed=seed)
        outcome = run_test(test, found.differences, resamples, seed)
        rows.append({
            'system': system, 'baseline': baseline, 'measure': measure, 'setting': setting, 'value': found.value,
            'baseline_value': found.baseline_value, 'difference': found.value - found.baseline_value, 'low': low,
            'high': high, 'effect': effect_size(found.differences), **outcome._asdict(), 'n': len(found.differences),
        })  # fmt: skip
    return corrected(pd.DataFrame(rows), test, correction, level, 'significant')


def equivalence(
    result: Result,
    baseline: str,
    *,
    margin: float | dict[str, float],
    systems: Sequence[str] | None = None,
    measures: Sequence[str] | None = None,
    settings: Sequence[str] | None = None,
    correction: str | None = 'holm',
    level: float = 0.95,
) -> pd.DataFrame:
    """Tests whether systems are as good as a baseline up to a margin: two one-sided t tests over questions (TOST).

    A difference that is not significant is no evidence of equality; this is.

    Args:
        result: the result.
        baseline: the system to compare with.
        margin: the greatest difference that does not matter, in the measure's unit and more than 0; for several
            measures a mapping from their names.
        systems, measures, settings: which ones, by name; None for all, or the measures that have a margin.
        correction: as in :func:`compare_systems`.
        level: more than .5; systems are equivalent if the corrected p is less than 1 - level.

    Returns:
        ``system, baseline, measure, setting, difference, low, high, margin, p, p_corrected, equivalent, n``, then
        ``test`` (``'tost'``), ``correction, comparisons, level``. ``low`` and ``high`` are the t interval of level
        2 * level - 1, 90% by default: without a correction, systems are equivalent exactly where it lies within the
        margin.

    Raises:
        ValueError: a margin that is not a positive number, a measure without one, an unknown name, or nothing to
            compare.
    """
    check_choices('t', correction, level)
    if level <= 0.5:
        raise ValueError(f'level is {level!r}; an equivalence test has one above 0.5, as in 0.95')
    if isinstance(margin, dict):
        measures = list(margin) if measures is None else measures
    rows = []
    for system, measure, setting, found in _compared(result, baseline, systems, measures, settings):
        width = margin.get(measure) if isinstance(margin, dict) else margin
        if not isinstance(width, (int, float)) or isinstance(width, bool) or not 0 < width < np.inf:
            raise ValueError(f'the margin of {measure} is {width!r}; it is a number above 0, in its unit')
        low, high = t_interval(found.differences, 2 * level - 1)
        rows.append({
            'system': system, 'baseline': baseline, 'measure': measure, 'setting': setting,
            'difference': found.value - found.baseline_value, 'low': low, 'high': high, 'margin': float(width),
            'p': tost(found.differences, width), 'n': len(found.differences),
        })  # fmt: skip
    return corrected(pd.DataFrame(rows), 'tost', correction, level, 'equivalent')


def check_choices(test: str, correction: str | None, level: float) -> None:
    """Refuses unknown tests and corrections, and levels outside 0 to 1.

    Raises:
        ValueError: with what there is.
    """
    for what, given, known in (('test', test, TESTS), ('correction', correction, CORRECTIONS)):
        if given not in known:
            raise ValueError(f'{what} is {given!r}; it is one of {", ".join(map(repr, known))}')
    if not 0 < level < 1:
        raise ValueError(f'level is {level!r}; it lies between 0 and 1, as in 0.95')


def run_test(test: str, differences: np.ndarray, resamples: int, seed: int) -> Outcome:
    """The outcome of a test by its name."""
    if test == 'randomization':
        return randomization(differences, resamples=resamples, seed=seed)
    return TESTS[test](differences)


def corrected(rows: pd.DataFrame, test: str, correction: str | None, level: float, verdict: str) -> pd.DataFrame:
    """The rows with ``p_corrected`` over all of them, the verdict (bool), ``n``, and how all this was made."""
    p = CORRECTIONS[correction](rows['p'].to_numpy())
    made = {'test': test, 'correction': correction, 'comparisons': len(rows), 'level': level}
    return rows.drop(columns='n').assign(**{'p_corrected': p, verdict: p < 1 - level, 'n': rows['n'], **made})


def list_comparisons(
    result: Result,
    baseline: str,
    systems: Sequence[str] | None,
    measures: Sequence[str] | None,
    settings: Sequence[str] | None,
) -> list[tuple[str, str, str]]:
    """The (system, measure, setting) in which a system and the baseline have values.

    Args:
        result, baseline, systems, measures, settings: as in :func:`compare_systems`.

    Raises:
        ValueError: an unknown name, or nothing to compare.
    """
    systems = [name for name in result.systems if name != baseline] if systems is None else _listed(systems)
    check_systems(result, [baseline])
    for system in systems:
        check_systems(result, [system, baseline])
    measures = result.measures if measures is None else _listed(measures)
    for measure in measures:
        result.check_measure(measure)
    settings = KINDS if settings is None else _listed(settings)
    unknown = [kind for kind in settings if kind not in KINDS]
    if unknown:
        raise ValueError(f'the result has no setting {unknown[0]!r}; it has {", ".join(KINDS)}')
    table = result.table()
    found = [
        (system, measure, kind) for measure in measures for kind in settings for system in systems
        if (measure, kind) in table.columns and table.loc[[system, baseline], (measure, kind)].notna().all()
    ]  # fmt: skip
    if not found:
        raise ValueError(f'there is nothing in which {", ".join(systems) or "no system"} and {baseline} have values')
    return found


def _compared(result, baseline, systems, measures, settings) -> list[tuple[str, str, str, Contributions]]:
    """The comparisons and what questions contribute to them, without those of a single question."""
    wanted = list_comparisons(result, baseline, systems, measures, settings)
    found = []
    for system, measure, setting in wanted:
        with suppress(TooFewQuestions):
            found.append((system, measure, setting, contributions(result, system, baseline, measure, setting)))
    if not found:
        contributions(result, wanted[0][0], baseline, *wanted[0][1:])  # says what is missing
    return found


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)

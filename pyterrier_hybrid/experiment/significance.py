"""Tests of the differences between systems, paired over questions and corrected for the number of tests."""
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING

import pandas as pd
from ir_measures.measures import Measure

from pyterrier_hybrid.experiment.contributions import Contributions, NothingToCompare, TooFewQuestions, contributions
from pyterrier_hybrid.experiment.frames import SETTING_KINDS
from pyterrier_hybrid.experiment.margins import by_name, listed, margin_of
from pyterrier_hybrid.experiment.paired import (
    FEW_TO_RESAMPLE,
    TESTS,
    bootstrap_interval,
    check_level,
    paired_t,
    t_interval,
    tost,
)
from pyterrier_hybrid.measures.facts import Facts

#: Tests with fewer degrees of freedom than this are marked.
FEW = 20

if TYPE_CHECKING:
    from pyterrier_hybrid.experiment.result import Result


def compare(
    result: 'Result',
    baseline: str,
    *,
    systems: str | Sequence[str] | None = None,
    measures: str | Measure | Sequence[str | Measure] | None = None,
    settings: str | Sequence[str] | None = None,
    test: str = 't',
    correction: str | None = 'holm',
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compares systems with a baseline, in every measure and kind of setting with two questions or more of both.

    A question, with all its languages, is one observation (:func:`~.contributions.contributions`). The tests are about
    the difference of the table's figures, over the questions for which both systems have values. They generalise to new
    questions, not to other languages or to encoders of other seeds.

    Args:
        result: the result.
        baseline: the name of the system to compare with.
        systems, measures, settings: which ones, by name; None for all.
        test: ``'t'``, ``'randomization'``, or ``'wilcoxon'``, which does not test the figures' difference, a mean.
        correction: of the p-values for their number, over all rows of the outcome: a method of
            ``statsmodels.stats.multitest.multipletests``, as in ``pt.Experiment`` (``'holm'``, ``'bonferroni'``,
            ``'fdr_bh'``, ...), or None.
        level: of the interval; a difference is significant if its corrected p is less than 1 - level.
        resamples: of the bootstrap, and of the randomisation test.
        seed: of both.

    Returns:
        ``system, baseline, measure, setting, value, baseline_value, difference, low, high, interval, effect, statistic,
        p, df, few, left_out, p_corrected, significant, n``, then how they were made: ``test, correction, comparisons,
        level``.

        * ``low`` and ``high`` bound the difference, within the measure's range; ``interval`` is ``'bootstrap'`` (over
          questions), or ``'t'`` for fewer than 50 degrees of freedom, where that covers better.
        * ``effect`` is the difference in standard deviations of one question in one language setting.
        * ``df`` are the degrees of freedom of the t test and the interval; ``few`` marks those below 20, too few
          for firm conclusions.
        * ``left_out`` names the language settings (``de``, ``de>en``) with a single question, which
          are not in ``value``, ``baseline_value`` and ``difference``.
        * ``n`` is the number of questions, ``comparisons`` the number that the correction is for.

    Raises:
        ValueError: an unknown name, or nothing to compare.
    """
    check_choices(test, correction, level, resamples)
    rows = [
        {**compared, **tested(sample, result.facts[compared['measure']], test, level, resamples, seed)}
        for compared, sample in _samples(result, baseline, systems, measures, settings)
    ]
    return corrected(pd.DataFrame(rows), test, correction, level, 'significant')


def equivalence(
    result: 'Result',
    baseline: str,
    *,
    margin: float | Mapping[str, float] | Mapping[Measure, float],
    systems: str | Sequence[str] | None = None,
    measures: str | Measure | Sequence[str | Measure] | None = None,
    settings: str | Sequence[str] | None = None,
    correction: str | None = 'holm',
    level: float = 0.95,
) -> pd.DataFrame:
    """Tests whether systems are equivalent to a baseline within a margin: two one-sided t tests over questions (TOST).

    A difference that is not significant does not show that systems are equal; this test can show it.

    Args:
        result: the result.
        baseline: the system to compare with.
        margin: the greatest difference that does not matter, in the measure's unit and more than 0; for several
            measures a mapping from their names.
        systems, measures, settings: which ones, by name; None for all, or the measures that have a margin.
        correction: as in :func:`compare`.
        level: more than .5; systems are equivalent if the corrected p is less than 1 - level.

    Returns:
        ``system, baseline, measure, setting, difference, low, high, margin, p, df, few, left_out, p_corrected,
        equivalent, n``, then ``test`` (``'tost'``), ``correction, comparisons, level``. ``low`` and ``high`` are the t
        interval of level 2 * level - 1, 90% by default: without a correction, systems are equivalent exactly if it lies
        within the margin. ``df``, ``few`` and ``left_out`` are those of :meth:`Result.compare`.

    Raises:
        ValueError: a margin that is not a positive number, a measure without one, an unknown name, or nothing to
            compare.
    """
    check_choices('t', correction, level)
    if level <= 0.5:
        raise ValueError(f'level is {level!r}; an equivalence test has one above 0.5, as in 0.95')
    if isinstance(margin, Mapping):
        margin = by_name(margin, result.measures)
        measures = list(margin) if measures is None else measures
    rows = []
    for compared, sample in _samples(result, baseline, systems, measures, settings):
        measure = compared['measure']
        given = margin.get(measure) if isinstance(margin, dict) else margin
        width = margin_of(measure, given)
        low, high = _within(t_interval(sample.differences, 2 * level - 1, sample.df), result.facts[measure])
        rows.append({
            **compared, 'difference': sample.difference, 'low': low, 'high': high, 'margin': width,
            'p': tost(sample.differences, width, sample.df), **_sample(sample),
        })  # fmt: skip
    return corrected(pd.DataFrame(rows), 'tost', correction, level, 'equivalent')


def check_choices(test: str, correction: str | None, level: float, resamples: int = 1) -> None:
    """Raises ValueError for unknown tests and corrections, levels outside 0 to 1, and resamples below 1."""
    from statsmodels.stats.multitest import multitest_alias

    for what, given, known in (('test', test, TESTS), ('correction', correction, [None, *multitest_alias])):
        if given not in known:
            raise ValueError(f'{what} is {given!r}; it is one of {", ".join(map(repr, known))}')
    check_level(level)
    if not isinstance(resamples, Integral) or isinstance(resamples, bool) or resamples < 1:
        raise ValueError(f'resamples is {resamples!r}; it is a whole number of 1 or more, as in 10_000')


def tested(
    sample: Contributions, facts: Facts, test: str, level: float, resamples: int, seed: int
) -> dict[str, float]:
    """The columns of one comparison, from ``value`` to ``n``."""
    draws = {'resamples': resamples, 'seed': seed}
    if sample.df < FEW_TO_RESAMPLE:
        kind, interval = 't', t_interval(sample.differences, level, sample.df)
    else:
        kind, interval = 'bootstrap', bootstrap_interval(sample.differences, sample.df, level=level, **draws)
    low, high = _within(interval, facts)
    if test == 't':
        outcome = paired_t(sample.differences, sample.df)
    else:
        outcome = TESTS[test](sample.raw, **(draws if test == 'randomization' else {}))
    return {
        'value': sample.value, 'baseline_value': sample.baseline_value, 'difference': sample.difference,
        'low': low, 'high': high, 'interval': kind, 'effect': sample.effect, **outcome._asdict(), **_sample(sample),
    }  # fmt: skip


def _within(interval: tuple[float, float], facts: Facts) -> tuple[float, float]:
    """An interval of a difference, cut to the differences that are possible in the measure's range."""
    most = facts.high - facts.low
    return max(interval[0], -most), min(interval[1], most)


def _sample(sample: Contributions) -> dict:
    """The columns that describe a sample, for readers of its test."""
    few = sample.df < FEW
    return {'df': sample.df, 'few': few, 'left_out': ', '.join(sample.left_out), 'n': len(sample.differences)}


def corrected(rows: pd.DataFrame, test: str, correction: str | None, level: float, verdict: str) -> pd.DataFrame:
    """Adds ``p_corrected`` over all rows, the ``verdict`` (bool), ``n``, and how the table was made."""
    from statsmodels.stats.multitest import multipletests

    p = rows['p'].to_numpy()
    p = p if correction is None else multipletests(p, alpha=1 - level, method=correction)[1]
    made = {'test': test, 'correction': correction, 'comparisons': len(rows), 'level': level}
    return rows.drop(columns='n').assign(**{'p_corrected': p, verdict: p < 1 - level, 'n': rows['n'], **made})


def list_comparisons(result: 'Result', baseline: str, systems, measures, settings) -> list[tuple[str, str, str]]:
    """The (system, measure, setting) in which a system and the baseline have values; see :func:`compare`."""
    systems = [name for name in result.systems if name != baseline] if systems is None else listed(systems)
    for name in (baseline, *systems):
        if name not in result.systems:
            raise ValueError(f'the result has no system {name!r}; it has {", ".join(result.systems)}')
    if result.systems == [baseline]:
        raise NothingToCompare(f'the result has one system, {baseline}; there is nothing to compare it with')
    if baseline in systems:
        raise ValueError(f'{baseline!r} cannot be compared with itself')
    measures = result.measures if measures is None else listed(measures)
    for measure in measures:
        result.check_measure(measure)
    settings = SETTING_KINDS if settings is None else listed(settings)
    unknown = [kind for kind in settings if kind not in SETTING_KINDS]
    if unknown:
        raise ValueError(f'the result has no setting {unknown[0]!r}; it has {", ".join(SETTING_KINDS)}')
    table = result.table()
    found = [
        (system, measure, kind) for measure in measures for kind in settings for system in systems
        if (measure, kind) in table.columns and table.loc[[system, baseline], (measure, kind)].notna().all()
    ]  # fmt: skip
    if not found:
        names = ', '.join(systems) or 'no system'
        raise NothingToCompare(f'there is nothing in which {names} and {baseline} have values')
    return found


def _samples(result: 'Result', baseline: str, *chosen) -> list[tuple[dict[str, str], Contributions]]:
    """Returns the comparisons with their contributions; leaves out those without two questions in any setting."""
    rows, found, too_few = result.per_query, [], []
    for system, measure, setting in list_comparisons(result, baseline, *chosen):
        here = rows[(rows['measure'] == measure) & (rows['setting'] == setting)]
        compared = {'system': system, 'baseline': baseline, 'measure': measure, 'setting': setting}
        try:
            found.append((compared, contributions(here, system, baseline)))
        except TooFewQuestions as error:
            too_few.append(TooFewQuestions(f'{measure}, {setting} settings: {error}'))
    if not found:
        raise too_few[0]
    return found

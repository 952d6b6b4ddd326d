"""In how many languages a system is better than another, and in how many of them significantly."""
import dataclasses
from collections.abc import Sequence
from contextlib import suppress

import pandas as pd
import pyterrier as pt

from .contributions import TooFewQuestions, contributions
from .paired import bootstrap_interval, effect_size
from .presentation import better
from .result import Result
from .significance import check_choices, corrected, list_comparisons, run_test


def compare_by_language(
    result: Result,
    system: str,
    baseline: str,
    measure: str,
    setting: str,
    *,
    test: str = 't',
    correction: str | None = 'holm',
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compares two systems in each language of the questions.

    Args:
        result: the result.
        system, baseline: the systems.
        measure: a measure of which more, or less, is better.
        setting: the kind of settings. In the cross-lingual ones, a question's values over all passage languages are one
            observation.
        test, correction, level, resamples, seed: as in :func:`compare_systems`; the correction is over the languages.

    Returns:
        ``query_lang, value, baseline_value, difference, low, high, effect, statistic, p, better, p_corrected,
        significant, n``, then ``test, correction, comparisons, level``: a row per language in which two questions or
        more have values of both systems; ``better`` says whether the difference is in favour of ``system``.

    Raises:
        ValueError: an unknown name, a measure of which neither more nor less is better, or nothing to compare.
    """
    check_choices(test, correction, level)
    result.check(measure, setting)
    direction = better(measure)
    if not direction:
        raise ValueError(f'neither more nor less of {measure} is better; compare it with Result.chance instead')
    result = _part(result, [system, baseline], measure, setting)
    rows = []
    for lang in sorted(map(str, result.per_query['query_lang'].unique())):
        try:
            found = contributions(result, system, baseline, measure, setting, query_lang=lang)
        except TooFewQuestions:
            continue
        low, high = bootstrap_interval(found.differences, level=level, resamples=resamples, seed=seed)
        difference = found.value - found.baseline_value
        rows.append({
            'query_lang': lang, 'value': found.value, 'baseline_value': found.baseline_value, 'difference': difference,
            'low': low, 'high': high, 'effect': effect_size(found.differences),
            **run_test(test, found.differences, resamples, seed)._asdict(), 'better': direction * difference > 0,
            'n': len(found.differences),
        })  # fmt: skip
    if not rows:
        contributions(result, system, baseline, measure, setting)  # says what is missing
        raise TooFewQuestions(
            f'no language has two questions with values of {measure} in the {setting} settings for both {system!r} and '
            f'{baseline!r}'
        )
    return corrected(pd.DataFrame(rows), test, correction, level, 'significant')


def compare_every_language(
    result: Result,
    baseline: str,
    *,
    systems: Sequence[str] | None = None,
    measures: Sequence[str] | None = None,
    settings: Sequence[str] | None = None,
    verbose: bool = False,
    **how,
) -> dict[tuple[str, str, str, str], pd.DataFrame]:
    """Compares systems with a baseline language by language, in all that has a better direction: for a report.

    Args:
        result: the result.
        baseline: the system to compare with.
        systems, measures, settings: which ones, by name; None for all. LPR, of which neither more nor less is better,
            is left out.
        verbose: show a progress bar.
        **how: ``test, correction, level, resamples, seed``, as in :func:`compare_by_language`.

    Returns:
        The tables of :func:`compare_by_language` by (system, baseline, measure, setting); none for what no language has
        two questions for.

    Raises:
        ValueError: an unknown name, or nothing to compare.
    """
    wanted = [
        (system, baseline, measure, setting)
        for system, measure, setting in list_comparisons(result, baseline, systems, measures, settings)
        if better(measure)
    ]
    found = {}
    for compared in pt.tqdm(wanted, desc='by language', unit='comparison', disable=not verbose):
        with suppress(TooFewQuestions):
            found[compared] = compare_by_language(result, *compared, **how)
    return found


def better_in(by_language: pd.DataFrame) -> str:
    """The outcome of :func:`compare_by_language` in a line: ``better in 9 of 11 languages, significantly in 7``.

    Where the system is significantly worse in some, the line says so too.
    """
    better, significant = by_language['better'].astype(bool), by_language['significant'].astype(bool)
    line = f'better in {better.sum()} of {len(by_language)} languages, significantly in {(better & significant).sum()}'
    worse = (~better & significant).sum()
    return f'{line}; significantly worse in {worse}' if worse else line


def _part(result: Result, systems: Sequence[str], measure: str, setting: str) -> Result:
    """What a comparison reads: a result may have millions of rows, and each language goes through all there are."""
    rows = result.per_query
    chosen = rows['system'].isin(systems) & (rows['measure'] == measure) & (rows['setting'] == setting)
    return dataclasses.replace(result, per_query=rows[chosen])

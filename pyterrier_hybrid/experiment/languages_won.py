"""Counts the languages in which a system is better than another one, and those in which it is so significantly."""
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import pandas as pd
import pyterrier as pt
from ir_measures.measures import Measure

from pyterrier_hybrid.experiment.contributions import NothingToCompare, TooFewQuestions, contributions
from pyterrier_hybrid.experiment.significance import check_choices, corrected, list_comparisons, tested

if TYPE_CHECKING:
    from pyterrier_hybrid.experiment.result import Result

#: The columns that identify a comparison in the table of :func:`compare_by_language`.
COMPARISON = ['system', 'baseline', 'measure', 'setting']


def compare_by_language(
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
    verbose: bool = False,
) -> pd.DataFrame:
    """Compares systems with a baseline in each language of the questions.

    In the cross-lingual settings, a question's values over all passage languages are one observation.

    Args:
        result: the result.
        baseline: the system to compare with.
        systems, measures, settings: which ones, by name; None for all, except measures that have no better direction,
            such as LPR.
        test, level, resamples, seed: as in :meth:`Result.compare`.
        correction: as in :meth:`Result.compare`, over the languages of one system, measure and kind of setting.
        verbose: show a progress bar.

    Returns:
        The columns of :meth:`Result.compare`, with ``query_lang`` after ``setting``, and ``better``, whether the
        difference is in favour of ``system``: a row per comparison and language in which two questions or more have
        values of both systems. :func:`better_in` puts the rows of one comparison into words.

    Raises:
        ValueError: an unknown name, a measure that has no better direction, or nothing to compare.
    """
    check_choices(test, correction, level, resamples)
    wanted = list_comparisons(result, baseline, systems, measures, settings)
    better = {measure: result.facts[measure].better for _, measure, _ in wanted}
    neither = [] if measures is None else [measure for measure, direction in better.items() if not direction]
    if neither:
        raise ValueError(f'neither more nor less of {neither[0]} is better; compare it with Result.chance instead')
    wanted = [compared for compared in wanted if better[compared[1]]]
    if not wanted:
        raise NothingToCompare(
            f'neither more nor less of {", ".join(better)} is better; compare it with Result.chance instead'
        )
    rows = result.per_query
    tables = []
    for system, measure, setting in pt.tqdm(wanted, desc='by language', unit='comparison', disable=not verbose):
        here = rows['system'].isin([system, baseline]) & (rows['measure'] == measure) & (rows['setting'] == setting)
        found = []
        for lang, chosen in rows[here].groupby('query_lang', observed=True):
            with suppress(TooFewQuestions):
                sample = contributions(chosen, system, baseline)
                columns = tested(sample, result.facts[measure], test, level, resamples, seed)
                found.append({'query_lang': str(lang), **columns})
        if found:
            table = corrected(pd.DataFrame(found), test, correction, level, 'significant')
            table['better'] = better[measure] * table['difference'] > 0
            table[COMPARISON] = system, baseline, measure, setting
            tables.append(table)
    if not tables:
        raise TooFewQuestions(
            f'no language has two questions with values for both {baseline!r} and another system; compare them over '
            'all languages, with Result.compare'
        )
    found = pd.concat(tables, ignore_index=True)
    return found[[*COMPARISON, *found.columns.drop(COMPARISON)]]


def better_in(by_language: pd.DataFrame) -> str:
    """One comparison of :func:`compare_by_language` in a line: ``better in 9 of 11 languages, significantly in 7``.

    If the system is significantly worse in some languages, the line says so too.
    """
    better, significant = by_language['better'].astype(bool), by_language['significant'].astype(bool)
    line = f'better in {better.sum()} of {len(by_language)} languages, significantly in {(better & significant).sum()}'
    worse = (~better & significant).sum()
    return f'{line}; significantly worse in {worse}' if worse else line

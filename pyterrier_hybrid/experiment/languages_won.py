"""In how many languages a system is better than another, and in how many of them significantly."""
import pandas as pd

from .contributions import contributions
from .paired import bootstrap_interval, effect_size
from .presentation import better
from .result import Result
from .significance import check_choices, corrected, run_test


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
        ``query_lang, value, baseline_value, difference, low, high, effect, statistic, p, p_corrected, significant,
        better, n``, a row per language; ``better`` says whether the difference is in favour of ``system``.

    Raises:
        ValueError: an unknown name, a measure of which neither more nor less is better, or nothing to compare.
    """
    check_choices(test, correction, level)
    result.check(measure, setting)
    direction = better(measure)
    if not direction:
        raise ValueError(f'neither more nor less of {measure} is better; compare it with Result.chance instead')
    values = result.by_query_language(measure, setting)
    rows = []
    for lang in values.columns:
        if values.reindex([system, baseline])[lang].isna().any():
            continue
        found = contributions(result, system, baseline, measure, setting, query_lang=lang)
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
    return corrected(pd.DataFrame(rows), correction, level, 'significant')


def better_in(by_language: pd.DataFrame) -> str:
    """The outcome of :func:`compare_by_language` in a line: ``better in 9 of 11 languages, significantly in 7``.

    Where the system is significantly worse in some, the line says so too.
    """
    better, significant = by_language['better'].astype(bool), by_language['significant'].astype(bool)
    line = f'better in {better.sum()} of {len(by_language)} languages, significantly in {(better & significant).sum()}'
    worse = (~better & significant).sum()
    return f'{line}; significantly worse in {worse}' if worse else line

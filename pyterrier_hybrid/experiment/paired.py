"""Tests and intervals for a mean of paired differences, one per question.

Every function takes the ``differences``, float (n,), n >= 2; functions of Student's t also take the degrees of freedom,
``df``, n - 1 by default. ``resamples`` is the number of random draws, ``seed`` their seed. No p-value is NaN: if all
differences are 0, it is 1; if all are equal and not 0, the t test gives 0. Differences that are equal up to rounding
must be given as exactly equal, as :func:`~.contributions.contributions` returns them.
"""
from collections.abc import Callable
from numbers import Real
from typing import NamedTuple

import numpy as np

#: Signs or questions drawn at a time.
_BLOCK = 1 << 22
#: With fewer degrees of freedom than this, a t interval covers better than a bootstrap interval.
FEW_TO_RESAMPLE = 50


class Outcome(NamedTuple):
    """The outcome of a test: its statistic, and the two-sided p-value."""

    statistic: float
    p: float


def check_level(level: object) -> None:
    """Raises ValueError for a level of confidence outside 0 to 1."""
    if not isinstance(level, Real) or not 0 < level < 1:
        raise ValueError(f'level is {level!r}; it lies between 0 and 1, as in 0.95')


def paired_t(differences: np.ndarray, df: float | None = None) -> Outcome:
    """Student's t test of whether the mean difference is 0."""
    from scipy.stats import t

    mean, error = differences.mean(), _standard_error(differences)
    if not error:
        return Outcome(0.0, 1.0) if mean == 0 else Outcome(float(np.copysign(np.inf, mean)), 0.0)
    statistic = float(mean / error)
    return Outcome(statistic, float(2 * t.sf(abs(statistic), _degrees(differences, df))))


def wilcoxon(differences: np.ndarray) -> Outcome:
    """Wilcoxon's signed-rank test of whether the differences are symmetric about 0; those that are 0 are dropped.

    It does not test the mean, and so not the difference of a table: many small positive differences and a
    few large negative ones can be significant with a mean below 0. The p-value is exact for up to 50 differences
    without ties, otherwise a normal approximation, as scipy decides.
    """
    from scipy import stats

    if not differences.any():
        return Outcome(0.0, 1.0)
    found = stats.wilcoxon(differences, zero_method='wilcox')
    return Outcome(float(found.statistic), float(found.pvalue))


def randomization(differences: np.ndarray, *, resamples: int = 10_000, seed: int = 0) -> Outcome:
    """Fisher's randomisation test: how often the mean is as far from 0 when each difference's sign is drawn at random.

    Smucker, Allan and Carterette, "A comparison of statistical significance tests for information retrieval
    evaluation", CIKM 2007. It tries all assignments of signs if there are at most ``resamples`` of them; otherwise p is
    (1 + hits) / (1 + resamples), which is never 0 (Phipson and Smyth, 2010).
    """
    from scipy.stats import permutation_test

    found = permutation_test(
        (differences,), lambda sample, axis: np.abs(sample.mean(axis=axis)), permutation_type='samples',
        alternative='greater', n_resamples=resamples, batch=_batch(differences), vectorized=True, rng=seed,
    )  # fmt: skip
    return Outcome(float(differences.mean()), float(found.pvalue))


def bootstrap_interval(
    differences: np.ndarray, df: float | None = None, *, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """The percentile bootstrap interval of the mean difference, expanded as t is wider than a normal distribution.

    The percentile interval is too narrow for few questions: the variance of a sample is divided by n, and no degree of
    freedom is taken off. The level is expanded by both (Hesterberg, "What teachers should know about the bootstrap",
    The American Statistician, 2015). With fewer than :data:`FEW_TO_RESAMPLE` degrees of freedom the t interval covers
    better than this, the plain percentile and the BCa interval (``benchmarks/statistics_simulation.py``).
    """
    from scipy.stats import bootstrap, norm, t

    if _is_constant(differences):
        return float(differences[0]), float(differences[0])
    n = len(differences)
    reach = np.sqrt(n / (n - 1)) * t.ppf((1 + level) / 2, _degrees(differences, df))
    low, high = bootstrap(
        (differences,), np.mean, method='percentile', confidence_level=1 - 2 * norm.sf(reach), n_resamples=resamples,
        batch=_batch(differences), rng=seed,
    ).confidence_interval  # fmt: skip
    return float(low), float(high)


def t_interval(differences: np.ndarray, level: float, df: float | None = None) -> tuple[float, float]:
    """Student's t interval of the mean difference, of a level of confidence.

    The interval of level 2 * .95 - 1 lies within a margin exactly if :func:`tost` is below .05.
    """
    from scipy.stats import t

    mean, error = differences.mean(), _standard_error(differences)
    reach = error and t.ppf((1 + level) / 2, _degrees(differences, df)) * error
    return float(mean - reach), float(mean + reach)


def tost(differences: np.ndarray, margin: float, df: float | None = None) -> float:
    """The p-value of two one-sided t tests of whether the mean difference lies within ``-margin`` and ``margin``, > 0.

    Schuirmann, "A comparison of the two one-sided tests procedure and the power approach", 1987. A small p says that
    the systems are equivalent up to the margin; a large p of :func:`paired_t` never does.
    """
    from scipy.stats import t

    mean, error = differences.mean(), _standard_error(differences)
    if not error:
        return float(abs(mean) >= margin)
    return float(t.sf((margin - abs(mean)) / error, _degrees(differences, df)))


#: The tests by the names that users give.
TESTS: dict[str, Callable[..., Outcome]] = {'t': paired_t, 'wilcoxon': wilcoxon, 'randomization': randomization}


def _standard_error(differences: np.ndarray) -> float:
    """The standard error of the mean; exactly 0 if all differences are equal, whatever the rounding."""
    return 0.0 if _is_constant(differences) else float(differences.std(ddof=1) / np.sqrt(len(differences)))


def _is_constant(differences: np.ndarray) -> bool:
    return bool((differences == differences[0]).all())


def _degrees(differences: np.ndarray, df: float | None) -> float:
    return len(differences) - 1 if df is None else df


def _batch(differences: np.ndarray) -> int:
    """How many resamples to draw at a time."""
    return max(1, _BLOCK // len(differences))

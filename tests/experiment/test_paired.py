"""Paired tests against scipy and statsmodels, and by hand."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pyterrier_hybrid.experiment import paired
from pyterrier_hybrid.experiment.paired import (
    bootstrap_interval,
    paired_t,
    randomization,
    t_interval,
    tost,
    wilcoxon,
)

SAMPLES = st.lists(st.integers(-8, 8).map(lambda i: i / 8), min_size=3, max_size=30).map(np.array)


@given(differences=SAMPLES)
@settings(max_examples=50, deadline=None)
def test_t_and_wilcoxon_are_scipys(differences):
    if np.ptp(differences):
        expected = stats.ttest_1samp(differences, 0)
        assert paired_t(differences) == pytest.approx((expected.statistic, expected.pvalue))
    if differences.any():
        expected = stats.wilcoxon(differences)
        assert wilcoxon(differences) == pytest.approx((expected.statistic, expected.pvalue))


@given(differences=SAMPLES, margin=st.floats(0.05, 1))
@settings(max_examples=50, deadline=None)
def test_tost_is_statsmodels(differences, margin):
    DescrStatsW = pytest.importorskip('statsmodels.stats.weightstats').DescrStatsW
    if np.ptp(differences):
        assert tost(differences, margin) == pytest.approx(DescrStatsW(differences).ttost_mean(-margin, margin)[0])


@given(differences=SAMPLES)
@settings(max_examples=20, deadline=None)
def test_t_interval_is_scipys(differences):
    low, high = t_interval(differences, 0.9)
    if np.ptp(differences):
        expected = stats.t.interval(0.9, len(differences) - 1, differences.mean(), stats.sem(differences))
        assert (low, high) == pytest.approx(expected)
    else:
        assert low == high == differences[0]


def test_randomization_goes_through_all_signs_of_a_small_sample():
    # 8 assignments of signs to 1, 2, 3: sums of 6 or -6 in two of them, of 4 in size in four.
    assert randomization(np.array([1.0, 2.0, 3.0])) == (2.0, 2 / 8)
    assert randomization(np.array([-1.0, 2.0, 3.0])).p == 4 / 8
    sample = np.random.default_rng(0).normal(0.3, 1, 12)
    expected = stats.permutation_test((sample, np.zeros(12)), lambda a, b: np.mean(a - b), vectorized=False,
                                      permutation_type='samples', n_resamples=np.inf)  # fmt: skip
    assert randomization(sample).p == pytest.approx(expected.pvalue)


def test_randomization_by_draws(monkeypatch):
    sample = np.random.default_rng(1).normal(0.4, 1, 12)
    exact = randomization(sample).p
    drawn = [randomization(sample, resamples=4000, seed=seed).p for seed in range(3)]
    assert drawn == pytest.approx([exact] * 3, abs=0.03) and len(set(drawn)) > 1
    assert randomization(sample, resamples=4000, seed=0).p == drawn[0]
    monkeypatch.setattr(paired, '_BLOCK', 50)
    assert randomization(sample, resamples=4000, seed=0).p == pytest.approx(exact, abs=0.03)
    assert randomization(np.full(40, 1.0), resamples=999).p == 1 / 1000  # never 0


def test_bootstrap_interval_is_the_percentile_interval_of_an_expanded_level():
    """By the formula, over other draws."""
    sample = np.random.default_rng(2).gamma(1, 1, 30)
    means = np.random.default_rng(3).choice(sample, (40_000, 30)).mean(axis=1)
    reach = np.sqrt(30 / 29) * stats.t.ppf(0.95, 12.5)
    expected = np.quantile(means, stats.norm.cdf([-reach, reach]))
    assert bootstrap_interval(sample, 12.5, level=0.9, resamples=40_000) == pytest.approx(expected, abs=0.02)
    low, high = bootstrap_interval(sample)
    assert high - sample.mean() > sample.mean() - low  # as skewed as the sample
    assert bootstrap_interval(sample, seed=5) == bootstrap_interval(sample, seed=5) != bootstrap_interval(sample)
    assert bootstrap_interval(np.array([0.25, 0.25])) == (0.25, 0.25)


def test_degrees_of_freedom():
    sample = np.random.default_rng(4).normal(0.3, 1, 20)
    error = stats.sem(sample)
    assert paired_t(sample, 7.5).p == pytest.approx(2 * stats.t.sf(abs(sample.mean()) / error, 7.5))
    assert t_interval(sample, 0.9, 7.5) == pytest.approx(stats.t.interval(0.9, 7.5, sample.mean(), error))
    assert tost(sample, 2.0, 7.5) == pytest.approx(stats.t.sf((2.0 - abs(sample.mean())) / error, 7.5))
    assert tost(sample, 2.0, 7.5) > tost(sample, 2.0)


@pytest.mark.parametrize('differences, t, p', [
    ([0.0, 0.0, 0.0], (0.0, 1.0), 1.0),
    ([0.1, 0.1, 0.1], (np.inf, 0.0), 0.25),
    ([-0.1, -0.1, -0.1], (-np.inf, 0.0), 0.25),
])  # fmt: skip
def test_what_differs_nowhere_or_everywhere_alike(differences, t, p):
    differences = np.array(differences)
    assert paired_t(differences) == t
    assert wilcoxon(differences).p == randomization(differences).p == p
    assert tost(differences, 0.2) == 0.0 and tost(differences, 0.05) == float(abs(differences[0]) > 0.05)

import numpy as np
import pytest
from scipy import stats

from pyterrier_hybrid.measures.kruskal import kruskal_p, mid_ranks


def test_mid_ranks_equal_scipys_within_every_group():
    rng = np.random.default_rng(0)
    values, groups = rng.integers(0, 6, 200), rng.integers(0, 9, 200) * 2
    ranks = mid_ranks(values, groups)
    for group in np.unique(groups):
        assert ranks[groups == group] == pytest.approx(stats.rankdata(values[groups == group]))
    assert mid_ranks(np.zeros(0), np.zeros(0, dtype=int)).shape == (0,)


def test_p_equals_scipys_in_many_groups_at_once():
    rng = np.random.default_rng(1)
    values, groups, langs = rng.integers(0, 12, 400), rng.integers(0, 30, 400), rng.integers(0, 5, 400)
    p, _ = kruskal_p(mid_ranks(values, groups), groups, langs, 31)
    assert np.isnan(p[30])
    for group in range(30):
        samples = [values[(groups == group) & (langs == lang)] for lang in np.unique(langs[groups == group])]
        assert p[group] == pytest.approx(stats.kruskal(*samples).pvalue, rel=1e-9)


@pytest.mark.parametrize(('n_langs', 'constant'), [(2, .3173), (7, .4232), (11, .4405)])
def test_one_document_per_language_gives_a_constant_whatever_the_order(n_langs, constant):
    for seed in range(3):
        ranks = np.random.default_rng(seed).permutation(n_langs).astype(float)
        p, known = kruskal_p(ranks, np.zeros(n_langs, dtype=int), np.arange(n_langs), 1)
        assert p[0] == pytest.approx(constant, abs=5e-5) and known[0] == pytest.approx(p[0], rel=1e-12)
        assert known[0] == pytest.approx(stats.chi2.sf(n_langs - 1, n_langs - 1), rel=1e-12)


def test_what_cannot_be_tested_is_nan():
    values = np.array([1., 2., 5., 5.])
    p, constant = kruskal_p(values, np.array([0, 0, 1, 1]), np.array([3, 3, 0, 1]), 2)
    assert np.isnan(p).all()  # one language; all tied
    assert np.isnan(constant[0]) and constant[1] == pytest.approx(.3173, abs=5e-5)

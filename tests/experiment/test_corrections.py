"""Corrections by hand and against statsmodels."""
import numpy as np
import pytest

from pyterrier_hybrid.experiment.corrections import bonferroni, holm


@pytest.mark.parametrize('p', [[0.3], [0.5, 0.5, 0.01], np.random.default_rng(0).random(9) ** 4], ids=len)
def test_they_are_statsmodels(p):
    multipletests = pytest.importorskip('statsmodels.stats.multitest').multipletests
    p = np.array(p)
    assert holm(p) == pytest.approx(multipletests(p, method='holm')[1])
    assert bonferroni(p) == pytest.approx(multipletests(p, method='bonferroni')[1])


def test_by_hand():
    p = np.array([0.04, 0.01, 0.03])
    assert holm(p) == pytest.approx([0.06, 0.03, 0.06])  # .01 * 3, .03 * 2, then not less than that
    assert bonferroni(p) == pytest.approx([0.12, 0.03, 0.09])
    assert holm(np.array([0.5, 0.9])).tolist() == [1.0, 1.0]

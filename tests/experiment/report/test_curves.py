"""Curves over the ratio and over the amount of data."""
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.experiment.report.curves import curve_over, ratio_figures
from pyterrier_hybrid.experiment.report.ternary import ternary_figures
from pyterrier_hybrid.experiment.study_values import on_simplex

COLUMNS = ['monolingual', 'crosslingual', 'multilingual', 'mixed', 'seed', 'setting', 'measure', 'value']
LINE = pd.DataFrame([
    (0.0, 1.0, 0, 0, 0, 'multilingual', 'AP', 0.2), (0.0, 1.0, 0, 0, 1, 'multilingual', 'AP', 0.4),
    (0.5, 0.5, 0, 0, 0, 'multilingual', 'AP', 0.5), (0.5, 0.5, 0, 0, 1, 'multilingual', 'AP', 0.7),
    (1.0, 0.0, 0, 0, 0, 'multilingual', 'AP', 0.1), (0.0, 0.0, 1, 0, 0, 'multilingual', 'AP', 0.9),
], columns=COLUMNS)  # fmt: skip


def test_curves_have_means_and_intervals_of_mixes_on_the_line():
    curve = curve_over(on_simplex(LINE, ['monolingual', 'crosslingual']), 'monolingual')
    assert list(curve.index) == [0, 0.5, 1]
    assert list(curve['mean']) == pytest.approx([0.3, 0.6, 0.1])
    assert list(curve['n']) == [2, 2, 1]
    assert curve['half'][0] == pytest.approx(12.706 * 0.1, rel=1e-4)  # t of one degree of freedom, standard error .1
    assert np.isnan(curve['half'][1])


def test_ratio_figure_says_what_is_in_it():
    pytest.importorskip('matplotlib')
    (figure,) = ratio_figures(LINE)
    assert figure.name == 'ratio-ap'
    assert figure.alt == 'Multilingual: 0.300 at 0%, 0.600 at 50%, 0.100 at 100%. Best: 0.600 at 50%.'
    assert '2 seeds' in figure.caption and 'intervals' in figure.caption
    (figure,) = ratio_figures(LINE[LINE['seed'] == 0])
    assert 'One seed, so there are no intervals.' in figure.caption


def test_figures_that_make_no_sense_are_left_out():
    assert ratio_figures(LINE[LINE['monolingual'] == 0.5]) == []
    assert ternary_figures(LINE[LINE['multilingual'] == 0]) == []



"""What the report reads out of a study's table."""
import numpy as np
import pandas as pd
import pytest
import scipy.stats

from pyterrier_hybrid.experiment.report.mixes import all_data, mix_in_words, on_simplex, over_seeds
from pyterrier_hybrid.experiment.report.ratio import ratio_curves, ratio_figures
from pyterrier_hybrid.experiment.report.ternary import corner_positions, ternary_figures

COLUMNS = ['monolingual', 'crosslingual', 'multilingual', 'mixed', 'seed', 'setting', 'measure', 'value']
LINE = pd.DataFrame([
    (0.0, 1.0, 0, 0, 0, 'multilingual', 'AP', 0.2), (0.0, 1.0, 0, 0, 1, 'multilingual', 'AP', 0.4),
    (0.5, 0.5, 0, 0, 0, 'multilingual', 'AP', 0.5), (0.5, 0.5, 0, 0, 1, 'multilingual', 'AP', 0.7),
    (1.0, 0.0, 0, 0, 0, 'multilingual', 'AP', 0.1), (0.0, 0.0, 1, 0, 0, 'multilingual', 'AP', 0.9),
], columns=COLUMNS)  # fmt: skip


def test_interval_over_seeds_is_students():
    values = pd.Series([0.2, 0.4, 0.45])
    mean, half = over_seeds(values)
    low, high = scipy.stats.t.interval(0.95, 2, loc=values.mean(), scale=scipy.stats.sem(values))
    assert (mean - half, mean + half) == pytest.approx((low, high))
    assert over_seeds(pd.Series([0.3])) == (0.3, pytest.approx(np.nan, nan_ok=True))


def test_line_and_simplex():
    assert len(on_simplex(LINE, ['monolingual', 'crosslingual'])) == 5
    assert len(on_simplex(LINE.assign(value=np.nan), ['monolingual', 'crosslingual'])) == 0
    assert len(on_simplex(LINE, ['multilingual'])) == 1


def test_ratio_and_triangle_are_of_the_largest_amount_of_data():
    both = pd.concat([LINE.assign(fraction=0.1), LINE.assign(fraction=0.5)])
    assert (all_data(both)['fraction'] == 0.5).all() and len(all_data(both)) == len(LINE) == len(all_data(LINE))


def test_mix_in_words():
    assert mix_in_words(pd.Series({'monolingual': 0.5, 'crosslingual': 0.5, 'mixed': 0})) == (
        '50% monolingual, 50% cross-lingual'
    )
    assert mix_in_words(pd.Series({'multilingual': 1 / 3, 'mixed': 2 / 3})) == '33.33% multilingual, 66.67% mixed'


def test_curves_have_means_and_intervals_of_mixes_on_the_line():
    curve = ratio_curves(on_simplex(LINE, ['monolingual', 'crosslingual']))['multilingual']
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


def test_corners_of_the_triangle():
    at = corner_positions(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3]]))
    assert at[0] == pytest.approx([0, 0]) and at[1] == pytest.approx([1, 0])  # cross-lingual, monolingual
    assert np.linalg.norm(at[2] - at[0]) == pytest.approx(1) == np.linalg.norm(at[2] - at[1])
    assert np.ptp([np.linalg.norm(at[3] - corner) for corner in at[:3]]) == pytest.approx(0)


def test_ternary_figure_has_a_point_for_every_mix():
    pytest.importorskip('matplotlib')
    (figure,) = ternary_figures(LINE)
    assert figure.alt == '4 mixes. Best: 0.900 with 100% multilingual; worst: 0.100 with 100% monolingual.'
    assert all(f'>{shown}</text>' in figure.svg for shown in ('.30', '.60', '.10', '.90'))

"""Curves over the ratio and over the amount of data."""
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.experiment.report.curves import curve_over, limits, ratio_figures
from pyterrier_hybrid.experiment.report.ternary import ternary_figures
from pyterrier_hybrid.experiment.study_values import on_simplex

COLUMNS = ['monolingual', 'crosslingual', 'multilingual', 'mixed', 'seed', 'setting', 'measure', 'value']
LINE = pd.DataFrame([
    (0.0, 1.0, 0, 0, 0, 'multilingual', 'AP', 0.2), (0.0, 1.0, 0, 0, 1, 'multilingual', 'AP', 0.4),
    (0.5, 0.5, 0, 0, 0, 'multilingual', 'AP', 0.5), (0.5, 0.5, 0, 0, 1, 'multilingual', 'AP', 0.7),
    (1.0, 0.0, 0, 0, 0, 'multilingual', 'AP', 0.1), (0.0, 0.0, 1, 0, 0, 'multilingual', 'AP', 0.9),
], columns=COLUMNS)  # fmt: skip


def test_curves_have_means_and_intervals_of_mixes_on_the_line():
    line = on_simplex(LINE, ['monolingual', 'crosslingual'])
    curve = curve_over(line.assign(measure='RankDistance'), 'monolingual')
    assert list(curve.index) == [0, 0.5, 1]
    assert list(curve['mean']) == pytest.approx([0.3, 0.6, 0.1])
    assert list(curve['n']) == [2, 2, 1]
    assert curve['high'][0] - 0.3 == pytest.approx(12.706 * 0.1, rel=1e-4)  # t of one degree of freedom, error .1
    assert np.isnan(curve['high'][1])


def test_intervals_end_where_the_measure_does():
    curve = curve_over(on_simplex(LINE, ['monolingual', 'crosslingual']), 'monolingual')
    assert (curve['low'][0], curve['high'][0]) == (0.0, 1.0)  # .3 plus and minus 1.27


@pytest.mark.parametrize(('low', 'high', 'expected'), [
    ([4.1, 4.5], [5.0, 6.9], None), ([4.1, np.nan], [5.0, np.nan], None), ([3.9, 4.5], [5.0, 6.9], (4.0, 7.0)),
    ([4.1, 4.5], [9.0, 6.9], (4.0, 7.0)),
])  # fmt: skip
def test_a_panel_ends_where_wide_intervals_would_flatten_the_curve(low, high, expected):
    values = pd.Series([5.0, 5.5, 6.0])
    assert limits(values, pd.DataFrame({'low': low, 'high': high})) == expected
    assert limits(values[:1], pd.DataFrame({'low': low, 'high': high})) is None


@pytest.mark.parametrize(('seeds', 'said'), [
    (1, 'One seed, so there are no intervals.'), (2, 'Lines join the means over two seeds'), (3, 'means over 3 seeds'),
])  # fmt: skip
def test_it_says_how_many_seeds_there_are(seeds, said):
    one = LINE[(LINE['seed'] == 0) & (LINE['multilingual'] == 0)]
    study = pd.concat([one.assign(seed=seed) for seed in range(seeds)])
    (figure,) = ratio_figures(study)
    assert said in figure.caption
    assert ('Intervals of two values are wide.' in figure.caption) is (seeds == 2)


def study() -> pd.DataFrame:
    """AP in two kinds of settings, rank distance, and LPR."""
    line = LINE[LINE['multilingual'] == 0]
    frames = [line.assign(setting=kind) for kind in ('monolingual', 'multilingual')]
    ranks = line.assign(measure='RankDistance', value=100 * line['value'])
    return pd.concat([*frames, line.assign(measure='LPR'), ranks])


def test_the_first_figure_has_map_everywhere_and_rank_distance():
    pytest.importorskip('matplotlib')
    first, second = ratio_figures(study(), 'mine', {'RankDistance': 70.0, 'LPR': 0.5})
    assert (first.name, second.name) == ('ratio-ap-rankdistance', 'ratio-lpr')
    assert first.alt.startswith('AP, monolingual: 0.300 at 0%, 0.600 at 50%, 0.100 at 100%. Best: 0.600 at 50%.')
    assert 'RankDistance, multilingual: 30 at 0%, 60 at 50%, 10 at 100%. Best: 10 at 100%.' in first.alt
    assert 'LPR, multilingual' in second.alt and 'Highest: 0.600 at 50%.' in second.alt
    panels = 'AP, monolingual (higher is better)', 'RankDistance, multilingual (lower is better)', 'by chance: 70'
    for panel in panels:
        assert f'>{panel}</text>' in first.svg
    assert 'by chance: 0.500' in second.svg and 'stroke-dasharray: 1.2' in second.svg
    heading = first.files()['ratio-ap-rankdistance.svg'].decode()
    assert 'AP and RankDistance over the ratio of batches' in heading and 'Data set: mine' in heading


def test_a_far_line_of_chance_is_words():
    pytest.importorskip('matplotlib')
    near, far = (ratio_figures(study(), 'mine', {'RankDistance': value})[0].svg for value in (70.0, 1e6))
    assert 'by chance: 1,000,000' in far and near.count('stroke-dasharray') > far.count('stroke-dasharray')


def test_figures_that_make_no_sense_are_left_out():
    assert ratio_figures(LINE[LINE['monolingual'] == 0.5]) == []
    assert ternary_figures(LINE[LINE['multilingual'] == 0]) == []



"""Figures of differences: their intervals, their margin, and which of them are filled."""
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.experiment.report.differences import differences_figures, equivalence_figures

pytest.importorskip('matplotlib')


def row(low, high, equivalent=False, measure='AP', system='B', margin=0.02, **fields) -> dict:
    return {
        'system': system, 'baseline': 'A', 'measure': measure, 'setting': 'multilingual',
        'difference': (low + high) / 2, 'low': low, 'high': high, 'margin': margin, 'p': 0.01, 'p_corrected': 0.03,
        'equivalent': equivalent, 'n': 1190, 'test': 'tost', 'correction': 'holm', 'comparisons': 4, 'level': 0.95,
        **fields,
    }  # fmt: skip


def several() -> pd.DataFrame:
    return pd.DataFrame([
        row(0.03, 0.04, system='D'), row(-0.01, 0.01, True, system='B'), row(-0.05, 0.05, system='<C>'),
        row(-0.01, 0.01, True, system='E'),
    ])  # fmt: skip


def test_differences_are_filled_where_they_are_significant():
    row = {
        'system': 'B', 'baseline': 'A', 'measure': 'AP', 'setting': 'multilingual', 'difference': -0.1, 'low': -0.2,
        'high': np.nan,
    }  # fmt: skip
    (filled,), (hollow,) = (
        differences_figures(pd.DataFrame([row | {'significant': significant}])) for significant in (True, False)
    )
    assert filled.alt == 'B, multilingual: −0.100, significant.'
    assert hollow.alt == 'B, multilingual: −0.100, not significant.'
    assert filled.svg.count('fill: #0b62a4') > hollow.svg.count('fill: #0b62a4')
    assert differences_figures(pd.DataFrame([row | {'difference': np.nan, 'significant': False}])) == []


def test_figure_has_the_margin_and_fills_what_is_equivalent():
    pytest.importorskip('matplotlib')
    one = several().iloc[:1]
    (hollow,), (filled,) = (equivalence_figures(one.assign(equivalent=same)) for same in (False, True))
    assert hollow.name == 'equivalence-ap' and 'margin ±0.02' in hollow.svg
    assert hollow.alt == 'D, multilingual: +0.035, different: better by more than 0.02.'
    assert filled.svg.count('fill: #0b62a4') > hollow.svg.count('fill: #0b62a4')
    assert hollow.svg.count('stroke-dasharray: 3.7,1.6') == 2  # a line on either side
    assert equivalence_figures(one.assign(difference=np.nan)) == []

"""The triangle of mixes."""
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.experiment.report.ternary import corner_positions, ternary_figures

COLUMNS = ['monolingual', 'crosslingual', 'multilingual', 'mixed', 'seed', 'setting', 'measure', 'value']
LINE = pd.DataFrame([
    (0.0, 1.0, 0, 0, 0, 'multilingual', 'AP', 0.2), (0.0, 1.0, 0, 0, 1, 'multilingual', 'AP', 0.4),
    (0.5, 0.5, 0, 0, 0, 'multilingual', 'AP', 0.5), (0.5, 0.5, 0, 0, 1, 'multilingual', 'AP', 0.7),
    (1.0, 0.0, 0, 0, 0, 'multilingual', 'AP', 0.1), (0.0, 0.0, 1, 0, 0, 'multilingual', 'AP', 0.9),
], columns=COLUMNS)  # fmt: skip


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

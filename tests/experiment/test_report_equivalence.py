"""Equivalence tests in words: what is shown to be the same, what is shown to differ, and what is open."""
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.experiment.report.differences import how_tested
from pyterrier_hybrid.experiment.report.differences_figure import equivalence_figures
from pyterrier_hybrid.experiment.report.equivalence import equivalence_parts, summary, verdict


def row(low, high, equivalent=False, measure='AP', system='B', margin=0.02, **fields) -> dict:
    return {
        'system': system, 'baseline': 'A', 'measure': measure, 'setting': 'multilingual',
        'difference': (low + high) / 2, 'low': low, 'high': high, 'margin': margin, 'p': 0.01, 'p_corrected': 0.03,
        'equivalent': equivalent, 'n': 1190, 'test': 'tost', 'correction': 'holm', 'comparisons': 4, 'level': 0.95,
        **fields,
    }  # fmt: skip


@pytest.mark.parametrize(('given', 'said'), [
    (row(-0.01, 0.015, True), 'Equivalent: less than 0.02 apart'),
    (row(-0.01, 0.015), 'Open: within 0.02, but not after the correction'),
    (row(-0.01, 0.021), 'Open: the interval reaches beyond 0.02'),
    (row(-0.05, 0.05), 'Open: the interval reaches beyond 0.02'),
    (row(0.021, 0.03), 'Different: better by more than 0.02'),
    (row(-0.05, -0.03), 'Different: worse by more than 0.02'),
    (row(350, 400, margin=300, measure='RankDistance'), 'Different: worse by more than 300'),
    (row(-4e3, -2e3, margin=1500.5, measure='RankDistance'), 'Different: better by more than 1,500.5'),
    (row(0.1, 0.2, measure='LPR'), 'Different: higher by more than 0.02'),
    (row(-0.2, -0.1, measure='LPR'), 'Different: lower by more than 0.02'),
    (row(0.0, 0.0, True, margin=0.0005), 'Equivalent: less than 0.0005 apart'),
])  # fmt: skip
def test_verdicts(given, said):
    (found,) = pd.DataFrame([given]).itertuples()
    assert verdict(given['measure'], found) == said


def several() -> pd.DataFrame:
    return pd.DataFrame([
        row(0.03, 0.04, system='D'), row(-0.01, 0.01, True, system='B'), row(-0.05, 0.05, system='<C>'),
        row(-0.01, 0.01, True, system='E'),
    ])  # fmt: skip


def test_a_line_sums_up_a_setting():
    assert summary('AP', 'multilingual', several()) == (
        'AP, multilingual settings, within ±0.02: equivalent: B, E; open: <C>; different: D.'
    )


def test_table_and_words():
    html = ''.join(equivalence_parts(several()))
    assert '<li>AP, multilingual settings, within ±0.02: equivalent: B, E; open: &lt;C&gt;; different: D.</li>' in html
    cells = (
        '<th scope="row">B</th><td class="words">Equivalent: less than 0.02 apart</td><td>0.000</td>'
        '<td>−0.010 to +0.010</td><td>±0.02</td><td>0.010</td><td>0.030</td><td>1,190</td>'
    )
    assert cells in html
    assert 'Two one-sided t tests (TOST) over questions, Holm’s correction for 4 comparisons; 90% t intervals.' in html


@pytest.mark.parametrize(('fields', 'said'), [
    ({}, 'Paired t tests over questions, Holm’s correction for 4 comparisons; 95% bootstrap intervals.'),
    ({'test': 'wilcoxon', 'correction': 'bonferroni'}, 'Wilcoxon signed-rank tests over questions, Bonferroni’s corr'),
    ({'test': 'randomization', 'correction': None, 'comparisons': 1, 'level': 0.999},
     'Randomisation tests over questions, no correction for 1 comparison; 99.9% bootstrap intervals.'),
])  # fmt: skip
def test_how_it_was_tested(fields, said):
    assert how_tested(pd.DataFrame([row(0, 1, test='t')]).assign(**fields)).startswith(said)


def test_two_ways_in_one_table_are_both_said():
    rows = pd.DataFrame([row(0, 1, test='t'), row(0, 1, test='t'), row(0, 1, test='wilcoxon', comparisons=11)])
    assert how_tested(rows, 'language') == (
        'Paired t tests over questions, Holm’s correction for 4 languages; 95% bootstrap intervals. Wilcoxon '
        'signed-rank tests over questions, Holm’s correction for 11 languages; 95% bootstrap intervals. A question is '
        'one observation, in however many languages it is asked and answered.'
    )


def test_figure_has_the_margin_and_fills_what_is_equivalent():
    pytest.importorskip('matplotlib')
    one = several().iloc[:1]
    (hollow,), (filled,) = (equivalence_figures(one.assign(equivalent=same)) for same in (False, True))
    assert hollow.name == 'equivalence-ap' and 'margin ±0.02' in hollow.svg
    assert hollow.alt == 'D, multilingual: +0.035, different: better by more than 0.02.'
    assert filled.svg.count('fill: #0b62a4') > hollow.svg.count('fill: #0b62a4')
    assert hollow.svg.count('stroke-dasharray: 3.7,1.6') == 2  # a line on either side
    assert equivalence_figures(one.assign(difference=np.nan)) == []

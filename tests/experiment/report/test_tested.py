"""Tests in words and as tables: what is shown to differ, what is shown to be the same, what is open, and where."""
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.experiment.languages_won import COMPARISON
from pyterrier_hybrid.experiment.report.tested import (
    by_language_tables,
    differences_table,
    equivalence_lines,
    equivalence_table,
    how_tested,
    verdict,
)


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
    assert equivalence_lines(several()) == [
        'AP, multilingual settings, within ±0.02: equivalent: B, E; open: <C>; different: D.'
    ]


def test_table_and_words():
    table = equivalence_table(several())
    assert texts(table, 'B') == [
        ['Equivalent: less than 0.02 apart', '0.000', '−0.010 to +0.010', '±0.02', '0.010', '0.030', '1,190']
    ]  # fmt: skip
    assert 'Two one-sided t tests (TOST) over questions, Holm’s correction for 4 comparisons; 90% t intervals.' in (
        table.notes[0]
    )


@pytest.mark.parametrize(('fields', 'said'), [
    ({}, 'Paired t tests over questions, Holm’s correction for 4 comparisons; 95% bootstrap intervals.'),
    ({'test': 'wilcoxon', 'correction': 'bonferroni'}, 'Wilcoxon signed-rank tests (not of the means shown) over'),
    ({'correction': 'fdr_bh'}, 'Paired t tests over questions, the correction fdr_bh for 4 comparisons;'),
    ({'test': 'randomization', 'correction': None, 'comparisons': 1, 'level': 0.999},
     'Randomisation tests over questions, no correction for 1 comparison; 99.9% bootstrap intervals.'),
])  # fmt: skip
def test_how_it_was_tested(fields, said):
    assert how_tested(pd.DataFrame([row(0, 1, test='t')]).assign(**fields)).startswith(said)


def test_two_ways_in_one_table_are_both_said():
    rows = pd.DataFrame([row(0, 1, test='t'), row(0, 1, test='t'), row(0, 1, test='wilcoxon', comparisons=11)])
    assert how_tested(rows, 'language') == (
        'Paired t tests over questions, Holm’s correction for 4 languages; 95% bootstrap intervals. Wilcoxon '
        'signed-rank tests (not of the means shown) over questions, Holm’s correction for 11 languages; 95% bootstrap '
        'intervals. A question is one observation, in however many languages it is asked and answered.'
    )


def rows(measure='AP', **significant) -> pd.DataFrame:
    """A language per keyword: whether its difference, .1 in favour of the system, is significant."""
    frame = pd.DataFrame({
        'query_lang': list(significant), 'value': 0.6, 'baseline_value': 0.5, 'difference': 0.1, 'low': -0.02,
        'high': 0.22, 'effect': 0.3, 'statistic': 2.0, 'p': 0.0004, 'p_corrected': 0.0123, 'better': True,
        'significant': list(significant.values()), 'n': 1190, 'test': 't', 'correction': 'holm',
        'comparisons': len(significant), 'level': 0.95,
    })  # fmt: skip
    return frame


def won(parts: dict) -> list:
    """The tables of comparisons by (system, baseline, measure, setting)."""
    return by_language_tables(pd.concat(
        [rows.assign(**dict(zip(COMPARISON, key))) for key, rows in parts.items()], ignore_index=True
    ))  # fmt: skip


def texts(table, label: str) -> list[list[str]]:
    """The cells of the rows with a label; a blank is what a page shows for it."""
    return [[cell.text or cell.blank for cell in cells] for name, cells in table.rows() if name == label]


def test_significance_has_sign_interval_and_probabilities():
    frame = rows(de=True, xx=False).assign(system=['B', 'C'], baseline='A', measure='AP', setting='multilingual')
    table = differences_table(frame)
    assert table.caption.startswith('Differences from A') and table.blocks[0].heading == 'AP, multilingual'
    assert texts(table, 'B') == [
        ['0.600', '0.500', '+0.100*', '−0.020 to +0.220', '0.30', '< 0.001', '0.012', '1,190']
    ]  # fmt: skip
    assert [cell.strong for _, cells in table.rows()[1:] for cell in cells].count(True) == 1


def test_effect_is_defined_and_few_degrees_of_freedom_are_marked():
    frame = rows(de=True, xx=False).assign(
        system=['B', 'C'], baseline='A', measure='AP', setting='multilingual', effect=[-0.3, np.inf],
        few=[True, False], left_out=['de>en', ''], interval=['t', 'bootstrap'],
    )  # fmt: skip
    table = differences_table(frame)
    few, how, effect, left_out = table.notes
    assert few.startswith('Fewer than 20 degrees of freedom')
    assert '95% intervals, by the bootstrap or, for few degrees of freedom, by Student’s t.' in how
    assert effect.startswith('Effect: the difference in standard deviations of the paired differences of one question')
    assert left_out == 'Left out, with a single question each: de>en.'
    (_, (*_, b_effect, b_p, b_corrected, _)), (_, (*_, c_effect, c_p, _, _)) = table.blocks[0].rows
    assert (b_effect.text, c_effect.text) == ('−0.30', '∞')
    assert (b_p.note, b_corrected.note, c_p.note) == (1, 1, 0)
    assert differences_table(frame.assign(few=False, left_out='')).notes == [how, effect]
    (_, (*_, b_effect, _, _, _)), _ = differences_table(frame.assign(effect=-0.001)).blocks[0].rows
    assert b_effect.text == '0.00'


def test_a_line_for_each_comparison_and_the_languages_behind_it():
    lines, differences, *tests = won({
        ('B', 'A', 'AP', 'multilingual'): rows(de=True, xx=False),
        ('B', 'A', 'RankDistance', 'multilingual'): rows(de=False).assign(difference=-300.0, better=True),
        ('<C>', 'A', 'AP', 'multilingual'): rows(el=True).assign(better=False, difference=-0.1),
    })  # fmt: skip
    assert texts(lines, 'B') == [
        ['better in 2 of 2 languages, significantly in 1'], ['better in 1 of 1 languages, significantly in 0']
    ]  # fmt: skip
    assert texts(lines, '<C>') == [
        ['better in 0 of 1 languages, significantly in 0; significantly worse in 1']
    ]  # fmt: skip
    assert lines.caption == 'In how many languages of the questions a system is better than A'
    assert [block.heading for block in lines.blocks] == ['AP, multilingual', 'RankDistance, multilingual']
    assert texts(differences, 'B') == [['+0.100*', '–', '+0.100'], ['−300', '–', '–']]
    assert [(column.title, column.name) for column in differences.columns] == [
        ('German', 'de'), ('Greek', 'el'), ('xx', 'xx')
    ]  # fmt: skip
    assert 'Holm’s correction for 2 languages' in lines.notes[0]
    assert 'Holm’s correction for 1 language;' in lines.notes[0]
    assert [table.caption for table in tests] == [
        'AP, multilingual, test by test', 'RankDistance, multilingual, test by test'
    ]  # fmt: skip


def test_every_test_is_there_and_what_is_missing_says_so():
    frame = rows(de=True, xx=False).assign(effect=[0.3, np.nan], p=[0.2, np.nan], low=[0.1, np.nan])
    *_, table = won({('B', 'A', 'AP', 'multilingual'): frame})
    assert table.blocks[0].heading == 'B: better in 2 of 2 languages, significantly in 1'
    assert texts(table, 'German (de)')[0][2:6] == ['+0.100*', '+0.100 to +0.220', '0.30', '0.200']
    assert texts(table, 'xx')[0][2:6] == ['+0.100', 'none', 'none', 'none']


def test_several_baselines_are_named():
    lines, *_ = won({
        ('B', 'A', 'AP', 'multilingual'): rows(de=True), ('B', 'C', 'AP', 'multilingual'): rows(de=True)
    })  # fmt: skip
    assert 'a system is better than A, C' in lines.caption
    assert texts(lines, 'B against A') and texts(lines, 'B against C') and not texts(lines, 'B')

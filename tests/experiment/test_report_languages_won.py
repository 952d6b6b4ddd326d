"""In how many languages a system is better: the line, the differences behind it, and every test."""
import re

import numpy as np
import pandas as pd

from pyterrier_hybrid.experiment.report.languages_won import languages_won


def rows(measure='AP', **significant) -> pd.DataFrame:
    """A language per keyword: whether its difference, .1 in favour of the system, is significant."""
    frame = pd.DataFrame({
        'query_lang': list(significant), 'value': 0.6, 'baseline_value': 0.5, 'difference': 0.1, 'low': -0.02,
        'high': 0.22, 'effect': 0.3, 'statistic': 2.0, 'p': 0.0004, 'p_corrected': 0.0123, 'better': True,
        'significant': list(significant.values()), 'n': 1190, 'test': 't', 'correction': 'holm',
        'comparisons': len(significant), 'level': 0.95,
    })  # fmt: skip
    return frame


def cells(html: str, head: str) -> list[list[str]]:
    """The cells of the rows with a heading, without markup."""
    found = re.findall(rf'<tr><th scope="row">{re.escape(head)}</th>(.*?)</tr>', html)
    return [re.findall(r'<td[^>]*>(.*?)</td>', row) for row in found]


def test_nothing_compared_leaves_it_out():
    assert languages_won({}) == []


def test_a_line_for_each_comparison_and_the_languages_behind_it():
    pieces = languages_won({
        ('B', 'A', 'AP', 'multilingual'): rows(de=True, xx=False),
        ('B', 'A', 'RankDistance', 'multilingual'): rows(de=False).assign(difference=-300.0, better=True),
        ('<C>', 'A', 'AP', 'multilingual'): rows(el=True).assign(better=False, difference=-0.1),
    })  # fmt: skip
    html = ''.join(pieces)
    assert cells(pieces[0], 'B') == [
        ['better in 2 of 2 languages, significantly in 1'], ['better in 1 of 1 languages, significantly in 0']
    ]  # fmt: skip
    assert cells(pieces[0], '&lt;C&gt;') == [
        ['better in 0 of 1 languages, significantly in 0; significantly worse in 1']
    ]  # fmt: skip
    assert 'In how many languages of the questions a system is better than A' in pieces[0]
    assert html.index('>AP, multilingual<') < html.index('>RankDistance, multilingual<')
    differences = next(piece for piece in pieces if piece.startswith('<details><summary>Differences in each language'))
    assert cells(differences, 'B') == [['<strong>+0.100*</strong>', '–', '+0.100'], ['−300', '–', '–']]
    assert re.findall(r'<abbr title="(\w+)">(\w+)</abbr>', differences) == [
        ('German', 'de'), ('Greek', 'el'), ('xx', 'xx')
    ]  # fmt: skip
    assert 'Holm’s correction for 2 languages' in html and 'Holm’s correction for 1 language;' in html
    assert [summary for summary in re.findall('<summary>(.*?)</summary>', html)][1:] == [
        'AP, multilingual, test by test', 'RankDistance, multilingual, test by test'
    ]  # fmt: skip


def test_every_test_is_there_and_what_is_missing_says_so():
    frame = rows(de=True, xx=False).assign(effect=[0.3, np.nan], p=[0.2, np.nan], low=[0.1, np.nan])
    html = ''.join(languages_won({('B', 'A', 'AP', 'multilingual'): frame}))
    assert '>B: better in 2 of 2 languages, significantly in 1</span></th>' in html
    assert cells(html, 'German (de)')[0][2:6] == ['<strong>+0.100*</strong>', '+0.100 to +0.220', '0.30', '0.200']
    assert cells(html, 'xx')[0][2:6] == ['+0.100', 'none', 'none', 'none']


def test_several_baselines_are_named():
    html = ''.join(languages_won({
        ('B', 'A', 'AP', 'multilingual'): rows(de=True), ('B', 'C', 'AP', 'multilingual'): rows(de=True)
    }))  # fmt: skip
    assert 'a system is better than A, C' in html
    assert cells(html, 'B against A') and cells(html, 'B against C') and not cells(html, 'B')

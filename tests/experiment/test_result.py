"""The tables of a result, worked by hand."""
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.experiment import Result
from pyterrier_hybrid.experiment.result import COLUMNS


@pytest.fixture
def result(make_result):
    return make_result()


def test_by_setting(result):
    found = result.by_setting()
    assert found.columns.tolist() == ['system', 'setting', 'query_lang', 'doc_lang', 'measure', 'value', 'n']
    rows = [tuple(row) for row in found.itertuples(index=False)]
    assert ('a', 'crosslingual', 'de', 'en', 'AP', 0.5, 2) in rows
    assert ('a', 'multilingual', 'de', None, 'RankDistance', 12.0, 1) in rows
    assert len(rows) == 9 and found['doc_lang'].isna().sum() == 6


def test_table_is_the_mean_over_settings_and_not_over_questions(result):
    table = result.table()
    assert table.index.tolist() == ['a', 'b']
    assert table.columns.tolist() == [
        ('AP', 'monolingual'), ('AP', 'crosslingual'), ('AP', 'multilingual'), ('RankDistance', 'multilingual'),
        ('LPR', 'multilingual'),
    ]  # fmt: skip
    assert table.loc['a', ('AP', 'crosslingual')] == pytest.approx((0.5 + 1.0) / 2)  # two questions and one
    assert np.isnan(table.loc['b', ('AP', 'monolingual')])


def test_by_query_language(result):
    found = result.by_query_language('AP', 'crosslingual')
    assert found.loc['a'].to_dict() == {'de': 0.5, 'en': 1.0}
    assert found.loc['b'].isna().all()


@pytest.mark.parametrize('measure, setting, message', [
    ('P', 'monolingual', "the result has no measure 'P'; it has AP, RankDistance, LPR"),
    ('AP', 'mono', "the result has no setting 'mono'; it has monolingual, crosslingual, multilingual"),
    ('LPR', 'monolingual', 'LPR has no value in the monolingual settings: it compares'),
])  # fmt: skip
def test_what_a_result_does_not_have(result, measure, setting, message):
    with pytest.raises(ValueError, match=message):
        result.by_query_language(measure, setting)


def test_language_matrix(result):
    found = result.language_matrix('a')
    assert found.loc['de'].to_dict() == {'de': 1.5, 'en': 8.0}
    assert result.language_matrix('a', 'AP').loc['en', 'de'] == 0.25
    with pytest.raises(ValueError, match="there is no language matrix of system 'b'; there is one of: a"):
        result.language_matrix('b')
    with pytest.raises(ValueError, match="a language matrix holds 'rank' or 'AP', not 'P'"):
        result.language_matrix('a', 'P')


def test_a_result_needs_no_more_than_values():
    frame = pd.DataFrame({'system': 'x', 'setting': 'monolingual', 'query_lang': 'de', 'doc_lang': 'de',
                          'measure': 'AP', 'qid': ['1', '2'], 'value': [0.0, 1.0]})  # fmt: skip
    assert Result(frame, ['x'], ['AP'], 'mine').table().loc['x', ('AP', 'monolingual')] == 0.5


def test_report_compares_with_a_baseline(result, tmp_path):
    pytest.importorskip('matplotlib')
    page = result.report(tmp_path / 'page.html', baseline='a', margin={'AP': 0.2}, title='Mine').read_text()
    for section in ('significance', 'languages-won', 'equivalence'):
        assert f'id="{section}"' in page
    assert 'id="significance"' not in result.report(tmp_path / 'plain.html').read_text()
    with pytest.raises(ValueError, match='give baseline= too'):
        result.report(tmp_path / 'page.html', margin=0.1)


@pytest.mark.parametrize('measure', ['LPR', 'AP'])
def test_a_report_leaves_out_what_cannot_be_compared_by_language(measure, tmp_path):
    """LPR has no better direction; here AP has one question."""
    pytest.importorskip('matplotlib')
    rows = [(s, 'multilingual', 'de', None, m, f'q{i}', (i + (s == 'b')) % 2)
            for s in 'ab' for m, n in (('LPR', 5), (measure, 1)) for i in range(n)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=COLUMNS).drop_duplicates()
    found = Result(frame, ['a', 'b'], list(dict.fromkeys(['LPR', measure])), 'mine')
    page = found.report(tmp_path / 'page.html', baseline='a').read_text()
    assert 'id="significance"' in page and 'id="languages-won"' not in page


def test_a_result_is_short_on_paper(result):
    assert repr(result) == '<Result on mine: a, b; by AP, RankDistance, LPR>'
    pytest.importorskip('jinja2')
    page = result._repr_html_()
    assert page.count('<th scope="row">') == 3 and '<script' not in page  # two systems and chance
    assert '0.250' in page and '12' in page

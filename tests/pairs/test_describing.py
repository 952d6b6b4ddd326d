"""The statistics of a pairs folder, by hand and against a count over the rows."""
import statistics

import pandas as pd
import pytest

from pyterrier_hybrid.pairs.corpus import ParallelPairs

ROWS = [
    {'id': '1', 'source': 'qa', 'query': {'de': 'ab', 'en': 'a'}, 'positive': {'de': 'P', 'en': 'x' * 10},
     'negatives': {'en': ['123', '12345']}},
    {'id': '2', 'source': 'qa', 'query': {'de': 'abcd'}, 'positive': {'en': 'x' * 10}},
    {'id': '3', 'source': 'qa', 'query': {'en': 'äß😀'}, 'positive': {'en': 'yy'}},
    {'id': '4', 'source': 'bi', 'text': {'de': 'eins', 'zh': '一'}},
    {'id': '4', 'source': 'bi', 'text': {'de': 'eins', 'zh': '一'}},
]  # fmt: skip


@pytest.fixture
def described(tmp_path):
    return ParallelPairs.from_rows(ROWS, tmp_path / 'pairs', verbose=False).describe()


def test_by_hand(described):
    assert described.sources.to_dict('index') == {
        'bi': {'kind': 'bitext', 'rows': 1, 'passages': 1, 'languages': 2, 'strata': 1},
        'qa': {'kind': 'qa', 'rows': 3, 'passages': 2, 'languages': 2, 'strata': 3},
    }
    assert described.repeated_rows_skipped == 1
    assert described.pairs.to_dict('index') == {
        'bi': {'de': 1, 'en': 0, 'zh': 1},
        'qa': {'de': 1, 'en': 2, 'zh': 0},
    }
    assert described.coverage.to_numpy().tolist() == [[1, 2, 1], [1, 2, 0], [1, 0, 0]]  # de en zh; bitext off-diagonal
    assert described.lengths.loc['qa'].to_dict('index') == {
        ('query', 'de'): {'texts': 2, 'mean': 3.0, 'median': 2, 'p95': 4, 'max': 4},
        ('query', 'en'): {'texts': 2, 'mean': 2.0, 'median': 1, 'p95': 3, 'max': 3},
        ('passage', 'de'): {'texts': 1, 'mean': 1.0, 'median': 1, 'p95': 1, 'max': 1},
        ('passage', 'en'): {'texts': 3, 'mean': 7.3, 'median': 10, 'p95': 10, 'max': 10},
        ('negatives', 'en'): {'texts': 2, 'mean': 4.0, 'median': 3, 'p95': 5, 'max': 5},
    }
    assert described.lengths.loc[('bi', 'text', 'zh'), 'max'] == 1


def test_printed_whole(described):
    text = str(described)
    assert text.startswith('4 rows (1 repeated rows skipped)')
    for part in ('Pairs per source and language', 'query_lang', 'Lengths in characters', 'negatives'):
        assert part in text


def test_renaming_languages_renames_the_tables(described, tmp_path):
    names = {'de': 'xa', 'en': 'xb', 'zh': 'xc'}
    renamed = [
        {field: {names[x]: text for x, text in value.items()} if isinstance(value, dict) else value
         for field, value in row.items()}
        for row in ROWS
    ]  # fmt: skip
    other = ParallelPairs.from_rows(renamed, tmp_path / 'renamed', verbose=False).describe()
    pd.testing.assert_frame_equal(other.coverage, described.coverage.rename(index=names, columns=names))
    pd.testing.assert_frame_equal(other.pairs, described.pairs.rename(columns=names))
    pd.testing.assert_frame_equal(other.lengths, described.lengths.rename(index=names, level='lang'))


def test_long_texts(tmp_path):
    lengths = [5, 70_000, 80_000, 6, 7]
    rows = [{'id': str(n), 'source': 's', 'text': {'en': 'x' * n}} for n in lengths]
    found = ParallelPairs.from_rows(rows, tmp_path / 'pairs', verbose=False).describe().lengths.loc['s', 'text', 'en']
    assert (found['max'], found['median']) == (80_000, statistics.median(lengths))
    assert found['mean'] == round(statistics.mean(lengths), 1)
    assert found['p95'] == 1 << 16  # counted no further


def test_in_a_notebook(tmp_path):
    rows = [{**row, 'source': '<script>' if row['source'] == 'bi' else 'qa'} for row in ROWS]
    described = ParallelPairs.from_rows(rows, tmp_path / 'pairs', verbose=False).describe()
    page = described._repr_html_()
    assert page.count('<table') == 4 and '4 rows (1 repeated rows skipped)' in page
    assert '<script>' not in page and '&lt;script&gt;' in page
    assert repr(described) == str(described)

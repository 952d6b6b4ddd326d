import pytest

from pyterrier_hybrid.experiment.comparison import compare_mixes
from pyterrier_hybrid.pairs import ParallelPairs


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    langs = ('de', 'en', 'th')
    rows = [
        {
            'id': str(i), 'source': 'qa', 'query': {lang: f'{lang} question q{i}' for lang in langs},
            'positive': {lang: f'{lang} passage {i}' for lang in langs},
        }
        for i in range(40)
    ]  # fmt: skip
    return ParallelPairs.from_rows(rows, tmp_path_factory.mktemp('pairs') / 'pairs', verbose=False)


def test_all_systems_in_all_settings(tmp_path, pairs, small):
    said = []
    result = compare_mixes(
        pairs, small, tmp_path, seed=3, steps=2, batch_size=4, verbose=False, tell=said.append
    )
    assert result.systems == ['BM25', 'untrained', 'X-X-mono', 'X-Y', 'hybrid']
    table = result.table()
    assert table['AP'].notna().all(axis=None) and list(table['RankDistance']) == ['multilingual']
    assert said[0] == 'small: 21 passages, 5 questions in de, 3 languages'
    assert said[1:] == [f'trained {name}: {tmp_path / name}' for name in ('X-X-mono', 'X-Y', 'hybrid')]
    assert {path.name for path in tmp_path.iterdir()} >= {'bm25', 'untrained.flex', 'hybrid', 'hybrid.flex'}
    values = table['AP', 'multilingual']
    assert len({values['untrained'], values['X-X-mono'], values['X-Y'], values['hybrid']}) > 1


def test_mixes_start_alike(tmp_path, pairs, small):
    """Two names for one mix give one encoder: what differs between encoders is the mix alone."""
    mixes = {'one': {'mixed': 1.0}, 'two': {'mixed': 1.0}}
    table = compare_mixes(
        pairs, small, tmp_path, mixes=mixes, steps=2, batch_size=4, verbose=False, tell=lambda _: None
    ).table()
    assert table.loc['one'].equals(table.loc['two'])

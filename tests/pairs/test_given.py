"""A passage_id that sources give to different passages is warned of, and nothing else is."""
import warnings

import pytest

from pyterrier_hybrid.pairs import given
from pyterrier_hybrid.pairs.corpus import ParallelPairs


def told(rows: list[tuple[str, str | None, dict]], folder) -> list[str]:
    """The warnings of an import of (source, passage_id, passage)."""
    made = [
        {'id': f'{i}', 'source': source, 'query': {'en': f'q{i}'}, 'positive': passage, 'passage_id': given}
        for i, (source, given, passage) in enumerate(rows)
    ]  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        pairs = ParallelPairs.from_rows(made, folder / 'pairs', verbose=False)
    given = [one for _, one, _ in rows if one is not None]
    numbers = {int(n) for source in pairs.sources for n in source.passage_ids}
    assert len(numbers) == len(set(given)) + rows.count(None)  # warned of or not, the id joins
    assert {warning.filename for warning in caught} <= {__file__}
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    'rows',
    [
        [('a', '1', {'de': 'A'}), ('b', '2', {'de': 'B'})],
        [('a', '1', {'de': 'A'}), ('b', '1', {'de': 'A'})],  # one passage in two sources
        [('a', '1', {'de': 'A'}), ('b', '1', {'en': 'B'})],  # in two languages: what an id is for
        [('a', '1', {'de': 'A', 'en': 'B'}), ('b', '1', {'de': 'A', 'en': 'B.'})],
        [('a', '1', {'de': 'A'}), ('a', '1', {'de': 'B'})],  # parts of a longer text
    ],
)
def test_what_an_id_is_for(rows, tmp_path):
    assert told(rows, tmp_path) == []


def test_sources_that_number_their_passages_alike(tmp_path):
    rows = [(source, f'{i}', {'de': f'{source} {i}', 'en': f'{source}, {i}'}) for source in 'abc' for i in (1, 2)]
    assert told(rows, tmp_path) == [
        f"the passage_id '1' is given to different texts in 'de' by the source 'a' (row 1) and by {source!r} "
        f"(row {row}); rows with one passage_id are taken for one passage whatever their source, so they never meet in "
        "a batch and are held out together. If these are two passages, put the source into the id, as in 'a/1'"
        for source, row in (('b', 3), ('c', 5))
    ]


def test_as_many_ids_are_watched_as_memory_allows(tmp_path, monkeypatch):
    monkeypatch.setattr(given, 'WATCHED', 2)
    rows = [(source, f'{i}', {'de': f'{source} {i}'}) for source in 'ab' for i in range(5)]
    assert len(told(rows, tmp_path)) == 1
    monkeypatch.setattr(given, 'WATCHED', 0)
    (tmp_path / 'none').mkdir()
    assert told(rows, tmp_path / 'none') == []

"""Which rows are one passage: as a naive fixed point joins them; known negatives; ids given to different passages."""
import warnings
from contextlib import ExitStack

import numpy as np
import pytest

from pyterrier_hybrid.pairs import ParallelPairs, identity
from pyterrier_hybrid.pairs.identity import KnownNegatives, SharedHashes, hash63, passage_numbers, write_known


def numbers(rows: list[list[int]], folder) -> list[int]:
    with ExitStack() as files:
        shared = SharedHashes(folder, files)
        for row, hashes in enumerate(rows):
            shared.add(row, hashes)
            shared.ask(hashes)  # which joins nothing
        links = shared.links()
    return passage_numbers(np.array([min(hashes) for hashes in rows], np.uint64), links).tolist()


def spread(hashes: list[int]) -> list[int]:
    """Small numbers spread over the 63 bits, in order."""
    return [value << 55 for value in hashes]


def naive(rows: list[list[int]]) -> list[int]:
    """Rows take the lowest hash of every row they share one with, until nothing changes."""
    lowest = [min(hashes) for hashes in rows]
    while True:
        after = [min(lowest[j] for j in range(len(rows)) if set(rows[i]) & set(rows[j])) for i in range(len(rows))]
        if after == lowest:
            return lowest
        lowest = after


@pytest.mark.parametrize(
    ('rows', 'expected'),
    [
        ([[5], [7], [9]], [5, 7, 9]),
        ([[5, 7], [7], [9], [5, 11]], [5, 5, 9, 5]),
        ([[40, 33], [33, 1], [2], [1, 8], [8]], [1, 1, 2, 1, 1]),  # a chain: 40-33-1-8
        ([[3, 3], [4]], [3, 4]),
    ],
)
def test_by_hand(rows, expected, tmp_path):
    assert numbers([spread(row) for row in rows], tmp_path) == spread(expected)


@pytest.mark.parametrize('seed', range(5))
def test_against_the_fixed_point_in_any_order(seed, tmp_path, monkeypatch):
    monkeypatch.setattr(identity, '_FLUSH', 32)  # so that most hashes take the way over the disk
    draw = np.random.default_rng(seed)
    rows = [spread(draw.integers(0, 150, draw.integers(1, 4)).tolist()) for _ in range(80)]
    expected = naive(rows)
    assert len(set(expected)) < 70
    assert numbers(rows, tmp_path) == expected
    order = draw.permutation(len(rows))
    assert numbers([rows[i] for i in order], tmp_path) == [expected[i] for i in order]


@pytest.mark.parametrize('flush', [32, 1 << 16])
def test_what_is_asked_for_is_found_where_a_row_has_it(tmp_path, monkeypatch, flush):
    monkeypatch.setattr(identity, '_FLUSH', flush)
    draw = np.random.default_rng(0)
    rows = [spread(draw.integers(0, 250, 2).tolist()) for _ in range(60)]
    wanted = spread(draw.integers(0, 250, 200).tolist())
    with ExitStack() as files:
        shared = SharedHashes(tmp_path, files)
        for row, hashes in enumerate(rows):
            shared.ask(wanted[3 * row : 3 * row + 4])  # some of them twice, and before and after the row that has them
            shared.add(row, hashes)
        assert len(shared.links())
        found, at = map(np.concatenate, zip(*shared.asked()))
    assert found.tolist() == sorted({h for hashes in rows for h in hashes} & set(wanted[:181]))
    assert all(value in rows[row] for value, row in zip(found.tolist(), at.tolist()))


def test_nothing_asked_nothing_found(tmp_path):
    with ExitStack() as files:
        shared = SharedHashes(tmp_path, files)
        shared.add(0, [7])
        shared.ask([])
        assert list(shared.asked()) == []


def test_hashes_are_stable_and_fit_int64():
    hashes = {hash63(f'text {i}') for i in range(1000)}
    assert len(hashes) == 1000
    assert min(hashes) >= 0 and max(hashes) < 2**63
    assert hash63('p1', b'id') != hash63('p1')


def test_known_negatives_against_a_dictionary(tmp_path):
    texts = [f'text {i}' for i in range(300)]
    known = {hash63(text): i for i, text in enumerate(texts[:200])}
    passages = np.random.default_rng(0).integers(0, 2**63, 200)
    hashes = np.array(sorted(known), np.uint64)
    rows = np.array([known[value] for value in hashes.tolist()])
    write_known(tmp_path, zip(np.split(hashes, [50, 50, 120]), np.split(rows, [50, 50, 120])), passages)
    asked = [*reversed(texts), 'never']
    expected = [passages[known[hash63(text)]] if hash63(text) in known else -1 for text in asked]
    assert KnownNegatives(tmp_path).passages(asked).tolist() == expected
    assert expected.count(-1) == 101


def test_no_known_negative_leaves_no_file(tmp_path):
    write_known(tmp_path, iter([(np.empty(0, np.uint64), np.empty(0, np.int64))]), np.arange(3))
    assert list(tmp_path.iterdir()) == []


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
    monkeypatch.setattr(identity, 'WATCHED', 2)
    rows = [(source, f'{i}', {'de': f'{source} {i}'}) for source in 'ab' for i in range(5)]
    assert len(told(rows, tmp_path)) == 1
    monkeypatch.setattr(identity, 'WATCHED', 0)
    (tmp_path / 'none').mkdir()
    assert told(rows, tmp_path / 'none') == []

"""Equal passages are joined transitively, as a naive fixed point does it."""
from contextlib import ExitStack

import numpy as np
import pytest

from pyterrier_hybrid.pairs import identity
from pyterrier_hybrid.pairs.identity import SharedHashes, hash63, passage_numbers


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

"""Equal passages are joined transitively, as a naive fixed point does it."""
from contextlib import ExitStack

import numpy as np
import pytest

from pyterrier_hybrid.training import pairs_identity
from pyterrier_hybrid.training.pairs_identity import SharedHashes, hash63, passage_numbers


def numbers(rows: list[list[int]], folder) -> list[int]:
    with ExitStack() as files:
        shared = SharedHashes(folder, files)
        for row, hashes in enumerate(rows):
            shared.add(row, hashes)
        links = shared.links()
    return passage_numbers(np.array([min(hashes) for hashes in rows], np.uint64), links).tolist()


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
    assert numbers(rows, tmp_path) == expected


@pytest.mark.parametrize('seed', range(5))
def test_against_the_fixed_point_in_any_order(seed, tmp_path, monkeypatch):
    monkeypatch.setattr(pairs_identity, '_FLUSH', 32)  # so that most hashes take the way over the disk
    draw = np.random.default_rng(seed)
    rows = [draw.integers(0, 150, draw.integers(1, 4)).tolist() for _ in range(80)]
    expected = naive(rows)
    assert len(set(expected)) < 70
    assert numbers(rows, tmp_path) == expected
    order = draw.permutation(len(rows))
    assert numbers([rows[i] for i in order], tmp_path) == [expected[i] for i in order]


def test_hashes_are_stable_and_fit_int64():
    hashes = {hash63(f'text {i}') for i in range(1000)}
    assert len(hashes) == 1000
    assert min(hashes) >= 0 and max(hashes) < 2**63
    assert hash63('p1', b'id') != hash63('p1')

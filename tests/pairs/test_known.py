"""Hashes to passages, on disk."""
import numpy as np

from pyterrier_hybrid.pairs.identity import hash63
from pyterrier_hybrid.pairs.known import KnownNegatives, write_known


def test_against_a_dictionary(tmp_path):
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


def test_nothing_known_leaves_no_file(tmp_path):
    write_known(tmp_path, iter([(np.empty(0, np.uint64), np.empty(0, np.int64))]), np.arange(3))
    assert list(tmp_path.iterdir()) == []

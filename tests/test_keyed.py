"""Randomness without state: bijections, uniform hashes, deals whose past is counted."""
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import chisquare

from pyterrier_hybrid.keyed import Allotment, key_of, mix64, permute, uniform


def reversed_bits(slot: int) -> int:
    return int(f'{slot:032b}'[::-1], 2)


def test_permute_is_a_bijection_of_every_size():
    for size in range(1, 260):
        image = permute(np.arange(size), np.full(size, size), np.full(size, key_of('k', size), dtype=np.uint64))
        assert image.dtype == np.int64
        assert sorted(image.tolist()) == list(range(size))


@pytest.mark.parametrize('size', [2**10 - 1, 2**10, 2**10 + 1, 40_000])
def test_permute_is_a_bijection_of_larger_sizes(size):
    assert len(np.unique(permute(np.arange(size), np.array(size), np.array(7, dtype=np.uint64)))) == size


@pytest.mark.parametrize('size', [2**31 + 1, 2**40, 2**52 + 3])
def test_permute_stays_within_sizes_beyond_memory(size):
    positions = np.concatenate([np.arange(500), size - 1 - np.arange(500)])
    image = permute(positions, np.array(size), np.array(3, dtype=np.uint64))
    assert len(np.unique(image)) == 1000 and image.min() >= 0 and image.max() < size


def test_permute_takes_a_size_and_a_key_for_each_position():
    sizes = np.array([1, 2, 3, 1000, 17, 2**20])
    positions, keys = sizes - 1, np.arange(6, dtype=np.uint64)
    one_by_one = [int(permute(p[None], s[None], k[None])[0]) for p, s, k in zip(positions, sizes, keys)]
    assert permute(positions, sizes, keys).tolist() == one_by_one
    assert len(permute(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint64))) == 0


def test_permute_depends_on_the_key_and_leaves_its_input_alone():
    positions = np.arange(100)
    images = {tuple(permute(positions, np.array(100), np.array(key, dtype=np.uint64))) for key in range(50)}
    assert len(images) == 50 and tuple(range(100)) not in images
    assert positions.tolist() == list(range(100))


@pytest.mark.parametrize('size', [5, 16, 24])
def test_permuted_places_are_uniform_over_keys(size):
    keys = mix64(np.arange(20_000), 11)
    for position in (0, size - 1):
        images = permute(np.full(len(keys), position), np.full(len(keys), size), keys)
        assert chisquare(np.bincount(images, minlength=size)).pvalue > 1e-4


def test_uniform():
    draws = uniform(np.arange(100_000), key_of('u'))
    assert draws.min() >= 0 and draws.max() < 1
    assert chisquare(np.bincount((draws * 50).astype(int), minlength=50)).pvalue > 1e-4
    assert uniform(3, 5) == uniform(np.array([3]), 5)[0]
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.02


def test_mix64_is_splitmix64():
    """The first outputs of SplitMix64 with seed 0, as published with the reference implementation."""
    golden = 0x9E3779B97F4A7C15
    assert [int(x) for x in mix64(np.arange(1, 4))] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert int(mix64(0, golden)) == 0xE220A8397B1DCDAF


def test_key_of_is_the_same_in_every_process():
    code = "from pyterrier_hybrid.keyed import key_of; print(key_of(0, 'rows', ('de', 'en')))"
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert {int(run.stdout)} == {key_of(0, 'rows', ('de', 'en'))}
    assert key_of(1, 'a') != key_of('1', 'a') != key_of(('1', 'a'))


WEIGHTS = [
    [[1.0]],
    [[1, 1]],
    [[3, 0, 1], [1, 1, 0]],
    [[0, 5, 0, 0.01, 2, 0]],
    [[10, 20, 30, 40], [40, 30, 20, 10], [0, 0, 0, 1]],
    [[1e-12, 1, 1e9]],
]


@pytest.mark.parametrize('weights', WEIGHTS)
def test_allotment_against_a_walk_over_the_slots(weights):
    keys = [key_of('deal', i) for i in range(len(weights))]
    allotment, slots = Allotment(np.array(weights), keys), 700
    dealt = [allotment.shares(deal, np.arange(slots)) for deal in range(len(weights))]
    for row, key, shares in zip(weights, keys, dealt):
        bounds = np.rint(np.cumsum([0, *row]) / sum(row) * 2**32)
        for slot in range(0, slots, 7):
            point = (reversed_bits(slot) + key) % 2**32
            assert bounds[shares[slot]] <= point < bounds[shares[slot] + 1]
    every = np.arange(len(weights[0]))
    for upto in [0, 1, 2, 3, 63, 64, 65, 500, 699]:
        before = np.array([(upto * (i + 1)) % slots for i in range(len(weights))])
        naive = sum(np.bincount(shares[:n], minlength=len(every)) for shares, n in zip(dealt, before))
        assert allotment.counts(before, every).tolist() == naive.tolist()
        assert allotment.counts(before, every[::-1][:2]).tolist() == naive[::-1][:2].tolist()


def test_counts_far_out_are_consistent_and_proportional():
    weights = np.array([[0.5, 0.2, 0.3]])
    allotment, every = Allotment(weights, [12345]), np.arange(3)
    for slot in (10**6, 2**31 - 50, 2**32 - 200):
        counts = allotment.counts(np.array([slot]), every)
        assert counts.sum() == slot
        assert np.abs(counts - slot * weights[0]).max() < 40
        later = allotment.counts(np.array([slot + 100]), every) - counts
        assert later.tolist() == np.bincount(allotment.shares(0, slot + np.arange(100)), minlength=3).tolist()


def test_every_run_of_slots_is_proportional():
    """The sequence has low discrepancy: a batch of m slots is within log2(m) of each share's proportion."""
    weights = np.array([[7, 2, 1]])
    shares = Allotment(weights, [99]).shares(0, np.arange(5000))
    for start in range(0, 4800, 111):
        counts = np.bincount(shares[start : start + 128], minlength=3)
        assert np.abs(counts - 128 * weights[0] / 10).max() <= 8


def test_a_share_without_weight_gets_nothing():
    allotment = Allotment(np.array([[0, 1, 0, 1, 0]]), [0])
    assert set(allotment.shares(0, np.arange(4096)).tolist()) == {1, 3}
    assert allotment.counts(np.array([4096]), np.arange(5)).tolist() == [0, 2048, 0, 2048, 0]

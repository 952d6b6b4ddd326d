"""Randomness without state: keys, uniform hashes, permutations."""
import subprocess
import sys
from enum import Enum
from math import factorial

import numpy as np
import pytest
from scipy.stats import chisquare

from pyterrier_hybrid.keyed import key_of, mix64, permute, uniform


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


def test_permute_is_pinned():
    """Every batch of every run hangs on it."""
    key = np.array(7, dtype=np.uint64)
    assert permute(np.arange(8), np.array(8), key).tolist() == [0, 4, 6, 1, 5, 7, 3, 2]
    assert permute(np.arange(8), np.array(1000), key).tolist() == [171, 500, 850, 110, 919, 424, 901, 255]
    assert permute(np.arange(3), np.array(2**40), key).tolist() == [1026438167924, 256590017793, 8861007191]


KEYS = mix64(np.arange(24_000), 11)


def images(position: int, size: int, keys: np.ndarray = KEYS) -> np.ndarray:
    """Where a position goes under many keys."""
    return permute(np.full(len(keys), position), np.full(len(keys), size), keys)


@pytest.mark.parametrize('size', [2, 3, 4, 5])
def test_all_permutations_of_few_rows_are_equally_frequent(size):
    orders = np.stack([images(position, size) for position in range(size)], axis=1)
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == factorial(size) and chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize('size', range(2, 65))
def test_every_place_is_equally_frequent_for_every_position(size):
    worst = min(chisquare(np.bincount(images(p, size), minlength=size)).pvalue for p in {0, 1, size // 2, size - 1})
    assert worst > 1e-5


@pytest.mark.parametrize(('size', 'keys'), [(6, 50_000), (64, 50_000), (256, 20_000), (257, 400_000), (1000, 400_000)])
def test_two_positions_are_independent_of_each_other(size, keys):
    """Their distance is uniform: what multiplying and shifting alone do not achieve."""
    keys = mix64(np.arange(keys), 5)
    first = images(0, size, keys)
    for other in (1, size // 2, size - 1):
        apart = (images(other, size, keys) - first) % size
        assert not (apart == 0).any()
        assert chisquare(np.bincount(apart, minlength=size)[1:]).pvalue > 1e-4


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


def test_key_of_counts_parts_by_value():
    class Colour(str, Enum):
        RED = 'red'

    for zero in (np.int64(0), np.int32(0), np.uint8(0)):
        assert key_of(zero, 'a') == key_of(0, 'a')
    assert key_of(Colour.RED) == key_of('red') == key_of(np.str_('red'))
    assert key_of(np.uint64(2**64 - 1)) == key_of(2**64 - 1)


def test_key_of_tells_different_parts_apart():
    parts = [(1, 'a'), ('1', 'a'), (('1', 'a'),), ('1a',), ('1', 'a', ''), (-1, 'a'), (11, 'a'), (1, 1, 'a'), (), ('',)]
    parts += [(10**5000,), (10**5000 + 1,), ('s1:a',), ('a', 's1:'), ((), 'a'), ('\ud800',), ('\udc00',), ('?',)]
    assert len({key_of(*each) for each in parts}) == len(parts)


@pytest.mark.parametrize('part', [0.0, None, b'a', ['a'], {'a': 1}, np.float64(1), object()])
def test_key_of_refuses_what_has_no_value_of_its_own(part):
    with pytest.raises(TypeError, match='cannot be part of a key'):
        key_of('a', (part,))


def test_key_of_is_pinned():
    """Every batch of every run hangs on it."""
    assert key_of(0, 'rows', ('de', 'en')) == 25954579856109024

"""Deals of slots to shares: against a walk over the slots, even in every run, fair over the epochs."""
import numpy as np
import pytest

from pyterrier_hybrid.batches.allotment import Allotment
from pyterrier_hybrid.keyed import key_of, mix64

EPOCH = 3


def reversed_bits(slot: int) -> int:
    return int(f'{slot:032b}'[::-1], 2)


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
    dealt = [allotment.shares(EPOCH, deal, np.arange(slots)) for deal in range(len(weights))]
    for row, key, shares in zip(weights, keys, dealt):
        shift = int(mix64(EPOCH, key)) >> 32
        bounds = np.rint(np.cumsum([0, *row]) / sum(row) * 2**32)
        for slot in range(0, slots, 7):
            point = (reversed_bits(slot) + shift) % 2**32
            assert bounds[shares[slot]] <= point < bounds[shares[slot] + 1]
    every = np.arange(len(weights[0]))
    for upto in [0, 1, 2, 3, 63, 64, 65, 500, 699]:
        before = np.array([(upto * (i + 1)) % slots for i in range(len(weights))])
        naive = sum(np.bincount(shares[:n], minlength=len(every)) for shares, n in zip(dealt, before))
        assert allotment.counts(EPOCH, before, every).tolist() == naive.tolist()
        assert allotment.counts(EPOCH, before, every[::-1][:2]).tolist() == naive[::-1][:2].tolist()


def test_counts_far_out_are_consistent_and_proportional():
    weights = np.array([[0.5, 0.2, 0.3]])
    allotment, every = Allotment(weights, [12345]), np.arange(3)
    for slot in (10**6, 2**31 - 50, 2**32 - 200):
        counts = allotment.counts(EPOCH, np.array([slot]), every)
        assert counts.sum() == slot
        assert np.abs(counts - slot * weights[0]).max() < 40
        later = allotment.counts(EPOCH, np.array([slot + 100]), every) - counts
        assert later.tolist() == np.bincount(allotment.shares(EPOCH, 0, slot + np.arange(100)), minlength=3).tolist()


def test_every_run_of_slots_is_proportional():
    """The sequence has low discrepancy: a batch of m slots is within log2(m) of each share's proportion."""
    weights = np.array([[7, 2, 1]])
    shares = Allotment(weights, [99]).shares(EPOCH, 0, np.arange(5000))
    for start in range(0, 4800, 111):
        counts = np.bincount(shares[start : start + 128], minlength=3)
        assert np.abs(counts - 128 * weights[0] / 10).max() <= 8


def test_a_share_without_weight_gets_nothing():
    allotment = Allotment(np.array([[0, 1, 0, 1, 0]]), [0])
    assert set(allotment.shares(EPOCH, 0, np.arange(4096)).tolist()) == {1, 3}
    assert allotment.counts(EPOCH, np.array([4096]), np.arange(5)).tolist() == [0, 2048, 0, 2048, 0]


def test_every_epoch_is_shifted_anew_so_that_small_shares_get_their_part_of_all_epochs():
    """Shares of 0.3, 1.5 and 6.2 of an epoch's 8 slots: exact in the mean over epochs, in none of them."""
    weights, epochs = np.array([0.3, 1.5, 6.2]), 4000
    allotment = Allotment(weights[None], [key_of('deal')])
    dealt = np.array([np.bincount(allotment.shares(epoch, 0, np.arange(8)), minlength=3) for epoch in range(epochs)])
    assert len({tuple(counts) for counts in dealt.tolist()}) > 2
    assert np.abs(dealt - weights).max() < 2
    assert np.abs(dealt.mean(axis=0) - weights).max() < 0.05
    for epoch in (0, 1, 77):
        assert allotment.counts(epoch, np.array([8]), np.arange(3)).tolist() == dealt[epoch].tolist()

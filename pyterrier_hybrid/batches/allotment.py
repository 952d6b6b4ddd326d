"""Deals the slots of batches to shares evenly, in proportion to their weights, so that past deals can be counted."""
from collections.abc import Sequence

import numpy as np

from pyterrier_hybrid.keyed import mix64

_BITS = 32
_BYTES_REVERSED = np.array([int(f'{byte:08b}'[::-1], 2) for byte in range(256)], dtype=np.uint8)


def _reverse_bits(values: np.ndarray) -> np.ndarray:
    """Reverses the bits of 32-bit integers: int64 of the shape of ``values``."""
    octets = np.ascontiguousarray(values, dtype='<u4')[..., None].view(np.uint8)
    return _BYTES_REVERSED[octets[..., ::-1]].view('<u4')[..., 0].astype(np.int64)


class Allotment:
    """Deals slots 0, 1, 2, ... to shares evenly, in proportion to their weights, and counts past deals in closed form.

    Slot t is at the point ``vdc(t) + shift mod 1`` of the unit interval, where vdc is the base-2 van der Corput
    sequence, and belongs to the share whose segment holds the point. Any run of m slots gives each share its proportion
    of m within about log2(m) slots. Counting a share's slots before t needs no loop over them: [0, t) is a union of at
    most 32 aligned blocks, and the points of each block are equally spaced.

    The shift differs between epochs, so that a share of less than one slot gets a slot in some epochs, in proportion.
    Several deals over the same shares are kept together, because their counts are asked for together.

    Args:
        weights: non-negative floats (a, s), for ``a`` deals over s shares; every deal has a positive sum.
        keys: ``a`` 64-bit keys; each shifts its deal's sequence, so that no two deals start alike.
    """

    def __init__(self, weights: np.ndarray, keys: Sequence[int]):
        bounds = np.cumsum(np.pad(np.asarray(weights, dtype=np.float64), ((0, 0), (1, 0))), axis=1)
        self._bounds = np.rint(bounds / bounds[:, -1:] * 2**_BITS).astype(np.int64)
        self._keys = np.array(keys, dtype=np.uint64)

    def _shifts(self, epoch: int) -> np.ndarray:
        """How far each deal is shifted in an epoch, in units of 2**-32: int64 (a,)."""
        return (mix64(epoch, self._keys) >> np.uint64(64 - _BITS)).astype(np.int64)

    def shares(self, epoch: int, deal: int, slots: np.ndarray) -> np.ndarray:
        """The share to which each slot of a deal goes in an epoch.

        Returns:
            int64 of the shape of ``slots`` (integers below 2**32).
        """
        points = (_reverse_bits(slots) + self._shifts(epoch)[deal]) % 2**_BITS
        return np.searchsorted(self._bounds[deal], points, side='right') - 1

    def counts(self, epoch: int, slots: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """How many slots of an epoch went to each of some shares, in all deals together.

        Args:
            epoch: of the slots.
            slots: integers (a,): for each deal, the slots before this one are counted.
            shares: integers (m,).

        Returns:
            int64 (m,).
        """
        slots = np.asarray(slots, dtype=np.int64)
        if self._bounds.shape[1] == 2:
            return np.full(len(shares), slots.sum())
        segments = np.stack([self._bounds[:, shares], self._bounds[:, np.asarray(shares) + 1]])  # (2, a, m)
        lower, upper = self._below(slots[:, None], segments - self._shifts(epoch)[:, None])
        return (upper - lower).sum(axis=0)

    @staticmethod
    def _below(slots: np.ndarray, limits: np.ndarray) -> np.ndarray:
        """The number of t < slot with vdc(t) < limit; limits are in units of 2**-32.

        A limit below 0 gives a negative number: minus the number of t < slot with vdc(t) >= limit + 1.
        """
        turns, limits = limits >> _BITS, limits & (2**_BITS - 1)
        # The first axis is for the bits: for a bit that is set, an aligned block of 2**bit slots begins at ``start``.
        bit = np.arange(int(slots.max()).bit_length(), dtype=np.int64).reshape(-1, *[1] * limits.ndim)
        start = (slots >> (bit + 1)) << (bit + 1)
        rounded_up = (np.int64(1) << (_BITS - bit)) - 1 - _reverse_bits(start)
        inside = np.minimum(np.maximum((limits + rounded_up) >> (_BITS - bit), 0), np.int64(1) << bit)
        return turns * slots + (inside * ((slots >> bit) & 1)).sum(axis=0)

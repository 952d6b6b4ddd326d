"""Randomness without state: keyed hashes, keyed permutations, and an even allotment whose past can be counted.

Everything here is a pure function of integers, vectorised over numpy arrays, so that any step of a training plan can be
computed at once, in any process, at a cost that does not depend on the step or on the size of the corpus.
"""
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

_U = np.uint64
_BITS = 32
_ROUNDS = 4
_CONSTANTS = np.arange(2 * _ROUNDS, dtype=np.uint64)[:, None]


def key_of(*parts: object) -> int:
    """A 64-bit key of ``parts``, equal on every machine and in every process."""
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), 'little')


def mix64(values: np.ndarray | int, key: np.ndarray | int = 0) -> np.ndarray:
    """Hashes 64-bit integers with a key (the finaliser of SplitMix64, Steele et al., OOPSLA 2014).

    Args:
        values: integers, any shape.
        key: a 64-bit key, broadcast against ``values``.

    Returns:
        uint64 array of the broadcast shape, uniform for distinct inputs.
    """
    with np.errstate(over='ignore'):
        x = np.asarray(values).astype(_U) * _U(0x9E3779B97F4A7C15) + np.asarray(key, dtype=_U)
        x = (x ^ (x >> _U(30))) * _U(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> _U(27))) * _U(0x94D049BB133111EB)
        return x ^ (x >> _U(31))


def uniform(values: np.ndarray | int, key: np.ndarray | int = 0) -> np.ndarray:
    """float64 in [0, 1), one per value, from :func:`mix64`."""
    return (mix64(values, key) >> _U(11)).astype(np.float64) * 2.0**-53


def permute(positions: np.ndarray, sizes: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The images of positions under keyed pseudo-random permutations, each of its own size.

    For one (size, key) the map is a bijection of [0, size). It is a bijective mixer of ``b`` bits (multiplication by an
    odd number, addition, right xor-shift; four rounds), ``2**b >= size``, walked along its cycle until it falls into
    the range (Black and Rogaway, CT-RSA 2002, for the cycle walking).

    Args:
        positions: integers (m,), each within [0, size).
        sizes: integers (m,), from 1 to 2**53.
        keys: uint64 (m,).

    Returns:
        int64 (m,), each within [0, size).
    """
    x = np.array(positions, dtype=_U)
    sizes = np.broadcast_to(np.asarray(sizes, dtype=_U), x.shape)
    bits = np.maximum(np.frexp((sizes - _U(1)).astype(np.float64))[1], 1).astype(_U)
    mask = (_U(1) << bits) - _U(1)
    shift = (bits + _U(1)) >> _U(1)
    constants = mix64(_CONSTANTS, np.broadcast_to(np.asarray(keys, dtype=_U), x.shape))  # (2 * rounds, m)
    constants[:_ROUNDS] |= _U(1)
    outside = np.arange(len(x))
    y, c = x, constants
    while len(outside):
        for multiplier, addend in zip(c[:_ROUNDS], c[_ROUNDS:]):
            y = (y * multiplier + addend) & mask
            y ^= y >> shift
        x[outside] = y
        still = y >= sizes
        outside, y, c, sizes = outside[still], y[still], c[:, still], sizes[still]
        mask, shift = mask[still], shift[still]
    return x.astype(np.int64)


_BYTES_REVERSED = np.array([int(f'{byte:08b}'[::-1], 2) for byte in range(256)], dtype=np.uint8)


def _reverse_bits(values: np.ndarray) -> np.ndarray:
    """The 32-bit integers read backwards: int64 of the shape of ``values``."""
    octets = np.ascontiguousarray(values, dtype='<u4')[..., None].view(np.uint8)
    return _BYTES_REVERSED[octets[..., ::-1]].view('<u4')[..., 0].astype(np.int64)


class Allotment:
    """Deals slots 0, 1, 2, ... to shares in proportion to their weights, evenly, and counts past deals in closed form.

    Slot t falls on the point ``vdc(t) + shift mod 1`` of the unit interval, vdc the base-2 van der Corput sequence, and
    belongs to the share whose segment holds the point. Any run of m slots gives each share its proportion of m within
    about log2(m) slots, and the number of slots before t that a share got needs no walk over them: [0, t) is a union of
    at most 32 aligned blocks, in each of which the points are equally spaced.

    Several deals over the same shares are kept together, because their counts are asked for together.

    Args:
        weights: non-negative floats (a, s), a deals over s shares; every deal has a positive sum.
        keys: a integers; each shifts its deal's sequence, so that two deals do not start alike.
    """

    def __init__(self, weights: np.ndarray, keys: Sequence[int]):
        bounds = np.cumsum(np.pad(np.asarray(weights, dtype=np.float64), ((0, 0), (1, 0))), axis=1)
        self._bounds = np.rint(bounds / bounds[:, -1:] * 2**_BITS).astype(np.int64)
        self._shifts = np.array([key % 2**_BITS for key in keys], dtype=np.int64)

    def shares(self, deal: int, slots: np.ndarray) -> np.ndarray:
        """The share that each slot of a deal goes to: int64 of the shape of ``slots`` (integers below 2**32)."""
        points = (_reverse_bits(slots) + self._shifts[deal]) % 2**_BITS
        return np.searchsorted(self._bounds[deal], points, side='right') - 1

    def counts(self, slots: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """How many slots went to each of some shares, in all deals together.

        Args:
            slots: integers (a,): of each deal, the slots before this one count.
            shares: integers (m,).

        Returns:
            int64 (m,).
        """
        slots = np.asarray(slots, dtype=np.int64)
        if self._bounds.shape[1] == 2:
            return np.full(len(shares), slots.sum())
        segments = np.stack([self._bounds[:, shares], self._bounds[:, np.asarray(shares) + 1]])  # (2, a, m)
        lower, upper = self._below(slots[:, None], segments - self._shifts[:, None])
        return (upper - lower).sum(axis=0)

    @staticmethod
    def _below(slots: np.ndarray, limits: np.ndarray) -> np.ndarray:
        """The number of t < slot with vdc(t) < limit, in units of 2**-32; a limit below 0 counts one turn back."""
        turns, limits = limits >> _BITS, limits & (2**_BITS - 1)
        # one axis in front for the bits: an aligned block of 2**bit slots begins at ``start`` where the bit is set
        bit = np.arange(int(slots.max()).bit_length(), dtype=np.int64).reshape(-1, *[1] * limits.ndim)
        start = (slots >> (bit + 1)) << (bit + 1)
        rounded_up = (np.int64(1) << (_BITS - bit)) - 1 - _reverse_bits(start)
        inside = np.minimum(np.maximum((limits + rounded_up) >> (_BITS - bit), 0), np.int64(1) << bit)
        return turns * slots + (inside * ((slots >> bit) & 1)).sum(axis=0)

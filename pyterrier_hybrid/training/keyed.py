"""Randomness without state: keyed hashes, keyed permutations, and an even allotment whose past can be counted.

Everything here is a pure function of integers, vectorised over numpy arrays, so that any step of a training plan can be
computed at once, in any process, at a cost that does not depend on the step or on the size of the corpus.
"""
from hashlib import blake2b

import numpy as np

_U = np.uint64
_BITS = 32


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
        sizes: integers (m,), at least 1.
        keys: uint64 (m,).

    Returns:
        int64 (m,), each within [0, size).
    """
    x = np.array(positions, dtype=_U)
    sizes = np.broadcast_to(np.asarray(sizes, dtype=_U), x.shape)
    keys = np.broadcast_to(np.asarray(keys, dtype=_U), x.shape)
    bits = np.maximum(np.ceil(np.log2(np.maximum(sizes, _U(2)).astype(np.float64))), 1).astype(_U)
    mask = (_U(1) << bits) - _U(1)
    shift = (bits + _U(1)) >> _U(1)
    rounds = [(mix64(r, keys) | _U(1), mix64(r + 4, keys)) for r in range(4)]
    todo = np.arange(len(x))
    while len(todo):
        y, m, s = x[todo], mask[todo], shift[todo]
        with np.errstate(over='ignore'):
            for multiplier, addend in rounds:
                y = (y * multiplier[todo] + addend[todo]) & m
                y ^= y >> s
        x[todo] = y
        todo = todo[y >= sizes[todo]]
    return x.astype(np.int64)


def _reverse_bits(values: np.ndarray) -> np.ndarray:
    """The 32-bit integers read backwards."""
    x = np.asarray(values, dtype=_U)
    for shift, keep in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF)):
        x = ((x >> _U(shift)) & _U(keep)) | ((x & _U(keep)) << _U(shift))
    return ((x >> _U(16)) | (x << _U(16))) & _U(0xFFFFFFFF)


class Allotment:
    """Deals slots 0, 1, 2, ... to shares in proportion to their weights, evenly, and counts past deals in closed form.

    Slot t falls on the point ``vdc(t) + shift mod 1`` of the unit interval, vdc the base-2 van der Corput sequence, and
    belongs to the share whose segment holds the point. Any run of m slots gives each share its proportion of m within
    about log2(m) slots, and the number of slots before t that a share got needs no walk over them: [0, t) is a union of
    at most 32 aligned blocks, in each of which the points are equally spaced.

    Args:
        weights: non-negative floats (s,), with a positive sum.
        key: shifts the sequence, so that two allotments do not start alike.
    """

    def __init__(self, weights: np.ndarray, key: int):
        bounds = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
        self._bounds = np.rint(bounds / bounds[-1] * 2**_BITS).astype(np.int64)
        self._shift = key % 2**_BITS

    def shares(self, slots: np.ndarray) -> np.ndarray:
        """The share of each slot: int64 of the shape of ``slots`` (integers below 2**32)."""
        points = (_reverse_bits(slots).astype(np.int64) + self._shift) % 2**_BITS
        return np.searchsorted(self._bounds, points, side='right') - 1

    def counts(self, slots: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """How many of the slots before each slot went to the share given beside it: int64 (m,)."""
        if len(self._bounds) == 2:
            return np.asarray(slots, dtype=np.int64)
        shares = np.asarray(shares)
        upper = self._below(slots, self._bounds[shares + 1] - self._shift)
        return upper - self._below(slots, self._bounds[shares] - self._shift)

    @staticmethod
    def _below(slots: np.ndarray, limits: np.ndarray) -> np.ndarray:
        """The number of t < slot with vdc(t) < limit, in units of 2**-32; a limit below 0 counts one turn back."""
        slots = np.asarray(slots, dtype=np.int64)
        turns, limits = limits >> _BITS, limits & (2**_BITS - 1)
        bit = np.arange(_BITS, dtype=np.int64)[:, None]
        start = (slots >> (bit + 1)) << (bit + 1)  # where an aligned block of 2**bit slots begins, if the bit is set
        spacing = np.int64(1) << (_BITS - bit)
        offset = _reverse_bits(start).astype(np.int64)
        inside = np.clip((limits - offset + spacing - 1) // spacing, 0, np.int64(1) << bit)
        return turns * slots + np.where((slots >> bit) & 1 == 1, inside, 0).sum(axis=0)

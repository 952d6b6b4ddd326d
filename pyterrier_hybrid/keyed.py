"""Randomness without state: keyed hashes and keyed permutations.

Everything here is a pure function of integers, vectorised over numpy arrays, so that any step of a training plan can be
computed at once, in any process, at a cost that does not depend on the step or on the size of the corpus.
"""
from enum import Enum
from hashlib import blake2b

import numpy as np

_U = np.uint64
#: Permutations of at most this many rows are exact: the rows in the order of independent hashes.
_EXACT = 256
#: Rounds of the Feistel network; an even number.
_ROUNDS = 8


def key_of(*parts: int | str | Enum | tuple) -> int:
    """A 64-bit key of ``parts``, equal on every machine and in every process.

    Parts count by value: ``0``, ``numpy.int64(0)`` and an enum member whose value is 0 give the same key.

    Args:
        parts: integers of any type and size, strings, enum members with such values, and tuples of all these.

    Raises:
        TypeError: a part of another type.
    """
    return int.from_bytes(blake2b(_encoded(parts), digest_size=8).digest(), 'little')


def _encoded(part: object) -> bytes:
    """The bytes of a part: its type, length and value, so that no two parts have the same bytes."""
    if isinstance(part, Enum):
        return _encoded(part.value)
    if isinstance(part, int | np.integer):
        return b'i%x;' % int(part)
    if isinstance(part, str):
        text = part.encode('utf-8', 'surrogatepass')
        return b's%d:' % len(text) + text
    if isinstance(part, tuple):
        return b't%d:' % len(part) + b''.join(map(_encoded, part))
    raise TypeError(f'{part!r:.80} cannot be part of a key: use integers, strings, enum members and tuples of these')


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

    For one (size, key) the map is a bijection of [0, size). Up to 256 rows it is exact: the rows in the order of their
    keyed hashes, so that every permutation is equally probable. Above, it is a Feistel network of eight rounds (Luby
    and Rackoff, SIAM J. Comput. 1988) over the columns and rows of a rectangle of at least ``size`` cells, walked along
    its cycle until it falls into the range (Black and Rogaway, CT-RSA 2002, methods 2 and 3).

    Args:
        positions: integers (m,), each within [0, size).
        sizes: integers (m,), from 1 to 2**53.
        keys: uint64 (m,).

    Returns:
        int64 (m,), each within [0, size).
    """
    positions = np.asarray(positions, dtype=_U)
    sizes = np.broadcast_to(np.asarray(sizes, dtype=_U), positions.shape)
    keys = np.broadcast_to(np.asarray(keys, dtype=_U), positions.shape)
    few = sizes <= _EXACT
    if few.all():
        return _sorted_by_hash(positions, sizes, keys)
    if not few.any():
        return _feistel(positions, sizes, keys)
    images = np.empty(positions.shape, dtype=np.int64)
    for those, permuted in ((few, _sorted_by_hash), (~few, _feistel)):
        images[those] = permuted(positions[those], sizes[those], keys[those])
    return images


def _sorted_by_hash(positions: np.ndarray, sizes: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """As :func:`permute`, for few rows: the row whose hash is the ``position``-th smallest."""
    if not len(positions):
        return np.empty(0, dtype=np.int64)
    keys, first, which = np.unique(mix64(sizes, keys), return_index=True, return_inverse=True)
    rows = np.arange(sizes.max(), dtype=_U)
    hashes = np.where(rows < sizes[first, None], mix64(rows, keys[:, None]), ~_U(0))
    return np.argsort(hashes, axis=1, kind='stable')[which, positions.astype(np.int64)]


def _feistel(positions: np.ndarray, sizes: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """As :func:`permute`, for many rows."""
    images = np.array(positions)
    width = np.sqrt(sizes.astype(np.float64)).astype(_U) + _U(1)
    height = (sizes + width - _U(1)) // width
    keys = mix64(np.arange(_ROUNDS)[:, None], keys)
    outside, cell = np.arange(len(images)), images
    while len(outside):
        y, x = np.divmod(cell, width)
        for even, odd in zip(keys[::2], keys[1::2]):
            x = (x + _round(y, even)) % width
            y = (y + _round(x, odd)) % height
        cell = x + width * y
        images[outside] = cell
        still = cell >= sizes
        outside, cell, keys, sizes = outside[still], cell[still], keys[:, still], sizes[still]
        width, height = width[still], height[still]
    return images.astype(np.int64)


def _round(values: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """A hash below 2**53 for each value: half of :func:`mix64`, which is enough in a network of eight rounds."""
    x = values * _U(0x9E3779B97F4A7C15)
    x += keys
    x ^= x >> _U(32)
    x *= _U(0xBF58476D1CE4E5B9)
    x >>= _U(11)
    return x

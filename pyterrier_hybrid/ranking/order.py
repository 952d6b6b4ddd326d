"""The order of a ranking, defined once: score descending, equal scores by docno ascending (by code point).

Here a docno is represented by its place among all docnos in ascending order, an integer (``index.docnos().rank``).
"""
import numpy as np

_SIGN = np.uint32(1 << 31)


def float_keys(scores: np.ndarray) -> np.ndarray:
    """Integers in the order of the floats: uint32, of the shape of ``scores``.

    The bits of floats have the order of integers once all bits of negative numbers are inverted and the sign bit of
    positive ones is set.

    Args:
        scores: float32, without NaN and negative zeros.
    """
    bits = scores.view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | _SIGN)


def from_float_keys(keys: np.ndarray) -> np.ndarray:
    """The inverse of :func:`float_keys`: float32 scores."""
    return np.where(keys >> 31, keys & ~_SIGN, ~keys).view(np.float32)


def order_keys(scores: np.ndarray, docno_rank: np.ndarray) -> np.ndarray:
    """One integer for score and docno, so that an ascending sort is the order; uint64, of the shape of ``scores``.

    The upper half is the inverted key of the score, the lower half the docno's rank. No two documents have the same
    key, so a cut at k is never ambiguous.

    Args:
        scores: float32, without NaN and negative zeros.
        docno_rank: unsigned integers below 2**32, aligned with the last axis of ``scores``.
    """
    return (~float_keys(scores)).astype(np.uint64) << np.uint64(32) | docno_rank.astype(np.uint64)


def from_order_keys(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of :func:`order_keys`: the docnos' ranks (int64) and the scores (float32)."""
    scores = from_float_keys(~(keys >> np.uint64(32)).astype(np.uint32))
    return (keys & np.uint64(2**32 - 1)).astype(np.int64), scores


def comes_before(
    scores: np.ndarray, docno_rank: np.ndarray, own_scores: np.ndarray, own_docno_rank: np.ndarray
) -> np.ndarray:
    """Whether documents come before others: bool, of the shape that the arguments broadcast to."""
    return (scores > own_scores) | ((scores == own_scores) & (docno_rank < own_docno_rank))

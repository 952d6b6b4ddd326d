"""Scores that strictly decrease, so that all evaluators order a run in the same way.

trec_eval compares float32 scores and breaks ties by docno descending. ir_measures' other providers break them in
various ways. This project ranks by (-score, docno ascending). If a run's scores strictly decrease in that order, as
float32, all of them order it in the same way.
"""
import numpy as np
import pandas as pd

from pyterrier_hybrid.ranking.order import float_keys, from_float_keys

_ZERO = np.int64(1) << 31
#: The number of subnormal numbers on either side of 0.
_SUBNORMAL = np.int64(0x7FFFFF)
_GREATEST = np.int64(0x7F7FFFFF) - _SUBNORMAL
#: More than the difference of any two scores' integers plus the length of any list.
_APART = np.int64(1) << 33


def as_float32(scores: np.ndarray) -> np.ndarray:
    """Scores as evaluators compare them: float32, subnormal numbers and negative zeros as 0.

    Args:
        scores: floating, any shape.

    Returns:
        float32, the same shape.

    Raises:
        ValueError: a score that is not finite, or beyond the range of float32.
    """
    with np.errstate(over='ignore'):
        rounded = np.asarray(scores).astype(np.float32)
    if not np.isfinite(rounded).all():
        raise ValueError(f'a score is {np.asarray(scores)[~np.isfinite(rounded)][0]}; scores must be finite and within '
                         'the range of float32')
    rounded[np.abs(rounded) < np.finfo(np.float32).tiny] = 0
    return rounded


def separate(scores: np.ndarray, queries: np.ndarray | None = None) -> np.ndarray:
    """Lowers scores as little as possible, so that they strictly decrease.

    With k_i the order-preserving integer of a list's i-th score (subnormal numbers skipped), the new score is that of
    k'_i = min over j <= i of (k_j + j) - i. It depends on the scores before it alone: a prefix of a list is separated
    as the whole list is. Separated scores stay as they are.

    Args:
        scores: floating, ``(n,)`` or ``(q, k)``, every list in its order: by (-:func:`as_float32`, docno).
        queries: int ``(n,)``, ascending, the list of each score; needed for several lists in one dimension. In two
            dimensions, every row is a list.

    Returns:
        float32, the shape of ``scores``.

    Raises:
        ValueError: what :func:`as_float32` refuses; scores that increase within a list; scores that would fall below
            the least float32.
    """
    rounded = as_float32(scores)
    flat = rounded.ravel()
    if rounded.ndim == 2:
        queries = np.repeat(np.arange(rounded.shape[0]), rounded.shape[1])
    elif queries is None:
        queries = np.zeros(len(flat), dtype=np.int64)
    same = queries[1:] == queries[:-1]
    if (same & (flat[1:] > flat[:-1])).any():
        raise ValueError('scores increase within a list; sort it by (-score, docno) before separating its scores')
    places = np.arange(len(flat))  # places over all lists, since only differences within a list matter
    lists = np.cumsum(np.append(0, ~same))[:len(flat)]
    # Each list is shifted far below the one before it, so that one running minimum serves all lists.
    separated = np.minimum.accumulate(_integers(flat) + places - lists * _APART) - places + lists * _APART
    if len(separated) and separated.min() < -_GREATEST:
        raise ValueError('too many equal scores at the least float32 number; scale the scores')
    return _floats(separated).reshape(rounded.shape)


def join(scores: np.ndarray) -> np.ndarray:
    """Reverses :func:`separate` for one list: scores that were equal before are equal again.

    A score that is one float32 step below the one before it counts as equal to it. Among scores that were not
    separated, about one in millions is like that. Scores that :func:`separate` cannot have made are returned as they
    are: those that are not float32 numbers, written with nine digits or with the fewest that tell them apart, as
    ``pt.io.write_results`` writes them.

    Args:
        scores: floating, ``(n,)``, descending.

    Returns:
        floating, ``(n,)``, descending.
    """
    scores = np.asarray(scores)
    with np.errstate(over='ignore', divide='ignore'):
        rounded = scores.astype(np.float32)
        ninth_digit = 10 ** (np.floor(np.log10(np.abs(scores, dtype=np.float64))) - 8)
    if not (np.abs(rounded - scores.astype(np.float64)) <= 0.501 * ninth_digit).all():
        shortest = rounded.astype(str).astype(np.float64)
        if not np.isclose(shortest, scores, rtol=1e-14, atol=0).all():
            return scores
    steps = -np.diff(_integers(as_float32(rounded)))
    first = np.maximum.accumulate(np.where(np.append(True, steps > 1), np.arange(len(rounded)), 0)[:len(rounded)])
    return rounded[first]


def separate_run(run: pd.DataFrame) -> pd.DataFrame:
    """A run in its order, by (-score, docno), with separated scores and ranks from 0.

    Args:
        run: ``qid, docno, score`` and any other columns.

    Returns:
        The run, its queries in the order in which they first appear, ``score`` float32 and ``rank`` int64.

    Raises:
        ValueError: what :func:`as_float32` and :func:`separate` refuse.
    """
    queries = pd.factorize(run['qid'])[0]
    scores = as_float32(run['score'].to_numpy())
    codes, distinct = pd.factorize(run['docno'].to_numpy(dtype=object))
    docno_rank = np.argsort(np.argsort(distinct, kind='stable'))  # Python compares strings by code point
    order = np.lexsort((docno_rank[codes], -scores, queries))
    queries, scores = queries[order], scores[order]
    starts = np.searchsorted(queries, queries)
    return run.iloc[order].reset_index(drop=True).assign(
        score=separate(scores, queries), rank=(np.arange(len(run)) - starts).astype(np.int64))


def _integers(scores: np.ndarray) -> np.ndarray:
    """Consecutive integers for consecutive numbers of :func:`as_float32`, 0 for 0: int64."""
    keys = float_keys(scores).astype(np.int64) - _ZERO
    return keys - np.sign(keys) * _SUBNORMAL + (keys < 0)  # negative zero has a key of its own, which has to be skipped


def _floats(integers: np.ndarray) -> np.ndarray:
    """The inverse of :func:`_integers`."""
    keys = integers + np.sign(integers) * _SUBNORMAL - (integers < 0) + _ZERO
    return from_float_keys(keys.astype(np.uint32))

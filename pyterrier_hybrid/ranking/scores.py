"""Exact dot products, and how far a float32 matrix product can be from them.

In a float32 matrix product, the score of a pair of vectors depends on the pair's place in a block, on the number of
threads and on the machine; two copies of one passage then have different scores, and chance decides their order. Here a
score depends only on the two vectors: **the float32 nearest to their exact dot product**, or 0 if that is subnormal. So
a search gives the same bytes whatever the blocking, the device, or the other documents in the index;
equal vectors tie, and a search in some languages equals one in an index of those languages alone.

Products of two float32 are exact in float64, and the sum of ``d`` of them in any order is off by at most
``d * 2**-53 * sum |q_i x_i|`` (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1). If
that interval rounds to one float32, this is the score; the few pairs in a million for which it does not are summed
exactly.
"""
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

_EXACT_BLOCK = 4_096
_NORM_BLOCK = 256
#: Documents for each query whose float64 vectors are made at a time, so that one query's stay in the processor's cache.
_IN_CACHE = 128
#: The least normal number.
_TINY = np.finfo(np.float32).tiny


def exact_scores(queries: np.ndarray, docs: np.ndarray) -> np.ndarray:
    """Dot products, each the float32 nearest to the exact value, independent of everything but the two vectors.

    Args:
        queries: float32, ``(q, d)``, finite.
        docs: float32, ``(n, d)``, finite.

    Returns:
        float32, ``(q, n)``. A product beyond float32's range is infinite; a subnormal one is 0.
    """
    queries = queries.astype(np.float64)
    slack, step = _slack(queries), min(_IN_CACHE * len(queries), len(docs))
    products, lengths = np.empty((len(queries), len(docs))), np.empty(len(docs))
    room = np.empty((step, docs.shape[1]))  # once: the system would take back what is freed, and clear it anew
    for start in range(0, len(docs), step or 1):
        part = slice(start, min(start + step, len(docs)))
        vectors = room[: part.stop - start]
        vectors[:] = docs[part]
        products[:, part] = queries @ vectors.T
        lengths[part] = norms(vectors)
    bound = np.outer(slack * norms(queries), lengths)
    with np.errstate(over='ignore'):
        scores = (products - bound).astype(np.float32)
        rows, columns = np.nonzero(scores != (products + bound).astype(np.float32))
        for start in range(0, len(rows), _EXACT_BLOCK):
            i, j = rows[start : start + _EXACT_BLOCK], columns[start : start + _EXACT_BLOCK]
            scores[i, j] = _round_sums(queries[i] * docs[j].astype(np.float64), slack)
    return _flushed(scores)


def exact_scores_of_own(queries: np.ndarray, docs: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The :func:`exact_scores` of queries that have documents of their own.

    Args:
        queries: float32, ``(q, d)``, finite.
        docs: float32, ``(n, d)``, finite: those of the first query, then those of the second.
        counts: int, ``(q,)``, how many each query has; their sum is n.

    Returns:
        float32, ``(n,)``.
    """
    queries, docs = queries.astype(np.float64), docs.astype(np.float64)
    slack = _slack(queries)
    ends = np.cumsum(counts).tolist()
    products = np.concatenate([docs[end - n : end] @ query for query, n, end in zip(queries, counts.tolist(), ends)])
    bound = slack * np.repeat(norms(queries), counts) * norms(docs)
    with np.errstate(over='ignore'):
        scores = (products - bound).astype(np.float32)
        unsure = np.flatnonzero(scores != (products + bound).astype(np.float32))
        of = np.searchsorted(ends, unsure, side='right')
        for start in range(0, len(unsure), _EXACT_BLOCK):
            part = slice(start, start + _EXACT_BLOCK)
            scores[unsure[part]] = _round_sums(queries[of[part]] * docs[unsure[part]], slack)
    return _flushed(scores)


def _flushed(scores: np.ndarray) -> np.ndarray:
    """Float32 scores, changed in place: subnormal numbers, which evaluators do not tell from 0, and -0.0 are 0."""
    scores[np.abs(scores) < _TINY] = 0
    return scores


def _slack(queries: np.ndarray) -> float:
    """The error of a float64 product, as a share of the two norms; one percent covers the rounding of the bound."""
    return 1.01 * queries.shape[1] * 2.0**-53


def _round_sums(terms: np.ndarray, slack: float) -> np.ndarray:
    """The float32 nearest to each row's exact sum, by the row's own error bound, else by an exact summation."""
    sums, bound = terms.sum(axis=1), slack * np.abs(terms).sum(axis=1)
    rounded = (sums - bound).astype(np.float32)
    for i in np.flatnonzero(rounded != (sums + bound).astype(np.float32)):
        rounded[i] = _to_odd(terms[i])
    return rounded


def _to_odd(terms: np.ndarray) -> float:
    """The exact sum of float64 numbers, or of the two float64 around it the one whose last bit is 1.

    Rounded once more, to float32, it gives the nearest to the exact sum, which the nearest float64 does not where it
    lies halfway between two float32 (Boldo and Melquiond, IEEE Transactions on Computers 57, 2008).
    """
    total = math.fsum(terms)
    rest = math.fsum([*terms, -total])
    if rest and not np.float64(total).view(np.int64) & 1:
        total = math.nextafter(total, math.copysign(math.inf, rest))
    return total


def norms(vectors: np.ndarray) -> np.ndarray:
    """Euclidean norms of the rows, float64 (n,)."""
    vectors = vectors.astype(np.float64, copy=False)
    return np.sqrt(np.matmul(vectors[:, None, :], vectors[:, :, None])[:, 0, 0])  # einsum takes twice as long


def max_norm(vectors: np.ndarray) -> float:
    """An upper bound of the rows' Euclidean norms, within d * 2**-23 of the greatest; 0 if there are none.

    A function of the rows alone, whatever their order. Not finite if a number is not. Memory maps of float32 are read
    in blocks.
    """
    greatest = 0.0
    slack = 1.01 * (vectors.shape[1] + 4) * 2.0**-24  # of a float32 sum of squares that does not underflow
    for start in range(0, len(vectors), _NORM_BLOCK):
        block = vectors[start : start + _NORM_BLOCK]
        with np.errstate(over='ignore', invalid='ignore'):
            squares = np.matmul(block[:, None, :], block[:, :, None])[:, 0, 0].astype(np.float64)
        beyond = ~((squares > 1e-28) & (squares < 1e38))
        if beyond.any():
            squares[beyond] = norms(block[beyond]) ** 2
        greatest = np.maximum(greatest, squares.max())  # of a NaN, NaN
    return math.sqrt(greatest * (1 + slack))


def error_margins(queries: np.ndarray, max_norm: float) -> np.ndarray:
    """Per query, how far the difference of two float32 products can be from that of the exact scores: float64 (q,).

    Twice the error of a float32 sum of ``d`` products, plus a unit in the last place for the rounding of exact scores,
    plus ``2 (d + 1)`` times the smallest normal number, where products and exact scores underflow; infinite where a
    product may overflow.

    Args:
        queries: float32, ``(q, d)``, finite.
        max_norm: an upper bound of the documents' Euclidean norms.
    """
    dims = queries.shape[1]
    sizes = norms(queries) * max_norm
    margins = 2.02 * (dims + 4) * 2.0**-24 * sizes + 2 * (dims + 1) * float(_TINY)
    return np.where(sizes < np.finfo(np.float32).max, margins, np.inf)


@contextmanager
def full_float32() -> Iterator[None]:
    """Keeps torch from computing float32 products in TF32, whose errors are beyond :func:`error_margins`."""
    import torch

    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision('highest')
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)


def matrix_product(device: str | None) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """The float32 matrix product of two blocks, by numpy or on a torch device.

    Returns:
        A function of queries ``(q, d)``, documents ``(n, d)`` and a float32 buffer of at least ``q * n`` numbers, which
        returns the products, ``(q, n)``, C-contiguous. They may be in the buffer: to use it again is faster than new
        memory, which the system clears page by page.
    """
    return _numpy_product if device is None else lambda queries, docs, buffer: _torch_product(queries, docs, device)


def _numpy_product(queries: np.ndarray, docs: np.ndarray, buffer: np.ndarray) -> np.ndarray:
    scores = buffer[: len(queries) * len(docs)].reshape(len(queries), len(docs))
    with np.errstate(over='ignore', invalid='ignore'):  # the margins say which products may overflow
        return np.matmul(queries, docs.T, out=scores)


def _torch_product(queries: np.ndarray, docs: np.ndarray, device: str) -> np.ndarray:
    import torch

    on_device = [torch.from_numpy(np.array(part)).to(device) for part in (queries, docs)]
    with full_float32():
        return (on_device[0] @ on_device[1].T).cpu().numpy()

"""Exact search: for each query the ``k`` documents of highest dot product, equal scores by ascending docno.

A float32 matrix product gives a pair of vectors a score that depends on where in a block the pair stands, on the number
of threads and on the machine; two copies of one passage then score differently, and which comes first is chance. Here a
score is a property of the two vectors alone: **the float32 nearest to their exact dot product**. So a search gives the
same bytes whatever the blocking, the device, or the other documents in the index; equal vectors tie, and a search in
some languages equals one in an index of those languages alone.

Products of two float32 are exact in float64, and the sum of ``d`` of them in any order is off by at most
``d * 2**-53 * sum |q_i x_i|`` (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1). Where
that interval rounds to one float32, it is the answer; the few pairs in a million where it does not are summed exactly.
"""
import math
from collections.abc import Callable, Iterator

import numpy as np

_DOC_BLOCK = 16_384
_EXACT_BLOCK = 4_096


def exact_scores(queries: np.ndarray, docs: np.ndarray) -> np.ndarray:
    """Dot products, each the float32 nearest to the exact value; independent of everything but the two vectors.

    Args:
        queries: float32, ``(q, d)``, finite.
        docs: float32, ``(n, d)``, finite.

    Returns:
        float32, ``(q, n)``. A product beyond float32's range is infinite.
    """
    queries, docs = queries.astype(np.float64), docs.astype(np.float64)
    slack = 1.01 * queries.shape[1] * 2.0**-53  # one percent covers the rounding of the bound itself
    products = queries @ docs.T
    bound = np.outer(slack * _norms(queries), _norms(docs))
    with np.errstate(over='ignore'):
        scores = (products - bound).astype(np.float32)
        rows, columns = np.nonzero(scores != (products + bound).astype(np.float32))
        for start in range(0, len(rows), _EXACT_BLOCK):
            i, j = rows[start : start + _EXACT_BLOCK], columns[start : start + _EXACT_BLOCK]
            scores[i, j] = _round_sums(queries[i] * docs[j], slack)
    return scores + np.float32(0)  # no negative zero: it would rank below zero


def _norms(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum('ij,ij->i', vectors, vectors))


def _round_sums(terms: np.ndarray, slack: float) -> np.ndarray:
    """The float32 nearest to each row's exact sum, by the row's own error bound, else by an exact summation."""
    sums, bound = terms.sum(axis=1), slack * np.abs(terms).sum(axis=1)
    rounded = (sums - bound).astype(np.float32)
    for i in np.flatnonzero(rounded != (sums + bound).astype(np.float32)):
        rounded[i] = math.fsum(terms[i])
    return rounded


def top_k(
    queries: np.ndarray,
    docs: np.ndarray,
    order: np.ndarray,
    rank: np.ndarray,
    k: int,
    *,
    max_norm: float,
    rows: np.ndarray | None = None,
    device: str | None = None,
    progress: Callable[[int], object] = lambda queries: None,
) -> tuple[np.ndarray, np.ndarray]:
    """The best ``k`` documents of each query by (score descending, docno ascending).

    Where the pool is much larger than ``k``, a float32 product in blocks first selects what can be among the best: all
    that score within the product's error bound of the ``k``-th best, ties included. Only these get their exact score.

    Args:
        queries: float32, ``(q, d)``, finite.
        docs: float32, ``(n, d)``, finite; may be a memory map, read in blocks.
        order: uint32, ``(n,)``: docids by ascending docno.
        rank: uint32, ``(n,)``: each docid's place in ``order``.
        k: how many to return, at least 1.
        max_norm: an upper bound of the documents' Euclidean norms.
        rows: ascending docids to search in; all by default.
        device: a torch device for the first selection (``'cuda'``); numpy by default. The result is the same.
        progress: called with the number of queries finished since the last call.

    Returns:
        docids (int64) and scores (float32), both ``(q, min(k, pool))``, best first.
    """
    pool = len(docs) if rows is None else len(rows)
    k = min(k, pool)
    margins = error_margins(queries, max_norm)
    few_others = pool <= k * min(16, 1 + len(queries))  # then a preselection costs more than it saves
    search_all = few_others or not np.isfinite(margins).all()
    cells = 2**22 if device is None else 2**26
    step = int(np.clip(cells // (k + _DOC_BLOCK), 1, 4096))
    keys = np.empty((len(queries), k), dtype=np.uint64)
    for start in range(0, len(queries), step):
        batch = slice(start, start + step)
        if search_all:
            keys[batch] = _search_all(queries[batch], docs, rank, k, rows)
        else:
            found = _preselect(queries[batch], docs, k, margins[batch], rows, device)
            for i, docids in enumerate(found, start):
                keys[i] = _search_all(queries[i : i + 1], docs, rank, k, docids)[0]
        progress(len(queries[batch]))
    docids, scores = _decode(keys, order)
    return docids, scores


def _search_all(queries, docs, rank, k, rows) -> np.ndarray:
    """Keys of the best ``k`` of all ``rows``, sorted."""
    best = np.empty((len(queries), 0), dtype=np.uint64)
    for docids, block in _blocks(docs, rows, _EXACT_BLOCK):
        best = np.concatenate([best, _encode(exact_scores(queries, block), rank[docids])], axis=1)
        if best.shape[1] > k:
            best = np.partition(best, k - 1, axis=1)[:, :k]
    return np.sort(best, axis=1)


def _encode(scores: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """One integer for score and docno, so that an ascending sort is the order (score descending, docno ascending).

    The upper half is the score's bits, which order as integers once a negative's are all inverted and a positive's sign
    bit is set; inverted again to descend. The lower half is the docno's rank. No two documents share a key, so that a
    cut at ``k`` is never ambiguous.
    """
    bits = scores.view(np.uint32)
    ascending = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return (~ascending).astype(np.uint64) << np.uint64(32) | rank.astype(np.uint64)


def _decode(keys: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Docids and scores of keys."""
    ascending = ~(keys >> np.uint64(32)).astype(np.uint32)
    bits = np.where(ascending >> 31, ascending & np.uint32(2**31 - 1), ~ascending)
    return order[(keys & np.uint64(2**32 - 1)).astype(np.int64)].astype(np.int64), bits.view(np.float32)


def _blocks(docs: np.ndarray, rows: np.ndarray | None, size: int) -> Iterator[tuple[np.ndarray | slice, np.ndarray]]:
    """The documents in blocks, as (what selects them, their vectors)."""
    for start in range(0, len(docs) if rows is None else len(rows), size):
        docids = slice(start, start + size) if rows is None else rows[start : start + size]
        yield docids, docs[docids]


def error_margins(queries: np.ndarray, max_norm: float) -> np.ndarray:
    """Per query, how far below the ``k``-th best float32 product a document of the true best can be.

    Twice the error of a float32 sum of ``d`` products, plus a unit in the last place for the rounding of exact scores,
    plus ``d`` times the smallest normal number where the product underflows.
    """
    dims = queries.shape[1]
    norms = _norms(queries.astype(np.float64)) * max_norm
    limits = np.finfo(np.float32)
    margins = 2.02 * (dims + 4) * 2.0**-24 * norms + 2 * dims * float(limits.tiny)
    return np.where(norms < limits.max, margins, np.inf)


def _preselect(queries, docs, k, margins, rows, device) -> list[np.ndarray]:
    """Per query, ascending docids that include the best ``k`` and whatever ties with them. Needs ``k <= pool``."""
    match = _numpy_matcher(queries) if device is None else _torch_matcher(queries, device)
    floors = np.full(len(queries), -np.inf)
    kept = [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))] * len(queries)
    pending, waiting = [], 0
    for docids, block in _blocks(docs, rows, max(_DOC_BLOCK, k)):
        query_of, place, score = match(block, floors, k if np.isinf(floors[0]) else None, margins)
        docid_of = place + docids.start if isinstance(docids, slice) else docids[place]
        pending.append((query_of, docid_of, score))
        waiting += len(score)
        if np.isinf(floors[0]) or waiting > 2 * k * len(queries):
            kept, floors = _raise_floors(kept, pending, k, margins)
            pending, waiting = [], 0
    return [docids for docids, _ in _raise_floors(kept, pending, k, margins)[0]]


def _raise_floors(kept, pending, k, margins):
    """Adds what is pending to what is kept, and drops what cannot be among the best ``k`` any more."""
    floors = np.empty(len(kept))
    ends = [np.searchsorted(query_of, np.arange(len(kept) + 1)) for query_of, _, _ in pending]
    for i in range(len(kept)):
        parts = [(d[e[i] : e[i + 1]], s[e[i] : e[i + 1]]) for (_, d, s), e in zip(pending, ends)]
        docids, scores = (np.concatenate(arrays) for arrays in zip(kept[i], *parts))
        floors[i] = np.partition(scores, len(scores) - k)[len(scores) - k] - margins[i]
        keep = scores >= floors[i]
        kept[i] = docids[keep], scores[keep]
    return kept, floors


def _numpy_matcher(queries: np.ndarray):
    def match(block, floors, k, margins):
        scores = queries @ block.T
        if k is not None:
            floors = np.partition(scores, scores.shape[1] - k, axis=1)[:, scores.shape[1] - k] - margins
        rows, columns = np.nonzero(scores >= floors.astype(np.float32)[:, None])
        return rows, columns, scores[rows, columns]

    return match


def _torch_matcher(queries: np.ndarray, device: str):
    import torch

    on_device = torch.from_numpy(queries).to(device)

    def match(block, floors, k, margins):
        docs = torch.from_numpy(np.array(block)).to(device)
        precision = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision('highest')  # the margins are those of float32, not of TF32
        try:
            scores = on_device @ docs.T
        finally:
            torch.set_float32_matmul_precision(precision)
        if k is not None:
            floors = scores.topk(k, dim=1).values[:, -1].cpu().numpy() - margins
        rows, columns = torch.nonzero(scores >= torch.from_numpy(floors).to(scores)[:, None], as_tuple=True)
        return rows.cpu().numpy(), columns.cpu().numpy(), scores[rows, columns].cpu().numpy()

    return match

"""Exact search: for each query the ``k`` documents of highest dot product, equal scores by ascending docno.

A score is that of :func:`~.scores.exact_scores`, the float32 nearest to the exact dot product, so a search gives the
same bytes whatever the blocking, the device, or the other documents in the index.
"""
from collections.abc import Callable, Iterator

import numpy as np

from pyterrier_hybrid.ranking.order import from_order_keys, order_keys
from pyterrier_hybrid.ranking.scores import error_margins, exact_scores, full_float32

# So few that the scores of a block of documents stay in the processor's cache until they are compared. A device has
# other limits.
_DOC_BLOCK, _CELLS = 4_096, 2**22
_DEVICE_BLOCK, _DEVICE_CELLS = 16_384, 2**26
_EXACT_BLOCK = 4_096


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
    few_others = pool <= k * min(16, 1 + len(queries))  # a preselection would cost more than it saves
    search_all = few_others or not np.isfinite(margins).all()
    docs_block, cells = (_DOC_BLOCK, _CELLS) if device is None else (_DEVICE_BLOCK, _DEVICE_CELLS)
    passes = -(-len(queries) // int(np.clip(cells // (k + docs_block), 1, 4096)))
    step = -(-len(queries) // max(passes, 1))  # equal numbers of queries in each pass over the documents
    keys = np.empty((len(queries), k), dtype=np.uint64)
    for start in range(0, len(queries), max(step, 1)):
        batch = slice(start, start + step)
        if search_all:
            keys[batch] = _search_all(queries[batch], docs, rank, k, rows)
        else:
            found = _preselect(queries[batch], docs, k, margins[batch], rows, device, max(docs_block, k))
            for i, docids in enumerate(found, start):
                keys[i] = _search_all(queries[i : i + 1], docs, rank, k, docids)[0]
        progress(len(queries[batch]))
    places, scores = from_order_keys(keys)
    return order[places].astype(np.int64), scores


def _search_all(queries, docs, rank, k, rows) -> np.ndarray:
    """Keys of the best ``k`` of all ``rows``, sorted."""
    best = np.empty((len(queries), 0), dtype=np.uint64)
    for docids, block in _blocks(docs, rows, _EXACT_BLOCK):
        best = np.concatenate([best, order_keys(exact_scores(queries, block), rank[docids])], axis=1)
        if best.shape[1] > k:
            best = np.partition(best, k - 1, axis=1)[:, :k]
    return np.sort(best, axis=1)


def _blocks(docs: np.ndarray, rows: np.ndarray | None, size: int) -> Iterator[tuple[np.ndarray | slice, np.ndarray]]:
    """Yields the documents in blocks: (their slice or docids, their vectors)."""
    for start in range(0, len(docs) if rows is None else len(rows), size):
        docids = slice(start, start + size) if rows is None else rows[start : start + size]
        yield docids, docs[docids]


def _preselect(queries, docs, k, margins, rows, device, block_size) -> list[np.ndarray]:
    """Returns, per query, ascending docids that include the best ``k`` and all ties with them. Needs ``k <= pool``."""
    match = _numpy_matcher(queries, block_size) if device is None else _torch_matcher(queries, device)
    floors = np.full(len(queries), -np.inf)
    kept = [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))] * len(queries)
    pending, waiting = [], 0
    for docids, block in _blocks(docs, rows, block_size):
        query_of, place, score = match(block, floors, k if np.isinf(floors[0]) else None, margins)
        docid_of = place + docids.start if isinstance(docids, slice) else docids[place]
        pending.append((query_of, docid_of, score))
        waiting += len(score)
        if np.isinf(floors[0]) or waiting > 2 * k * len(queries):
            kept, floors = _raise_floors(kept, pending, k, margins)
            pending, waiting = [], 0
    return [docids for docids, _ in _raise_floors(kept, pending, k, margins)[0]]


def _raise_floors(kept, pending, k, margins):
    """Adds pending documents to those kept, and drops those that can no longer be among the best ``k``."""
    floors = np.empty(len(kept))
    ends = [np.searchsorted(query_of, np.arange(len(kept) + 1)) for query_of, _, _ in pending]
    for i in range(len(kept)):
        parts = [(d[e[i] : e[i + 1]], s[e[i] : e[i + 1]]) for (_, d, s), e in zip(pending, ends)]
        docids, scores = (np.concatenate(arrays) for arrays in zip(kept[i], *parts))
        floors[i] = np.partition(scores, len(scores) - k)[len(scores) - k] - margins[i]
        keep = scores >= floors[i]
        kept[i] = docids[keep], scores[keep]
    return kept, floors


def _numpy_matcher(queries: np.ndarray, block_size: int):
    buffer = np.empty(len(queries) * block_size, dtype=np.float32)
    marks = np.empty(len(queries) * block_size, dtype=bool)

    def match(block, floors, k, margins):
        shape = len(queries), len(block)
        scores = np.matmul(queries, block.T, out=buffer[: shape[0] * shape[1]].reshape(shape))
        if k is not None:
            floors = np.partition(scores, shape[1] - k, axis=1)[:, shape[1] - k] - margins
        found = marks[: scores.size]
        np.greater_equal(scores, floors.astype(np.float32)[:, None], out=found.reshape(shape))
        cells = np.flatnonzero(found)
        rows, columns = np.divmod(cells, shape[1])
        return rows, columns, scores.ravel()[cells]

    return match


def _torch_matcher(queries: np.ndarray, device: str):
    import torch

    on_device = torch.from_numpy(queries).to(device)

    def match(block, floors, k, margins):
        docs = torch.from_numpy(np.array(block)).to(device)
        with full_float32():
            scores = on_device @ docs.T
        if k is not None:
            floors = scores.topk(k, dim=1).values[:, -1].cpu().numpy() - margins
        rows, columns = torch.nonzero(scores >= torch.from_numpy(floors).to(scores)[:, None], as_tuple=True)
        return rows.cpu().numpy(), columns.cpu().numpy(), scores[rows, columns].cpu().numpy()

    return match

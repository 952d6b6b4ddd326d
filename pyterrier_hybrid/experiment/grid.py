"""Exact ranks at full depth, by counting: every setting of a collection from one pass over the scores.

The rank of a passage is one more than the number of passages ordered before it. So an evaluation needs, for each
relevant passage, a count over one row of the score matrix, and never a sorted run: 13,090 questions over 13,014
passages would be 170 million rows of a data frame.

A score is what :mod:`pyterrier_hybrid.indexing.search` says it is, the float32 nearest to the exact dot product, and
ties are broken by docno: the ranks are those of ``index.retriever(len(index))``, whatever the blocking here. A float32
matrix product decides all comparisons but those within its error bound, which are decided by exact scores.
"""
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyterrier as pt

from pyterrier_hybrid.indexing.search import error_margins, exact_scores

#: Rows and columns of the score matrix that are computed at a time.
ROWS, COLUMNS = 1024, 8192
#: Scores that are kept for comparison at a time.
NEAR = 1 << 22
THREADS = min(4, os.cpu_count() or 1)


class Ranks(NamedTuple):
    """Ranks of n relevant passages, counted from 1 by (-score, docno): int64 (n,) each.

    Attributes:
        pooled: among all passages (the multilingual setting).
        within: among the passages in the relevant passage's own language (monolingual and cross-lingual settings).
    """

    pooled: np.ndarray
    within: np.ndarray


def rank_grid(
    query_vecs: np.ndarray,
    doc_vecs: np.ndarray,
    queries: np.ndarray,
    docs: np.ndarray,
    *,
    langs: np.ndarray,
    docno_rank: np.ndarray,
    max_norm: float | None = None,
    device: str | None = None,
    verbose: bool = False,
) -> Ranks:
    """Ranks relevant passages by dot product, ties by docno in ascending order.

    Args:
        query_vecs: float32 (q, d), finite.
        doc_vecs: float32 (p, d), finite, possibly memory-mapped. Passages in one language that stand together are read
            without being copied.
        queries: int (n,), for each relevant passage, the row of its question.
        docs: int (n,), and the passage's own row.
        langs: (p,), the passages' languages, any values that can be compared.
        docno_rank: int (p,), each passage's place in the order of the docnos (``index.docnos().rank``).
        max_norm: an upper bound of the passages' Euclidean norms; computed if not given.
        device: a torch device (``'cuda'``) for the matrix product; numpy by default. The ranks are the same.
        verbose: show a progress bar.

    Returns:
        The ranks, aligned with ``queries`` and ``docs``.

    Raises:
        ValueError: vectors of different dimensions, or a question's vector that is not finite (names its row).
    """
    if query_vecs.shape[1] != doc_vecs.shape[1]:
        raise ValueError(
            f'the questions have vectors of {query_vecs.shape[1]} dimensions, the passages of {doc_vecs.shape[1]}; '
            'was the index built with another encoder?'
        )
    broken = np.flatnonzero(~np.isfinite(query_vecs).all(axis=1))
    if len(broken):
        raise ValueError(f'the vector of question {broken[0]} is not finite; the encoder is broken for its text')
    by_query = np.argsort(queries, kind='stable')
    counter = _Counter(query_vecs, doc_vecs, queries[by_query], docs[by_query], langs, docno_rank, max_norm)
    matmul = _numpy_matmul if device is None else _torch_matmul(device)
    bar = pt.tqdm(total=len(query_vecs), desc='ranking', unit='question', disable=not verbose)
    with bar, ThreadPoolExecutor(THREADS) as pool:
        for rows in _parts(len(query_vecs), ROWS):
            counter.count(rows, matmul, pool)
            bar.update(len(rows))
    ranks = np.empty((2, len(queries)), dtype=np.int64)
    ranks[:, by_query] = 1 + counter.before
    return Ranks(*ranks)


class _Near(NamedTuple):
    """What scores high enough in a block of the score matrix to come before a relevant passage, row by row.

    Attributes:
        place: the place of the block's first column.
        width: its columns.
        rows: the block's rows.
        bounds: int64 (rows + 1,), where each row's entries begin.
        flat: int64 (c,), positions in the block.
        values: float32 (c,), the scores there.
    """

    place: int
    width: int
    rows: range
    bounds: np.ndarray
    flat: np.ndarray
    values: np.ndarray

    def row(self, query: int) -> tuple[np.ndarray, np.ndarray]:
        """The places and scores of one question's entries."""
        i = query - self.rows.start
        entries = slice(self.bounds[i], self.bounds[i + 1])
        return self.flat[entries] + (self.place - i * self.width), self.values[entries]


class _Counter:
    """Counts, for n relevant passages in the order of their questions, the passages that come before them.

    Passages have a *place*, by language, so that those in one language are one slice of a row of scores. Most of a row
    is below the lowest relevant passage: one pass over a block of scores, while it is in the cache, keeps what is not,
    and only that is compared with each relevant passage.

    Attributes:
        before: int64 (2, n), how many come before: of all, and of those in the same language.
    """

    def __init__(self, query_vecs, doc_vecs, queries, docs, langs, docno_rank, max_norm):
        self._query_vecs, self._doc_vecs = query_vecs, doc_vecs
        self._bounds = np.searchsorted(queries, np.arange(len(query_vecs) + 1))
        codes = np.unique(np.asarray(langs), return_inverse=True)[1]
        self._order = np.argsort(codes, kind='stable')
        self._in_order = bool((self._order[1:] > self._order[:-1]).all())
        self.before = np.zeros((2, len(docs)), dtype=np.int64)
        self._docno_rank = np.asarray(docno_rank)[self._order]
        self._own_docno_rank = np.asarray(docno_rank)[docs]
        starts = np.searchsorted(codes[self._order], np.arange(codes.max() + 2))
        self._start, self._stop = starts[codes[docs]], starts[codes[docs] + 1]

        self._scores = np.empty(len(docs), dtype=np.float32)
        for query, first, last in zip(range(len(query_vecs)), self._bounds, self._bounds[1:]):
            relevant = doc_vecs[docs[first:last]]
            self._scores[first:last] = exact_scores(query_vecs[query : query + 1], relevant)[0]
        # Half of the margin between two products is that between a product and an exact score. Where it is not finite
        # a product may overflow: such a row is taken for zeros, all of them too close to tell.
        margins = error_margins(query_vecs, _max_norm(doc_vecs) if max_norm is None else max_norm) / 2
        self._overflows = ~np.isfinite(margins)
        margins = np.where(self._overflows, 0, margins)[queries]
        infinity = np.float32(np.inf)
        self._high = np.nextafter((self._scores + margins).astype(np.float32), infinity)
        self._low = np.nextafter((self._scores - margins).astype(np.float32), -infinity)
        self._high[self._overflows[queries]], self._low[self._overflows[queries]] = infinity, -infinity
        self._floor = np.full(len(query_vecs), infinity)
        np.minimum.at(self._floor, queries, self._low)

    def count(self, rows: range, matmul: Callable, pool: ThreadPoolExecutor) -> None:
        """Counts in some rows of the score matrix."""
        queries = self._query_vecs[rows.start : rows.stop]
        buffer = np.empty(len(rows) * min(COLUMNS, len(self._order)), dtype=np.float32)
        parts = [range(rows.start + part.start, rows.start + part.stop) for part in _parts(len(rows), -(-len(rows) // THREADS))]
        near: list[_Near] = []
        for columns in _parts(len(self._order), COLUMNS):
            where = slice(columns.start, columns.stop)
            vecs = self._doc_vecs[where if self._in_order else self._order[where]]
            scores = matmul(queries, vecs, buffer)
            near += pool.map(lambda part, scores=scores, place=columns.start: self._near(part, rows, place, scores), parts)
            if sum(len(block.values) for block in near) > NEAR:
                self._compare(near, parts, pool)
                near = []
        self._compare(near, parts, pool)

    def _near(self, part: range, rows: range, place: int, scores: np.ndarray) -> _Near:
        """What comes near a relevant passage of some rows."""
        scores = scores[part.start - rows.start : part.stop - rows.start]
        overflows = self._overflows[part.start : part.stop]
        if overflows.any():
            scores[overflows] = 0
        flat = np.flatnonzero(scores >= self._floor[part.start : part.stop, None])
        width = scores.shape[1]
        bounds = flat.searchsorted(np.arange(len(part) + 1) * width)
        return _Near(place, width, part, bounds, flat, scores.reshape(-1)[flat])

    def _compare(self, near: list[_Near], parts: list[range], pool: ThreadPoolExecutor) -> None:
        """Counts what comes before the relevant passages of some rows, among what comes near."""

        def compare(part: range) -> None:
            mine = [block for block in near if block.rows == part]
            for query in part:
                places, values = zip(*(block.row(query) for block in mine))
                self._compare_row(query, np.concatenate(places), np.concatenate(values))

        if near:
            list(pool.map(compare, parts))

    def _compare_row(self, query: int, places: np.ndarray, values: np.ndarray) -> None:
        if not len(places):
            return
        relevant = slice(self._bounds[query], self._bounds[query + 1])
        above = values > self._high[relevant, None]
        slices = zip(places.searchsorted(self._start[relevant]), places.searchsorted(self._stop[relevant]))
        for i, (row, (left, right)) in enumerate(zip(above, slices), relevant.start):
            self.before[0, i] += np.count_nonzero(row)
            self.before[1, i] += np.count_nonzero(row[left:right])
        close = np.flatnonzero((values >= self._low[relevant, None]) ^ above)
        if len(close):
            which, column = np.divmod(close, len(places))
            self._compare_close(query, relevant.start + which, places[column])

    def _compare_close(self, query: int, relevant: np.ndarray, places: np.ndarray) -> None:
        """Counts passages that come before relevant ones, where products are too close to tell.

        Args:
            query: the question.
            relevant: int (c,), positions of the relevant passages.
            places: int (c,), the places of the passages close to them.
        """
        unique, back = np.unique(places, return_inverse=True)
        exact = exact_scores(self._query_vecs[query : query + 1], self._doc_vecs[self._order[unique]])[0][back]
        own = self._scores[relevant]
        earlier = self._docno_rank[places] < self._own_docno_rank[relevant]
        before = (exact > own) | ((exact == own) & earlier)
        same = before & (places >= self._start[relevant]) & (places < self._stop[relevant])
        np.add.at(self.before[0], relevant[before], 1)
        np.add.at(self.before[1], relevant[same], 1)


def _parts(n: int, size: int) -> list[range]:
    """The numbers below n in consecutive parts."""
    return [range(start, min(start + size, n)) for start in range(0, n, size)]


def _numpy_matmul(queries: np.ndarray, docs: np.ndarray, buffer: np.ndarray) -> np.ndarray:
    # A buffer that is used again, because the system clears new memory page by page.
    scores = buffer[: len(queries) * len(docs)].reshape(len(queries), len(docs))
    with np.errstate(over='ignore', invalid='ignore'):  # such a question's scores are not used
        return np.matmul(queries, docs.T, out=scores)


def _torch_matmul(device: str) -> Callable:
    import torch

    def matmul(queries: np.ndarray, docs: np.ndarray, buffer: np.ndarray) -> np.ndarray:
        precision = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision('highest')  # the margins are those of float32, not of TF32
        try:
            on_device = (torch.from_numpy(np.array(part)).to(device) for part in (queries, docs))
            return torch.matmul(next(on_device), next(on_device).T).cpu().numpy()
        finally:
            torch.set_float32_matmul_precision(precision)

    return matmul


def _max_norm(vecs: np.ndarray) -> float:
    """The greatest Euclidean norm of float32 vectors."""
    blocks = (vecs[i : i + COLUMNS].astype(np.float64) for i in range(0, len(vecs), COLUMNS))
    return max(float(np.sqrt(np.einsum('ij,ij->i', block, block).max())) for block in blocks)

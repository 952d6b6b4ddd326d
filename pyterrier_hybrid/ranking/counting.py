"""Counts the passages that come before relevant ones, from blocks of a score matrix."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pyterrier_hybrid.ranking.order import comes_before
from pyterrier_hybrid.ranking.scores import error_margins, exact_scores


class Near(NamedTuple):
    """The entries of a block of the score matrix that are high enough to come before a relevant passage, row by row.

    Attributes:
        place: the place of the block's first column.
        width: the number of its columns.
        bounds: int64 (rows + 1,), where each row's entries begin.
        flat: int64 (c,), positions in the block.
        values: float32 (c,), the scores there.
    """

    place: int
    width: int
    bounds: np.ndarray
    flat: np.ndarray
    values: np.ndarray

    def row(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """The places and scores of one row's entries."""
        entries = slice(self.bounds[i], self.bounds[i + 1])
        return self.flat[entries] + (self.place - i * self.width), self.values[entries]


class RankCounter:
    """Counts, for n relevant passages in the order of their questions, the passages that come before them.

    Passages have a *place*, ordered by language, so that those in one language are one slice of a row of scores. Most
    scores of a row are below that of the lowest relevant passage. One pass over a block, while it is in the processor's
    cache, keeps the other scores, and only these are compared with each relevant passage.

    Args:
        query_vecs, doc_vecs, doc_langs, docno_rank, max_norm, excluded: as for :func:`~.grid.rank_grid`.
        queries: int (n,), ascending: the question of each relevant passage.
        docs: int (n,), the row of each relevant passage in ``doc_vecs``.

    Attributes:
        order: int64 (p,), the passage at each place.
        before: int64 (2, n), how many passages come before: of all, and of those in the same language.
    """

    def __init__(
        self, query_vecs: np.ndarray, doc_vecs: np.ndarray, queries: np.ndarray, docs: np.ndarray,
        doc_langs: np.ndarray, docno_rank: np.ndarray, max_norm: float,
        excluded: tuple[np.ndarray, np.ndarray] | None = None,
    ):  # fmt: skip
        self._query_vecs, self._doc_vecs = query_vecs, doc_vecs
        self._bounds = np.searchsorted(queries, np.arange(len(query_vecs) + 1))
        codes = np.unique(np.asarray(doc_langs), return_inverse=True)[1]
        self.order = np.argsort(codes, kind='stable')
        self.before = np.zeros((2, len(docs)), dtype=np.int64)
        self._docno_rank = np.asarray(docno_rank)[self.order]
        self._place = np.argsort(self.order)
        self._own_docno_rank = np.asarray(docno_rank)[docs]
        starts = np.searchsorted(codes[self.order], np.arange(codes.max() + 2))
        self._start, self._stop = starts[codes[docs]], starts[codes[docs] + 1]

        self._scores = np.empty(len(docs), dtype=np.float32)
        for query, first, last in zip(range(len(query_vecs)), self._bounds, self._bounds[1:]):
            relevant = doc_vecs[docs[first:last]]
            self._scores[first:last] = exact_scores(query_vecs[query : query + 1], relevant)[0]
        # The margin between a product and an exact score is half of that between two products. If it is not finite, a
        # product may overflow; then the row counts as zeros, and exact scores decide all its comparisons.
        margins = error_margins(query_vecs, max_norm) / 2
        self._overflows = ~np.isfinite(margins)
        margins = np.where(self._overflows, 0, margins)[queries]
        infinity = np.float32(np.inf)
        self._high = np.nextafter((self._scores + margins).astype(np.float32), infinity)
        self._low = np.nextafter((self._scores - margins).astype(np.float32), -infinity)
        self._high[self._overflows[queries]], self._low[self._overflows[queries]] = infinity, -infinity
        self._floor = np.full(len(query_vecs), infinity)
        np.minimum.at(self._floor, queries, self._low)
        if excluded is not None:
            self._leave_out(*excluded)

    def _leave_out(self, queries: np.ndarray, docs: np.ndarray) -> None:
        """Takes passages out of the rankings of some questions: int (m,) each, any order, pairs may repeat."""
        pairs = np.unique(np.stack([queries, self._place[docs]]), axis=1)
        which, starts = np.unique(pairs[0], return_index=True)
        for query, places in zip(which.tolist(), np.split(pairs[1], starts[1:])):
            relevant = np.arange(self._bounds[query], self._bounds[query + 1])
            self._count_close(query, relevant.repeat(len(places)), np.tile(places, len(relevant)), -1)

    def near(self, rows: range, place: int, scores: np.ndarray) -> Near:
        """Returns the entries of a block of the score matrix that may come before a relevant passage.

        Args:
            rows: the block's questions.
            place: the place of its first column.
            scores: float32 (rows, columns), from a matrix product, C-contiguous; may be changed.
        """
        overflows = self._overflows[rows.start : rows.stop]
        if overflows.any():
            scores[overflows] = 0
        flat = np.flatnonzero(scores >= self._floor[rows.start : rows.stop, None])
        width = scores.shape[1]
        bounds = flat.searchsorted(np.arange(len(rows) + 1) * width)
        return Near(place, width, bounds, flat, scores.reshape(-1)[flat])

    def count(self, rows: range, near: Sequence[Near]) -> None:
        """Counts the passages that come before the relevant passages of some questions.

        Args:
            rows: the questions.
            near: the results of :meth:`near` for the blocks of these rows, by place.
        """
        for i, query in enumerate(rows):
            places, values = zip(*(block.row(i) for block in near))
            self._count_row(query, np.concatenate(places), np.concatenate(values))

    def _count_row(self, query: int, places: np.ndarray, values: np.ndarray) -> None:
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
            self._count_close(query, relevant.start + which, places[column])

    def _count_close(self, query: int, relevant: np.ndarray, places: np.ndarray, by: int = 1) -> None:
        """Counts the passages at ``places``, int (c,), that come before ``relevant`` ones, int (c,), by exact scores.

        Relevant passages are given by their positions. Each passage adds ``by`` to the count; -1 takes it out again.
        """
        unique, back = np.unique(places, return_inverse=True)
        exact = exact_scores(self._query_vecs[query : query + 1], self._doc_vecs[self.order[unique]])[0][back]
        own = self._scores[relevant], self._own_docno_rank[relevant]
        before = comes_before(exact, self._docno_rank[places], *own)
        same = before & (places >= self._start[relevant]) & (places < self._stop[relevant])
        np.add.at(self.before[0], relevant[before], by)
        np.add.at(self.before[1], relevant[same], by)

"""Exact ranks at full depth, by counting: every setting of a collection from one pass over the scores.

The rank of a passage is one more than the number of passages ordered before it. So an evaluation needs, for each
relevant passage, a count over one row of the score matrix, and never a sorted run: 13,090 questions over 13,014
passages would be 170 million rows of a data frame.

A score is what :mod:`pyterrier_hybrid.indexing.search` says it is, the float32 nearest to the exact dot product, and
ties are broken by docno: the ranks are those of ``index.retriever(len(index))``, whatever the blocking here. A float32
matrix product decides all comparisons but those within its error bound, which are decided by exact scores.
"""
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyterrier as pt

from pyterrier_hybrid.indexing.search import error_margins, exact_scores

#: Scores held at a time, in bytes.
SCORE_BYTES = 128 * 2**20
#: Passages whose vectors are multiplied at a time.
DOC_BLOCK = 1 << 16
_INFINITY = np.float32(np.inf)


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
    docnos: np.ndarray,
    verbose: bool = False,
) -> Ranks:
    """Ranks relevant passages by dot product, ties by docno in ascending order.

    Args:
        query_vecs: float32 (q, d), finite.
        doc_vecs: float32 (p, d), finite, possibly memory-mapped.
        queries: int (n,), for each relevant passage, the row of its question.
        docs: int (n,), and the passage's own row.
        langs: (p,), the passages' languages, any values that can be compared.
        docnos: (p,), the passages' docnos, compared as strings by code point.
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
    layout = _Layout(np.asarray(langs), np.asarray(docnos))
    margins = error_margins(query_vecs, _max_norm(doc_vecs))
    pooled, within = np.zeros(len(queries), dtype=np.int64), np.zeros(len(queries), dtype=np.int64)
    by_query = np.argsort(queries, kind='stable')
    bounds = np.searchsorted(queries[by_query], np.arange(len(query_vecs) + 1))
    bar = pt.tqdm(total=len(query_vecs), desc='ranking', unit='q', disable=not verbose)
    for first, block in _score_blocks(query_vecs, doc_vecs, layout.order):
        for query, scores in enumerate(block, first):
            relevant = by_query[bounds[query] : bounds[query + 1]]
            places = layout.place[docs[relevant]]
            found = layout.ranks(scores, places, margins[query], query_vecs[query], doc_vecs)
            pooled[relevant], within[relevant] = found
        bar.update(len(block))
    bar.close()
    return Ranks(pooled, within)


class _Layout:
    """Passages put in the order (language, docno), so that the passages in a language are one slice of the scores."""

    def __init__(self, langs: np.ndarray, docnos: np.ndarray):
        by_docno = np.argsort(docnos, kind='stable')
        _, codes = np.unique(langs, return_inverse=True)
        self.order = by_docno[np.argsort(codes[by_docno], kind='stable')]
        self.place = np.empty(len(langs), dtype=np.int64)
        self.place[self.order] = np.arange(len(langs))
        codes = codes[self.order]
        starts = np.searchsorted(codes, np.arange(codes.max() + 2))
        self._start, self._stop = starts[codes], starts[codes + 1]
        self._docno_rank = np.empty(len(langs), dtype=np.int64)
        self._docno_rank[self.place[by_docno]] = np.arange(len(langs))

    def ranks(
        self, scores: np.ndarray, places: np.ndarray, margin: float, query: np.ndarray, docs: np.ndarray
    ) -> tuple[list[int], list[int]]:
        """The ranks of some passages for one question, among all passages and among those in their language.

        Args:
            scores: float32 (p,), the question's scores from a matrix product, in this layout's order.
            places: int (m,), where the passages are in it.
            margin: scores further apart than this are in the order of the exact scores.
            query: float32 (d,), the question's vector.
            docs: float32 (p, d), the passages' vectors, in their own order.
        """
        starts, stops = self._start[places], self._stop[places]
        pooled, within, close = [], [], []
        for score, start, stop in zip(scores[places], starts, stops):
            high = np.nextafter(np.float32(score + margin), _INFINITY)
            low = np.nextafter(np.float32(score - margin), -_INFINITY)
            not_below = np.flatnonzero(scores >= low)
            above = scores[not_below] > high
            close.append(not_below[~above])
            pooled.append(1 + np.count_nonzero(above))
            within.append(1 + np.count_nonzero(above[slice(*not_below.searchsorted((start, stop)))]))
        if sum(map(len, close)) > len(places):
            for i, before in enumerate(self._before(close, places, query, docs)):
                pooled[i] += len(before)
                within[i] += np.count_nonzero((before >= starts[i]) & (before < stops[i]))
        return pooled, within

    def _before(self, close: list[np.ndarray], places: np.ndarray, query: np.ndarray, docs: np.ndarray) -> Iterator:
        """Yields for each passage which of the passages close to it come before it by exact score and docno."""
        every = np.unique(np.concatenate(close))
        exact = exact_scores(query[None], docs[self.order[every]])[0]
        for near, place in zip(close, places):
            scores, mine = exact[every.searchsorted(near)], exact[every.searchsorted(place)]
            tied_before = (scores == mine) & (self._docno_rank[near] < self._docno_rank[place])
            yield near[(scores > mine) | tied_before]


def _score_blocks(query_vecs: np.ndarray, doc_vecs: np.ndarray, order: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields, of blocks of questions, the first one's row and float32 scores (block, p), passages in ``order``."""
    size = max(1, min(len(query_vecs), SCORE_BYTES // (4 * max(1, len(doc_vecs)))))
    in_order = bool((order[1:] > order[:-1]).all())
    scores = np.empty((size, len(doc_vecs)), dtype=np.float32)
    for start in range(0, len(query_vecs), size):
        queries = query_vecs[start : start + size]
        block = scores[: len(queries)]
        for first in range(0, len(doc_vecs), DOC_BLOCK):
            part = slice(first, min(first + DOC_BLOCK, len(doc_vecs)))
            docs = doc_vecs[part] if in_order else doc_vecs[order[part]]
            np.matmul(queries, docs.T, out=block[:, part])
        yield start, block


def _max_norm(vecs: np.ndarray) -> float:
    """The greatest Euclidean norm of float32 vectors."""
    blocks = (vecs[i : i + DOC_BLOCK].astype(np.float64) for i in range(0, len(vecs), DOC_BLOCK))
    return max(float(np.sqrt(np.einsum('ij,ij->i', block, block).max())) for block in blocks)

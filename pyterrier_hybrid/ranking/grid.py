"""Exact ranks at full depth, by counting: one pass over the scores gives every setting of a collection.

The rank of a passage is one more than the number of passages ordered before it. So an evaluation needs, for each
relevant passage, a count over one row of the score matrix, and no sorted run: 13,090 questions over 13,014 passages
would be a data frame of 170 million rows.

A score is the float32 nearest to the exact dot product (:mod:`pyterrier_hybrid.ranking.scores`), and ties are broken by
docno. So the ranks are those of ``index.retriever(len(index))``, and do not depend on the blocks here. A float32 matrix
product decides all comparisons except those within its error bound, which exact scores decide.
"""
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyterrier as pt

from pyterrier_hybrid.ranking.counting import RankCounter
from pyterrier_hybrid.ranking.order import comes_before
from pyterrier_hybrid.ranking.scores import exact_scores, matrix_product
from pyterrier_hybrid.ranking.scores import max_norm as greatest_norm

#: Rows and columns of the score matrix computed at a time.
ROWS, COLUMNS = 1024, 8192
#: Scores that are kept for comparison at a time.
NEAR = 1 << 22
#: For at most this many passages, all exact scores are computed: a selection would cost more than it saves.
FEW = 4096
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
    doc_langs: np.ndarray | None = None,
    docno_rank: np.ndarray | None = None,
    excluded: tuple[np.ndarray, np.ndarray] | None = None,
    max_norm: float | None = None,
    device: str | None = None,
    verbose: bool = False,
    langs: np.ndarray | None = None,
) -> Ranks:
    """Ranks relevant passages by dot product, ties by docno in ascending order.

    Args:
        query_vecs: float32 (q, d), finite.
        doc_vecs: float32 (p, d), finite, possibly memory-mapped. Passages in one language that stand together are read
            without being copied.
        queries: int (n,), for each relevant passage, the row of its question.
        docs: int (n,), and the passage's own row.
        doc_langs: (p,), the passages' languages, any values that can be compared; one language for all by default.
        docno_rank: int (p,), each passage's place in the order of the docnos (``index.docnos().rank``); by default
            passages are in that order.
        excluded: the rows of m questions and of a passage each, int (m,), that is left out of the question's ranking;
            such a passage is not among the question's relevant ones.
        max_norm: an upper bound of the passages' Euclidean norms; computed if not given.
        device: a torch device (``'cuda'``) for the matrix product; numpy by default. The ranks are the same.
        verbose: show a progress bar.
        langs: the former name of ``doc_langs``.

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
    if langs is not None:
        warnings.warn('rank_grid(langs=) is now doc_langs=', FutureWarning, stacklevel=2)
        doc_langs = langs
    doc_langs = np.zeros(len(doc_vecs), dtype=np.uint8) if doc_langs is None else doc_langs
    docno_rank = np.arange(len(doc_vecs)) if docno_rank is None else docno_rank
    ranks = np.empty((2, len(queries)), dtype=np.int64)
    given = query_vecs, doc_vecs, queries[by_query], docs[by_query], np.asarray(doc_langs), np.asarray(docno_rank)
    if len(doc_vecs) <= FEW:
        ranks[:, by_query] = 1 + _count_all(*given, excluded, verbose)
        return Ranks(*ranks)
    counter = RankCounter(*given, greatest_norm(doc_vecs) if max_norm is None else max_norm, excluded)
    matmul = matrix_product(device)
    size = len(query_vecs) * len(doc_vecs)
    bar = pt.tqdm(total=size, desc='ranking', unit='score', unit_scale=True, disable=not verbose)
    with bar, ThreadPoolExecutor(THREADS) as threads:
        for rows in _parts(range(len(query_vecs)), ROWS):
            # Each thread has its own rows of every block, so no two threads write the same counts.
            parts, near = _parts(rows, -(-len(rows) // THREADS)), []
            for place, scores in _blocks(rows, query_vecs, doc_vecs, counter.order, matmul):
                mine = [scores[part.start - rows.start : part.stop - rows.start] for part in parts]
                near.append(list(threads.map(counter.near, parts, [place] * len(parts), mine)))
                if sum(len(part.values) for block in near for part in block) > NEAR:
                    list(threads.map(counter.count, parts, zip(*near)))
                    near = []
                bar.update(scores.size)
            list(threads.map(counter.count, parts, zip(*near)))
    ranks[:, by_query] = 1 + counter.before
    return Ranks(*ranks)


def _count_all(
    query_vecs: np.ndarray, doc_vecs: np.ndarray, queries: np.ndarray, docs: np.ndarray, langs: np.ndarray,
    docno_rank: np.ndarray, excluded: tuple[np.ndarray, np.ndarray] | None, verbose: bool,
) -> np.ndarray:  # fmt: skip
    """Counts the passages before each relevant one, of all and of its language, (2, n), from all exact scores."""
    before = np.empty((2, len(docs)), dtype=np.int64)
    at_a_time = max(1, NEAR // max(1, len(doc_vecs)))
    with pt.tqdm(total=len(query_vecs), desc='ranking', unit='question', disable=not verbose) as bar:
        for rows in _parts(range(len(query_vecs)), at_a_time):
            scores = exact_scores(query_vecs[rows.start : rows.stop], doc_vecs)
            if excluded is not None:
                here = (excluded[0] >= rows.start) & (excluded[0] < rows.stop)
                scores[excluded[0][here] - rows.start, excluded[1][here]] = np.nan  # NaN comes before nothing
            for some in _parts(range(*np.searchsorted(queries, [rows.start, rows.stop])), at_a_time):
                of = slice(some.start, some.stop)
                row, own = queries[of] - rows.start, docs[of]
                first = comes_before(scores[row], docno_rank, scores[row, own][:, None], docno_rank[own][:, None])
                before[0, of] = first.sum(axis=1)
                before[1, of] = (first & (langs == langs[own][:, None])).sum(axis=1)
            bar.update(len(rows))
    return before


def _blocks(
    rows: range, query_vecs: np.ndarray, doc_vecs: np.ndarray, order: np.ndarray, matmul: Callable
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields blocks of the score matrix, each valid until the next: the place of the first column, and the scores."""
    in_order = bool((order[1:] > order[:-1]).all())
    queries = query_vecs[rows.start : rows.stop]
    buffer = np.empty(len(rows) * min(COLUMNS, len(order)), dtype=np.float32)
    for columns in _parts(range(len(order)), COLUMNS):
        where = slice(columns.start, columns.stop)
        yield columns.start, matmul(queries, doc_vecs[where if in_order else order[where]], buffer)


def _parts(numbers: range, size: int) -> list[range]:
    """Cuts consecutive numbers into parts of a size."""
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]

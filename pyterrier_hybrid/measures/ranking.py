"""Ranks in this project's order: by (-score, docno ascending), counted from 1."""
from dataclasses import dataclass
from math import isfinite

import numpy as np
import pandas as pd

from pyterrier_hybrid.measures.table import Table


@dataclass(frozen=True)
class Ranking:
    """The parts of a run's order that measures need.

    Attributes:
        lengths: int64 (n_queries,), the length of each query's list; 0 where the run has lost the query.
        ranks: int64 (n_judged,), the rank of each judged document in its query's list; 0 if it was not retrieved.
        judged_docs: int64 (n_judged,), each judged document's position in ``run.doc_ids``; -1 if it is not in the run.
        top_queries, top_ranks, top_rows: int64 (n_top,), the first documents of every list, in order: the query, the
            rank, the row of the run.
    """

    lengths: np.ndarray
    ranks: np.ndarray
    judged_docs: np.ndarray
    top_queries: np.ndarray
    top_ranks: np.ndarray
    top_rows: np.ndarray


def rank_judged(run: Table, query_ids: list[str], judged_queries: np.ndarray, judged_doc_ids: np.ndarray,
                depth: int) -> Ranking:
    """Ranks the judged documents, and lists the first documents of every query.

    No list is sorted by docno: docnos are compared only among equal scores, so without ties the cost is that of sorting
    each query's scores.

    Args:
        run: the run. Its queries that are not in ``query_ids`` are ignored.
        query_ids: the queries that count.
        judged_queries: int (n_judged,), ascending, positions in ``query_ids``.
        judged_doc_ids: object (n_judged,), the docno of each judged document.
        depth: how many documents of every query to list; 0 for none.

    Raises:
        ValueError: a score that is NaN or infinite, or a document twice in a query's list; both are named.
    """
    judged_docs = pd.Index(run.doc_ids, dtype=object).get_indexer(pd.Index(judged_doc_ids, dtype=object))
    bounds = np.searchsorted(judged_queries, np.arange(len(query_ids) + 1))
    lengths = np.zeros(len(query_ids), dtype=np.int64)
    ranks = np.zeros(len(judged_queries), dtype=np.int64)
    tops: list[tuple[int, np.ndarray]] = []
    rows_of = _rows_by_query(run)
    slot = np.zeros(len(run.doc_ids), dtype=np.int32)  # a document's place in the current query's list
    for query, query_id in enumerate(query_ids):
        if query_id not in rows_of:
            continue
        rows = rows_of[query_id]
        docs, scores = run.doc[rows], run.value[rows]
        lengths[query] = len(docs)
        _check_unique(docs, slot, run, query_id)
        ascending = np.sort(scores)
        if not (isfinite(ascending[0]) and isfinite(ascending[-1])):  # NaN sorts last
            worst = int(np.argmin(np.isfinite(scores)))
            raise ValueError(f'query {query_id!r:.80}: document {run.doc_ids[docs[worst]]!r:.80} has the score '
                             f'{scores[worst]}; scores must be finite')
        judged = slice(bounds[query], bounds[query + 1])
        ranks[judged] = _ranks(judged_docs[judged], docs, scores, ascending, slot, run.doc_ids)
        if depth:
            first = _first(depth, docs, scores, ascending, run.doc_ids)
            tops.append((query, np.arange(rows.start, rows.stop)[first] if isinstance(rows, slice) else rows[first]))
    counts = [len(rows) for _, rows in tops]
    return Ranking(
        lengths, ranks, judged_docs,
        np.repeat(np.array([query for query, _ in tops], dtype=np.int64), counts),
        np.concatenate([np.arange(1, count + 1) for count in counts] or [np.zeros(0, dtype=np.int64)]),
        np.concatenate([rows for _, rows in tops] or [np.zeros(0, dtype=np.int64)]),
    )


def _rows_by_query(run: Table) -> dict[str, slice | np.ndarray]:
    """Each query's rows. They are slices if all queries' rows are consecutive, which is so in nearly every run."""
    starts = np.append(0, np.flatnonzero(run.query[1:] != run.query[:-1]) + 1)[:len(run.query)]
    if len(starts) == len(run.query_ids):
        stops = [*starts[1:].tolist(), len(run.query)]
        return {run.query_ids[run.query[start]]: slice(start, stop) for start, stop in zip(starts.tolist(), stops)}
    order = np.argsort(run.query, kind='stable')
    stops = np.cumsum(np.bincount(run.query, minlength=len(run.query_ids)))
    return dict(zip(run.query_ids, np.split(order, stops[:-1])))


def _check_unique(docs: np.ndarray, slot: np.ndarray, run: Table, query_id: str) -> None:
    """Writes each document's place into ``slot``; a document whose place was overwritten is twice in the list."""
    places = np.arange(len(docs), dtype=slot.dtype)
    slot[docs] = places
    twice = slot[docs] != places
    if twice.any():
        raise ValueError(f'query {query_id!r:.80}: document {run.doc_ids[docs[int(np.argmax(twice))]]!r:.80} is in the '
                         'run more than once; a ranking holds a document once')


def _ranks(judged: np.ndarray, docs: np.ndarray, scores: np.ndarray, ascending: np.ndarray, slot: np.ndarray,
           doc_ids: np.ndarray) -> np.ndarray:
    """The ranks of one query's judged documents, 0 for those that are not in its list."""
    places = slot[judged]  # for a document that is not in this query's list, the place in an earlier query's
    found = (judged >= 0) & (places < len(docs))
    found[found] = docs[places[found]] == judged[found]
    mine = scores[places[found]]
    above = len(docs) - np.searchsorted(ascending, mine, 'right')
    tied = len(docs) - np.searchsorted(ascending, mine, 'left') - above > 1
    for i in np.flatnonzero(tied):
        docno = doc_ids[judged[found][i]]
        above[i] += sum(doc_ids[doc] < docno for doc in docs[scores == mine[i]])
    ranks = np.zeros(len(judged), dtype=np.int64)
    ranks[found] = above + 1
    return ranks


def _first(depth: int, docs: np.ndarray, scores: np.ndarray, ascending: np.ndarray, doc_ids: np.ndarray) -> np.ndarray:
    """The places of one query's first ``depth`` documents, in order."""
    depth = min(depth, len(docs))
    candidates = np.flatnonzero(scores >= ascending[len(docs) - depth])
    candidates = candidates[np.argsort(-scores[candidates], kind='stable')]
    if (np.diff(scores[candidates]) == 0).any():
        candidates = np.array(sorted(candidates, key=lambda place: (-scores[place], doc_ids[docs[place]])))
    return candidates[:depth]

"""AP, RR, R, P, Success and nDCG from the ranks of relevant documents alone, equal to ir_measures' own.

Every function takes two aligned arrays, one entry per relevant document of any of the queries, and the number of
queries: ``ranks``, int (n,), counted from 1, 0 for a document that was not retrieved, and ``queries``, int (n,), the
query's position. It returns float64 (n_queries,), 0 for a query that has no entry. Experiments and the validation of
training use these functions, because they only know ranks and never make a run.
"""
import numpy as np

from pyterrier_hybrid.measures.relevant import was_retrieved


def average_precision(ranks: np.ndarray, queries: np.ndarray, n_queries: int, cutoff: int | None = None) -> np.ndarray:
    """AP: the mean over a query's relevant documents of the precision at their ranks, 0 for ranks beyond ``cutoff``."""
    total = np.bincount(queries, minlength=n_queries)
    found = was_retrieved(ranks, cutoff)
    ranks, queries = ranks[found], queries[found]
    return _per(np.bincount(queries, _places(ranks, queries, n_queries) / ranks, n_queries), total)


def reciprocal_rank(ranks: np.ndarray, queries: np.ndarray, n_queries: int, cutoff: int | None = None) -> np.ndarray:
    """RR: one over the best rank, 0 if it is beyond ``cutoff``."""
    found = was_retrieved(ranks, cutoff)
    best = np.zeros(n_queries)
    np.maximum.at(best, queries[found], 1 / ranks[found])
    return best


def recall(ranks: np.ndarray, queries: np.ndarray, n_queries: int, cutoff: int) -> np.ndarray:
    """R@k: the share of a query's relevant documents that rank within k."""
    return _per(_hits(ranks, queries, n_queries, cutoff), np.bincount(queries, minlength=n_queries))


def precision(ranks: np.ndarray, queries: np.ndarray, n_queries: int, cutoff: int) -> np.ndarray:
    """P@k: the share of the first k that is relevant."""
    return _hits(ranks, queries, n_queries, cutoff) / cutoff


def success(ranks: np.ndarray, queries: np.ndarray, n_queries: int, cutoff: int) -> np.ndarray:
    """Success@k: 1 if any relevant document ranks within k."""
    return (_hits(ranks, queries, n_queries, cutoff) > 0).astype(np.float64)


def ndcg(
    ranks: np.ndarray, queries: np.ndarray, gains: np.ndarray, n_queries: int, cutoff: int | None = None
) -> np.ndarray:
    """nDCG@k with linear gains and a discount of log2(rank + 1), as trec_eval has it (Järvelin and Kekäläinen, 2002).

    Args:
        gains: int (n,), the relevance levels.
    """
    def dcg(ranks: np.ndarray) -> np.ndarray:
        found = was_retrieved(ranks, cutoff)
        return np.bincount(queries[found], gains[found] / np.log2(ranks[found] + 1), n_queries)

    return _per(dcg(ranks), dcg(_places(-gains, queries, n_queries)))


def _places(keys: np.ndarray, queries: np.ndarray, n_queries: int) -> np.ndarray:
    """The place of each entry among its query's entries, by ascending key, counted from 1: int64 (n,)."""
    order = np.lexsort((keys, queries))
    total = np.bincount(queries, minlength=n_queries)
    places = np.empty(len(keys), dtype=np.int64)
    places[order] = np.arange(len(keys)) - (np.cumsum(total) - total)[queries[order]] + 1
    return places


def _hits(ranks: np.ndarray, queries: np.ndarray, n_queries: int, cutoff: int) -> np.ndarray:
    return np.bincount(queries[was_retrieved(ranks, cutoff)], minlength=n_queries).astype(np.float64)


def _per(values: np.ndarray, total: np.ndarray) -> np.ndarray:
    return np.divide(values, total, out=np.zeros(len(values)), where=total > 0)

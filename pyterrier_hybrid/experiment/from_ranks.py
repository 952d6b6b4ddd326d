"""Measures of a ranking from the ranks of its relevant documents, equal to ir_measures on the whole run.

Every function takes aligned arrays, one entry per relevant document of any of the queries: ``ranks``, int (n,), counted
from 1, 0 for a document that was not retrieved, and ``queries``, int (n,), the query's position; and the number of
queries. It returns float64 (n_queries,), 0 for a query that has no entry.
"""
from collections.abc import Callable
from typing import NamedTuple

import ir_measures
import numpy as np

from pyterrier_hybrid.measures.lpr import language_preference
from pyterrier_hybrid.measures.rank_distance import rank_distances, was_retrieved
from pyterrier_hybrid.measures.relevant import languages_per_query
from pyterrier_hybrid.measures.tlr import other_language_recall

from .evaluation_set import Judged


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


class Values(NamedTuple):
    """A measure on the questions of a setting.

    Attributes:
        value: float64 (n_queries,).
        applies: bool (n_queries,), whether the measure says anything about the question.
        otherwise: why it says nothing about the others, in words.
    """

    value: np.ndarray
    applies: np.ndarray
    otherwise: str


def is_from_ranks(measure: ir_measures.measures.Measure) -> bool:
    """Whether :func:`per_query` computes a measure with these parameters."""
    return measure.NAME in _MEASURES and not set(measure.params) - {'cutoff', 'rel', 'pool', 'norm'}


def per_query(measure: ir_measures.measures.Measure, judged: Judged, ranks: np.ndarray) -> Values:
    """The values of a measure for every question of a setting.

    Args:
        measure: one of AP, RR, nDCG, R, P, Success, RankDistance, LPR, TLR, with any cutoff, ``rel`` where it has one.
        judged: the setting.
        ranks: int (n,), of its relevant passages, 0 for what was not retrieved.

    Returns:
        The values. RankDistance says nothing of a question whose relevant passages are in one language; LPR nothing
        where none of several is in the question's, or nothing was retrieved; TLR nothing where none is in another; and
        no measure of a question without a passage of relevance ``rel``.
    """
    keep = judged.relevance >= measure.params.get('rel', 1)
    queries, langs, n = judged.queries[keep], judged.langs[keep], judged.n_queries
    values, applies, otherwise = _MEASURES[measure.NAME](
        ranks[keep], queries, n, langs=langs, gains=judged.relevance[keep], judged=judged, params=measure.params
    )
    judged_so = np.bincount(queries, minlength=n) > 0
    if not judged_so.any():
        otherwise = f'no question has a passage of relevance {measure.params["rel"]} or more'
    return Values(values, applies & judged_so, otherwise)


def _of(function: Callable, *, graded: bool = False) -> Callable:
    def values(ranks, queries, n, *, gains, params, **_):
        more = (gains,) if graded else ()
        return Values(function(ranks, queries, *more, n, params.get('cutoff')), np.ones(n, dtype=bool), '')

    return values


def _rank_distance(ranks, queries, n, *, langs, judged, params, **_):
    how = {'cutoff': params.get('cutoff'), 'norm': params.get('norm', False), 'pool': judged.pool}
    several = languages_per_query(queries, langs, n) > 1
    otherwise = "every question's relevant passages are in one language"
    return Values(rank_distances(ranks, queries, langs, n, **how), several, otherwise)


def _lpr(ranks, queries, n, *, langs, judged, **_):
    preference = language_preference(ranks, queries, langs, np.full(n, judged.query_lang), n)
    several = languages_per_query(queries, langs, n) > 1
    otherwise = 'no question has relevant passages in its own language and in another, and one of them retrieved'
    return Values(preference.value, preference.applies & several, otherwise)


def _tlr(ranks, queries, n, *, langs, judged, params, **_):
    value, applies = other_language_recall(
        ranks, queries, langs, np.full(n, judged.query_lang), n, cutoff=params['cutoff']
    )
    return Values(value, applies, 'no question has a relevant passage in another language')


_MEASURES = {
    'AP': _of(average_precision), 'RR': _of(reciprocal_rank), 'nDCG': _of(ndcg, graded=True), 'R': _of(recall),
    'P': _of(precision), 'Success': _of(success), 'RankDistance': _rank_distance, 'LPR': _lpr, 'TLR': _tlr,
}  # fmt: skip


def _places(keys: np.ndarray, queries: np.ndarray, n_queries: int) -> np.ndarray:
    """The place of each entry among those of its query, by ascending key, from 1: int64 (n,)."""
    order = np.lexsort((keys, queries))
    total = np.bincount(queries, minlength=n_queries)
    places = np.empty(len(keys), dtype=np.int64)
    places[order] = np.arange(len(keys)) - (np.cumsum(total) - total)[queries[order]] + 1
    return places


def _hits(ranks: np.ndarray, queries: np.ndarray, n_queries: int, cutoff: int) -> np.ndarray:
    return np.bincount(queries[was_retrieved(ranks, cutoff)], minlength=n_queries).astype(np.float64)


def _per(values: np.ndarray, total: np.ndarray) -> np.ndarray:
    return np.divide(values, total, out=np.zeros(len(values)), where=total > 0)

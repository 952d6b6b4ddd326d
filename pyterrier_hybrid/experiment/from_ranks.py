"""Measures of a ranking from the exact ranks of its relevant documents, equal to ir_measures on the full run.

Every function takes aligned arrays, one entry per relevant document of any of the queries: ``ranks``, int (n,), counted
from 1, and ``queries``, int (n,), the query's position; and the number of queries. It returns float64 (n_queries,), 0
for a query that has no entry.
"""
from collections.abc import Callable
from dataclasses import dataclass

import ir_measures
import numpy as np

from pyterrier_hybrid.measures.lpr import language_preference
from pyterrier_hybrid.measures.rank_distance import rank_distances
from pyterrier_hybrid.measures.relevant import languages_per_query


def average_precision(ranks: np.ndarray, queries: np.ndarray, n_queries: int, cutoff: int | None = None) -> np.ndarray:
    """AP: the mean over a query's relevant documents of the precision at their ranks, 0 for ranks beyond ``cutoff``."""
    order = np.lexsort((ranks, queries))
    ranks, queries = ranks[order], queries[order]
    total = np.bincount(queries, minlength=n_queries)
    ordinal = np.arange(len(ranks)) - (np.cumsum(total) - total)[queries] + 1
    precision = np.where(_within(ranks, cutoff), ordinal / ranks, 0.0)
    return _per(np.bincount(queries, precision, n_queries), total)


def reciprocal_rank(ranks: np.ndarray, queries: np.ndarray, n_queries: int, cutoff: int | None = None) -> np.ndarray:
    """RR: one over the best rank, 0 if it is beyond ``cutoff``."""
    best = np.zeros(n_queries)
    np.maximum.at(best, queries, np.where(_within(ranks, cutoff), 1 / ranks, 0.0))
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
        return np.bincount(queries, np.where(_within(ranks, cutoff), gains / np.log2(ranks + 1), 0.0), n_queries)

    ideal = np.empty(len(ranks), dtype=np.int64)
    order = np.lexsort((-gains, queries))
    total = np.bincount(queries, minlength=n_queries)
    ideal[order] = np.arange(len(ranks)) - (np.cumsum(total) - total)[queries[order]] + 1
    return _per(dcg(ranks), dcg(ideal))


@dataclass(frozen=True)
class Judged:
    """The ranks of the judged passages of one setting, n in all, over its ``n_queries`` questions.

    Attributes:
        ranks: int (n,), counted from 1 in a pool of ``pool`` passages.
        queries: int (n,), the question's position.
        langs: int (n,), the passage's language, numbered as ``query_lang``.
        relevance: int (n,).
        n_queries: questions.
        query_lang: the number of the questions' language.
        pool: passages ranked.
    """

    ranks: np.ndarray
    queries: np.ndarray
    langs: np.ndarray
    relevance: np.ndarray
    n_queries: int
    query_lang: int
    pool: int


def per_query(measure: ir_measures.measures.Measure, judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """The values of a measure for every question of a setting.

    Args:
        measure: one of AP, RR, nDCG, R, P, Success, RankDistance, LPR, with any cutoff, ``rel`` where it has one.
        judged: the setting.

    Returns:
        The values, float64 (n_queries,), and whether the measure says anything about the question, bool (n_queries,):
        RankDistance does not where relevant passages are in one language, LPR not where none is in the question's.

    Raises:
        ValueError: a measure, or a parameter of one, that is not computed from ranks.
    """
    if measure.NAME not in _MEASURES or set(measure.params) - {'cutoff', 'rel', 'pool', 'norm'}:
        raise ValueError(
            f'{measure!r} is not computed from ranks; those that are: {", ".join(_MEASURES)}, with a cutoff and rel. '
            'For other measures give a pipeline, which goes through pt.Experiment'
        )
    keep = judged.relevance >= (1 if measure.NAME == 'nDCG' else measure.params.get('rel', 1))
    ranks, queries, n = judged.ranks[keep], judged.queries[keep], judged.n_queries
    parts = {'langs': judged.langs[keep], 'gains': judged.relevance[keep], 'judged': judged, 'measure': measure}
    return _MEASURES[measure.NAME](ranks, queries, n, **parts)


def _of(function: Callable, *, gains: bool = False) -> Callable:
    def values(ranks, queries, n, *, measure, **parts):
        more = (parts['gains'],) if gains else ()
        return function(ranks, queries, *more, n, measure.params.get('cutoff')), np.ones(n, dtype=bool)

    return values


def _rank_distance(ranks, queries, n, *, langs, judged, measure, **_):
    params = {'cutoff': measure.params.get('cutoff'), 'norm': measure.params.get('norm', False), 'pool': judged.pool}
    return rank_distances(ranks, queries, langs, n, **params), languages_per_query(queries, langs, n) > 1


def _lpr(ranks, queries, n, *, langs, judged, **_):
    preference = language_preference(ranks, queries, langs, np.full(n, judged.query_lang), n)
    return preference.value, preference.applies & (languages_per_query(queries, langs, n) > 1)


_MEASURES = {
    'AP': _of(average_precision), 'RR': _of(reciprocal_rank), 'nDCG': _of(ndcg, gains=True), 'R': _of(recall),
    'P': _of(precision), 'Success': _of(success), 'RankDistance': _rank_distance, 'LPR': _lpr,
}  # fmt: skip


def _within(ranks: np.ndarray, cutoff: int | None) -> np.ndarray:
    return np.ones(len(ranks), dtype=bool) if cutoff is None else ranks <= cutoff


def _hits(ranks: np.ndarray, queries: np.ndarray, n_queries: int, cutoff: int) -> np.ndarray:
    return np.bincount(queries[_within(ranks, cutoff)], minlength=n_queries).astype(np.float64)


def _per(values: np.ndarray, total: np.ndarray) -> np.ndarray:
    return np.divide(values, total, out=np.zeros(len(values)), where=total > 0)

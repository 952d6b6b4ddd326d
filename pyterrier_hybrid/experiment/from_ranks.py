"""The measures of a setting from the ranks of its relevant passages, equal to ir_measures on the whole run."""
from collections.abc import Callable
from typing import NamedTuple

import ir_measures
import numpy as np

from pyterrier_hybrid.experiment.evaluation_set import Judged
from pyterrier_hybrid.measures.effectiveness import (
    average_precision,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
    success,
)
from pyterrier_hybrid.measures.lpr import language_preference
from pyterrier_hybrid.measures.rank_distance import rank_distances
from pyterrier_hybrid.measures.relevant import languages_per_query
from pyterrier_hybrid.measures.tlr import other_language_recall


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

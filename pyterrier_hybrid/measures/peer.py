"""PEER: whether documents of equal relevance rank equally high in all languages."""
from collections.abc import Mapping
from math import isfinite
from operator import index
from typing import Any, NamedTuple

import numpy as np

from pyterrier_hybrid.measures.base import LanguageMeasure, Param, count, parameters
from pyterrier_hybrid.measures.kruskal import kruskal_p, mid_ranks
from pyterrier_hybrid.measures.relevant import Relevant, Values, counted


class Peer(NamedTuple):
    """PEER, query by query.

    Attributes:
        value: float64 (n_queries,).
        undecided: bool (n_queries,), whether something relevant was retrieved, but no weighted level can be tested.
        constants: float64 (n_queries,), the p-value that a level with one document per language (in two languages or
            more) has under every ranking that does not tie all of them; NaN for a query without such a level.
    """

    value: np.ndarray
    undecided: np.ndarray
    constants: np.ndarray


def equal_expected_rank(relevant: Relevant, *, cutoff: int, weights: Mapping[int, float] | None = None) -> Peer:
    """The probability of equal expected rank of every query within k; see :class:`PEER` for the definition.

    ``weights`` maps levels to their weights; a level that it lacks has the weight 0. None means equal weights.
    """
    queries, n_queries = relevant.queries, relevant.n_queries
    levels, level = np.unique(relevant.relevance, return_inverse=True)
    groups, shape = queries * len(levels) + level, (n_queries, len(levels))
    retrieved = relevant.retrieved(cutoff)
    values = mid_ranks(np.where(retrieved, relevant.ranks, cutoff + 1), groups)
    p, constant = kruskal_p(values, groups, relevant.langs, n_queries * len(levels))
    given = np.array([1. if weights is None else weights.get(int(one), 0.) for one in levels])
    weight = np.where(np.isnan(p), 0., np.broadcast_to(given, shape).ravel()).reshape(shape)
    total = weight.sum(axis=1)
    found = np.bincount(queries[retrieved], minlength=n_queries) > 0
    weighted = (weight * np.nan_to_num(p).reshape(shape)).sum(axis=1)
    value = np.divide(weighted, total, out=np.ones(n_queries), where=total > 0)
    constants = np.where(given > 0, constant.reshape(shape), np.nan)
    return Peer(np.where(found, value, 0.), found & (total == 0),
                np.fmax.reduce(constants, axis=1, initial=np.nan))


def _weights(value: Any) -> dict[int, float]:
    """Returns a mapping from relevance level to weight; raises ValueError for anything else."""
    wrong = 'it must be a mapping from relevance level to weight, such as {1: 0.25, 3: 0.75}, of weights >= 0'
    if not isinstance(value, Mapping) or not value:
        raise ValueError(wrong)
    try:
        weights = {index(level): float(weight) for level, weight in value.items()}
    except (TypeError, ValueError):
        raise ValueError(wrong) from None
    if not all(isfinite(weight) and weight >= 0 for weight in weights.values()) or not any(weights.values()):
        raise ValueError(wrong + ', not all of them 0')
    return weights


class _PEER(LanguageMeasure):
    """Probability of equal expected rank: the p-value of Kruskal-Wallis over ranks grouped by language.

    Per relevance level, the ranks of that level's documents are grouped by language; unretrieved ones (beyond k) tie at
    one rank below all retrieved ones; ranks are within-sample mid-ranks with the correction for ties, so that the
    p-value equals ``scipy.stats.kruskal``. The levels' p-values are combined by ``weights`` (equal by default),
    renormalised over the levels that can be tested. Ranges over 0..1, higher is better.

    Special cases, in this order: A query with nothing relevant retrieved within k, or missing from the run, has 0. A
    level in one language, or with all documents tied, is left out; if no level is left, the value is 1, and a warning
    counts such queries. A level with one document per language contributes chi2.sf(L-1, L-1), L its number of
    languages, because H is then N-1 for every ranking: .3173 (L=2), .4232 (7), .4405 (11). There PEER does not
    distinguish systems, and a warning says so. XQuAD-R is this case: use :class:`RankDistance` or :class:`LPR` on it.

    Sees: systematic order of whole languages, where languages have several relevant documents. Does not see: how far
    apart they are in the list, nor how good the ranking is.

    The package ``peer_measure`` 0.0.1 computes something else: positions in the list instead of ranks within the
    sample, unretrieved documents above retrieved ones, and 1 for what retrieves nothing of a level.

    Yang, Jänich, Mayfield and Lawrie, "Language Fairness in Multilingual Information Retrieval", SIGIR 2024
    (arXiv 2405.00978), section 3.
    """

    __name__ = NAME = 'PEER'
    PRETTY_NAME = 'Probability of equal expected rank at k'
    SHORT_DESC = 'The p-value of Kruskal-Wallis over the ranks of equally relevant documents, grouped by language.'
    SUPPORTED_PARAMS = parameters(
        cutoff=Param(count, required=True, desc='ranking cutoff threshold'),
        weights=Param(_weights, desc='weight of each relevance level (equal by default)'),
    )

    def validate_params(self) -> None:
        super().validate_params()
        weights = self['weights'] or {}
        if any(weight and level < self['rel'] for level, weight in weights.items()):
            raise ValueError(f'{self!r} weights a level below rel={self["rel"]}; documents of that level are not '
                             'relevant')

    def from_ranks(self, relevant: Relevant) -> Values:
        peer = equal_expected_rank(relevant, cutoff=self['cutoff'], weights=self['weights'])
        single = ~np.isnan(peer.constants)
        constants = ' or '.join(f'{value:.4f}' for value in np.unique(np.round(peer.constants[single], 4)))
        notes = counted(peer.undecided, 'have no relevance level that can be tested (documents in one language only, '
                                        'or all tied) and count as 1')
        notes += counted(single, 'have a relevance level with one document per language, which contributes the '
                                 f'constant {constants} whatever the ranking: PEER cannot tell systems apart there')
        return Values(peer.value, np.ones(relevant.n_queries, dtype=bool), '', notes)


PEER = _PEER()

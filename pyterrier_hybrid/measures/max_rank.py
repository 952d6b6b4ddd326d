"""MaxRank: how far down a reader must go to find every language."""

import numpy as np

from pyterrier_hybrid.measures.base import LanguageMeasure, Param, count, parameters
from pyterrier_hybrid.measures.random_order import worst_share
from pyterrier_hybrid.measures.rank_distance import worst_ranks
from pyterrier_hybrid.measures.relevant import Relevant, Values, counted


class _MaxRank(LanguageMeasure):
    """Maximal rank: the greatest of the ranks of the languages' best-ranked relevant documents.

    It is the depth at which a reader has met every language that has a relevant document. Lower is better. Unlike
    :class:`RankDistance`, it is worse if all languages are equally far down. A language without a retrieved document
    has the rank k+1 with a cutoff, otherwise max(m, 1000)+1, where m is the length of the query's list. With ``pool=N``
    and no cutoff, the value is m + (N-m+1) G(U): the expected rank of the worst of the missing languages U, if the
    documents that were not retrieved follow in random order (:mod:`pyterrier_hybrid.measures.random_order`). A query
    without relevant documents counts as one whose documents were not retrieved (N with a pool), and a warning counts
    these queries.

    Ranges over 1..k+1 with a cutoff, 1..N with a pool; a random ranking has (N+1) G(all).

    Sees: the worst-served language. Does not see: which one it is, nor the others.
    """

    __name__ = NAME = 'MaxRank'
    PRETTY_NAME = 'Rank at which every language is found'
    SHORT_DESC = "The worst of the languages' best-ranked relevant documents."
    SUPPORTED_PARAMS = parameters(
        cutoff=Param(count, desc='ranking cutoff threshold'), pool=Param(count, desc='number of documents ranked')
    )
    better = -1
    unit = 'ranks'

    def limits(self, pool: int | None = None) -> tuple[float, float]:
        pool = self['pool'] or pool
        return 1., float(self['cutoff'] + 1 if self['cutoff'] else pool or np.inf)

    def from_ranks(self, relevant: Relevant) -> Values:
        values = worst_ranks(relevant, cutoff=self['cutoff'], pool=self['pool'] or relevant.pool)
        some = relevant.n_langs > 0
        return Values(values, some, 'no question has a relevant passage',
                      counted(~some, 'have no relevant document and count as if theirs were not retrieved'))

    def chance(self, relevant: Relevant) -> np.ndarray | None:
        pool = self['pool'] or relevant.pool
        if self['cutoff'] is not None or pool is None:
            return None
        return np.where(relevant.n_langs > 0, (pool + 1) * worst_share(relevant.per_language), np.nan)


MaxRank = _MaxRank()

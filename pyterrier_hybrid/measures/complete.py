"""Complete@k: whether every language is found."""

import numpy as np

from pyterrier_hybrid.measures.base import LanguageMeasure, Param, count, parameters
from pyterrier_hybrid.measures.rank_distance import worst_ranks
from pyterrier_hybrid.measures.relevant import Relevant, Values, counted


class _Complete(LanguageMeasure):
    """Completeness: 1 if every language of a query's relevant documents has one within the first k, else 0.

    That is MaxRank <= k. Ranges over 0..1, higher is better. A query without relevant documents counts as 0, and a
    warning counts these queries. R@k = 1 asks for more: all relevant documents within k.

    Sees: whether no language is left out. Does not see: which one is, nor the order within the first k.
    """

    __name__ = NAME = 'Complete'
    PRETTY_NAME = 'Queries with every language within k'
    SHORT_DESC = 'Whether the top k results hold a relevant document of every language that has one.'
    SUPPORTED_PARAMS = parameters(cutoff=Param(count, required=True, desc='ranking cutoff threshold'))

    def from_ranks(self, relevant: Relevant) -> Values:
        within = worst_ranks(relevant, cutoff=self['cutoff']) <= self['cutoff']
        some = relevant.n_langs > 0
        return Values(within.astype(np.float64), some, 'no question has a relevant passage',
                      counted(~some, 'have no relevant document and count as 0'))


Complete = _Complete()

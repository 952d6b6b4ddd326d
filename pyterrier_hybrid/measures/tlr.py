"""TLR: recall over the languages other than the query's."""

import numpy as np

from pyterrier_hybrid.measures.base import QUERY_LANG, LanguageMeasure, Param, count, parameters
from pyterrier_hybrid.measures.relevant import Relevant, Values, counted


class _TLR(LanguageMeasure):
    """TLR: recall@k over the relevant documents that are not in the query's language.

    Ranges over 0..1, higher is better. The measure does not apply to a query without relevant documents in another
    language: it counts as 0 in ir_measures, where every query needs a number, and a warning counts these queries;
    ``MultilingualExperiment`` leaves them out. The query's language comes from the qrels' ``query_lang``, else the
    run's, else ``TLR(query_lang='de')``.

    Sees: whether documents in the other languages are retrieved at all. Does not see: their order within the first k,
    nor whether the query's own language does better or worse.

    Jang, Hong, Moon and Lim, "Shift: Semantic Harmonization via Index-side Feature Transformation for Multilingual
    Information Retrieval" (arXiv 2606.18801), evaluation.
    """

    __name__ = NAME = 'TLR'
    PRETTY_NAME = 'Recall outside the query language at k'
    SHORT_DESC = "The share of the relevant documents outside the query's language that the top k results hold."
    SUPPORTED_PARAMS = parameters(
        cutoff=Param(count, required=True, desc='ranking cutoff threshold'), query_lang=QUERY_LANG
    )

    def from_ranks(self, relevant: Relevant) -> Values:
        other = relevant.langs != relevant.query_langs[relevant.queries]
        total = np.bincount(relevant.queries[other], minlength=relevant.n_queries)
        found = np.bincount(relevant.queries[other & relevant.retrieved(self['cutoff'])], minlength=relevant.n_queries)
        return Values(np.divide(found, total, out=np.zeros(relevant.n_queries), where=total > 0), total > 0,
                      'no question has a relevant passage in another language',
                      counted(total == 0, 'have no relevant document outside their own language and count as 0'))


TLR = _TLR()

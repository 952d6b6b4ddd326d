"""TLR: recall over the languages that are not the query's."""
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from pyterrier_hybrid.measures.base import LANGS, QUERY_LANG, REL, LanguageMeasure, Param, count, counted
from pyterrier_hybrid.measures.evaluation import Evaluation
from pyterrier_hybrid.measures.rank_distance import was_retrieved


def other_language_recall(ranks: np.ndarray, queries: np.ndarray, langs: np.ndarray, query_langs: np.ndarray,
                          n_queries: int, *, cutoff: int) -> tuple[np.ndarray, np.ndarray]:
    """Each query's recall over its relevant documents in other languages; see :class:`TLR`.

    Args:
        ranks: int (n,), one per relevant document, counted from 1; 0 or less if it was not retrieved.
        queries: int (n,), the query's position.
        langs: int (n,), the document's language.
        query_langs: int (n_queries,), the query's language, numbered as ``langs``.
        n_queries: the number of queries.
        cutoff: k.

    Returns:
        float64 (n_queries,), the recall, 0 where there is no such document; bool (n_queries,), whether there is one.
    """
    other = langs != query_langs[queries]
    total = np.bincount(queries[other], minlength=n_queries)
    found = np.bincount(queries[other & was_retrieved(ranks, cutoff)], minlength=n_queries)
    return np.divide(found, total, out=np.zeros(n_queries), where=total > 0), total > 0


class _TLR(LanguageMeasure):
    """TLR: recall@k over the relevant documents that are not in the query's language.

    Ranges over 0..1, higher is better. A query without relevant documents in another language counts as 0, and a
    warning counts these queries. The query's language comes from the qrels' ``query_lang``, else the run's, else
    ``TLR(query_lang='de')``.

    Sees: whether documents in the other languages are retrieved at all. Does not see: their order within the first k,
    nor whether the query's own language does better or worse.

    Jang, Hong, Moon and Lim, "Shift: Semantic Harmonization via Index-side Feature Transformation for Multilingual
    Information Retrieval" (arXiv 2606.18801), evaluation.
    """

    __name__ = 'TLR'
    NAME = __name__
    PRETTY_NAME = 'Recall outside the query language at k'
    SHORT_DESC = "The share of the relevant documents outside the query's language that the top k results hold."
    SUPPORTED_PARAMS: ClassVar[Mapping[str, Param]] = {
        'cutoff': Param(count, required=True, desc='ranking cutoff threshold'),
        'query_lang': QUERY_LANG,
        'rel': REL,
        'langs': LANGS,
    }

    def evaluate(self, evaluation: Evaluation) -> tuple[np.ndarray, list[str]]:
        relevant = evaluation.relevant(self['rel'], self['langs'])
        values, applies = other_language_recall(
            relevant.ranks, relevant.queries, relevant.langs, evaluation.query_langs(self['query_lang']),
            relevant.n_queries, cutoff=self['cutoff'])
        return values, counted(~applies, 'have no relevant document outside their own language and count as 0')


TLR = _TLR()

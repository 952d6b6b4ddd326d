"""LPR: how often the query's own language comes first."""
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np

from pyterrier_hybrid.measures.base import LANGS, QUERY_LANG, REL, LanguageMeasure, Param, counted
from pyterrier_hybrid.measures.evaluation import Evaluation
from pyterrier_hybrid.measures.rank_distance import was_retrieved
from pyterrier_hybrid.measures.relevant import best_ranks


class Preference(NamedTuple):
    """Language preference, query by query.

    Attributes:
        value: float64 (n_queries,), 1 where the best-ranked relevant document is in the query's language, 0 where it is
            in another, ``chance`` where the measure does not apply.
        chance: float64 (n_queries,), 1/n, the value without preference; n is the number of languages of the query's
            relevant documents (0 where it has none).
        applies: bool (n_queries,), whether something relevant was retrieved and something relevant is in the query's
            language.
    """

    value: np.ndarray
    chance: np.ndarray
    applies: np.ndarray


def language_preference(ranks: np.ndarray, queries: np.ndarray, langs: np.ndarray, query_langs: np.ndarray,
                        n_queries: int) -> Preference:
    """Whether each query's best-ranked relevant document is in its own language; see :class:`LPR`.

    Args:
        ranks: int (n,), one per relevant document, counted from 1; 0 or less if it was not retrieved.
        queries: int (n,), the query's position.
        langs: int (n,), the document's language, from 0.
        query_langs: int (n_queries,), the query's language, numbered as ``langs``.
        n_queries: the number of queries.
    """
    never = np.iinfo(np.int64).max
    best = best_ranks(np.where(was_retrieved(ranks), ranks, never), queries, langs, n_queries)
    n_langs = best.count(axis=1)
    first = best.min(axis=1).filled(never)
    named = query_langs < best.shape[1]  # a language in which no query has a relevant document has no column
    own = best[np.arange(n_queries), np.where(named, query_langs, 0)]
    has_own = named & ~np.ma.getmaskarray(own)
    applies = has_own & (first < never)
    chance = np.divide(1., n_langs, out=np.zeros(n_queries), where=n_langs > 0)
    return Preference(np.where(applies, own.filled(never) == first, chance), chance, applies)


class _LPR(LanguageMeasure):
    """Language preference rate: 1 if a query's best-ranked relevant document is in the query's language, else 0.

    Ranges over 0..1. Without preference it is 1/n on average, n being the number of languages in which the query has
    relevant documents: read it beside 1/n, above which the system prefers the query's language. Neither end is better
    as such: a reader of one language may want 1.

    A query contributes 1/n where the measure does not apply: nothing relevant retrieved, missing from the run, or
    nothing relevant in its language (0 if it has no relevant document at all). A warning counts these queries. The
    query's language comes from the qrels' ``query_lang``, else the run's, else ``LPR(query_lang='de')``.

    Sees: which language wins. Does not see: by how much, nor what happens below the first relevant document.

    Jang, Hong, Moon and Lim, "Multilingual Language-Aware Information Retrieval Evaluation Protocol"
    (arXiv 2605.07249), Language Preference Rate; extended here to several relevant documents in a language.
    """

    __name__ = 'LPR'
    NAME = __name__
    PRETTY_NAME = 'Language preference rate'
    SHORT_DESC = "Whether the best-ranked relevant document is in the query's language."
    SUPPORTED_PARAMS: ClassVar[Mapping[str, Param]] = {'query_lang': QUERY_LANG, 'rel': REL, 'langs': LANGS}

    def evaluate(self, evaluation: Evaluation) -> tuple[np.ndarray, list[str]]:
        relevant = evaluation.relevant(self['rel'], self['langs'])
        value, chance, applies = language_preference(
            relevant.ranks, relevant.queries, relevant.langs, evaluation.query_langs(self['query_lang']),
            relevant.n_queries)
        notes = counted(~applies, "do not apply (nothing relevant retrieved, or nothing relevant in the query's "
                                  'language) and count as 1/n, the value without preference')
        return value, notes + counted(chance == 1., 'have relevant documents in one language only, where the value '
                                                    'is always 1')


LPR = _LPR()

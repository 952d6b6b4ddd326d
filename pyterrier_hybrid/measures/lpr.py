"""LPR: how often the query's own language comes first."""
from typing import NamedTuple

import numpy as np

from pyterrier_hybrid.measures.base import QUERY_LANG, LanguageMeasure, parameters
from pyterrier_hybrid.measures.relevant import Relevant, Values, counted


class Preference(NamedTuple):
    """Language preference, query by query.

    Attributes:
        value: float64 (n_queries,), 1 if the best-ranked relevant document is in the query's language, 0 if it is in
            another, ``chance`` if the measure does not apply.
        chance: float64 (n_queries,), the value without preference: the share of the query's relevant documents that are
            in its language; 0 if it has none.
        applicable: bool (n_queries,), whether there are relevant documents in the query's language and in another.
        applies: bool (n_queries,), whether it is applicable and something relevant was retrieved.
    """

    value: np.ndarray
    chance: np.ndarray
    applicable: np.ndarray
    applies: np.ndarray


def language_preference(relevant: Relevant) -> Preference:
    """Whether each query's best-ranked relevant document is in its own language; see :class:`LPR`."""
    in_own = relevant.langs == relevant.query_langs[relevant.queries]
    own = np.bincount(relevant.queries[in_own], minlength=relevant.n_queries)
    all_langs = relevant.per_language.sum(axis=1)
    chance = np.divide(own, all_langs, out=np.zeros(relevant.n_queries), where=all_langs > 0)
    applicable = (own > 0) & (own < all_langs)
    best = relevant.best_ranks()
    first = best.filled(np.iinfo(np.int64).max).argmin(axis=1)
    applies = applicable & (best.count(axis=1) > 0)
    return Preference(np.where(applies, first == relevant.query_langs, chance), chance, applicable, applies)


class _LPR(LanguageMeasure):
    """Language preference rate: 1 if a query's best-ranked relevant document is in the query's language, else 0.

    Ranges over 0..1. Without preference it is the share of the query's relevant documents that are in the query's
    language, |R_q in l(q)| / |R_q|: read it beside the mean of that over the same queries, above which the system
    prefers the query's language. Neither end is better as such: a reader of one language may want 1. Read it per query
    language: a system that always prefers English has a mean of about 1/n over n languages, which is chance.

    The measure does not apply to a query with nothing relevant retrieved, missing from the run, without relevant
    documents in its language, or without any in another. In ir_measures, where every query needs a number, such a query
    contributes its value without preference (1 if all its relevant documents are in its language), and a warning counts
    these queries; ``MultilingualExperiment`` leaves them out. The query's language comes from the qrels'
    ``query_lang``, else the run's, else ``LPR(query_lang='de')``.

    Sees: which language wins. Does not see: by how much, nor what happens below the first relevant document.

    Jang, Hong, Moon and Lim, "Multilingual Language-Aware Information Retrieval Evaluation Protocol"
    (arXiv 2605.07249), Language Preference Rate; extended here to several relevant documents in a language.
    """

    __name__ = NAME = 'LPR'
    PRETTY_NAME = 'Language preference rate'
    SHORT_DESC = "Whether the best-ranked relevant document is in the query's language."
    SUPPORTED_PARAMS = parameters(query_lang=QUERY_LANG)

    better = 0

    def from_ranks(self, relevant: Relevant) -> Values:
        preference = language_preference(relevant)
        return Values(
            preference.value, preference.applies,
            'no question has relevant passages in its own language and in another, and one of them retrieved',
            counted(~preference.applies, "do not apply (nothing relevant retrieved, or nothing relevant in the query's "
                                         'language, or in any other) and count as their value without preference'))

    def chance(self, relevant: Relevant) -> np.ndarray:
        preference = language_preference(relevant)
        return np.where(preference.applicable, preference.chance, np.nan)


LPR = _LPR()

"""The relevant documents of a set of queries, as the arrays that the formulas take."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Relevant:
    """The relevant documents of ``n_queries`` queries, n of them in all, aligned arrays in any order.

    Attributes:
        ranks: int (n,), counted from 1 by (-score, docno); 0 if it was not retrieved.
        queries: int (n,), the query's position.
        langs: int (n,), the document's language, from 0.
        relevance: int (n,), the relevance level.
        n_queries: the number of queries, those without a relevant document included.
    """

    ranks: np.ndarray
    queries: np.ndarray
    langs: np.ndarray
    relevance: np.ndarray
    n_queries: int


def best_ranks(ranks: np.ndarray, queries: np.ndarray, langs: np.ndarray, n_queries: int) -> np.ma.MaskedArray:
    """Each language's best-ranked relevant document of each query.

    Args:
        ranks: int (n,), one per relevant document; what is smallest is best.
        queries: int (n,), the query's position.
        langs: int (n,), the document's language, from 0.
        n_queries: the number of queries.

    Returns:
        Masked int64 (n_queries, languages), masked where a query has no relevant document in a language.
    """
    n_langs = int(langs.max()) + 1 if len(langs) else 1
    best = np.full((n_queries, n_langs), np.iinfo(np.int64).max)
    np.minimum.at(best, (queries, langs), ranks)
    absent = np.ones_like(best, dtype=bool)
    absent[queries, langs] = False
    return np.ma.MaskedArray(best, absent)


def languages_per_query(queries: np.ndarray, langs: np.ndarray, n_queries: int) -> np.ndarray:
    """The number of languages in which each query has relevant documents: int64 (n_queries,).

    Args:
        queries: int (n,), one per relevant document, the query's position.
        langs: int (n,), the document's language, from 0.
        n_queries: the number of queries.
    """
    return best_ranks(np.zeros(len(queries), dtype=np.int64), queries, langs, n_queries).count(axis=1)

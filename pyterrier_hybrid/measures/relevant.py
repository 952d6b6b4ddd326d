"""The relevant documents of a set of queries, and the values of a measure for these queries."""
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True, eq=False)
class Relevant:
    """The relevant documents of ``n_queries`` queries, n of them in all, aligned arrays in any order.

    Attributes:
        ranks: int (n,), counted from 1 by (-score, docno); 0 if it was not retrieved.
        queries: int (n,), the query's position.
        langs: int (n,), the document's language, from 0.
        relevance: int (n,), the relevance level.
        n_queries: the number of queries, those without a relevant document included.
        lengths: int (n_queries,), the number of documents retrieved; 0 for a query that the run has lost.
        query_langs: int (n_queries,), the query's language, numbered as ``langs``; None if no measure needs it.
        pool: N, the number of documents ranked; None if it is unknown.
    """

    ranks: np.ndarray
    queries: np.ndarray
    langs: np.ndarray
    relevance: np.ndarray
    n_queries: int
    lengths: np.ndarray
    query_langs: np.ndarray | None = None
    pool: int | None = None

    def of_level(self, rel: int) -> 'Relevant':
        """The documents of relevance ``rel`` and more, for the same queries."""
        keep = self.relevance >= rel
        return self if keep.all() else replace(
            self, ranks=self.ranks[keep], queries=self.queries[keep], langs=self.langs[keep],
            relevance=self.relevance[keep])

    def retrieved(self, cutoff: int | None = None) -> np.ndarray:
        """Which documents were retrieved, within the cutoff if there is one: bool (n,)."""
        return was_retrieved(self.ranks, cutoff)

    @cached_property
    def per_language(self) -> np.ndarray:
        """The number of documents of each query in each language: int64 (n_queries, languages)."""
        n_langs = int(self.langs.max()) + 1 if len(self.langs) else 1
        cells = self.queries * n_langs + self.langs
        return np.bincount(cells, minlength=self.n_queries * n_langs).reshape(self.n_queries, n_langs)

    @cached_property
    def n_langs(self) -> np.ndarray:
        """The number of languages in which each query has documents: int64 (n_queries,)."""
        return np.count_nonzero(self.per_language, axis=1)

    def best_ranks(self, cutoff: int | None = None) -> np.ma.MaskedArray:
        """The best rank in each language: masked int64 (n_queries, languages), masked where nothing was retrieved.

        Beyond the cutoff, a document counts as not retrieved.
        """
        never = np.iinfo(np.int64).max
        best = np.full(self.per_language.shape, never)
        found = self.retrieved(cutoff)
        np.minimum.at(best, (self.queries[found], self.langs[found]), self.ranks[found])
        return np.ma.MaskedArray(best, best == never)


class Values(NamedTuple):
    """The values of a measure for queries.

    Attributes:
        value: float64 (n_queries,), finite; for a query to which the measure does not apply, the value that a mean over
            all queries takes instead.
        applies: bool (n_queries,), whether the measure applies to the query.
        otherwise: the reason to give if the measure applies to no query.
        notes: phrases about the queries, for one warning.
    """

    value: np.ndarray
    applies: np.ndarray
    otherwise: str = ''
    notes: tuple[str, ...] = ()


def was_retrieved(ranks: np.ndarray, cutoff: int | None = None) -> np.ndarray:
    """Which documents were retrieved, within the cutoff if there is one: bool, the shape of ``ranks``.

    Ranks are counted from 1, 0 or less for a document that was not retrieved.
    """
    return (ranks > 0) & (ranks <= (np.iinfo(np.int64).max if cutoff is None else cutoff))


def counted(chosen: np.ndarray, what: str) -> tuple[str, ...]:
    """A phrase for :attr:`Values.notes` that counts the chosen queries, bool (n_queries,); empty if there is none."""
    number = int(chosen.sum())
    return (f'{number} of {len(chosen)} queries {what}',) if number else ()

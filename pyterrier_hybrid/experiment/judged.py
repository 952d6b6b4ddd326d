"""The relevant passages of one setting, as arrays."""
from dataclasses import dataclass

import numpy as np

from pyterrier_hybrid.measures.relevant import Relevant


@dataclass(frozen=True, eq=False)
class Judged:
    """The relevant passages of one setting, n of them, over the questions that have any there.

    Attributes:
        qids: object (n_queries,).
        queries: int (n,), ascending, positions in ``qids``.
        docnos: object (n,).
        langs: int (n,), the passages' languages, numbered as ``query_lang``.
        relevance: int (n,), 1 or more.
        rows: int (n,), positions in ``EvaluationSet.relevant(query_lang)``.
        query_lang: the number of the questions' language.
        pool: passages ranked.
        own: bool (n_queries,), whether one of them has the question's id and is left out of its ranking.
    """

    qids: np.ndarray
    queries: np.ndarray
    docnos: np.ndarray
    langs: np.ndarray
    relevance: np.ndarray
    rows: np.ndarray
    query_lang: int
    pool: int
    own: np.ndarray

    @property
    def n_queries(self) -> int:
        return len(self.qids)

    def ranked(self, ranks: np.ndarray, lengths: np.ndarray) -> Relevant:
        """The relevant passages with their ranks, and the number of passages ranked for each question."""
        return Relevant(
            ranks, self.queries, self.langs, self.relevance, self.n_queries, lengths,
            query_langs=np.full(self.n_queries, self.query_lang),
            pool=self.pool - bool(self.n_queries and self.own.all()),
        )  # fmt: skip

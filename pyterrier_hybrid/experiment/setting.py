"""The settings of a multilingual collection, and the relevant passages of one."""
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pyterrier_hybrid.experiment.frames import SETTING_KINDS
from pyterrier_hybrid.measures.relevant import Relevant


class Setting(NamedTuple):
    """Questions in one language over passages in one language, or in all (``doc_lang`` None)."""

    kind: str
    query_lang: str
    doc_lang: str | None

    def __str__(self) -> str:
        return f'questions in {self.query_lang} over passages in {self.doc_lang or "all languages"}'


def list_settings(
    query_langs: Iterable[str], doc_langs: Iterable[str], kinds: Sequence[str] = SETTING_KINDS
) -> list[Setting]:
    """The settings: of the same n languages n monolingual, n(n-1) cross-lingual and n multilingual ones.

    Args:
        query_langs: the questions' languages.
        doc_langs: the passages' languages.
        kinds: which of ``'monolingual'``, ``'crosslingual'``, ``'multilingual'``.

    Raises:
        ValueError: an unknown kind, or none.
    """
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    unknown = [kind for kind in kinds if kind not in SETTING_KINDS]
    if unknown or not kinds:
        found = ', '.join(map(repr, unknown)) or 'none'
        raise ValueError(f'settings are some of {", ".join(SETTING_KINDS)}, not {found}')
    query_langs, doc_langs = list(query_langs), list(doc_langs)
    every = [Setting('monolingual' if q == d else 'crosslingual', q, d) for q in query_langs for d in doc_langs]
    every += [Setting('multilingual', q, None) for q in query_langs]
    return [setting for setting in every if setting.kind in kinds]


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
        own: bool (n_queries,), whether a passage of the pool has the question's id and is left out of its ranking.
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

    @property
    def longest(self) -> int:
        """The length of the longest possible ranking: less than the pool if every question is itself a passage."""
        return self.pool - bool(self.n_queries and self.own.all())

    def ranked(self, ranks: np.ndarray, lengths: np.ndarray) -> Relevant:
        """The relevant passages with their ranks, and the number of passages ranked for each question."""
        return Relevant(
            ranks, self.queries, self.langs, self.relevance, self.n_queries, lengths,
            query_langs=np.full(self.n_queries, self.query_lang),
            pool=self.longest,
        )  # fmt: skip

"""One run against one set of qrels: everything that the measures of a call share, computed once."""
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from pyterrier_hybrid.languages import DOC_LANG, check_language
from pyterrier_hybrid.measures.doc_languages import Languages
from pyterrier_hybrid.measures.judgements import Judgements, query_languages
from pyterrier_hybrid.measures.ranking import Ranking, rank_judged
from pyterrier_hybrid.measures.relevant import Relevant
from pyterrier_hybrid.measures.table import Table


class Top(NamedTuple):
    """The first documents of all lists, n of them: int64 (n,) each; a language is its place in Evaluation.languages."""

    ranks: np.ndarray
    queries: np.ndarray
    langs: np.ndarray


class Evaluation:
    """A run and qrels, as the arrays from which measures are computed.

    A language is a small integer, its position in :attr:`languages`, for documents and queries alike. The list grows
    while documents and queries are read. ``depth`` is how many documents of every list :meth:`top` can return; 0 if no
    measure reads unjudged documents.
    """

    def __init__(self, judgements: Judgements, run: Table, depth: int = 0):
        self.judgements = judgements
        self.run = run
        self.n_queries = len(judgements.query_ids)
        self.languages: list[str] = []
        self._code_of: dict[str, int] = {}
        self._relevant: dict[tuple[int, str], Relevant] = {}
        self._depth = depth

    @cached_property
    def ranking(self) -> Ranking:
        """The ranks of the judged documents, and the first documents of every list."""
        j = self.judgements
        return rank_judged(self.run, j.query_ids, j.queries, j.doc_ids, self._depth)

    def code(self, lang: str) -> int:
        """The number of a language; a new language gets the next number."""
        if lang not in self._code_of:
            self._code_of[lang] = len(self.languages)
            self.languages.append(lang)
        return self._code_of[lang]

    def _codes(self, langs: Sequence[str | None]) -> np.ndarray:
        return np.array([-1 if lang is None else self.code(lang) for lang in langs], dtype=np.int64)

    @cached_property
    def _judged_langs(self) -> np.ndarray:
        """The judged documents' languages from the qrels, int64 (n_judged,); -1 if the qrels have none."""
        return self._codes(self.judgements.doc_langs)

    def relevant(self, rel: int, langs: Languages | None) -> Relevant:
        """The documents of relevance ``rel`` or more.

        Raises:
            ValueError: the language of one is neither in the qrels' ``iteration`` nor in ``langs``.
        """
        key = (rel, repr(langs))
        if key not in self._relevant:
            j = self.judgements
            rows = np.flatnonzero(j.relevance >= rel)
            found = self._judged_langs[rows]
            for i in np.flatnonzero(found < 0):
                docno, query_id = j.doc_ids[rows[i]], j.query_ids[j.queries[rows[i]]]
                if langs is None or docno not in langs:
                    raise ValueError(
                        f'query {query_id!r:.80}: the language of its relevant document {docno!r:.80} is unknown; put '
                        "it into the qrels' iteration, or give langs=Languages({docno: language})")
                found[i] = self.code(langs[docno])
            self._relevant[key] = Relevant(self.ranking.ranks[rows], j.queries[rows], found, j.relevance[rows],
                                           self.n_queries, self.ranking.lengths)
        return self._relevant[key]

    def check_pool(self, pool: int, relevant: Relevant, measure: str) -> None:
        """Raises ValueError if a query has more documents, retrieved or relevant, than the pool holds."""
        missing = np.bincount(relevant.queries[~relevant.retrieved()], minlength=self.n_queries)
        known = self.ranking.lengths + missing
        if (known > pool).any():
            query = int(np.argmax(known))
            raise ValueError(f'{measure}: query {self.judgements.query_ids[query]!r:.80} has {known[query]} documents '
                             f'in the run or relevant, more than pool={pool}; pool is the number of documents ranked')

    def query_langs(self, default: str | None) -> np.ndarray:
        """Every query's language: from the qrels, else from the run, else ``default``; int64 (n_queries,).

        Raises:
            ValueError: a query's language is in none of the three.
        """
        langs = self.judgements.query_langs.copy()
        unknown = {self.judgements.query_ids[i]: i for i in range(self.n_queries) if langs[i] is None}
        if unknown:
            in_run = [i for i, query_id in enumerate(self.run.query_ids) if query_id in unknown]
            for i, lang in zip(in_run, query_languages(self.run, np.array(in_run, dtype=np.int64))):
                langs[unknown[self.run.query_ids[i]]] = lang
            langs = np.array([default if lang is None else lang for lang in langs], dtype=object)
        lost = [query_id for query_id, i in unknown.items() if langs[i] is None]
        if lost:
            raise ValueError(f'the language of query {lost[0]!r:.80} is unknown ({len(lost)} such queries); give the '
                             'qrels or the run a column query_lang, or the measure a parameter, as in '
                             "LPR(query_lang='de')")
        return self._codes(langs)

    def top(self, cutoff: int, langs: Languages | None) -> Top:
        """The first ``cutoff`` documents of every list, with their languages.

        A document's language is the one in the qrels, else the one in ``langs``, else the run's ``doc_lang``.

        Raises:
            ValueError: a document's language is in none of the three.
        """
        ranking = self.ranking
        near = ranking.top_ranks <= cutoff
        queries, ranks, rows = ranking.top_queries[near], ranking.top_ranks[near], ranking.top_rows[near]
        docs = self.run.doc[rows]
        judged = self._judged_row(queries, docs)
        found = np.where(judged >= 0, self._judged_langs[judged], -1)
        unknown = np.flatnonzero(found < 0)
        docnos = self.run.doc_ids[docs[unknown]]
        names = self.run.column(DOC_LANG, rows[unknown])
        if langs is not None:
            names = np.array([langs.get(docno, name) for docno, name in zip(docnos, names)], dtype=object)
        codes, distinct = pd.factorize(names)

        def where(row: int) -> str:
            query_id = self.judgements.query_ids[queries[unknown[row]]]
            return f'query {query_id!r:.80}: the retrieved document {docnos[row]!r:.80}'

        if (codes < 0).any():
            raise ValueError(f'{where(int(np.argmin(codes)))} has no language; retrieve with a column doc_lang, or '
                             'give langs=Languages({docno: language})')
        for code, lang in enumerate(distinct):
            check_language(lang, where(int(np.argmax(codes == code))))
        found[unknown] = self._codes(distinct)[codes]
        return Top(ranks, queries, found)

    def _judged_row(self, queries: np.ndarray, docs: np.ndarray) -> np.ndarray:
        """The row in the judgements of each pair of query and document; -1 for a pair that is not judged."""
        width = len(self.run.doc_ids)
        in_run = np.flatnonzero(self.ranking.judged_docs >= 0)
        keys = pd.Index(self.judgements.queries[in_run] * width + self.ranking.judged_docs[in_run])
        return np.append(in_run, -1)[keys.get_indexer(queries * width + docs)]

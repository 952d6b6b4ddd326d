"""BM25 retrieval over some or all languages of an index."""
import math
import warnings
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyterrier as pt
from pandas.api.types import is_scalar

from pyterrier_hybrid.encoding.texts import check_texts
from pyterrier_hybrid.indexing.retriever import docnos_to_exclude
from pyterrier_hybrid.languages import DOC_LANG, QUERY_LANG, check_language, check_languages
from pyterrier_hybrid.lexical.analysis import analyse
from pyterrier_hybrid.lexical.scoring import best
from pyterrier_hybrid.ranking.separation import separate

if TYPE_CHECKING:
    from pyterrier_hybrid.lexical.index import BM25Index


class BM25Retriever(pt.Transformer):
    """Ranks the documents of an index by BM25 (``scoring.bm25_model`` has the formula).

    A query is analysed once, in its own language, which is in the topics' column ``query_lang``; a document was
    analysed in its own language. Across languages, they share numbers, and the names and loan words whose stems are
    equal in both languages.

    The run has the topics' columns, then ``docno``, ``score`` (float32), ``rank`` (from 0) and ``doc_lang``; queries in
    the topics' order, equal scores in the order of the docnos, also at the cut. Equal scores are then separated by the
    least steps that float32 has, so that every evaluator keeps this order (see
    :mod:`pyterrier_hybrid.ranking.separation`). Documents that share no term with the query are not ranked, so a query
    of unknown words has no rows, and neither has an empty one; one warning tells of all empty ones.

    A retriever serves the index as it was when the retriever was made: after a rebuild, it raises an error. Retrievers
    made before and after are not equal, so PyTerrier does not share their results.

    Args:
        bm25_index: a built index.
        num_results: how many documents at most a query gets, >= 1.
        k1: saturation of term frequency, >= 0.
        b: length normalisation, 0 to 1.
        langs: the language or languages to search, None for all. Scores are those of an index of these languages alone.
        query_lang: the language of queries whose topics have no column ``query_lang``.
        exclude: a column of the topics with a docno to leave out of the query's ranking. ``exclude='qid'`` leaves out
            the question itself, in collections whose questions are passages too, such as ArguAna and Quora.
        separate: separate equal scores. False leaves them equal, as fusion and MRC need them.

    Raises:
        FileNotFoundError: there is no index yet.
        ValueError: a parameter out of its range, or a language that the index does not have.
    """

    schematic = {'label': 'BM25'}  # noqa: RUF012 (PyTerrier reads it from the class)

    def __init__(
        self,
        bm25_index: 'BM25Index',
        num_results: int = 1000,
        *,
        k1: float = 0.9,
        b: float = 0.4,
        langs: str | Iterable[str] | None = None,
        query_lang: str | None = None,
        exclude: str | None = None,
        separate: bool = True,
    ):
        if not isinstance(num_results, Integral) or isinstance(num_results, bool) or num_results < 1:
            raise ValueError(f'num_results is {num_results!r}; it is a whole number of at least 1')
        if not (isinstance(k1, Real) and 0 <= k1 < math.inf):
            raise ValueError(f'k1 is {k1!r}; it is a finite number of at least 0 (0.9 is usual)')
        if not (isinstance(b, Real) and 0 <= b <= 1):
            raise ValueError(f'b is {b!r}; it is a number from 0 to 1 (0.4 is usual)')
        self.bm25_index = bm25_index
        self.num_results = int(num_results)
        self.k1 = float(k1)
        self.b = float(b)
        meta = bm25_index.meta()
        chosen = check_languages(langs, meta['langs'], f'the index at {bm25_index.path}')
        self.langs = None if chosen is None else tuple(chosen)
        self.query_lang = None if query_lang is None else check_language(query_lang, 'the parameter query_lang')
        self.exclude = exclude
        self.separate = separate
        self._index_fingerprint = meta['fingerprint']

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """Retrieves for a frame of topics.

        Args:
            inp: columns ``qid``, ``query`` and, without the parameter ``query_lang``, ``query_lang``.

        Raises:
            pt.validate.InputValidationError: a column is missing.
            ValueError: a query or a docno to exclude that is no text, or an unknown language code (with the qid); an
                index that was rebuilt.

        Warns:
            UserWarning: queries are empty, or missing; one warning for all.
        """
        self._validate(inp)
        opened = self.bm25_index.open()
        if opened.meta['fingerprint'] != self._index_fingerprint:
            raise ValueError(f'{self.bm25_index.path} was rebuilt after this retriever was made; call .bm25() again')
        postings, model = opened.searcher(self.langs, self.k1, self.b)
        query_langs = inp[QUERY_LANG] if QUERY_LANG in inp.columns else [self.query_lang] * len(inp)
        excluded = [None] * len(inp) if self.exclude is None else docnos_to_exclude(inp, self.exclude)

        none = np.empty(0, dtype=np.int64)
        docs, scores = [none], [none.astype(np.float32)]
        for qid, query, query_lang, own in zip(inp['qid'], _texts(inp), query_langs, excluded):
            terms = analyse(query, check_language(query_lang, f'query {qid!r:.80}'))
            known = [postings.terms[term] for term in terms if term in postings.terms]
            all_scores = model.get_scores_from_ids(known) if known else scores[0]
            if len(all_scores) and own is not None:
                place = np.searchsorted(postings.docnos, own)
                all_scores[place : place + 1][postings.docnos[place : place + 1] == own] = 0
            docs.append(best(all_scores, self.num_results))
            scores.append(all_scores[docs[-1]])

        sizes = [len(found) for found in docs[1:]]
        docs, scores, rows = np.concatenate(docs), np.concatenate(scores), np.repeat(np.arange(len(inp)), sizes)
        run = inp.take(rows)
        return run.assign(
            docno=postings.docnos[docs],
            score=separate(scores, rows) if self.separate else scores,
            rank=np.concatenate([none, *map(np.arange, sizes)]),
            **{DOC_LANG: np.array(postings.langs, dtype=object)[postings.doc_langs[docs]]},
        ).reset_index(drop=True)

    def fuse_rank_cutoff(self, k: int) -> 'BM25Retriever | None':
        """Returns the retriever that a rank cutoff at ``k`` (PyTerrier's ``%``) makes of this one; None for 0."""
        if k < 1:
            return None
        return self if k >= self.num_results else pt.inspect.transformer_apply_attributes(self, num_results=k)

    def set_parameter(self, name: str, value: object) -> None:
        """Sets a parameter as the constructor does; ``pt.GridScan`` and ``pt.GridSearch`` call it."""
        self.__dict__ = pt.inspect.transformer_apply_attributes(self, **{name: value}).__dict__

    def _validate(self, inp: pd.DataFrame) -> None:
        needed = ['query'] if self.query_lang else ['query', QUERY_LANG]
        needed += [] if self.exclude in (None, 'qid', *needed) else [self.exclude]
        try:
            pt.validate.query_frame(inp, extra_columns=needed, context=self)
        except pt.validate.InputValidationError as error:
            if QUERY_LANG not in error.modes[0].missing_columns:
                raise
            raise pt.validate.InputValidationError(
                f'BM25 analyses each query in its own language, and the topics have no column {QUERY_LANG}: add it, or '
                "give the language of all queries, as in .bm25(query_lang='en').",
                error.modes,
            ) from error

    def _key(self) -> tuple:
        options = self.num_results, self.k1, self.b, self.langs, self.query_lang, self.exclude, self.separate
        return self.bm25_index.path.resolve(), self._index_fingerprint, *options

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, BM25Retriever) else NotImplemented

    def __hash__(self) -> int:
        return hash((BM25Retriever, self._key()))

    def __repr__(self) -> str:
        names = 'k1', 'b', 'langs', 'query_lang', 'exclude', 'separate'
        parameters = {name: getattr(self, name) for name in names}
        return f'{self.bm25_index!r}.bm25({self.num_results}, {", ".join(f"{k}={v!r}" for k, v in parameters.items())})'


def _texts(topics: pd.DataFrame) -> list[str]:
    """Returns the texts of queries, a missing value as an empty text; one warning tells of those that are empty.

    Raises:
        ValueError: a query is something else, or holds half a surrogate pair; names the qid.
    """
    # A missing value is None, or the NaN that pandas reads for an empty field.
    texts = ['' if is_scalar(query) and pd.isna(query) else query for query in topics['query']]
    check_texts(texts, 'query', topics['qid'].tolist())
    empty = [qid for qid, text in zip(topics['qid'], texts) if not text.strip()]
    if empty:
        warnings.warn(
            f'{len(empty)} of {len(texts)} queries are empty and get no results: {empty[:5]!r:.80}', stacklevel=4
        )
    return texts

"""Re-ranking with a multilingual index: the results of another retriever, scored by their indexed vectors."""
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyterrier as pt
import pyterrier_alpha as pta

from pyterrier_hybrid.indexing.retriever import query_matrix
from pyterrier_hybrid.languages import DOC_LANG, QUERY_LANG
from pyterrier_hybrid.ranking.scores import exact_scores
from pyterrier_hybrid.ranking.separation import separate_run

if TYPE_CHECKING:
    from pyterrier_hybrid.indexing.index import MultilingualIndex


class ExactScorer(pt.Transformer):
    """Gives each result the dot product of its query's vector and its document's, and orders a query's results by it.

    Scores and order are those of :class:`~pyterrier_hybrid.indexing.ExactRetriever`. No results give none.

    Args:
        index: the index; it holds the documents that are re-ranked.

    Example::

        bm25 % 100 >> encoder.query_encoder() >> index.scorer()
    """

    schematic = {'label': 'Scorer'}  # noqa: RUF012 (PyTerrier reads it from the class)

    def __init__(self, index: 'MultilingualIndex'):
        super().__init__()
        self.index = index

    def score(self, query_vecs: np.ndarray, docids: np.ndarray) -> np.ndarray:
        """Dot products of queries and indexed documents; pyterrier_dr's LADR and GAR call it.

        Args:
            query_vecs: float32, ``(q, d)``.
            docids: int, ``(k,)``.

        Returns:
            float32, ``(q, k)``.
        """
        return exact_scores(query_vecs, self.index.open().vecs[docids])

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """Scores and sorts.

        Args:
            inp: results with ``qid``, ``docno`` and ``query_vec`` (``(d,)``, finite, one for each query; missing in
                rows of a union or a sum that a retriever without vectors found).

        Returns:
            The same rows with ``score`` (float32), ``rank`` (int64, from 0) and ``doc_lang``; queries in the order in
            which they came. A ``docid``, which is another index's, becomes that of this index.

        Raises:
            KeyError: a docno that the index does not have.
            ValueError: a query without a vector, or one that is not finite or not of the index's size; a qid with
                several languages in ``query_lang``, which are several queries.
        """
        pta.validate.result_frame(inp, extra_columns=['query_vec'])
        if inp.empty:
            none = pd.Series(dtype=str)
            return inp.assign(score=np.empty(0, np.float32), rank=np.empty(0, np.int64), **{DOC_LANG: none})
        opened = self.index.open()
        docids = opened.docnos.inv[inp['docno'].to_numpy(dtype=object)]
        if QUERY_LANG in inp:
            _check_one_language(inp)
        given = inp[inp['query_vec'].notna()].drop_duplicates('qid')
        query_of = pd.Index(given['qid']).get_indexer(inp['qid'])
        if (query_of < 0).any():
            qid = inp['qid'].iloc[query_of.argmin()]
            raise ValueError(
                f'query {qid!r:.80} has no vector; encode the queries, as in results >> encoder.query_encoder() >> '
                'index.scorer()'
            )
        queries = query_matrix(given, opened.vecs.shape[1], self.index.path)
        scores = np.empty(len(inp), dtype=np.float32)
        rows_of = np.split(np.argsort(query_of, kind='stable'), np.bincount(query_of).cumsum()[:-1])
        for query, rows in enumerate(rows_of):
            scores[rows] = exact_scores(queries[query : query + 1], opened.vecs[docids[rows]])[0]
        langs = np.array(opened.languages, dtype=object)[opened.lang_ids[docids]]
        found = {'score': scores, DOC_LANG: pd.Series(langs, index=inp.index, dtype=str)}
        return separate_run(inp.assign(**found, **({'docid': docids} if 'docid' in inp else {})))

    def _key(self) -> tuple:
        return self.index.path.resolve(), self.index.fingerprint()

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, ExactScorer) else NotImplemented

    def __hash__(self) -> int:
        return hash((ExactScorer, self.index.path.resolve()))

    def __repr__(self) -> str:
        return f'{self.index!r}.scorer()'


def _check_one_language(results: pd.DataFrame) -> None:
    """Raises ValueError, with the qid, for results of a question in several languages: their queries share a qid."""
    asked = results[['qid', QUERY_LANG]].dropna().drop_duplicates()
    twice = asked[asked['qid'].duplicated(keep=False)]
    if len(twice):
        qid = twice['qid'].iloc[0]
        langs = ' and '.join(sorted(twice[QUERY_LANG][twice['qid'] == qid]))
        raise ValueError(
            f'the results have query {qid!r:.80} in {langs}, which are several rankings under one qid; re-rank the '
            'results of each language by themselves'
        )

"""The exact retriever of a multilingual index, as a transformer."""
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyterrier as pt
import pyterrier_alpha as pta

from pyterrier_hybrid.languages import DOC_LANG, check_languages
from pyterrier_hybrid.ranking.search import top_k

if TYPE_CHECKING:
    from pyterrier_hybrid.indexing.index import MultilingualIndex, OpenedIndex


class ExactRetriever(pt.Transformer):
    """Retrieves for each query vector the documents of highest dot product, in all languages or in some.

    A query's results are ordered by (score descending, docno ascending), also at the cut, and ranks count from 0;
    queries come in the order of the topics. The score is the float32 nearest to the exact dot product (see
    :mod:`pyterrier_hybrid.ranking.scores`), so that a search with ``langs`` equals one in an index of those languages
    alone, and equal vectors tie.

    Two retrievers are equal if they give equal runs: the same index, by path and fingerprint, languages and depth.

    Args:
        index: the index.
        num_results: results per query; all documents where there are fewer.
        langs: a language code or several, to search in these alone; None for all.
        drop_query_vec: leave ``query_vec`` out of the run.
        device: a torch device (``'cuda'``) that preselects documents in a large index; the run is the same without.
    """

    def __init__(
        self,
        index: 'MultilingualIndex',
        num_results: int = 1000,
        *,
        langs: str | Iterable[str] | None = None,
        drop_query_vec: bool = False,
        device: str | None = None,
    ):
        super().__init__()
        if not isinstance(num_results, (int, np.integer)) or isinstance(num_results, bool) or num_results < 1:
            raise ValueError(f'num_results is {num_results!r}; it is a number of results per query, at least 1')
        self.index = index
        self.num_results = int(num_results)
        if langs is not None:
            langs = [langs] if isinstance(langs, str) else langs
            langs = tuple(sorted(set(langs)))
        self.langs = langs
        self.drop_query_vec = drop_query_vec
        self.device = device
        if index.built():
            self._rows(index.open())

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """The run of the topics in ``inp``.

        Args:
            inp: topics with ``qid`` and ``query_vec`` (``(d,)``, finite).

        Returns:
            The topics' columns, ``docno``, ``docid`` (int64), ``score`` (float32), ``rank`` (int64) and ``doc_lang``.

        Raises:
            ValueError: a query vector that is not finite, or whose size is not that of the index; a language that the
                index does not have.
            FileNotFoundError: there is no index.
        """
        pta.validate.query_frame(inp, extra_columns=['query_vec'])
        topics = inp.drop(columns='query_vec') if self.drop_query_vec else inp
        if inp.empty:
            return _run(topics, np.empty((0, 0), np.int64), np.empty((0, 0), np.float32), [], [])
        opened = self.index.open()
        queries = _query_matrix(inp, opened.vecs.shape[1], self.index.index_path)
        bar = pt.tqdm(total=len(inp), desc='searching', unit='query', disable=not self.index.verbose)
        with bar:
            docids, scores = top_k(
                queries,
                opened.vecs,
                opened.docnos.order,
                opened.docnos.rank,
                self.num_results,
                max_norm=opened.max_norm,
                rows=self._rows(opened),
                device=self.device,
                progress=bar.update,
            )
        docnos = opened.docnos.fwd[docids.ravel()]
        langs = np.array(opened.languages, dtype=object)[opened.lang_ids[docids.ravel()]]
        return _run(topics, docids, scores, docnos, langs)

    def fuse_rank_cutoff(self, k: int) -> 'ExactRetriever | None':
        """The retriever with a cutoff of ``k`` built in, if that is less than its depth."""
        if not 1 <= k < self.num_results:
            return None
        return ExactRetriever(
            self.index, k, langs=self.langs, drop_query_vec=self.drop_query_vec, device=self.device
        )

    def _rows(self, opened: 'OpenedIndex') -> np.ndarray | None:
        """Ascending docids of the documents to search in; None for all."""
        chosen = check_languages(self.langs, opened.languages, f'the index at {self.index.index_path}')
        if chosen is None or set(chosen) == set(opened.languages):
            return None
        return np.flatnonzero(np.isin(opened.lang_ids, [opened.languages.index(lang) for lang in chosen]))

    def _key(self) -> tuple:
        return self.index.index_path.resolve(), self.num_results, self.langs, self.drop_query_vec, self.device

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExactRetriever):
            return NotImplemented
        return self._key() == other._key() and self.index.fingerprint() == other.index.fingerprint()

    def __hash__(self) -> int:
        return hash((ExactRetriever, self._key()))  # without the fingerprint: a hash must not change with the index

    def __repr__(self) -> str:
        langs = '' if self.langs is None else f', langs={list(self.langs)}'
        return f'{self.index!r}.retriever({self.num_results}{langs})'


def _query_matrix(topics: pd.DataFrame, vec_size: int, path: object) -> np.ndarray:
    """The query vectors, float32, ``(q, d)``."""
    vectors = [np.asarray(vector, dtype=np.float32) for vector in topics['query_vec']]
    for qid, vector in zip(topics['qid'], vectors):
        if vector.shape != (vec_size,):
            found = f'{len(vector)} dimensions' if vector.ndim == 1 else f'the shape {vector.shape}'
            raise ValueError(
                f'the vector of query {qid!r} has {found}, those of the index at {path} have {vec_size}: '
                'the encoder of the queries is not the one that encoded the documents'
            )
        if not np.isfinite(vector).all():
            raise ValueError(f'the vector of query {qid!r} has a value that is not finite')
    return np.stack(vectors)


def _run(topics: pd.DataFrame, docids: np.ndarray, scores: np.ndarray, docnos, langs) -> pd.DataFrame:
    """The run frame: a row per query and result, in the topics' order."""
    depth = docids.shape[1]
    run = topics.iloc[np.repeat(np.arange(len(topics)), depth)].reset_index(drop=True)
    return run.assign(
        docno=pd.Series(docnos, dtype=str),
        docid=docids.ravel(),
        score=scores.ravel(),
        rank=np.tile(np.arange(depth), len(topics)),
        **{DOC_LANG: pd.Series(langs, dtype=str)},
    )

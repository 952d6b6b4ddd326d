"""Retrievers of a multilingual index, as transformers: the base class of all, and the exact one."""
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyterrier as pt
import pyterrier_alpha as pta

from pyterrier_hybrid.encoding.devices import check_device
from pyterrier_hybrid.indexing.documents import as_vector
from pyterrier_hybrid.languages import DOC_LANG, check_languages
from pyterrier_hybrid.ranking.search import top_k
from pyterrier_hybrid.ranking.separation import separate

if TYPE_CHECKING:
    from typing_extensions import Self

    from pyterrier_hybrid.indexing.index import MultilingualIndex
    from pyterrier_hybrid.indexing.opened import OpenedIndex


class DenseRetriever(pt.Transformer):
    """The base of the retrievers of an index: topics in, runs out; a subclass searches.

    A query's results are ordered by (score descending, docno ascending), also at the cut, and ranks count from 0;
    queries come in the order of the topics. The score is the float32 nearest to the exact dot product (see
    :mod:`pyterrier_hybrid.ranking.scores`). Equal scores are then separated by the least steps that float32 has, so
    that every evaluator keeps this order (see :mod:`pyterrier_hybrid.ranking.separation`).

    A query without a vector (None) gets no results, with a warning.

    Two retrievers are equal if they give equal runs: the same index, by path and fingerprint, and the same options.

    Args:
        index: the index.
        num_results: results per query; all documents if there are fewer.
        langs: a language code or several, to search in these alone; None for all.
        exclude: a column of the topics with a docno to leave out of the query's ranking. ``exclude='qid'`` leaves out
            the question itself, in collections whose questions are passages too, such as ArguAna and Quora.
        drop_query_vec: leave ``query_vec`` out of the run.
        separate: separate equal scores. False leaves them equal, as fusion and MRC need them.
        verbose: show a progress bar.
    """

    def __init__(
        self, index: 'MultilingualIndex', num_results: int = 1000, *, langs: str | Iterable[str] | None = None,
        exclude: str | None = None, drop_query_vec: bool = False, separate: bool = True, verbose: bool = False,
    ):  # fmt: skip
        super().__init__()
        if not isinstance(num_results, (int, np.integer)) or isinstance(num_results, bool) or num_results < 1:
            raise ValueError(f'num_results is {num_results!r}; it is a number of results per query, at least 1')
        self.index = index
        self.num_results = int(num_results)
        self.langs = None if langs is None else tuple(sorted({langs} if isinstance(langs, str) else set(langs)))
        self.exclude = exclude
        self.drop_query_vec = drop_query_vec
        self.separate = separate
        self.verbose = verbose
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
                index does not have; a score beyond float32; a docno to exclude that is no text.
            FileNotFoundError: there is no index.
        """
        excluded = [] if self.exclude in (None, 'qid') else [self.exclude]
        pta.validate.query_frame(inp, extra_columns=['query_vec', *excluded])
        inp = _with_vectors(inp)
        topics = inp.drop(columns='query_vec') if self.drop_query_vec else inp
        if inp.empty:
            return _run(topics, *(np.empty((0, 1), dtype) for dtype in (bool, np.int64, np.float32)), [], [])
        opened = self.index.open()
        queries = query_matrix(inp, opened.vecs.shape[1], self.index.path)
        own = None if self.exclude is None else opened.docnos.find(docnos_to_exclude(inp, self.exclude))[:, None]
        with pt.tqdm(total=len(inp), desc='searching', unit='query', disable=not self.verbose) as bar:
            docids, scores = self._search(opened, queries, self.num_results + (own is not None), bar.update)
        kept = np.ones(docids.shape, bool)
        if own is not None:
            kept = docids != own
            kept &= kept.cumsum(axis=1) <= self.num_results
        found = docids[kept]
        langs = np.array(opened.languages, dtype=object)[opened.lang_ids[found]]
        run = _run(topics, kept, docids, scores, opened.docnos.texts(found), langs)
        return run.assign(score=separate(scores[kept], np.nonzero(kept)[0])) if self.separate else run

    def _search(
        self, opened: 'OpenedIndex', queries: np.ndarray, k: int, progress: Callable[[int], object]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best ``k`` documents of each query, as :func:`~pyterrier_hybrid.ranking.search.top_k` returns them."""
        raise NotImplementedError

    def fuse_rank_cutoff(self, k: int) -> 'Self | None':
        """The retriever with a cutoff of ``k`` built in, if that is less than its depth."""
        return pt.inspect.transformer_apply_attributes(self, num_results=k) if 1 <= k < self.num_results else None

    def set_parameter(self, name: str, value: object) -> None:
        """Sets a parameter as the constructor does; ``pt.GridScan`` and ``pt.GridSearch`` call it."""
        self.__dict__ = pt.inspect.transformer_apply_attributes(self, **{name: value}).__dict__

    def _rows(self, opened: 'OpenedIndex') -> np.ndarray | None:
        """Ascending docids of the documents to search in; None for all."""
        chosen = check_languages(self.langs, opened.languages, f'the index at {self.index.path}')
        if chosen is None or set(chosen) == set(opened.languages):
            return None
        return np.flatnonzero(np.isin(opened.lang_ids, [opened.languages.index(lang) for lang in chosen]))

    def _options(self) -> tuple:
        """The options in which two retrievers of one index can differ."""
        return self.num_results, self.langs, self.exclude, self.drop_query_vec, self.separate

    def _key(self) -> tuple:
        return self.index.path.resolve(), *self._options()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._key() == other._key() and self.index.fingerprint() == other.index.fingerprint()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))  # without the fingerprint: a hash must not change with the index

    def __repr__(self) -> str:
        return f'{self.index!r}.retriever({", ".join(self._arguments())})'

    def _arguments(self) -> list[str]:
        """The arguments that its repr shows."""
        langs = [] if self.langs is None else [f'langs={list(self.langs)}']
        exclude = [] if self.exclude is None else [f'exclude={self.exclude!r}']
        dropped = ['drop_query_vec=True'] if self.drop_query_vec else []
        equal = [] if self.separate else ['separate=False']
        return [str(self.num_results), *langs, *exclude, *dropped, *equal]


class ExactRetriever(DenseRetriever):
    """Retrieves for each query vector the documents of highest dot product, in all languages or in some.

    A search with ``langs`` equals one in an index of those languages alone. :class:`DenseRetriever` has the other
    guarantees and arguments, which all retrievers share.

    Args:
        device: a torch device (``'cuda'``) that preselects documents in a large index; the run is the same without.

    Raises:
        ValueError: a device that torch cannot use here, besides what the base class refuses.
    """

    schematic = {'label': 'Exact'}  # noqa: RUF012 (PyTerrier reads it from the class)

    def __init__(
        self, index: 'MultilingualIndex', num_results: int = 1000, *, langs: str | Iterable[str] | None = None,
        exclude: str | None = None, drop_query_vec: bool = False, separate: bool = True, device: str | None = None,
        verbose: bool = False,
    ):  # fmt: skip
        super().__init__(
            index, num_results, langs=langs, exclude=exclude, drop_query_vec=drop_query_vec, separate=separate,
            verbose=verbose,
        )  # fmt: skip
        check_device(device)
        self.device = device

    def _search(
        self, opened: 'OpenedIndex', queries: np.ndarray, k: int, progress: Callable[[int], object]
    ) -> tuple[np.ndarray, np.ndarray]:
        return top_k(
            queries, opened.vecs, opened.docnos.order, opened.docnos.rank, k, max_norm=opened.max_norm,
            rows=self._rows(opened), device=self.device, progress=progress,
        )  # fmt: skip

    def _options(self) -> tuple:
        return *super()._options(), self.device


def _with_vectors(inp: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a vector; warns of the others."""
    missing = inp['query_vec'].isna()
    if missing.any():
        qid = inp['qid'][missing].iloc[0]
        warnings.warn(f'{missing.sum()} queries have no vector, such as {qid!r:.80}, and get no results', stacklevel=4)
        return inp[~missing]
    return inp


def query_matrix(topics: pd.DataFrame, vec_size: int, path: object) -> np.ndarray:
    """The query vectors of a frame with ``qid`` and ``query_vec``, float32, ``(q, d)``; ``path`` is for the message.

    Raises ValueError, with the qid, for a value that is not a vector, is not finite or does not have ``vec_size``.
    """
    vectors = []
    for qid, value in zip(topics['qid'], topics['query_vec']):
        try:
            vectors.append(as_vector(value))
        except ValueError as error:
            raise ValueError(f'the vector of query {qid!r:.80} {error}') from None
        if len(vectors[-1]) != vec_size:
            raise ValueError(
                f'the vector of query {qid!r:.80} has {len(vectors[-1])} dimensions, those of the index at {path} have '
                f'{vec_size}: the encoder of the queries is not the one that encoded the documents'
            )
    return np.stack(vectors)


def docnos_to_exclude(topics: pd.DataFrame, column: str) -> np.ndarray:
    """The docno to leave out of each topic's ranking, None if the topic has none: object, ``(q,)``.

    Raises ValueError, with the qid, for a value that is not a str, such as a number, since it cannot be a docno.
    """
    docnos = topics[column].astype(object).where(topics[column].notna(), None).to_numpy(dtype=object)
    for qid, docno in zip(topics['qid'], docnos):
        if docno is not None and not isinstance(docno, str):
            raise ValueError(
                f'the column {column} has {docno!r:.80} for query {qid!r:.80}, and docnos are texts: nothing would be '
                f'excluded; convert the column, as in topics.assign({column}=topics[{column!r}].astype(str))'
            )
    return docnos


def _run(topics: pd.DataFrame, kept: np.ndarray, docids: np.ndarray, scores: np.ndarray, docnos, langs) -> pd.DataFrame:
    """The run frame: a row per query and kept result, in the topics' order."""
    run = topics.iloc[np.nonzero(kept)[0]].reset_index(drop=True)
    return run.assign(
        docno=pd.Series(docnos, dtype=str), docid=docids[kept], score=scores[kept],
        rank=(kept.cumsum(axis=1) - 1)[kept], **{DOC_LANG: pd.Series(langs, dtype=str)},
    )  # fmt: skip

"""The approximate retriever of a multilingual index: FAISS finds candidates, and full vectors score them."""
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from pyterrier_hybrid.indexing.backends import Backend, find_backend
from pyterrier_hybrid.indexing.faiss_files import OpenedBackend, open_backend
from pyterrier_hybrid.indexing.list_search import FEW
from pyterrier_hybrid.indexing.retriever import DenseRetriever
from pyterrier_hybrid.ranking.order import from_order_keys, order_keys
from pyterrier_hybrid.ranking.scores import error_margins, exact_scores_of_own
from pyterrier_hybrid.ranking.search import top_k

if TYPE_CHECKING:
    import faiss

    from pyterrier_hybrid.indexing.index import MultilingualIndex
    from pyterrier_hybrid.indexing.opened import OpenedIndex

_BATCH = 256  # the most queries that a thread searches at a time
_CHUNK = 16  # queries rescored at a time, so few that the processor's cache holds their candidates' vectors
_HARDER = (1, 4, 16)  # factors of the effort, tried one after another
_FEW = 8  # an exact search costs no more among at most this many passages for each candidate


class ApproximateRetriever(DenseRetriever):
    """Retrieves documents of high dot product, not always the highest: FAISS finds candidates, which are then rescored.

    Candidates, ``backend.rescore`` for each result, are scored with the index's own vectors. The documents that are
    found have the scores and the order of :class:`ExactRetriever`: a run differs from the exact one by missing
    documents, and by those in their place. ``index.tune`` says how many are missing, in which language.

    **The index of the backend is built when it is first needed**, and kept in the folder of the index;
    ``index.build_backend`` builds it at a time of your choosing.

    **Languages** are chosen inside the search: ``langs=['de']`` returns ``num_results`` German documents, not the
    German ones among ``num_results`` documents. If FAISS finds too few candidates (since the language is rare where it
    searches), it searches again with 4 and with 16 times the effort, and then the query is searched exactly. So is
    every query if the languages have at most 8 documents for each candidate. No query has fewer than ``num_results``
    results if there are as many documents. If the index is replaced during a search, the search is of the old index,
    and exact if the old backend was not open yet.

    A cutoff keeps the candidates: ``retriever % 10`` returns the first 10 results of ``retriever``.
    :class:`DenseRetriever` has the other guarantees and arguments.

    Args:
        backend: ``'hnsw'``, ``'ivf'`` or ``'ivfpq'``, or one with parameters, such as ``IVFPQ(lists=4096, probes=64)``.
        candidates: how many are rescored; by default what the backend says.

    Raises:
        ValueError: an unknown backend, or one that does not fit the index; ``candidates`` that is not a whole number.
    """

    def __init__(
        self, index: 'MultilingualIndex', num_results: int = 1000, *, backend: str | Backend,
        langs: str | Iterable[str] | None = None, exclude: str | None = None, drop_query_vec: bool = False,
        separate: bool = True, candidates: int | None = None, verbose: bool = False,
    ):  # fmt: skip
        self.backend = find_backend(backend)
        super().__init__(
            index, num_results, langs=langs, exclude=exclude, drop_query_vec=drop_query_vec, separate=separate,
            verbose=verbose,
        )  # fmt: skip
        candidates = self.backend.candidates(self.num_results) if candidates is None else candidates
        if not isinstance(candidates, (int, np.integer)) or isinstance(candidates, bool) or candidates < 1:
            raise ValueError(f'candidates is {candidates!r:.80}; it is a number of candidates per query, at least 1')
        self.candidates = max(int(candidates), self.num_results + (exclude is not None))
        self.schematic = {'label': type(self.backend).__name__}
        if index.built():
            self.backend.fitted(*index.open().vecs.shape)

    def _search(
        self, opened: 'OpenedIndex', queries: np.ndarray, k: int, progress: Callable[[int], object]
    ) -> tuple[np.ndarray, np.ndarray]:
        rows, count = self._rows(opened), self.candidates
        pool = len(opened.vecs) if rows is None else len(rows)
        held = None if pool <= _FEW * count else open_backend(self.index, self.backend, opened)
        if held is None:
            return top_k(queries, opened.vecs, opened.docnos.order, opened.docnos.rank, k, max_norm=opened.max_norm,
                         rows=rows, progress=progress)  # fmt: skip
        order, selector = opened.docnos.order, None if rows is None else _selector(rows, len(opened.vecs))
        opened.docnos.rank  # noqa: B018 (computed once, before several threads need it)

        def best(part: np.ndarray) -> np.ndarray:
            found = find_candidates(held, self.backend.effort, part, count, rows, selector)
            products = products_of(part, opened.vecs, found, count)
            chunks = [slice(first, first + _CHUNK) for first in range(0, len(part), _CHUNK)]
            return np.concatenate([rescored(part[chunk], opened, found[chunk], products[chunk], k) for chunk in chunks])

        places, scores = from_order_keys(np.concatenate([*_by_threads(best, queries, progress)]))
        return order[places].astype(np.int64), scores

    def set_parameter(self, name: str, value: object) -> None:
        """As every retriever's; candidates follow ``num_results`` and ``backend``, unless others were given."""
        follow = name in ('num_results', 'backend') and self.candidates == self._default_candidates()
        super().set_parameter(name, value)
        if follow:
            super().set_parameter('candidates', None)

    def _options(self) -> tuple:
        return *super()._options(), self.backend, self.candidates

    def _arguments(self) -> list[str]:
        candidates = [] if self.candidates == self._default_candidates() else [f'candidates={self.candidates}']
        return [*super()._arguments(), f'backend={self.backend!r}', *candidates]

    def _default_candidates(self) -> int:
        return max(self.backend.candidates(self.num_results), self.num_results + (self.exclude is not None))


def _by_threads(
    function: Callable[[np.ndarray], np.ndarray], queries: np.ndarray, progress: Callable[[int], object]
) -> Iterator[np.ndarray]:
    """Calls a function on parts of the queries and yields its results in order.

    One thread computes a part from beginning to end, and there are as many threads as FAISS would take. If threads
    shared every step, they would wait for each other at its end.
    """
    import faiss

    threads = faiss.omp_get_max_threads()
    size = min(_BATCH, max(FEW, -(-len(queries) // threads)))
    parts = [queries[start : start + size] for start in range(0, len(queries), size)]
    if len(parts) == 1:
        yield function(queries)
        progress(len(queries))
        return
    workers = min(threads, len(parts))
    with ThreadPoolExecutor(workers, initializer=faiss.omp_set_num_threads, initargs=(1,)) as executor:
        for result in executor.map(function, parts):
            yield result
            progress(len(result))


def _selector(rows: np.ndarray, n: int) -> 'faiss.IDSelector':
    """FAISS's selector of the docids ``rows`` out of ``n``."""
    import faiss

    allowed = np.zeros(n, bool)
    allowed[rows] = True
    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder='little'))


def products_of(
    queries: np.ndarray, vectors: object, found: list[np.ndarray | None], count: int
) -> list[np.ndarray | None]:
    """Returns the float32 products of each query with its candidates, or None, so that :func:`rescored` computes them.

    It is None for a query without exactly ``count`` candidates, and for vectors that are not a plain float32 array.
    FAISS reads the vectors without a copy.
    """
    import faiss

    products: list[np.ndarray | None] = [None] * len(found)
    whole = [i for i, candidates in enumerate(found) if candidates is not None and len(candidates) == count]
    is_plain = isinstance(vectors, np.ndarray) and vectors.dtype == np.float32 and vectors.flags.c_contiguous
    if not whole or not is_plain:
        return products
    asked, ids = np.ascontiguousarray(queries[whole]), np.stack([found[i] for i in whole]).astype(np.int64)
    result = np.empty(ids.shape, np.float32)
    pointers = map(faiss.swig_ptr, (result, asked, np.asarray(vectors), ids))
    faiss.fvec_inner_products_by_idx(*pointers, asked.shape[1], *ids.shape)
    for i, row in zip(whole, result):
        products[i] = row
    return products


def rescored(
    queries: np.ndarray, opened: 'OpenedIndex', found: list[np.ndarray | None], products: list[np.ndarray | None],
    k: int,
) -> np.ndarray:
    """The :func:`~pyterrier_hybrid.ranking.order.order_keys` of each query's best ``k`` candidates: uint64, ``(q, k)``.

    It works like :func:`~pyterrier_hybrid.ranking.search.top_k`, which is for many documents: float32 products, within
    the margin of their error, say which candidates can be among the best, and only these get their exact score. A query
    whose candidates are None is searched among all documents. ``products`` are the candidates' products, or None.
    """
    keys, best = np.empty((len(queries), k), np.uint64), []
    margins = error_margins(queries, opened.max_norm)
    for i, (candidates, its) in enumerate(zip(found, products)):
        if candidates is None or not np.isfinite(margins[i]):
            docids, scores = top_k(queries[i : i + 1], opened.vecs, opened.docnos.order, opened.docnos.rank, k,
                                   max_norm=opened.max_norm, rows=candidates)  # fmt: skip
            keys[i] = order_keys(scores[0], opened.docnos.rank[docids[0]])
            continue
        its = opened.vecs[candidates] @ queries[i] if its is None else its
        best.append((i, candidates[its >= np.partition(its, len(its) - k)[len(its) - k] - margins[i]]))
    if best:
        counts = np.array([len(docids) for _, docids in best])
        docids = np.concatenate([docids for _, docids in best])
        vectors = np.asarray(opened.vecs[docids])  # not a memmap: slicing one takes as long as a small product
        scores = exact_scores_of_own(queries[[i for i, _ in best]], vectors, counts)
        ordered = order_keys(scores, opened.docnos.rank[docids])
        for (i, _), own in zip(best, np.split(ordered, np.cumsum(counts)[:-1])):
            keys[i] = np.sort(own)[:k]
    return keys


def find_candidates(
    held: OpenedBackend, effort: int, queries: np.ndarray, count: int, rows: np.ndarray | None,
    selector: 'faiss.IDSelector | None',
) -> list[np.ndarray | None]:
    """Each query's candidates, in the order of the queries (float32, ``(q, d)``).

    They are ascending docids, ``(count,)``, or ``rows`` if the query has to be searched exactly. ``effort`` is that of
    the first search. ``rows`` are the ascending docids to search in, more than ``count``, and ``selector`` is FAISS's
    selector of them; both are None for all documents.
    """
    most = held.backend.most(held.index.ntotal)
    found: list[np.ndarray | None] = [rows] * len(queries)
    open_ = np.arange(len(queries))
    for times in _HARDER:
        docids = held.search(queries[open_], count, min(effort * times, most), selector)
        enough = (docids >= 0).all(axis=1)
        for i, chosen in zip(open_[enough], np.sort(docids[enough], axis=1)):
            found[i] = chosen
        open_ = open_[~enough]
        if not len(open_):
            break
    return found

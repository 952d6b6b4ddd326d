"""Searching inverted lists: a matrix product and a partition choose the lists here, and FAISS reads them."""
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import faiss

FEW = 16  # with fewer queries, FAISS's own search is as fast
_CELLS = 2**21  # products of queries with centroids held in memory at a time


class ListSearch:
    """Finds what FAISS's ``index.search`` finds, apart from rounding, in less time if many lists are read.

    FAISS spends as much time on sorting the best lists as on reading them; here they are not sorted. A search takes a
    second copy of the centroids.

    Args:
        index: one with inverted lists and the dot product; transforms of the vectors may come first.
    """

    def __init__(self, index: 'faiss.Index'):
        import faiss

        self._index, self._lists = index, faiss.extract_index_ivf(index)
        on_disk = faiss.downcast_InvertedLists(self._lists.invlists)
        if isinstance(on_disk, faiss.OnDiskInvertedLists):
            on_disk.prefetch_nthread = 0  # a forked process would wait for these threads
        chain = index.chain if isinstance(index, faiss.IndexPreTransform) else None
        transforms = [] if chain is None else [chain.at(i) for i in range(chain.size())]
        self._transforms = [faiss.downcast_VectorTransform(transform) for transform in transforms]
        centroids = self._lists.quantizer.reconstruct_n(0, self._lists.nlist)
        self._centroids = faiss.LinearTransform(self._lists.d, self._lists.nlist, False)
        faiss.copy_array_to_vector(centroids.ravel(), self._centroids.A)
        self._centroids.is_trained = True

    def __call__(self, queries: np.ndarray, count: int, probes: int, selector: 'faiss.IDSelector | None') -> np.ndarray:
        """The docids of each query's best ``count`` in the ``probes`` lists of highest product with it, in any order.

        Returns:
            int64, ``(q, count)``; -1 where there are fewer.
        """
        import faiss

        parameters = faiss.SearchParametersIVF(nprobe=probes, sel=selector)
        if len(queries) < FEW:
            if self._transforms:
                parameters = faiss.SearchParametersPreTransform(index_params=parameters)
            return self._index.search(queries, count, params=parameters)[1]
        for transform in self._transforms:
            queries = transform.apply(queries)
        queries = np.ascontiguousarray(queries)
        lists, products = self._nearest(queries, probes)
        scores, docids = np.empty((len(queries), count), np.float32), np.empty((len(queries), count), np.int64)
        asked, probed, by, scored, found = map(faiss.swig_ptr, (queries, lists, products, scores, docids))
        self._lists.search_preassigned_c(len(queries), asked, count, probed, by, scored, found, False, parameters)
        return docids

    def _nearest(self, queries: np.ndarray, probes: int) -> tuple[np.ndarray, np.ndarray]:
        """The ``probes`` lists of each query, int64, and their products, float32; both ``(q, probes)``."""
        nlist = self._lists.nlist
        lists, products = np.empty((len(queries), probes), np.int64), np.empty((len(queries), probes), np.float32)
        step = max(1, _CELLS // nlist)
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            all_products = self._centroids.apply(queries[part])
            lists[part] = np.argpartition(all_products, nlist - probes, axis=1)[:, nlist - probes :]
            products[part] = np.take_along_axis(all_products, lists[part], axis=1)
        return lists, products

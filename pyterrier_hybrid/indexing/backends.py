"""The kinds of approximate index that FAISS builds here, each with its parameters.

A backend's first fields shape the index on disk, and its folder is named after them. The last two fields only concern
the search and can be changed without building again: the *effort* (``probes``, ``ef_search``), and ``rescore``, the
number of candidates for each result that is asked for.
"""
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pyterrier_hybrid.indexing.backend import SEED, Backend, check
from pyterrier_hybrid.indexing.inverted_lists import IVF, IVFPQ

if TYPE_CHECKING:
    import faiss

    from pyterrier_hybrid.indexing.backend import Search

__all__ = ['BACKENDS', 'HNSW', 'IVF', 'IVFPQ', 'SEED', 'Backend', 'find_backend']


@dataclass(frozen=True, kw_only=True, repr=False)
class HNSW(Backend):
    """A graph of neighbours, searched from node to node (Malkov and Yashunin, TPAMI 2020).

    Fast and of high recall; it takes the most memory, and the longest to build. FAISS builds it in memory as a whole.

    Args:
        neighbours: of a passage in the graph, twice as many in its lowest layer.
        ef_construction: passages kept in view while one is added.
        codes: how the graph holds the vectors: ``'int8'``, or ``'float32'`` for four times the memory. Scores come from
            the index's own vectors either way.
        ef_search: passages kept in view while searching; never fewer than candidates.
        rescore: candidates for each result.
    """

    neighbours: int = 32
    ef_construction: int = 80
    codes: str = 'int8'
    ef_search: int = 128
    rescore: float = 2.0
    NAME: ClassVar[str] = 'hnsw'
    EFFORT: ClassVar[str] = 'ef_search'

    def __post_init__(self):
        super().__post_init__()
        check(self, 'codes', self.codes in ('int8', 'float32'), self.codes, "'int8' or 'float32'")
        check(self, 'neighbours', self.neighbours >= 2, self.neighbours, 'at least 2')

    def fitted(self, n: int, d: int) -> 'HNSW':
        return self

    def sample_size(self, n: int) -> int:
        return min(n, 65_536) if self.codes == 'int8' else 0

    def trained(self, sample: np.ndarray) -> 'faiss.Index':
        import faiss

        d = sample.shape[1]
        if self.codes == 'float32':
            index = faiss.IndexHNSWFlat(d, self.neighbours, faiss.METRIC_INNER_PRODUCT)
        else:
            eight_bits = faiss.ScalarQuantizer.QT_8bit
            index = faiss.IndexHNSWSQ(d, eight_bits, self.neighbours, faiss.METRIC_INNER_PRODUCT)
            index.train(sample)
        index.hnsw.efConstruction = self.ef_construction
        return index

    def most(self, n: int) -> int:
        return n

    def searcher(self, index: 'faiss.Index') -> 'Search':
        import faiss

        def search(
            queries: np.ndarray, count: int, effort: int, selector: 'faiss.IDSelector | None'
        ) -> np.ndarray:
            parameters = faiss.SearchParametersHNSW(efSearch=max(effort, count), sel=selector)
            return index.search(queries, count, params=parameters)[1]

        return search


#: The backends by name, in the order in which an error lists them.
BACKENDS: dict[str, type[Backend]] = {kind.NAME: kind for kind in (HNSW, IVF, IVFPQ)}


def find_backend(backend: str | Backend) -> Backend:
    """Returns a backend, given by name or as an object; raises ValueError, with the known names, for an unknown one."""
    if isinstance(backend, Backend):
        return backend
    if not isinstance(backend, str) or backend not in BACKENDS:
        raise ValueError(f'there is no backend {backend!r:.80}; there are {", ".join(BACKENDS)}, and None for exact '
                         'search; for other parameters give an object, such as IVFPQ(lists=4096)')  # fmt: skip
    return BACKENDS[backend]()

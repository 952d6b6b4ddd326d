"""Approximate indexes with inverted lists: IVF with whole vectors, and IVFPQ with codes of some bytes."""
import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pyterrier_hybrid.indexing.backend import SEED, Backend, check
from pyterrier_hybrid.indexing.list_search import ListSearch

if TYPE_CHECKING:
    import faiss

_CENTROIDS = 256  # centroids of a part that a product quantizer codes in a byte
_PER_LIST = 40  # training passages for each list; k-means warns below 39


@dataclass(frozen=True, kw_only=True, repr=False)
class IVF(Backend):
    """Lists of passages around centroids; a search reads the nearest lists. Vectors are kept in full.

    Args:
        lists: how many; by default the power of two nearest to ``4 sqrt(n)``, with at least 40 passages a list.
        probes: lists that a search reads.
        rescore: candidates for each result. With 1, which of several equal scores at the cut is found is chance.
    """

    lists: int | None = None
    probes: int = 16
    rescore: float = 2.0
    NAME: ClassVar[str] = 'ivf'
    EFFORT: ClassVar[str] = 'probes'

    def fitted(self, n: int, d: int) -> 'IVF':
        if self.lists is None:
            lists = min(round(math.log2(4 * math.sqrt(n))), int(math.log2(max(1, n / _PER_LIST))))
            return dataclasses.replace(self, lists=1 << lists)
        check(self, 'lists', self.lists <= n, self.lists, f'at most the number of passages, {n:,}')
        return self

    def is_merged(self) -> bool:
        return True

    def sample_size(self, n: int) -> int:
        return min(n, self.lists * _PER_LIST)

    def trained(self, sample: np.ndarray) -> 'faiss.Index':
        import faiss

        d = sample.shape[1]
        return _trained_lists(faiss.IndexIVFFlat(faiss.IndexFlatIP(d), d, self.lists, faiss.METRIC_INNER_PRODUCT),
                              sample)  # fmt: skip

    def most(self, n: int) -> int:
        return self.lists

    def searcher(self, index: 'faiss.Index') -> ListSearch:
        return ListSearch(index)

    def copied_bytes(self, d: int) -> int:
        return 4 * self.lists * d


@dataclass(frozen=True, kw_only=True, repr=False)
class IVFPQ(IVF):
    """Lists of passages around centroids, vectors as codes of a few bytes: a product quantizer after a rotation (OPQ).

    The smallest: ``code_bytes`` and 8 bytes for the id, a passage. Jégou, Douze and Schmid, TPAMI 2011. The rotation is
    the parametric solution of optimized product quantization (Ge, He, Ke and Sun, TPAMI 2014): the principal axes,
    dealt out so that the product of their variances is about the same in each part. It takes seconds, where the
    iterative one takes minutes.

    With ``code_bits=4`` the parts are twice as many and coarser, 16 centroids each, and distances to 32 passages are
    looked up at a time in the processor's registers (André, Kermarrec and Le Scouarnec, VLDB 2015; FAISS calls it
    fast scan). A list is read several times as fast, which pays where many have to be read; more candidates are needed.
    It is filled, and held, in memory as a whole.

    Vectors are divided by the sample's root mean square norm as they are rotated, so that recall does not depend on
    their scale: centroids have the norm 1, and a code is of the difference to one.

    Args:
        lists: as for :class:`IVF`.
        code_bytes: bytes of a passage's code. They divide the dimensions (with 4 bits, twice as many do); by default
            the most that do, up to 64, with at least 4 dimensions to a byte.
        code_bits: of a part of the code, 8 or 4.
        probes: lists that a search reads.
        rescore: candidates for each result.
    """

    lists: int | None = None
    code_bytes: int | None = None
    code_bits: int = 8
    probes: int = 32
    rescore: float = 4.0
    NAME: ClassVar[str] = 'ivfpq'
    VERSION: ClassVar[int] = 2  # in version 1, vectors were not divided by their mean norm

    def __post_init__(self):
        super().__post_init__()
        check(self, 'code_bits', self.code_bits in (4, 8), self.code_bits, '8 or 4')

    def fitted(self, n: int, d: int) -> 'IVFPQ':
        if n < _CENTROIDS:
            raise ValueError(f'{self!r} needs at least {_CENTROIDS} passages to train its codes on, and the index has '
                             f'{n:,}; search it exactly')  # fmt: skip
        fitted = super().fitted(n, d)
        fitting = [m for m in range(1, d + 1) if d % (m * self._to_a_byte) == 0]
        if self.code_bytes is None and fitting:
            most = max(fitting[0], min(64, d // 4))
            return dataclasses.replace(fitted, code_bytes=max(m for m in fitting if m <= most))
        near = ', '.join(map(str, sorted(sorted(fitting, key=lambda m: abs(m - (self.code_bytes or 1)))[:4]))) or 'none'
        what = f'{"half of " * (self.code_bits == 4)}a divisor of the {d} dimensions, such as {near}'
        check(self, 'code_bytes', self.code_bytes in fitting, self.code_bytes, what)
        return fitted

    @property
    def _to_a_byte(self) -> int:
        """How many parts of the code are in a byte."""
        return 8 // self.code_bits

    def is_merged(self) -> bool:
        return self.code_bits == 8

    def sample_size(self, n: int) -> int:
        return min(n, max(self.lists * _PER_LIST, 64 * _CENTROIDS))

    def trained(self, sample: np.ndarray) -> 'faiss.Index':
        import faiss

        d, parts = sample.shape[1], self.code_bytes * self._to_a_byte
        rotation = faiss.LinearTransform(d, d, False)
        scaled = balanced_rotation(sample, parts) / root_mean_square(sample)
        faiss.copy_array_to_vector(scaled.ravel(), rotation.A)
        rotation.is_trained = True
        kind = faiss.IndexIVFPQ if self.code_bits == 8 else faiss.IndexIVFPQFastScan
        lists = kind(faiss.IndexFlatIP(d), d, self.lists, parts, self.code_bits, faiss.METRIC_INNER_PRODUCT)
        lists.pq.cp.seed, lists.pq.cp.min_points_per_centroid, lists.by_residual = SEED, 1, True
        whole = faiss.IndexPreTransform(rotation, _trained_lists(lists, rotation.apply(sample)))
        whole.is_trained = True
        return whole


def balanced_rotation(sample: np.ndarray, parts: int) -> np.ndarray:
    """A rotation after which each of ``parts`` equal parts of a vector has about the same share of the variance.

    ``sample`` is float32, ``(s, d)``. Returns float32, ``(d, d)``, orthonormal: ``x @ rotation.T`` is the rotated
    vector.
    """
    variances, axes = np.linalg.eigh(np.cov(sample, rowvar=False, dtype=np.float64).reshape(sample.shape[1], -1))
    room, load = np.full(parts, len(variances) // parts), np.zeros(parts)
    members: list[list[int]] = [[] for _ in range(parts)]
    logs = np.log(np.maximum(variances, 1e-12 * max(variances[-1], 1e-300)))
    for axis in range(len(variances) - 1, -1, -1):  # greatest variance first, to the part with the least so far
        part = int(np.argmin(np.where(room > 0, load, np.inf)))
        members[part].append(axis)
        load[part] += logs[axis] - logs[0]
        room[part] -= 1
    return np.ascontiguousarray(axes.T[np.concatenate(members)].astype(np.float32))


def root_mean_square(sample: np.ndarray) -> np.float32:
    """The root of the mean squared norm of vectors (float32, ``(s, d)``); 1 if it is not a normal float32 above 0."""
    size = np.sqrt(np.einsum('ij,ij->', sample, sample, dtype=np.float64) / len(sample)).astype(np.float32)
    return size if np.finfo(np.float32).tiny <= size < np.inf else np.float32(1)


def _trained_lists(index: 'faiss.IndexIVF', sample: np.ndarray) -> 'faiss.IndexIVF':
    index.cp.seed, index.cp.min_points_per_centroid = SEED, 1  # else FAISS warns of small indexes on stderr
    index.train(sample)
    return index



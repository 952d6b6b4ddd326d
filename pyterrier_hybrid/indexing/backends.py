"""The kinds of approximate index that FAISS builds here, each with what shapes it and what a search spends.

A backend's first fields shape the index on disk, and make up its folder's name. Its last two belong to a search alone
and can be changed without building anything: the *effort* (``probes``, ``ef_search``), and ``rescore``, how many
candidates a search takes for each result that is asked for.
"""
import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    import faiss

#: Seed of k-means and of the sample that it is trained on.
SEED = 0
_CENTROIDS = 256  # of a product quantizer's byte
_PER_LIST = 40  # training passages for each list; k-means warns below 39


@dataclass(frozen=True, kw_only=True, repr=False)
class Backend:
    """What all kinds have in common; see :class:`HNSW`, :class:`IVF` and :class:`IVFPQ`."""

    #: The name by which ``index.retriever(backend=...)`` knows it.
    NAME: ClassVar[str]
    #: The field that says how much a search spends.
    EFFORT: ClassVar[str]

    if TYPE_CHECKING:
        rescore: float

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is int or (field.type == int | None and value is not None):
                whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 1
                _check(self, field.name, whole, value, 'a whole number, at least 1')
        number = isinstance(self.rescore, (int, float)) and math.isfinite(self.rescore) and self.rescore >= 1
        _check(self, 'rescore', number, self.rescore, 'a number, at least 1')

    def __repr__(self) -> str:
        values = {f.name: (getattr(self, f.name), f.default) for f in dataclasses.fields(self)}
        said = ', '.join(f'{name}={value!r}' for name, (value, default) in values.items() if value != default)
        return f'{type(self).__name__}({said})'

    @property
    def effort(self) -> int:
        """What a search spends: :attr:`IVF.probes`, :attr:`HNSW.ef_search`."""
        return getattr(self, self.EFFORT)

    def at(self, effort: int, rescore: float | None = None) -> 'Backend':
        """The same index, searched with another effort."""
        changed = {self.EFFORT: effort} if rescore is None else {self.EFFORT: effort, 'rescore': rescore}
        return dataclasses.replace(self, **changed)

    def shape(self) -> dict[str, Any]:
        """The fields that shape the index, by name."""
        fields = (field.name for field in dataclasses.fields(self))
        return {name: getattr(self, name) for name in fields if name not in (self.EFFORT, 'rescore')}

    def folder(self) -> str:
        """The name of the index's folder, such as ``ivfpq-lists4096-code_bytes64``; the backend is :meth:`fitted`."""
        return '-'.join([self.NAME, *(f'{name}{value}' for name, value in self.shape().items())])

    def candidates(self, num_results: int) -> int:
        """How many candidates a search for ``num_results`` takes."""
        return math.ceil(num_results * self.rescore)

    def fitted(self, n: int, d: int) -> 'Backend':
        """The backend with its defaults filled in for ``n`` passages of ``d`` dimensions.

        Raises:
            ValueError: it does not fit them; says what would.
        """
        raise NotImplementedError

    def sample_size(self, n: int) -> int:
        """How many of ``n`` passages to train on; 0 if there is nothing to train."""
        raise NotImplementedError

    def trained(self, sample: np.ndarray) -> 'faiss.Index':
        """An index without passages, trained on a sample, float32 ``(s, d)``."""
        raise NotImplementedError

    def most(self, n: int) -> int:
        """The effort beyond which there is nothing more to find."""
        raise NotImplementedError

    def parameters(self, effort: int, count: int, selector: 'faiss.IDSelector | None') -> 'faiss.SearchParameters':
        """FAISS's parameters of a search for ``count`` of the passages that the selector allows."""
        raise NotImplementedError


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
        _check(self, 'codes', self.codes in ('int8', 'float32'), self.codes, "'int8' or 'float32'")
        _check(self, 'neighbours', self.neighbours >= 2, self.neighbours, 'at least 2')

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

    def parameters(self, effort: int, count: int, selector: 'faiss.IDSelector | None') -> 'faiss.SearchParameters':
        import faiss

        return faiss.SearchParametersHNSW(efSearch=max(effort, count), sel=selector)


@dataclass(frozen=True, kw_only=True, repr=False)
class IVF(Backend):
    """Lists of passages around centroids, of which a search reads the nearest; vectors in full.

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
        _check(self, 'lists', self.lists <= n, self.lists, f'at most the number of passages, {n:,}')
        return self

    def sample_size(self, n: int) -> int:
        return min(n, self.lists * _PER_LIST)

    def trained(self, sample: np.ndarray) -> 'faiss.Index':
        import faiss

        d = sample.shape[1]
        return _trained_lists(faiss.IndexIVFFlat(faiss.IndexFlatIP(d), d, self.lists, faiss.METRIC_INNER_PRODUCT),
                              sample)  # fmt: skip

    def most(self, n: int) -> int:
        return self.lists

    def parameters(self, effort: int, count: int, selector: 'faiss.IDSelector | None') -> 'faiss.SearchParameters':
        import faiss

        return faiss.SearchParametersIVF(nprobe=effort, sel=selector)


@dataclass(frozen=True, kw_only=True, repr=False)
class IVFPQ(IVF):
    """Lists of passages around centroids, vectors as codes of a few bytes: a product quantizer after a rotation (OPQ).

    The smallest: ``code_bytes`` and 8 bytes for the id, a passage. Jégou, Douze and Schmid, TPAMI 2011. The rotation is
    the parametric solution of optimized product quantization (Ge, He, Ke and Sun, TPAMI 2014): the principal axes,
    dealt out so that the product of their variances is about the same in each part. It takes seconds, where the
    iterative one takes minutes.

    Args:
        lists: as for :class:`IVF`.
        code_bytes: bytes of a passage's code. They divide the dimensions; by default the most that do, up to 64, with
            at least 4 dimensions to a byte.
        probes: lists that a search reads.
        rescore: candidates for each result.
    """

    lists: int | None = None
    code_bytes: int | None = None
    probes: int = 32
    rescore: float = 4.0
    NAME: ClassVar[str] = 'ivfpq'

    def fitted(self, n: int, d: int) -> 'IVFPQ':
        if n < _CENTROIDS:
            raise ValueError(f'{self!r} needs at least {_CENTROIDS} passages to train its codes on, and the index has '
                             f'{n:,}; search it exactly')  # fmt: skip
        fitted = super().fitted(n, d)
        divisors = [m for m in range(1, d + 1) if d % m == 0]
        if self.code_bytes is None:
            return dataclasses.replace(fitted, code_bytes=max(m for m in divisors if m <= max(1, min(64, d // 4))))
        near = ', '.join(map(str, sorted(sorted(divisors, key=lambda m: abs(m - self.code_bytes))[:4])))
        _check(self, 'code_bytes', d % self.code_bytes == 0, self.code_bytes,
               f'a divisor of the {d} dimensions, such as {near}')  # fmt: skip
        return fitted

    def sample_size(self, n: int) -> int:
        return min(n, max(self.lists * _PER_LIST, 64 * _CENTROIDS))

    def trained(self, sample: np.ndarray) -> 'faiss.Index':
        import faiss

        d = sample.shape[1]
        rotation = faiss.LinearTransform(d, d, False)
        faiss.copy_array_to_vector(balanced_rotation(sample, self.code_bytes).ravel(), rotation.A)
        rotation.is_trained = True
        rotation.set_is_orthonormal()
        lists = faiss.IndexIVFPQ(faiss.IndexFlatIP(d), d, self.lists, self.code_bytes, 8, faiss.METRIC_INNER_PRODUCT)
        lists.pq.cp.seed, lists.pq.cp.min_points_per_centroid = SEED, 1
        whole = faiss.IndexPreTransform(rotation, _trained_lists(lists, rotation.apply(sample)))
        whole.is_trained = True
        return whole

    def parameters(self, effort: int, count: int, selector: 'faiss.IDSelector | None') -> 'faiss.SearchParameters':
        import faiss

        return faiss.SearchParametersPreTransform(index_params=super().parameters(effort, count, selector))


#: By name, in the order in which an error lists them.
BACKENDS: dict[str, type[Backend]] = {kind.NAME: kind for kind in (HNSW, IVF, IVFPQ)}


def find_backend(backend: str | Backend) -> Backend:
    """A backend, by its name or as it is; for an unknown name, raises ValueError with those that there are."""
    if isinstance(backend, Backend):
        return backend
    if not isinstance(backend, str) or backend not in BACKENDS:
        raise ValueError(f'there is no backend {backend!r:.80}; there are {", ".join(BACKENDS)}, and None for exact '
                         'search; for other parameters give an object, such as IVFPQ(lists=4096)')  # fmt: skip
    return BACKENDS[backend]()


def balanced_rotation(sample: np.ndarray, parts: int) -> np.ndarray:
    """A rotation after which each of ``parts`` equal parts of a vector has about the same share of the variance.

    ``sample`` is float32, ``(s, d)``. Returns float32, ``(d, d)``, orthonormal: ``x @ rotation.T`` is the rotated
    vector.
    """
    variances, axes = np.linalg.eigh(np.cov(sample, rowvar=False, dtype=np.float64).reshape(sample.shape[1], -1))
    room, load = np.full(parts, len(variances) // parts), np.zeros(parts)
    members: list[list[int]] = [[] for _ in range(parts)]
    logs = np.log(np.maximum(variances, 1e-12 * max(variances[-1], 1e-300)))
    for axis in range(len(variances) - 1, -1, -1):  # the greatest variance first, to the part that has least
        part = int(np.argmin(np.where(room > 0, load, np.inf)))
        members[part].append(axis)
        load[part] += logs[axis] - logs[0]
        room[part] -= 1
    return np.ascontiguousarray(axes.T[np.concatenate(members)].astype(np.float32))


def _trained_lists(index: 'faiss.IndexIVF', sample: np.ndarray) -> 'faiss.IndexIVF':
    index.cp.seed, index.cp.min_points_per_centroid = SEED, 1  # else FAISS warns of small indexes on stderr
    index.train(sample)
    return index


def _check(backend: Backend, field: str, right: bool, value: object, what: str) -> None:
    if not right:
        raise ValueError(f'{type(backend).__name__}: {field} is {value!r:.80}; it has to be {what}')

"""What all kinds of approximate index have in common."""
import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    import faiss

    Search = Callable[[np.ndarray, int, int, faiss.IDSelector | None], np.ndarray]

#: Seed of k-means and of the sample that it is trained on.
SEED = 0


@dataclass(frozen=True, kw_only=True, repr=False)
class Backend:
    """A kind of approximate index: HNSW, IVF or IVFPQ."""

    #: The name by which ``index.retriever(backend=...)`` knows it.
    NAME: ClassVar[str]
    #: The field that sets the effort of a search.
    EFFORT: ClassVar[str]
    #: Version of what is built. Raise it with every change after which existing indexes on disk must be built again.
    VERSION: ClassVar[int] = 1

    if TYPE_CHECKING:
        rescore: float

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is int or (field.type == int | None and value is not None):
                whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 1
                check(self, field.name, whole, value, 'a whole number, at least 1')
                object.__setattr__(self, field.name, int(value))  # FAISS does not accept numpy numbers
        number = isinstance(self.rescore, (int, float, np.integer, np.floating)) and 1 <= self.rescore < math.inf
        check(self, 'rescore', number, self.rescore, 'a number, at least 1')
        if isinstance(self.rescore, np.generic):
            object.__setattr__(self, 'rescore', self.rescore.item())

    def __repr__(self) -> str:
        values = {f.name: (getattr(self, f.name), f.default) for f in dataclasses.fields(self)}
        said = ', '.join(f'{name}={value!r}' for name, (value, default) in values.items() if value != default)
        return f'{type(self).__name__}({said})'

    @property
    def effort(self) -> int:
        """The effort of a search: :attr:`IVF.probes` or :attr:`HNSW.ef_search`."""
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
        """The name of the index's folder, such as ``ivf-lists4096``. The backend must come from :meth:`fitted`."""
        return '-'.join([self.NAME, *(f'{name}{value}' for name, value in self.shape().items())])

    def candidates(self, num_results: int) -> int:
        """How many candidates a search for ``num_results`` takes."""
        return math.ceil(num_results * self.rescore)

    def fitted(self, n: int, d: int) -> 'Backend':
        """The backend with its defaults filled in for ``n`` passages of ``d`` dimensions.

        Raises:
            ValueError: a field does not fit them; the message says which values do.
        """
        raise NotImplementedError

    def is_merged(self) -> bool:
        """Whether it is filled in parts, which are merged on disk. Otherwise it is filled in memory as a whole."""
        return False

    def sample_size(self, n: int) -> int:
        """How many of ``n`` passages to train on; 0 if there is nothing to train."""
        raise NotImplementedError

    def trained(self, sample: np.ndarray) -> 'faiss.Index':
        """An index without passages, trained on a sample, float32 ``(s, d)``."""
        raise NotImplementedError

    def most(self, n: int) -> int:
        """The effort beyond which there is nothing more to find."""
        raise NotImplementedError

    def searcher(self, index: 'faiss.Index') -> 'Search':
        """A function that searches what has been built: ``(queries, count, effort, selector)``.

        It returns the docids of each query's best ``count`` of the passages that the selector allows (None for all), in
        any order: int64, ``(q, count)``, -1 where there are fewer. ``queries`` are float32, ``(q, d)``. Several threads
        may call it at a time.
        """
        raise NotImplementedError

    def copied_bytes(self, d: int) -> int:
        """The number of bytes that :meth:`searcher` copies of an index of ``d`` dimensions."""
        return 0


def check(backend: Backend, field: str, right: bool, value: object, what: str) -> None:
    """Raises ValueError unless ``right``; the message says that the field has to be ``what``."""
    if not right:
        raise ValueError(f'{type(backend).__name__}: {field} is {value!r:.80}; it has to be {what}')

"""The docnos of an index: docnos by docid, docids by docno, and the order of docnos, which breaks ties of scores."""
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow

_CHUNK = 65_536


class Docnos:
    """The docnos of ``n`` documents in two flat arrays, which may be memory maps.

    Document ``i`` is called ``data[offsets[i]:offsets[i + 1]]``, in UTF-8. The interface is the part of
    ``npids.Lookup`` that pyterrier_dr's retrievers use, ``fwd`` and ``inv``, so that they work on it unchanged; unlike
    ``npids``, it holds a single docno, takes any Unicode, takes no more room for a long docno than the docno has, and
    refuses an unknown docno instead of answering -1 (with which the last document's vector is fetched).
    ``np.asarray(docnos)`` is an object array of ``str``.

    Args:
        offsets: int64, ``(n + 1,)``, ascending from 0.
        data: uint8, ``(offsets[n],)``, the docnos one after another.
        order: uint32, ``(n,)``: the docids by ascending docno; computed when first needed if not given.
    """

    def __init__(self, offsets: np.ndarray, data: np.ndarray, order: np.ndarray | None = None):
        self.offsets = offsets
        self.data = data
        if order is not None:
            self.order = order

    @classmethod
    def of(cls, docnos: Iterable[str]) -> 'Docnos':
        """The given docnos, in memory."""
        import pyarrow as pa

        docnos = list(docnos)
        _, offsets, data = pa.array(docnos, pa.large_string()).buffers()
        offsets = np.frombuffer(offsets, np.int64, len(docnos) + 1) if docnos else np.zeros(1, np.int64)
        return cls(offsets, np.frombuffer(data or b'', np.uint8, offsets[-1]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[str]:
        for chunk in self._chunks():
            yield from self.decode(chunk)

    def __getitem__(self, key):
        """``fwd[key]`` for docids (int, slice, list or array), ``inv[key]`` for docnos (str, list or array)."""
        is_docno = not isinstance(key, slice) and any(isinstance(x, str) for x in np.ravel(key)[:1].tolist())
        return self.inv[key] if is_docno else self.fwd[key]

    def __contains__(self, docno: object) -> bool:
        return bool(self.find(np.array([docno], dtype=object))[0] >= 0)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(list(self), dtype=dtype or object)

    def __repr__(self) -> str:
        return f'<{len(self)} docnos>'

    @cached_property
    def order(self) -> np.ndarray:
        """Docids by ascending docno, ``(n,)`` uint32. By code point, which is the order of the UTF-8 bytes."""
        from pyarrow.compute import sort_indices

        return sort_indices(self.arrow()).to_numpy().astype(np.uint32)

    def arrow(self) -> 'pyarrow.LargeBinaryArray':
        """The docnos as an Arrow array over the same memory."""
        import pyarrow as pa

        buffers = [None, *(pa.py_buffer(np.ascontiguousarray(array)) for array in (self.offsets, self.data))]
        return pa.Array.from_buffers(pa.large_binary(), len(self), buffers)

    @cached_property
    def rank(self) -> np.ndarray:
        """Each docid's place in ``order``, ``(n,)`` uint32."""
        rank = np.empty(len(self), dtype=np.uint32)
        rank[self.order] = np.arange(len(self), dtype=np.uint32)
        return rank

    @property
    def fwd(self) -> '_Forward':
        """``fwd[docids]``: the docnos, in the shape of ``docids``."""
        return _Forward(self)

    @property
    def inv(self) -> '_Inverse':
        """``inv[docnos]``: the docids, in the shape of ``docnos``."""
        return _Inverse(self)

    def texts(self, docids: np.ndarray) -> 'pyarrow.LargeStringArray':
        """The docnos of docids, ``(k,)``; raises ValueError if they are not UTF-8, since the index is damaged."""
        import pyarrow as pa

        try:
            return self.arrow().take(pa.array(docids)).cast(pa.large_string())
        except pa.ArrowInvalid as error:
            raise ValueError(f'a docno is not UTF-8 ({error}): the index is damaged; build it again') from None

    def decode(self, docids: np.ndarray) -> list[str]:
        """The docnos of docids, as :meth:`texts`."""
        return self.texts(docids).to_pylist()

    def find(self, docnos: np.ndarray) -> np.ndarray:
        """The docids of docnos (object, ``(k,)``), -1 for those that the index lacks: int64, ``(k,)``."""
        hashes, docids = self._by_hash
        wanted = _hashes(docnos)
        found = np.full(len(docnos), -1, dtype=np.int64)
        places = np.searchsorted(hashes, wanted)
        open_ = np.arange(len(docnos))
        while True:  # more than one round only if docnos have equal hashes
            open_ = open_[places[open_] < len(hashes)]
            open_ = open_[hashes[places[open_]] == wanted[open_]]
            if not len(open_):
                return found
            candidates = docids[places[open_]].astype(np.int64)
            equal = np.fromiter(map(_same, self.decode(candidates), docnos[open_]), dtype=bool, count=len(open_))
            found[open_[equal]] = candidates[equal]
            open_ = open_[~equal]
            places[open_] += 1

    def hashes(self) -> Iterator[tuple[int, np.ndarray]]:
        """64-bit hashes of the docnos, in chunks: (docid of the first, uint64 of shape ``(n,)``)."""
        for chunk in self._chunks():
            yield int(chunk[0]), _hashes(np.array(self.decode(chunk), dtype=object))

    @cached_property
    def _by_hash(self) -> tuple[np.ndarray, np.ndarray]:
        """The docnos' hashes, ascending (uint64), and their docids (uint32): 12 bytes a document."""
        hashes = np.empty(len(self), dtype=np.uint64)
        for start, chunk in self.hashes():
            hashes[start : start + len(chunk)] = chunk
        order = np.argsort(hashes, kind='stable').astype(np.uint32)
        return hashes[order], order

    def _chunks(self) -> Iterator[np.ndarray]:
        return (np.arange(start, min(start + _CHUNK, len(self))) for start in range(0, len(self), _CHUNK))


def _hashes(docnos: np.ndarray) -> np.ndarray:
    """Hashes of docnos, uint64. A value that is not a docno gets the hash of some string."""
    from pandas.util import hash_array

    texts = [str(docno).encode(errors='replace').decode() for docno in docnos]  # no hash for half a surrogate pair
    return hash_array(np.array(texts, dtype=object), categorize=False)


def _same(docno: str, other: object) -> bool:
    return isinstance(other, str) and docno == other


@dataclass(frozen=True)
class _Forward:
    docnos: Docnos

    def __getitem__(self, docids):
        if isinstance(docids, slice):
            docids = np.arange(len(self.docnos))[docids]
        wanted = np.asarray(docids, dtype=np.int64)
        if wanted.size and not 0 <= wanted.min() <= wanted.max() < len(self.docnos):
            raise IndexError(f'docids run from 0 to {len(self.docnos) - 1}; asked for {wanted.min()} to {wanted.max()}')
        found = self.docnos.texts(wanted.ravel()).to_numpy(zero_copy_only=False).reshape(wanted.shape)
        return found if wanted.ndim else found.item()


@dataclass(frozen=True)
class _Inverse:
    docnos: Docnos

    def __getitem__(self, docnos):
        wanted = np.asarray(docnos, dtype=object)
        found = self.docnos.find(wanted.ravel())
        if (found < 0).any():
            raise KeyError(f'the index has no document {wanted.ravel()[int(np.argmin(found))]!r:.80}')
        return found.reshape(wanted.shape) if wanted.ndim else int(found[0])

"""The docnos of an index: by docid, docids by docno, and the order of docnos that settles equal scores."""
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np


class Docnos:
    """The docnos of ``n`` documents in two flat arrays, which may be memory maps.

    Document ``i`` is called ``data[offsets[i]:offsets[i + 1]]``, in UTF-8. The interface is the part of
    ``npids.Lookup`` that pyterrier_dr's retrievers use, ``fwd`` and ``inv``, so that they work on it unchanged; unlike
    ``npids``, it holds a single docno, takes any Unicode, and refuses an unknown docno instead of answering -1 (which
    then silently fetches the last document's vector). ``np.asarray(docnos)`` is an object array of ``str``.

    Args:
        offsets: int64, ``(n + 1,)``.
        data: uint8, the docnos one after another.
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
        encoded = [docno.encode() for docno in docnos]
        offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return cls(offsets, np.frombuffer(b''.join(encoded), dtype=np.uint8))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), 65_536):
            yield from self._decode(np.arange(start, min(start + 65_536, len(self))))

    def __getitem__(self, key):
        """``fwd[key]`` for docids (int, slice, list or array), ``inv[key]`` for docnos (str, list or array)."""
        is_docno = not isinstance(key, slice) and any(isinstance(x, str) for x in np.ravel(key)[:1].tolist())
        return self.inv[key] if is_docno else self.fwd[key]

    def __contains__(self, docno: object) -> bool:
        return isinstance(docno, str) and bool(self._find(np.array([docno], dtype=object))[0] >= 0)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(list(self), dtype=dtype or object)

    def __repr__(self) -> str:
        return f'<{len(self)} docnos>'

    @cached_property
    def order(self) -> np.ndarray:
        """Docids by ascending docno, ``(n,)`` uint32. By code point, which is the order of the UTF-8 bytes."""
        return np.argsort(self.fixed_width(np.arange(len(self))), kind='stable').astype(np.uint32)

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

    @cached_property
    def width(self) -> int:
        """The longest docno's length in bytes."""
        return int(np.diff(self.offsets).max())

    def fixed_width(self, docids: np.ndarray) -> np.ndarray:
        """The docnos of ``docids`` as UTF-8 bytes padded to the longest of all: numpy's ``S`` dtype."""
        padded = np.zeros((len(docids), self.width), dtype=np.uint8)
        columns = np.arange(self.width)
        for start in range(0, len(docids), 65_536):  # the positions take 8 times the room of the bytes
            chunk = np.asarray(docids[start : start + 65_536], dtype=np.int64)
            first, last = self.offsets[chunk], self.offsets[chunk + 1]
            used = columns < (last - first)[:, None]
            padded[start : start + len(chunk)][used] = self.data[(first[:, None] + columns)[used]]
        return padded.view(f'S{self.width}').reshape(-1)

    def _decode(self, docids: np.ndarray) -> list[str]:
        data = self.data
        spans = zip(self.offsets[docids].tolist(), self.offsets[docids + 1].tolist())
        return [data[first:last].tobytes().decode() for first, last in spans]

    @cached_property
    def _sorted(self) -> np.ndarray:
        return self.fixed_width(self.order)

    def _find(self, docnos: np.ndarray) -> np.ndarray:
        """Docids of the docnos, -1 where there is none."""
        texts = (d if isinstance(d, str) and '\0' not in d else '' for d in docnos)  # numpy drops NULs at the end
        keys = np.array([text.encode(errors='surrogatepass') for text in texts], dtype=bytes)
        places = np.minimum(np.searchsorted(self._sorted, keys), len(self) - 1)
        return np.where(self._sorted[places] == keys, self.order[places].astype(np.int64), -1)


@dataclass(frozen=True)
class _Forward:
    docnos: Docnos

    def __getitem__(self, docids):
        if isinstance(docids, slice):
            docids = np.arange(len(self.docnos))[docids]
        wanted = np.asarray(docids, dtype=np.int64)
        if wanted.size and not 0 <= wanted.min() <= wanted.max() < len(self.docnos):
            raise IndexError(f'docids run from 0 to {len(self.docnos) - 1}; asked for {wanted.min()} to {wanted.max()}')
        unique, places = np.unique(wanted.ravel(), return_inverse=True)
        found = np.array(self.docnos._decode(unique), dtype=object)[places].reshape(wanted.shape)
        return found if wanted.ndim else found.item()


@dataclass(frozen=True)
class _Inverse:
    docnos: Docnos

    def __getitem__(self, docnos):
        wanted = np.asarray(docnos, dtype=object)
        found = self.docnos._find(wanted.ravel())
        if (found < 0).any():
            raise KeyError(f'the index has no document {wanted.ravel()[int(np.argmin(found))]!r}')
        return found.reshape(wanted.shape) if wanted.ndim else int(found[0])

"""The docnos seen so far, in a hash table on disk, so that memory does not grow with the number of documents."""
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

_FEWEST = 1 << 14
_MANY = 1 << 22  # a table of this many places or more grows to twice its size, a smaller one to four times
_ZEROS = bytes(1 << 20)


class DocnoTable:
    """Docids by the hash of their docno, with open addressing, in two memory-mapped files of ``folder``.

    A table serves one process only, because it uses Python's hashes, whose key is random for each process: no docnos
    can be chosen to collide. Files of an earlier process are replaced. ``docnos_of`` returns the docnos of docids
    (int64), which are compared if hashes are equal.
    """

    def __init__(self, folder: Path, docnos_of: Callable[[np.ndarray], Sequence[str]]):
        self._folder, self._docnos_of = folder, docnos_of
        self._count = 0
        self._hashes, self._docids = self._files(_FEWEST)

    def find(self, docnos: Sequence[str], hashes: np.ndarray) -> np.ndarray:
        """The docids of docnos with their :func:`hashes_of`, -1 for those that are new: int64, ``(n,)``."""
        found = np.full(len(hashes), -1, dtype=np.int64)
        searching = np.arange(len(hashes))
        places = self._first_places(hashes)
        while len(searching):
            there = self._hashes[places]
            same = np.flatnonzero(there == hashes[searching])
            if len(same):
                docids = self._docids[places[same]].astype(np.int64)
                asked = searching[same]
                equal = [name == docnos[i] for name, i in zip(self._docnos_of(docids), asked)]
                found[asked[equal]] = docids[equal]
            going_on = (there != 0) & (found[searching] < 0)
            searching, places = searching[going_on], (places[going_on] + 1) & self._mask
        return found

    def add(self, hashes: np.ndarray, first: int) -> None:
        """Adds documents by their docnos' hashes, all new and different; their docids count from ``first``."""
        while self._count + len(hashes) > len(self._hashes) // 2:
            self._grow()
        self._insert(hashes, np.arange(first, first + len(hashes), dtype=np.uint32))
        self._count += len(hashes)

    @property
    def _mask(self) -> int:
        return len(self._hashes) - 1

    def _first_places(self, hashes: np.ndarray) -> np.ndarray:
        return (hashes & np.uint64(self._mask)).astype(np.int64)

    def _insert(self, hashes: np.ndarray, docids: np.ndarray) -> None:
        places = self._first_places(hashes)
        while len(places):
            free = self._hashes[places] == 0
            self._docids[places[free]] = docids[free]  # if several want one place, the last one gets it
            settled = free & (self._docids[places] == docids)
            self._hashes[places[settled]] = hashes[settled]
            left = ~settled
            hashes, docids, places = hashes[left], docids[left], (places[left] + 1) & self._mask

    def _grow(self) -> None:
        old = self._hashes, self._docids
        self._hashes, self._docids = self._files((2 if len(old[0]) >= _MANY else 4) * len(old[0]))
        for start in range(0, len(old[0]), 1 << 16):
            hashes, docids = (array[start : start + (1 << 16)] for array in old)
            taken = hashes != 0
            self._insert(hashes[taken], docids[taken])
        for array in old:
            self._path(len(array), array.dtype).unlink()

    def _files(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Makes new files and writes zeros to them: in unwritten space, a full disk would kill the process later."""
        return tuple(self._file(size, dtype) for dtype in (np.uint64, np.uint32))

    def _file(self, size: int, dtype: type) -> np.ndarray:
        path = self._path(size, np.dtype(dtype))
        with path.open('wb') as out:
            for start in range(0, size * dtype().itemsize, len(_ZEROS)):
                out.write(_ZEROS[: size * dtype().itemsize - start])
        return np.asarray(np.memmap(path, dtype=dtype, mode='r+', shape=(size,)))  # a plain array is quicker to index

    def _path(self, size: int, dtype: np.dtype) -> Path:
        return self._folder / f'docnos-{size}.{dtype.name}'

    def discard(self) -> None:
        """Removes the files."""
        del self._hashes, self._docids
        for path in self._folder.glob('docnos-*.uint*'):
            path.unlink()


def hashes_of(docnos: Sequence[str]) -> np.ndarray:
    """64-bit hashes of docnos, none of them 0: uint64, ``(n,)``."""
    hashes = np.fromiter(map(hash, docnos), dtype=np.int64, count=len(docnos)).view(np.uint64)
    return np.maximum(hashes, 1)

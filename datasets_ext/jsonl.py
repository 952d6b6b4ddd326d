"""Files of JSON lines whose objects are found by position and by id, without a second copy of the data."""
import json
import os
from array import array
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import xxhash
from ir_datasets.indices import DocstoreOptions
from ir_datasets.lazy_libs import tqdm

from datasets_ext.checks import parse_json
from datasets_ext.docs import Docs
from datasets_ext.records import TitledDoc

#: The most bytes that a line may have: a longer one is damaged, and reading it might fill the memory.
LONGEST = 1 << 26


def records(path: Path) -> Iterator[tuple[int, str, dict]]:
    """Yields, for each line that is not blank, its offset in bytes, its place (for messages) and its object.

    Raises:
        ValueError: a line that is no JSON object, has a field twice or has more than 64 MiB; names the file and line.
    """
    offset = 0
    with path.open('rb') as file:
        lines = tqdm().tqdm(iter(lambda: file.readline(LONGEST), b''), str(path), unit=' lines', delay=2, leave=False)
        for number, line in enumerate(lines, 1):
            where = f'{path}, line {number}'
            if len(line) == LONGEST:
                raise ValueError(f'{where} is longer than {LONGEST >> 20} MiB; it is no line of a JSON lines file')
            if line.removeprefix(BOM_UTF8).strip():
                record = parse_json(line, where)
                if not isinstance(record, dict):
                    raise ValueError(f'{where} is not a JSON object')
                yield offset, where, record
            offset += len(line)


class JsonLines:
    """The objects of a file by position and by id, each read from the file when it is asked for.

    Memory holds 24 bytes an object: where it begins, and a hash of its id. An id is found by its hash, and then
    compared with the one in the file.

    Args:
        path: the file. It must stay as it is.
        places: where each object begins, in bytes, with its id; consumed once.
        id_of: returns the id of an object that was read.
    """

    def __init__(self, path: Path, places: Iterable[tuple[int, str]], id_of: Callable[[dict], str]):
        self._path, self._id_of, self._state = path, id_of, _state(path)
        offsets, hashes = array('q'), array('Q')
        for offset, key in places:
            offsets.append(offset)
            hashes.append(_hash(key))
        self._offsets, unordered = np.asarray(offsets), np.asarray(hashes)
        self._order = np.argsort(unordered, kind='stable')
        self._hashes = unordered[self._order]

    def __len__(self) -> int:
        return len(self._offsets)

    def read(self, positions: Iterable[int]) -> Iterator[dict]:
        """Yields the objects at some positions.

        Raises:
            ValueError: the file has changed.
        """
        if _state(self._path) != self._state:
            raise ValueError(f'{self._path} has changed since it was read; make the data set again')
        with self._path.open('rb') as file:
            at = 0
            for position in positions:
                offset = self._offsets[position]
                if offset != at:
                    file.seek(offset)
                line = file.readline()
                at = offset + len(line)
                yield json.loads(line)

    def find(self, keys: Iterable[str]) -> Iterator[dict]:
        """Yields the objects with these ids, in the order asked for; unknown ids are left out."""
        for key in keys:
            if isinstance(key, str):
                first, last = (np.searchsorted(self._hashes, np.uint64(_hash(key)), side) for side in ('left', 'right'))
                found = (record for record in self.read(self._order[first:last]) if self._id_of(record) == key)
                yield from islice(found, 1)

    def line(self, position: int) -> str:
        """The place of an object, for messages."""
        with self._path.open('rb') as file:
            before = file.read(self._offsets[position])
        return f'{self._path}, line {before.count(10) + 1}'

    def repeated(self) -> Iterator[tuple[int, int]]:
        """Yields pairs of positions of objects with the same id: that of the first one, and that of a later one."""
        for n in np.flatnonzero(self._hashes[1:] == self._hashes[:-1]):
            first = np.searchsorted(self._hashes, self._hashes[n])
            *earlier, last = map(self._id_of, self.read(self._order[first:n + 2]))
            if last in earlier:
                yield int(self._order[first + earlier.index(last)]), int(self._order[n + 1])


class JsonLinesDocs(Docs):
    """Passages in a file of JSON lines.

    Args:
        lines: the file's objects.
        make: turns an object into a passage.
        lang: the language of the passages, or None for several.
        positions: those of the passages, int64 (n,); all by default. A lookup by id finds the others, too.
    """

    def __init__(
        self, lines: JsonLines, make: Callable[[dict], TitledDoc], lang: str | None, positions: np.ndarray | None = None
    ):
        super().__init__(lang)
        self._lines, self._make = lines, make
        self._positions: Sequence[int] = range(len(lines)) if positions is None else positions

    def read(self, positions: range | None) -> Iterator[TitledDoc]:
        """The passages at some positions, or all of them for None."""
        cut = slice(None) if positions is None else slice(positions.start, positions.stop, positions.step)
        return map(self._make, self._lines.read(self._positions[cut]))

    def lookup(self, ids: Iterable[str], options: DocstoreOptions) -> Iterator[TitledDoc]:
        """The passages of some ids, in the order asked for."""
        return map(self._make, self._lines.find(ids))

    def docs_count(self) -> int:
        """The number of passages."""
        return len(self._positions)

    def findable(self) -> int:
        """The number of passages in the file; one that occurs twice counts once."""
        return len(self._lines) - sum(1 for _ in self._lines.repeated())


def _hash(key: str) -> int:
    """64 bits of a text, the same in every process, unlike Python's hash: what is kept is sent to others."""
    return xxhash.xxh3_64_intdigest(key.encode(errors='surrogatepass'))


def _state(path: Path) -> tuple[int, int]:
    """A value that changes when the file is written: its size in bytes and its time of change in nanoseconds."""
    state = os.stat(path)
    return state.st_size, state.st_mtime_ns

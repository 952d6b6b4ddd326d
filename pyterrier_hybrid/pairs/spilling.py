"""The first pass of an import: rows are written to disk as they come, one pile for each source and set of languages.

Memory does not grow with the rows. Texts wait in memory up to ``PENDING`` bytes and are then written out, largest pile
first. A record of 44 bytes in a file holds what the second pass needs of every row: its hashes, and its place in the
input.
"""
import struct
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pyterrier_hybrid.pairs.identity import GivenIds, SharedHashes, hash63
from pyterrier_hybrid.pairs.rows import BITEXT, Row

#: Bytes of rows that wait in memory before the largest piles are written out.
PENDING = 64 << 20

#: The record of each row: hash of source and id, digest of its content, lowest of its hashes, place in the input.
ROW = np.dtype([('id', '<u8'), ('digest', '<u8', 2), ('lowest', '<u8'), ('label', '<u4'), ('number', '<u8')])
_PACK = struct.Struct('<Q16sQIQ').pack


class Coverage(NamedTuple):
    """The source and languages that the rows of a pile have in common; piles are sorted by it."""

    source: str
    query_langs: tuple[str, ...]
    passage_langs: tuple[str, ...]


class Spill:
    """Rows on their way into a table; a context manager, which closes the files.

    Attributes:
        kinds: each source's kind and the place that set it.
        piles: for each coverage, the Arrow files that hold its rows, in order; column ``row`` numbers the rows as they
            came.
        shared: the rows that share a passage or a question.
        rows: how many rows have been added.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.kinds: dict[str, tuple[str, str]] = {}
        self.piles: dict[Coverage, list[Path]] = {}
        self._files = ExitStack()
        self.shared = SharedHashes(folder, self._files)
        self.rows = 0
        self._given = GivenIds()
        self._labels: dict[str, int] = {}
        self._records = self._files.enter_context((folder / 'rows').open('w+b'))
        self._waiting: dict[Coverage, list[tuple[int, Row]]] = {}
        self._bytes: dict[Coverage, int] = {}
        self._total = self._written = 0

    def __enter__(self) -> 'Spill':
        return self

    def __exit__(self, *error) -> None:
        self._files.close()

    def add(self, row: Row, label: str, number: int) -> None:
        """Adds a row; ``label`` and ``number`` are its place in the input, as in ``Placed``.

        Raises:
            ValueError: earlier rows of its source are of the other kind.
        """
        kind, where = self.kinds.setdefault(row.source, (row.kind, f'{label} {number}'))
        if kind != row.kind:
            raise ValueError(
                f'{label} {number} is a {row.kind} row of the source {row.source!r:.80}, which has {kind} rows since '
                f'{where}; give the two kinds different sources'
            )
        content, hashes = _content(row), _hashes(row)
        self.shared.ask({hash63(text) for texts in row.negatives.values() for text in texts})
        self._given.add(row, f'{label} {number}')
        digest = blake2b(content, digest_size=16).digest()
        name = hash63(f'{len(row.source)} {row.source} {row.id}', b'row')
        place = self._labels.setdefault(label, len(self._labels))
        self._records.write(_PACK(name, digest, min(hashes), place, number))
        self.shared.add(self.rows, hashes)
        self._wait(row, len(content))
        self.rows += 1

    def records(self) -> np.ndarray:
        """Writes out the waiting rows; returns the records of all rows, ``ROW`` (rows,), memory-mapped."""
        for coverage in list(self._waiting):
            self._write(coverage)
        self._records.flush()
        return np.memmap(self._records.name, ROW, 'r') if self.rows else np.empty(0, ROW)

    def place(self, record: np.void) -> str:
        """The place in the input of a row, from its record."""
        return f'{list(self._labels)[record["label"]]} {record["number"]}'

    def names(self, rows: np.ndarray) -> dict[int, tuple[str, str]]:
        """The source and id of some rows, for messages; searches all piles."""
        found = {}
        for coverage, paths in self.piles.items():
            for path in paths:
                table = pa.ipc.open_file(pa.memory_map(str(path))).read_all().select(['row', 'id'])
                at = np.flatnonzero(np.isin(table['row'].to_numpy(), rows))
                picked = table.take(at)
                found.update((row, (coverage.source, name)) for row, name in zip(*picked.to_pydict().values()))
        return found

    def _wait(self, row: Row, size: int) -> None:
        coverage = Coverage(row.source, tuple(row.query), tuple(row.positive))
        self._waiting.setdefault(coverage, []).append((self.rows, row))
        self._bytes[coverage] = self._bytes.get(coverage, 0) + size
        self._total += size
        if self._total > PENDING:
            # Write the largest until half is left: writing everything would make small files of rare coverages.
            for largest in sorted(self._bytes, key=self._bytes.get, reverse=True):
                if self._total <= PENDING // 2:
                    break
                self._write(largest)

    def _write(self, coverage: Coverage) -> None:
        numbers, rows = zip(*self._waiting.pop(coverage))
        self._total -= self._bytes.pop(coverage)
        columns = {'row': pa.array(numbers, pa.int64()), **_columns(rows)}
        path = self.folder / f'{self._written}.arrow'
        self._written += 1
        batch = pa.record_batch(columns)
        with pa.ipc.new_file(str(path), batch.schema) as file:
            file.write_batch(batch)
        self.piles.setdefault(coverage, []).append(path)


def _hashes(row: Row) -> set[int]:
    """Hashes of a row's passages and questions, and of the ids given for them. Rows with a common hash may not meet."""
    texts = {*row.positive.values(), *(row.query.values() if row.query_id is None else ())}
    hashes = {hash63(text) for text in texts}
    if row.passage_id is not None:
        hashes.add(hash63(row.passage_id, b'id'))
    if row.query_id is not None:
        hashes.add(hash63(row.query_id, b'query'))
    return hashes


def _content(row: Row) -> bytes:
    """All of a row in bytes. They include every length, so that different rows have different bytes."""
    texts = [row.id, row.source, row.passage_id or '', row.query_id or '', *row.query.values()]
    if row.kind != BITEXT:
        texts += row.positive.values()
        texts += (text for negatives in row.negatives.values() for text in negatives)
    negatives = [(lang, len(texts)) for lang, texts in row.negatives.items()]
    given = row.passage_id is None, row.query_id is None
    form = row.kind, given, [*row.query], [*row.positive], negatives, [*map(len, texts)]
    return f'{form}{"".join(texts)}'.encode()


def _columns(rows: tuple[Row, ...]) -> dict[str, pa.Array]:
    """The columns of rows of one coverage, with the names that they have in the table."""
    first = rows[0]
    sides = {'text': 'query'} if first.kind == BITEXT else {'query': 'query', 'passage': 'positive'}
    columns = {'id': pa.array([row.id for row in rows], pa.large_string())}
    for side, field in sides.items():
        for lang in getattr(first, field):
            texts = [getattr(row, field)[lang] for row in rows]
            columns[f'{side}.{lang}'] = pa.array(texts, pa.large_string())
    for lang in sorted({lang for row in rows for lang in row.negatives}):
        texts = [row.negatives.get(lang) for row in rows]
        columns[f'negatives.{lang}'] = pa.array(texts, pa.large_list(pa.large_string()))
    return columns

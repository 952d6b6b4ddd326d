"""One source of a pairs folder: a memory-mapped table, read row by row.

The table is an uncompressed Arrow IPC file in blocks of ``BLOCK`` rows, with columns ``id``, ``query.<lang>``,
``passage.<lang>`` and ``negatives.<lang>`` (bitext: ``text.<lang>``), null if a row lacks the language. It is not
Parquet, because a Parquet page must be decoded as a whole before one text of it can be read. The buffers of an IPC file
are the arrays themselves, so reading a random text costs one page fault at most. Rows are sorted by their languages, so
that rows with the same languages are one range, a stratum.

A file may be damaged without a change of its size. So the offsets of a text are checked, and nothing outside of its
column is read. Damage of offsets raises an error that names the file. Damage within a text changes that text;
:meth:`ParallelPairs.verify` detects it.
"""
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from pyterrier_hybrid.files import stamp
from pyterrier_hybrid.pairs.manifest import damage_named, read_manifest
from pyterrier_hybrid.pairs.protocol import Stratum
from pyterrier_hybrid.pairs.rows import BITEXT

#: Rows in a block of the table. Every block but the last is full, so a division gives a row's block.
BLOCK = 1 << 14


class Source:
    """A source's rows, opened from a pairs folder; ``pairs['mkqa']`` gives one.

    Its attributes are those of :class:`PairsSource`. ``passage_ids`` are memory-mapped. They are equal for rows that
    share a passage or a question, directly or through other rows; see :mod:`.identity`.
    """

    def __init__(self, folder: Path, entry: dict):
        """Opens the source of an entry of the folder's manifest.

        Raises:
            ValueError: a file is damaged; names it.
        """
        self._folder, self._entry = Path(folder), entry
        self.name: str = entry['name']
        self.kind: str = entry['kind']
        self.strata = [Stratum(tuple(q), tuple(p), *numbers) for q, p, *numbers in entry['strata']]
        self.languages = sorted({lang for s in self.strata for lang in (*s.query_langs, *s.passage_langs)})
        self._table = self._folder / entry['table']
        # All files are opened now, so that they are from the same import even if the folder is replaced later.
        numbers = self._folder / entry['passage_ids']
        with damage_named(numbers):
            self.passage_ids = np.load(numbers, mmap_mode='r')
            if self.passage_ids.dtype != np.int64 or self.passage_ids.shape != (len(self),):
                raise ValueError(f'it has {self.passage_ids.shape} numbers of {self.passage_ids.dtype}')
        with damage_named(self._table):
            self._stamp = stamp(self._table)
            with self._table.open('rb') as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            if hasattr(mmap, 'MADV_RANDOM'):
                # Rows are drawn at random; without this, the system would read the 128 KiB around each text.
                mapped.madvise(mmap.MADV_RANDOM)
            self._reader = pa.ipc.open_file(pa.py_buffer(mapped))
            if self._reader.num_record_batches != -(-len(self) // BLOCK):
                raise ValueError(f'it has {self._reader.num_record_batches} blocks')
            self._columns = {name: at for at, name in enumerate(self._reader.schema.names)}
        self._cells: dict[tuple[int, int], _Cells] = {}

    def __len__(self) -> int:
        return self._entry['rows']

    def __repr__(self) -> str:
        return f'Source({self.name!r}, {self.kind}, {len(self):,} rows, {" ".join(self.languages)})'

    def __reduce__(self):
        # Worker processes open the files again, because a memory map cannot be sent.
        return _reopened, (self._folder, self._entry)

    def texts(self, side: str, rows: Sequence[int], langs: Sequence[str]) -> list[str]:
        """The texts of some rows.

        Args:
            side: ``'query'`` or ``'passage'``; bitext has one text for both.
            rows: n positions in the table.
            langs: n languages, one for each position.

        Returns:
            n texts.

        Raises:
            KeyError: a row that has no text in its language.
            IndexError: a position outside the table.
            ValueError: the table is damaged; names it. This holds for the other methods too.
        """
        if side not in ('query', 'passage'):
            raise ValueError(f"side is {side!r:.80}; it must be 'query' or 'passage'")
        prefix = 'text' if self.kind == BITEXT else side
        texts = self._values([f'{prefix}.{lang}' for lang in langs], rows)
        if None in texts:
            at = texts.index(None)
            (name,) = self.ids([rows[at]])
            raise KeyError(
                f'source {self.name!r}, row {rows[at]} has no {side} in {langs[at]!r:.80}; its id is {name!r:.80}'
            )
        return texts

    def ids(self, rows: Sequence[int]) -> list[str]:
        """The rows' names within the source."""
        return self._values(['id'] * len(rows), rows)

    def negatives(self, rows: Sequence[int], langs: Sequence[str]) -> list[list[str]]:
        """The given negatives of some rows, each in one language; an empty list if a row has none."""
        return [texts or [] for texts in self._values([f'negatives.{lang}' for lang in langs], rows)]

    def iter_columns(self, *, negatives: bool = False) -> Iterator[tuple[str, str, int, pa.Array]]:
        """Yields the queries, passages and texts block by block: ``(side, lang, first row, texts)``.

        ``side`` is ``'query'``, ``'passage'`` or, of bitext, ``'text'``; a text is null where a row has none. With
        ``negatives`` it may also be ``'negatives'``, and then there is a list of texts for each row, or null.
        """
        sides = ('query', 'passage', 'text', *(('negatives',) if negatives else ()))
        mapped = pa.memory_map(str(self._table))  # a new map, without MADV_RANDOM, so that the system reads ahead
        if stamp(self._table) != self._stamp:
            raise ValueError(f'{self._table} has been replaced since the pairs were opened; open them again')
        with damage_named(self._table):
            reader = pa.ipc.open_file(mapped)
            for block in range(reader.num_record_batches):
                batch = reader.get_batch(block)
                for column, at in self._columns.items():
                    side, _, lang = column.partition('.')
                    if side in sides:
                        batch.column(at).validate(full=True)
                        yield side, lang, block * BLOCK, batch.column(at)

    def _values(self, columns: Sequence[str], rows: Sequence[int]) -> list:
        """The cell of each row in its column; None if the table has no such column or the row no value."""
        outside = [row for row in rows if not 0 <= row < len(self)]
        if outside:
            raise IndexError(f'source {self.name!r} has no row {outside[0]}; it has {len(self):,}')
        values = []
        with damage_named(self._table):
            for column, row in zip(columns, rows, strict=True):
                at = self._columns.get(column)
                if at is None:
                    values.append(None)
                    continue
                block, offset = divmod(int(row), BLOCK)
                cells = self._cells.get((block, at))
                if cells is None:
                    # Keep the cells: they are a few pointers into the map, without texts, and take some 50 us to find.
                    cells = self._cells[block, at] = _Cells(self._reader.get_batch(block).column(at))
                values.append(cells[offset])
        return values


def _reopened(folder: Path, entry: dict) -> Source:
    if entry not in read_manifest(folder)['sources']:
        raise ValueError(f'the pairs at {folder} have been replaced while they were in use; open them again')
    return Source(folder, entry)


class _Cells:
    """A column of a block, with texts or lists of texts. Never reads outside of the column's buffers."""

    def __init__(self, column: pa.Array):
        buffers = column.buffers()
        self._rows, self._valid = len(column), buffers[0] and memoryview(buffers[0])
        *lists, _, offsets, data = buffers if len(buffers) == 3 else buffers[1:]
        self._lists = self._offsets_of(lists[0], len(column) + 1) if lists else None
        texts = len(column.values) if lists else len(column)
        self._offsets = self._offsets_of(offsets, texts + 1) if texts else []
        self._data = memoryview(data or b'')

    @staticmethod
    def _offsets_of(buffer: pa.Buffer, count: int) -> np.ndarray:
        return np.frombuffer(buffer or b'', '<i8')[:count]

    def __getitem__(self, at: int) -> str | list[str] | None:
        if self._valid is not None and not self._valid[at >> 3] >> (at & 7) & 1:
            return None
        if self._lists is None:
            return self._text(at)
        first, last = self._within(self._lists, at, len(self._offsets) - 1)
        return [self._text(each) for each in range(first, last)]

    def _text(self, at: int) -> str:
        start, stop = self._within(self._offsets, at, len(self._data))
        return str(self._data[start:stop], 'utf-8')

    @staticmethod
    def _within(offsets: np.ndarray, at: int, end: int) -> list[int]:
        """Where a cell begins and ends; raises ValueError if that is not within [0, end]."""
        start, stop = offsets[at : at + 2].tolist()
        if not 0 <= start <= stop <= end:
            raise ValueError(f'a cell reaches from {start} to {stop}, in a column that ends at {end}')
        return [start, stop]

"""One source of a pairs folder: a memory-mapped table, read row by row.

The table is an uncompressed Arrow IPC file in blocks of ``BLOCK`` rows: columns ``id``, ``query.<lang>``,
``passage.<lang>`` and ``negatives.<lang>`` (bitext: ``text.<lang>``), null where a row lacks the language. Arrow IPC
and not Parquet, because a Parquet page is encoded and has to be decoded whole before one text of it can be read; an
IPC file's buffers are the arrays themselves, so a random text costs a page fault at most. Rows are sorted by the
languages they have, so that rows of equal coverage are one range, a stratum.
"""
import mmap
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from pyterrier_hybrid.pairs.protocol import Stratum
from pyterrier_hybrid.pairs.rows import BITEXT

#: Rows in a block of the table; every block but the last is full, so that a row's block is a division.
BLOCK = 1 << 14


class Source:
    """A source's rows, opened from a pairs folder; ``pairs['mkqa']`` gives one.

    Attributes:
        name: the source's name.
        kind: ``'qa'`` (a query and its passage) or ``'bitext'`` (one text in several languages).
        languages: the languages that occur, sorted.
        strata: the ranges of rows with equal languages; they cover all rows, in order.
    """

    def __init__(self, folder: Path, entry: dict):
        """
        Args:
            folder: the pairs folder.
            entry: the source's entry in the folder's manifest.
        """
        self._folder, self._entry = Path(folder), entry
        self.name: str = entry['name']
        self.kind: str = entry['kind']
        self.strata = [Stratum(tuple(q), tuple(p), *numbers) for q, p, *numbers in entry['strata']]
        self.languages = sorted({lang for s in self.strata for lang in (*s.query_langs, *s.passage_langs)})
        self._blocks: dict[int, pa.RecordBatch] = {}

    def __len__(self) -> int:
        return self._entry['rows']

    def __repr__(self) -> str:
        return f'Source({self.name!r}, {self.kind}, {len(self):,} rows, {" ".join(self.languages)})'

    def __reduce__(self):
        # Worker processes open the files anew: a memory map cannot be sent.
        return Source, (self._folder, self._entry)

    @cached_property
    def passage_ids(self) -> np.memmap:
        """A number per passage, int64 (rows,), memory-mapped: equal where rows, of any source, may not meet in a batch.

        They share a passage or a question, or are joined by others that do; see :mod:`.identity`.
        """
        return np.load(self._folder / self._entry['passage_ids'], mmap_mode='r')

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
        """
        if side not in ('query', 'passage'):
            raise ValueError(f"side is {side!r}; it must be 'query' or 'passage'")
        prefix = 'text' if self.kind == BITEXT else side
        texts = [self._value(f'{prefix}.{lang}', row) for row, lang in zip(rows, langs, strict=True)]
        if None in texts:
            at = texts.index(None)
            name = self.ids([rows[at]])[0]
            raise KeyError(f'source {self.name!r}, row {rows[at]} has no {side} in {langs[at]!r}; its id is {name!r}')
        return texts

    def ids(self, rows: Sequence[int]) -> list[str]:
        """The rows' names within the source."""
        return [self._value('id', row) for row in rows]

    def negatives(self, rows: Sequence[int], langs: Sequence[str]) -> list[list[str]]:
        """The given negatives of some rows, each in one language; an empty list where there are none."""
        return [self._value(f'negatives.{lang}', row) or [] for row, lang in zip(rows, langs, strict=True)]

    def iter_columns(self, *, negatives: bool = False) -> Iterator[tuple[str, str, int, pa.Array]]:
        """Yields the queries, passages and texts block by block: ``(side, lang, first row, texts)``.

        ``side`` is ``'query'``, ``'passage'`` or, of bitext, ``'text'``; a text is null where a row has none. With
        ``negatives`` it may also be ``'negatives'``, and then there is a list of texts for each row, or null.
        """
        sides = ('query', 'passage', 'text', *(('negatives',) if negatives else ()))
        reader = pa.ipc.open_file(pa.memory_map(str(self._table)))  # mapped anew, to be read ahead
        for block in range(reader.num_record_batches):
            batch = reader.get_batch(block)
            for column, at in self._columns.items():
                side, _, lang = column.partition('.')
                if side in sides:
                    yield side, lang, block * BLOCK, batch.column(at)

    @property
    def _table(self) -> Path:
        return self._folder / self._entry['table']

    @cached_property
    def _reader(self) -> pa.RecordBatchFileReader:
        with self._table.open('rb') as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if hasattr(mmap, 'MADV_RANDOM'):
            # Rows are drawn at random, and the system would read the 128 KiB around each text.
            mapped.madvise(mmap.MADV_RANDOM)
        return pa.ipc.open_file(pa.py_buffer(mapped))

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self._reader.schema.names)}

    def _value(self, column: str, row: int):
        """One cell, None where the table has no such column or the row has no value."""
        if not 0 <= row < len(self):
            raise IndexError(f'source {self.name!r} has no row {row}; it has {len(self):,}')
        at = self._columns.get(column)
        if at is None:
            return None
        number, offset = divmod(int(row), BLOCK)
        block = self._blocks.get(number)
        if block is None:
            # A block is a few pointers into the map, not its texts, and costs some 50 us to find: keep it.
            block = self._blocks[number] = self._reader.get_batch(number)
        return block.column(at)[offset].as_py()

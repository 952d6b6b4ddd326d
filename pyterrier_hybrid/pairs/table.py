"""The second pass of an import: writes the piles of a source as its table, sorted by coverage."""
import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pyterrier_hybrid.pairs.source import BLOCK
from pyterrier_hybrid.pairs.spilling import Coverage

#: In the quantiles, greater lengths count as this one; mean and maximum are exact.
_LONGEST = 1 << 16


class ImportedRows(NamedTuple):
    """Facts about all rows, in the order in which they came: aligned arrays (rows,)."""

    keep: np.ndarray  #: bool, False for a row that repeats an earlier one
    digests: np.ndarray  #: uint64 (rows, 2), digests of the content
    passages: np.ndarray  #: int64, the passage's number


def write_source(
    name: str, kind: str, piles: dict[Coverage, list[Path]], rows: ImportedRows, folder: Path, stem: str
) -> dict:
    """Writes a source's table and passage numbers, and returns its entry of the manifest.

    ``rows`` are the facts about the rows of all sources; ``stem`` is the name of the files without their endings.
    """
    schema = pa.schema([('id', pa.large_string()), *_fields(piles)])
    table, numbers = folder / f'{stem}.arrow', folder / f'{stem}.passage_ids.npy'
    strata, order, lengths = [], [], {field.name: Lengths() for field in schema if '.' in field.name}
    with pa.ipc.new_file(str(table), schema) as file:
        for block in _blocks(sorted(piles.items()), rows.keep, schema, strata, order):
            file.write_batch(block)
            for column, seen in lengths.items():
                seen.add(block.column(column))
    order = np.concatenate(order)
    passages = rows.passages[order]
    np.save(numbers, passages)
    for stratum in strata:
        stratum.append(len(np.unique(passages[slice(*stratum[2:4])])))
    digest = blake2b(json.dumps([name, kind, strata]).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(rows.digests[order]))
    digest.update(passages)
    return {
        'name': name, 'kind': kind, 'rows': len(order), 'passages': len(np.unique(passages)),
        'table': table.name, 'passage_ids': numbers.name,
        'digest': digest.hexdigest(), 'strata': strata,
        'lengths': {column: seen.summary() for column, seen in lengths.items()},
    }  # fmt: skip


def _fields(piles: dict[Coverage, list[Path]]) -> list[pa.Field]:
    """The text columns of all piles: queries, passages, negatives, each by language."""
    fields = {}
    for path in (path for paths in piles.values() for path in paths):
        fields.update((f.name, f) for f in _open(path).schema if '.' in f.name)
    sides = ['text', 'query', 'passage', 'negatives']
    return sorted(fields.values(), key=lambda f: (sides.index(f.name.split('.')[0]), f.name))


def _blocks(piles: list[tuple[Coverage, list[Path]]], keep, schema, strata, order) -> Iterator[pa.RecordBatch]:
    """Yields the table in blocks; appends to ``strata`` and, as arrays of row numbers, to ``order``."""
    waiting, count, stop = [], 0, 0
    for coverage, paths in piles:
        start = stop
        for path in paths:
            pile = _open(path).read_all()
            numbers = pile['row'].to_numpy()
            kept = keep[numbers]
            if not kept.all():
                pile, numbers = pile.filter(pa.array(kept)), numbers[kept]
            order.append(numbers)
            stop += len(numbers)
            count += len(numbers)
            waiting.append(pile.drop_columns('row'))
            if count >= BLOCK:
                whole = _joined(waiting, schema)
                for at in range(0, count - BLOCK + 1, BLOCK):
                    yield _block(whole.slice(at, BLOCK))
                waiting, count = [whole.slice(count - count % BLOCK)], count % BLOCK
        if stop > start:
            strata.append([list(coverage.query_langs), list(coverage.passage_langs), start, stop])
    if count:
        yield _block(_joined(waiting, schema))


def _open(path: Path) -> pa.RecordBatchFileReader:
    return pa.ipc.open_file(pa.memory_map(str(path)))


def _joined(piles: list[pa.Table], schema: pa.Schema) -> pa.Table:
    """Concatenates piles, with all columns of the table; a column that a pile lacks is null there."""
    return pa.concat_tables([schema.empty_table(), *piles], promote_options='default')


def _block(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


class Lengths:
    """Counts texts by their length in characters (code points), for mean, quantiles and maximum in bounded memory."""

    def __init__(self):
        self._counts = np.zeros(_LONGEST + 1, np.int64)
        self._sum = self._max = 0

    def add(self, column: pa.Array) -> None:
        """Counts the texts of a column; in a column of lists, the texts in the lists."""
        texts = column.flatten() if pa.types.is_large_list(column.type) else column.drop_null()
        if not len(texts):
            return
        lengths = pc.utf8_length(texts).to_numpy()
        self._counts += np.bincount(np.minimum(lengths, _LONGEST), minlength=_LONGEST + 1)
        self._sum += int(lengths.sum())
        self._max = max(self._max, int(lengths.max()))

    def summary(self) -> dict:
        """Number of texts; mean, median, 95th percentile and maximum of their lengths."""
        upto = np.cumsum(self._counts)
        count = int(upto[-1])
        median, high = (int(np.searchsorted(upto, share * count)) for share in (0.5, 0.95))
        return {'texts': count, 'mean': round(self._sum / max(count, 1), 1), 'median': median, 'p95': high,
                'max': self._max}  # fmt: skip

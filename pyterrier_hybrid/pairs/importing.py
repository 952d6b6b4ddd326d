"""Imports rows into a pairs folder, which is complete or absent.

The first pass checks and hashes the rows and streams them to disk. The second pass finds repeated ids, joins rows that
share a passage or a question, and writes each source as a table. The same rows in the same order give the same bytes.
"""
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyterrier as pt

from pyterrier_hybrid.digests import list_files
from pyterrier_hybrid.file_names import file_name
from pyterrier_hybrid.files import whole_folder
from pyterrier_hybrid.pairs.identity import passage_numbers, write_known
from pyterrier_hybrid.pairs.jsonl import Placed
from pyterrier_hybrid.pairs.manifest import MANIFEST, write_manifest
from pyterrier_hybrid.pairs.rows import check_row
from pyterrier_hybrid.pairs.spilling import Spill
from pyterrier_hybrid.pairs.table import ImportedRows, write_source


def import_pairs(
    read: Callable[[Path], Iterator[Placed]], folder: str | os.PathLike, *, overwrite: bool, verbose: bool
) -> None:
    """Writes a pairs folder.

    Args:
        read: a function that yields the rows with their places, in the interchange format. Its argument is a folder for
            temporary files.
        folder, overwrite, verbose: as in ``ParallelPairs.from_jsonl``.

    Raises:
        FileExistsError: the folder exists, or is to be overwritten but is not a pairs folder.
        ValueError: a malformed row, an id with two different texts, or no row at all; or another import is writing the
            folder. Nothing is left behind.
        OSError: the disk is full, or the folder cannot be written.
    """
    with whole_folder(folder, mark=MANIFEST, overwrite=overwrite) as partial:
        spilled = partial / 'spill'
        spilled.mkdir()
        with Spill(spilled) as spill, closing(read(spilled)) as rows:
            for label, number, value in pt.tqdm(rows, desc='importing pairs', unit=' rows', disable=not verbose):
                spill.add(check_row(value, f'{label} {number}'), label, number)
            manifest = _write_tables(spill, partial, verbose)
        shutil.rmtree(spilled)
        manifest['files'] = list_files(partial)
        write_manifest(partial, manifest)


def _write_tables(spill: Spill, folder: Path, verbose: bool) -> dict:
    """Writes all sources; returns the manifest."""
    records = spill.records()
    if not len(records):
        raise ValueError('no row of pairs in the input')
    keep = _first_of_each(records, spill)
    passages = passage_numbers(records['lowest'], spill.shared.links())
    rows = ImportedRows(keep, records['digest'], passages)
    entries, stems = [], []
    for name in pt.tqdm(sorted(spill.kinds), desc='writing sources', unit=' sources', disable=not verbose):
        piles = {coverage: paths for coverage, paths in spill.piles.items() if coverage.source == name}
        stems.append(file_name(name, stems))
        entries.append(write_source(name, spill.kinds[name][0], piles, rows, folder, stems[-1]))
    write_known(folder, spill.shared.asked(), passages)
    digests = ''.join(entry['digest'] for entry in entries)
    return {
        'fingerprint': blake2b(digests.encode(), digest_size=16).hexdigest(),
        'repeated_rows_skipped': int(len(keep) - keep.sum()),
        'sources': entries,
    }


def _first_of_each(records: np.ndarray, spill: Spill) -> np.ndarray:
    """Whether each row is the first of its kind, bool (rows,): False if it has an earlier one's source, id and content.

    Raises:
        ValueError: an id whose rows differ; names both places.
    """
    ids = records['id']
    order = np.argsort(ids, kind='stable')
    earlier, later = order[:-1], order[1:]
    same_id = ids[earlier] == ids[later]
    earlier, later = earlier[same_id], later[same_id]
    equal = (records['digest'][earlier] == records['digest'][later]).all(axis=1)
    keep = np.ones(len(records), bool)
    keep[later[equal]] = False
    names = spill.names(np.concatenate([earlier[~equal], later[~equal]])) if not equal.all() else {}
    for first, second in sorted(zip(earlier[~equal], later[~equal]), key=lambda pair: pair[1]):
        if names[first] == names[second]:  # not only equal hashes
            source, name = names[second]
            raise ValueError(
                f'the id {name!r:.80} of the source {source!r:.80} is used twice, with different content: '
                f'{spill.place(records[first])}, and {spill.place(records[second])}; give the rows different ids'
            )
    return keep

"""The files that have a row for each document. They are written once, from the first document to the last."""
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pyterrier_hybrid.digests import FAST, describe, new_digest
from pyterrier_hybrid.files import replace_text
from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.vectors import FILES, StoredVectors, decode, encode, precision_of
from pyterrier_hybrid.ranking.scores import max_norm
from pyterrier_hybrid.stored import read_json

OFFSETS, DOCNOS, LANGS = 'docno_offsets.i8', 'docno_bytes.u1', 'langs.u2'
#: Positions in the languages, in the order of their first documents. A finished collection has sorted languages.
LANG_IDS = 'lang_ids.u2'
_PROGRESS = 'progress.json'
_ROWS = 4_096
_CHUNK = 1 << 22
_WRITTEN = 1 << 18  # bytes written at a time; Linux takes six times as long for each byte of a write of 12 MB


@dataclass(frozen=True, eq=False)
class Collection:
    """Documents as arrays, in memory or memory-mapped.

    Attributes:
        vecs: ``(n, d)``: float32, or stored in a reduced precision and float32 when taken.
        docnos: the ``n`` docnos.
        lang_ids: uint16, ``(n,)``: positions in ``languages``.
        languages: language codes.
        max_norm: the greatest Euclidean norm of a vector, where it is known.
    """

    vecs: np.ndarray | StoredVectors
    docnos: Docnos
    lang_ids: np.ndarray
    languages: tuple[str, ...]
    max_norm: float | None = field(default=None, kw_only=True)

    def langs(self) -> np.ndarray:
        """Each document's language code, ``(n,)``."""
        return np.array(self.languages)[self.lang_ids]


class RowWriter:
    """Writes the rows of a collection into ``folder``, and the vectors into ``vectors``, the same or a folder in it.

    ``notes`` is the folder of files that are not part of the collection: the progress, and the languages so far. With
    ``resume``, continues where :meth:`keep` was called last; raises ValueError with a file that has changed since.
    """

    def __init__(self, folder: Path, vectors: Path, vec_size: int, precision: str, notes: Path, *, resume=False):
        self.vec_size, self.precision = vec_size, precision
        self._folder, self._notes = folder, notes
        self.count, self.max_norm, self.languages = 0, 0.0, {}
        self._docno_end = 0
        names = [f'{vectors.relative_to(folder).as_posix()}/{name}'.removeprefix('./') for name in FILES[precision]]
        self._vector_names = names
        self._paths = {name: folder / name for name in [*names, OFFSETS, DOCNOS]} | {LANG_IDS: notes / LANG_IDS}
        self._digests = {name: new_digest(FAST) for name in self._paths}
        self._files = {name: path.open('r+b' if resume else 'wb', buffering=0) for name, path in self._paths.items()}
        if resume:
            self._resume(read_json(notes / _PROGRESS))
        else:
            self._write(OFFSETS, np.zeros(1, dtype=np.int64))
        self._complete = self._state()

    def append(self, collection: Collection) -> None:
        """Adds documents. Vectors stored in the same precision are copied, all others encoded."""
        vecs, docnos = collection.vecs, collection.docnos
        same = precision_of(vecs) == self.precision
        copied, known = same and isinstance(vecs, StoredVectors), same and collection.max_norm is not None
        if known:
            self.max_norm = max(self.max_norm, collection.max_norm)
        for start in range(0, len(vecs), _ROWS):
            rows = slice(start, start + _ROWS)
            arrays = vecs.arrays(rows) if copied else encode(vecs[rows], self.precision)
            for name, array in zip(self._vector_names, arrays):
                self._write(name, array)
            if not known:
                self.max_norm = max(self.max_norm, max_norm(decode(arrays)))
            offsets = np.asarray(docnos.offsets[start : start + _ROWS + 1])
            self._write(OFFSETS, offsets[1:] + (self._docno_end - offsets[0]))
            self._write(DOCNOS, docnos.data[offsets[0] : offsets[-1]])
            self._docno_end += int(offsets[-1] - offsets[0])
            self._write(LANG_IDS, self._positions(collection.languages, collection.lang_ids[rows]))
            self.count += len(arrays[0])
        self._complete = self._state()

    def _positions(self, languages: Sequence[str], lang_ids: np.ndarray) -> np.ndarray:
        positions = np.zeros(len(languages), dtype=np.uint16)
        for i in np.flatnonzero(np.bincount(lang_ids, minlength=len(languages))):
            positions[i] = self.languages.setdefault(languages[i], len(self.languages))
        return positions[lang_ids]

    def keep(self, **more: object) -> None:
        """Flushes all files to the disk, and notes the end of the last completely appended collection, and ``more``."""
        for file in self._files.values():
            os.fsync(file.fileno())
        replace_text(self._notes / _PROGRESS, json.dumps({**self._complete, **more}))

    def _state(self) -> dict:
        return {
            'count': self.count, 'docno_end': self._docno_end, 'vec_size': self.vec_size, 'precision': self.precision,
            'max_norm': self.max_norm, 'languages': list(self.languages), 'files': self._entries(),
        }  # fmt: skip

    def finish(self) -> dict:
        """Closes the files, and writes the languages; returns ``vec_size``, ``doc_count``, ... and ``files``."""
        languages = sorted(self.languages)
        position = np.array([languages.index(lang) for lang in self.languages], dtype=np.uint16)
        with (self._folder / LANGS).open('wb') as out, (self._notes / LANG_IDS).open('rb') as lang_ids:
            while chunk := lang_ids.read(_CHUNK):
                out.write(position[np.frombuffer(chunk, dtype=np.uint16)].tobytes())
        meta = {'vec_size': self.vec_size, 'doc_count': self.count, 'languages': languages, 'max_norm': self.max_norm}
        files = {**self._entries(), LANGS: describe(self._folder / LANGS, FAST)}
        del files[LANG_IDS]
        self.close()
        return {**meta, **({} if self.precision == 'float32' else {'precision': self.precision}), 'files': files}

    def close(self) -> None:
        """Closes the files."""
        for file in self._files.values():
            file.close()

    def _write(self, name: str, array: np.ndarray) -> None:
        if array.size:
            left = memoryview(np.ascontiguousarray(array)).cast('B')
            while len(left):  # a raw file may write less than it is given
                count = self._files[name].write(left[:_WRITTEN])
                self._digests[name].update(left[:count])  # while the processor's cache holds it
                left = left[count:]

    def _entries(self) -> dict[str, dict]:
        return {
            name: {'bytes': file.tell(), 'digest': FAST + self._digests[name].hexdigest()}
            for name, file in self._files.items()
        }

    def _resume(self, state: dict) -> None:
        self.count, self.max_norm, self._docno_end = state['count'], state['max_norm'], state['docno_end']
        self.languages = {lang: i for i, lang in enumerate(state['languages'])}
        for name, entry in state['files'].items():
            file, left = self._files[name], entry['bytes']
            while left and (chunk := file.read(min(left, _CHUNK))):
                self._digests[name].update(chunk)
                left -= len(chunk)
            if left or FAST + self._digests[name].hexdigest() != entry['digest']:
                raise ValueError(f'{self._paths[name]} has changed since it was written')
            file.truncate(entry['bytes'])


def read_progress(notes: Path) -> dict | None:
    """What :meth:`RowWriter.keep` noted last; None if it noted nothing."""
    return read_json(notes / _PROGRESS)


def write_rows(collections: Sequence[Collection], folder: Path, vectors: Path, precision: str | None = None) -> dict:
    """Writes collections, one after another; returns what :meth:`RowWriter.finish` returns.

    The vectors are stored in the precision of the first collection unless another is given.
    """
    writer = None
    for collection in collections:
        if writer is None:
            precision = precision or precision_of(collection.vecs)
            writer = RowWriter(folder, vectors, collection.vecs.shape[1], precision, folder)
        writer.append(collection)
    meta = writer.finish()
    (folder / LANG_IDS).unlink()
    return meta

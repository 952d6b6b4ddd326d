"""The files of an index and of its parts, written so that a folder is complete or not there.

A *collection* is a folder of flat files, one row a document, next to a JSON file that says how many there are:

=====================  ==================================================
``vecs.f4``            float32 vectors, ``(n, d)`` (FLEX's own file)
``docno_offsets.i8``   int64, ``(n + 1,)``: where each docno starts
``docno_bytes.u1``     the docnos in UTF-8, one after another
``langs.u2``           uint16, ``(n,)``: positions in the JSON's ``languages``
=====================  ==================================================

A part of an unfinished build is a collection with ``part.json``; an index is one with ``pt_meta.json``, and with
``docno_order.u4`` (docids by docno) and ``docnos.npids`` (what other FLEX software reads the docnos from).
"""
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import npids.builder
import npids.utils
import numpy as np

from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.ranking.scores import max_norm

META = 'pt_meta.json'
_PART_META = 'part.json'
_ROWS = 4_096


@dataclass(frozen=True, eq=False)
class Collection:
    """Documents as arrays, in memory or memory-mapped.

    Attributes:
        vecs: float32, ``(n, d)``.
        docnos: the ``n`` docnos.
        lang_ids: uint16, ``(n,)``: positions in ``languages``.
        languages: language codes.
    """

    vecs: np.ndarray
    docnos: Docnos
    lang_ids: np.ndarray
    languages: tuple[str, ...]

    def langs(self) -> np.ndarray:
        """Each document's language code, ``(n,)``."""
        return np.array(self.languages)[self.lang_ids]


def open_collection(folder: Path, meta: dict) -> Collection:
    """Maps the files of a collection into memory; ``meta`` holds ``doc_count``, ``vec_size`` and ``languages``.

    Raises:
        ValueError: a file is missing, or not as long as ``meta`` says.
    """
    n, d = meta['doc_count'], meta['vec_size']
    offsets = _map(folder / 'docno_offsets.i8', np.int64, (n + 1,))
    data = _map(folder / 'docno_bytes.u1', np.uint8, (int(offsets[-1]),))
    order = _map(folder / 'docno_order.u4', np.uint32, (n,)) if (folder / 'docno_order.u4').exists() else None
    lang_ids = _map(folder / 'langs.u2', np.uint16, (n,))
    return Collection(map_vectors(folder, n, d), Docnos(offsets, data, order), lang_ids, tuple(meta['languages']))


def map_vectors(folder: Path, doc_count: int, vec_size: int) -> np.ndarray:
    """FLEX's vector file as a read-only memory map, float32, ``(doc_count, vec_size)``."""
    return _map(folder / 'vecs.f4', np.float32, (doc_count, vec_size))


def _map(path: Path, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    expected = int(np.prod(shape)) * np.dtype(dtype).itemsize
    found = path.stat().st_size if path.is_file() else None
    if found != expected:
        what = 'is missing' if found is None else f'holds {found} bytes'
        raise ValueError(f'{path} {what}, and {expected} bytes are expected: the index is damaged; build it again')
    return np.memmap(path, dtype=dtype, mode='r', shape=shape)


def write_part(collection: Collection, folder: Path) -> None:
    """Writes a part under a temporary name and renames it: ``folder`` is complete or does not exist."""
    unfinished = folder.with_suffix('.tmp')
    _fresh(unfinished)
    meta = _write_files([collection], unfinished)
    _write_json(unfinished / _PART_META, meta)
    sync(unfinished)
    unfinished.rename(folder)
    sync(folder.parent)


def open_part(folder: Path) -> Collection:
    """Opens a part."""
    return open_collection(folder, json.loads((folder / _PART_META).read_text()))


def write_index(collections: Sequence[Collection], folder: Path) -> None:
    """Writes the documents of the collections, one collection after another, as an index in a new ``folder``.

    The bytes depend on the documents and their order alone, not on how they are cut into collections. ``pt_meta.json``
    is FLEX's (``type``, ``format``, ``vec_size``, ``doc_count``) with the ``languages``, the greatest Euclidean norm
    (``max_norm``) and the ``fingerprint``, a digest of vectors, docnos and languages.
    """
    _fresh(folder)
    meta = _write_files(collections, folder)
    docnos = open_collection(folder, meta).docnos
    _write(folder / 'docno_order.u4', [docnos.order])
    _write_npids(docnos, folder / 'docnos.npids')
    _write_json(folder / META, {'type': 'dense_index', 'format': 'flex', **meta})
    sync(folder)


def _write_files(collections: Sequence[Collection], folder: Path) -> dict:
    languages = sorted({c.languages[i] for c in collections for i in np.unique(c.lang_ids)})
    digest = hashlib.blake2b(digest_size=16)

    def vectors():
        for c in collections:
            yield from (c.vecs[i : i + _ROWS] for i in range(0, len(c.vecs), _ROWS))

    def offsets():
        end = np.zeros(1, dtype=np.int64)
        yield end
        for c in collections:
            yield c.docnos.offsets[1:] + end
            end = end + c.docnos.offsets[-1]

    def lang_ids():
        for c in collections:
            position = np.array([languages.index(x) if x in languages else 0 for x in c.languages], dtype=np.uint16)
            yield position[c.lang_ids]

    _write(folder / 'vecs.f4', vectors(), digest)
    _write(folder / 'docno_offsets.i8', offsets(), digest)
    _write(folder / 'docno_bytes.u1', (c.docnos.data for c in collections), digest)
    _write(folder / 'langs.u2', lang_ids(), digest)
    meta = {
        'vec_size': collections[0].vecs.shape[1],
        'doc_count': sum(len(c.vecs) for c in collections),
        'languages': languages,
        'max_norm': max(map(max_norm, vectors())),
    }
    digest.update(json.dumps(meta, sort_keys=True).encode())
    return {**meta, 'fingerprint': digest.hexdigest()}


def _write_npids(docnos: Docnos, path: Path) -> None:
    """Writes the docnos in npids' fixed-width format, with its inverse.

    npids' own writer picks a format from the first docnos and factors out their common prefix. It then fails to read
    back a single docno, a last docno that fits no earlier format, and a prefix that ends within a character.
    """
    with npids.utils.FileManager(path, 'a') as out:
        out.write_header(0, len(docnos), {'format': 'fixedbytes', 'length': docnos.width, 'prefix': ''})
        for start in range(0, len(docnos), _ROWS):
            out.write(docnos.fixed_width(np.arange(start, min(start + _ROWS, len(docnos)))).tobytes())
    npids.builder.InvLookupBuilder.build(path)
    sync(path)


def _write(path: Path, arrays: Iterable[np.ndarray], digest: 'hashlib._Hash | None' = None) -> None:
    with path.open('wb') as out:
        for array in arrays:
            data = np.ascontiguousarray(array).data
            out.write(data)
            if digest is not None:
                digest.update(data)
        out.flush()
        os.fsync(out.fileno())


def _write_json(path: Path, value: dict) -> None:
    with path.open('w') as out:
        json.dump(value, out)
        out.flush()
        os.fsync(out.fileno())


def _fresh(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def sync(path: Path) -> None:
    """Flushes a file, or a folder's list of files, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""The files of an index and of its parts.

A *collection* is a folder of flat files, one row a document, next to a JSON file that says how many there are:

=====================  ==================================================
``vecs.f4``            float32 vectors, ``(n, d)`` (FLEX's own file)
``docno_offsets.i8``   int64, ``(n + 1,)``: where each docno starts
``docno_bytes.u1``     the docnos in UTF-8, one after another
``langs.u2``           uint16, ``(n,)``: positions in the JSON's ``languages``
=====================  ==================================================

A part of an unfinished build is a collection with ``part.json``. An index is one with ``pt_meta.json`` and
``docno_order.u4`` (docids by docno), whose vectors are in the folder ``flex``: a FLEX index of its own, with
``docnos.npids`` and a ``pt_meta.json`` of pyterrier_dr's format, which other FLEX software opens.
"""
import hashlib
import json
import math
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import npids.builder
import npids.utils
import numpy as np

from pyterrier_hybrid.digests import check_sizes, describe
from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.publishing import publish
from pyterrier_hybrid.ranking.scores import max_norm
from pyterrier_hybrid.stored import META, check_fields, read_json

#: The folder of an index that is a FLEX index.
FLEX = 'flex'
#: FLEX's vectors.
VECTORS = 'vecs.f4'
#: What the metadata of an index and of a part say.
FIELDS = {'doc_count': int, 'vec_size': int, 'languages': list, 'max_norm': float, 'fingerprint': str}
REMEDY = "the index is damaged; build it again with .indexer(mode='overwrite')"
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
    """Maps the files of a collection into memory, and checks what can be checked without reading the vectors.

    Args:
        folder: a part, or an index of this format or an earlier one.
        meta: its checked metadata.

    Raises:
        ValueError: a file is missing, not as long as ``meta`` says, or holds what cannot be.
    """
    if 'files' in meta:
        check_sizes(folder, meta['files'], REMEDY)
    n = meta['doc_count']
    offsets = _map(folder / 'docno_offsets.i8', np.int64, (n + 1,))
    if offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise ValueError(f'{folder / "docno_offsets.i8"} does not ascend from 0: {REMEDY}')
    data = _map(folder / 'docno_bytes.u1', np.uint8, (int(offsets[-1]),))
    order = folder / 'docno_order.u4'
    order = _map(order, np.uint32, (n,), below=n) if order.exists() else None
    languages = tuple(meta['languages'])
    lang_ids = _map(folder / 'langs.u2', np.uint16, (n,), below=len(languages))
    vecs = map_vectors(flex_folder(folder), n, meta['vec_size'])
    return Collection(vecs, Docnos(offsets, data, order), lang_ids, languages)


def flex_folder(folder: Path) -> Path:
    """Where the vectors of a collection are: the folder itself if it is a part or of an earlier format."""
    return folder if (folder / VECTORS).exists() else folder / FLEX


def map_vectors(folder: Path, doc_count: int, vec_size: int) -> np.ndarray:
    """FLEX's vector file as a read-only memory map, float32, ``(doc_count, vec_size)``."""
    return _map(folder / VECTORS, np.float32, (doc_count, vec_size))


def _map(path: Path, dtype: type, shape: tuple[int, ...], below: int | None = None) -> np.ndarray:
    expected = math.prod(shape) * np.dtype(dtype).itemsize
    found = path.stat().st_size if path.is_file() else None
    if found != expected:
        what = 'is missing' if found is None else f'holds {found} bytes'
        raise ValueError(f'{path} {what}, and {expected} bytes are expected: {REMEDY}')
    array = np.memmap(path, dtype=dtype, mode='r', shape=shape)
    if below is not None and array.max() >= below:
        raise ValueError(f'{path} holds {array.max()}, and numbers below {below} are expected: {REMEDY}')
    return array


def write_part(collection: Collection, folder: Path) -> None:
    """Writes a part, which is complete or does not exist."""
    unfinished = folder.with_suffix('.tmp')
    shutil.rmtree(unfinished, ignore_errors=True)  # of a process that was killed
    unfinished.mkdir()
    meta = _write_files([collection], unfinished, unfinished / VECTORS)
    (unfinished / _PART_META).write_text(json.dumps(meta))
    publish(unfinished, folder, mark=_PART_META, overwrite=False)


def read_part_meta(folder: Path) -> dict:
    """A part's metadata.

    Raises:
        ValueError: they are damaged.
    """
    meta = read_json(folder / _PART_META) or {}
    check_fields(meta, FIELDS, folder / _PART_META, REMEDY)
    return meta


def open_part(folder: Path) -> Collection:
    """Opens a part."""
    return open_collection(folder, read_part_meta(folder))


def write_index(collections: Sequence[Collection], folder: Path) -> str:
    """Writes the documents of the collections, one collection after another, as an index in an empty folder.

    The bytes depend on the documents and their order alone, not on how they are cut into collections. ``pt_meta.json``
    holds ``type``, ``format``, ``vec_size``, ``doc_count``, the ``languages``, the greatest Euclidean norm
    (``max_norm``), size and digest of all ``files``, and a digest of vectors, docnos and languages (``fingerprint``).

    Returns:
        The fingerprint.
    """
    flex = folder / FLEX
    flex.mkdir()
    meta = _write_files(collections, folder, flex / VECTORS)
    docnos = open_collection(folder, meta).docnos
    _write(folder / 'docno_order.u4', [docnos.order])
    _write_npids(docnos, flex / 'docnos.npids')
    size = {'vec_size': meta['vec_size'], 'doc_count': meta['doc_count']}
    kind = {'type': 'dense_index', 'format': 'flex', 'package_hint': 'pyterrier-dr'}
    (flex / META).write_text(json.dumps({**kind, **size}))
    for name in ('docno_order.u4', f'{FLEX}/docnos.npids', f'{FLEX}/{META}'):
        meta['files'][name] = describe(folder / name)
    kind = {'type': 'dense_index', 'format': 'multilingual', 'package_hint': 'pyterrier-hybrid'}
    (folder / META).write_text(json.dumps({**kind, **meta}, indent=1))
    return meta['fingerprint']


def _write_files(collections: Sequence[Collection], folder: Path, vectors: Path) -> dict:
    languages = sorted({c.languages[i] for c in collections for i in np.unique(c.lang_ids)})

    def blocks():
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

    files = {
        vectors.relative_to(folder).as_posix(): _write(vectors, blocks()),
        'docno_offsets.i8': _write(folder / 'docno_offsets.i8', offsets()),
        'docno_bytes.u1': _write(folder / 'docno_bytes.u1', (c.docnos.data for c in collections)),
        'langs.u2': _write(folder / 'langs.u2', lang_ids()),
    }
    meta = {
        'vec_size': collections[0].vecs.shape[1],
        'doc_count': sum(len(c.vecs) for c in collections),
        'languages': languages,
        'max_norm': max(map(max_norm, blocks())),
    }
    content = [meta, [files[name]['digest'] for name in files]]
    fingerprint = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()
    return {**meta, 'fingerprint': fingerprint, 'files': files}


def _write_npids(docnos: Docnos, path: Path) -> None:
    """Writes the docnos in npids' fixed-width format, with its inverse.

    npids' own writer picks a format from the first docnos and factors out their common prefix. It then fails to read
    back a single docno, a last docno that fits no earlier format, and a prefix that ends within a character. Where a
    few docnos are much longer than the others, blocks of the file have widths of their own.
    """
    lengths = np.diff(docnos.offsets)
    wide = len(docnos) * int(lengths.max()) > 8 * int(docnos.offsets[-1]) + (1 << 20)
    step = _ROWS if wide else len(docnos)
    with npids.utils.FileManager(path, 'a') as out:
        for start in range(0, len(docnos), step):
            stop = min(start + step, len(docnos))
            width = int(lengths[start:stop].max())
            out.write_header(0, stop - start, {'format': 'fixedbytes', 'length': width, 'prefix': ''})
            for first in range(start, stop, _ROWS):
                out.write(_fixed_width(docnos, first, min(first + _ROWS, stop), width).tobytes())
    npids.builder.InvLookupBuilder.build(path)


def _fixed_width(docnos: Docnos, start: int, stop: int, width: int) -> np.ndarray:
    """The docnos of some docids as UTF-8 bytes, padded with NUL: uint8, ``(stop - start, width)``."""
    first, last = docnos.offsets[start:stop], docnos.offsets[start + 1 : stop + 1]
    padded = np.zeros((stop - start, width), dtype=np.uint8)
    padded[np.arange(width) < (last - first)[:, None]] = docnos.data[first[0] : last[-1]]
    return padded


def _write(path: Path, arrays: Iterable[np.ndarray]) -> dict:
    """Writes arrays, one after another; returns the file's entry in the list of files."""
    digest, size = hashlib.blake2b(digest_size=16), 0
    with path.open('wb') as out:
        for array in arrays:
            data = memoryview(np.ascontiguousarray(array)).cast('B') if array.size else b''
            out.write(data)
            digest.update(data)
            size += len(data)
    return {'bytes': size, 'digest': digest.hexdigest()}

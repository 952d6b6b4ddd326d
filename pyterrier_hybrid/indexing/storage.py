"""The files of an index and of its parts.

A *collection* is a folder of flat files, one row a document, next to a JSON file that says how many there are:

=====================  ==================================================
``vecs.f4``            float32 vectors, ``(n, d)`` (FLEX's own file)
``docno_offsets.i8``   int64, ``(n + 1,)``: where each docno starts
``docno_bytes.u1``     the docnos in UTF-8, one after another
``langs.u2``           uint16, ``(n,)``: positions in the JSON's ``languages``
=====================  ==================================================

Vectors of reduced precision are in ``vecs.f2`` (float16), or in ``vecs.i1`` (int8) and ``scales.f4`` (float32, one for
each vector).

A part, which a worker of a cluster writes for example, is a collection with ``part.json``. An index is a collection
with ``pt_meta.json`` and ``docno_order.u4`` (docids by docno). Its float32 vectors are in the folder ``flex``: a FLEX
index of its own, with ``docnos.npids`` and a ``pt_meta.json`` of pyterrier_dr's format, which other FLEX software
opens. An index of reduced precision has no such folder.
"""
import hashlib
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pyterrier_hybrid.digests import FAST, check_sizes, describe
from pyterrier_hybrid.indexing.docno_files import write_npids, write_order
from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.rows import DOCNOS, LANG_IDS, LANGS, OFFSETS, Collection, write_rows
from pyterrier_hybrid.indexing.vectors import FILES, StoredVectors, check_precision, decode, precision_of
from pyterrier_hybrid.publishing import publish
from pyterrier_hybrid.stored import META, check_fields, read_json

#: The folder of an index that is a FLEX index.
FLEX = 'flex'
#: FLEX's vectors.
VECTORS = 'vecs.f4'
#: The fields of the metadata of an index and of a part.
FIELDS = {'doc_count': int, 'vec_size': int, 'languages': list, 'max_norm': float, 'fingerprint': str}
REMEDY = "the index is damaged; build it again with .indexer(mode='overwrite')"
ORDER = 'docno_order.u4'
_PART_META = 'part.json'
_CHUNK = 1 << 20


def open_collection(folder: Path, meta: dict) -> Collection:
    """Maps the files of a collection into memory, and checks what can be checked without reading the vectors.

    ``folder`` is a part, or an index of this format or an earlier one; ``meta`` its checked metadata. Raises ValueError
    if a file is missing, is not as long as ``meta`` says, or holds impossible values.
    """
    if 'files' in meta:
        check_sizes(folder, meta['files'], REMEDY)
    n = meta['doc_count']
    offsets = _map(folder / OFFSETS, np.int64, (n + 1,))
    if offsets[0] != 0 or any((np.diff(offsets[i : i + _CHUNK + 1]) < 0).any() for i in range(0, n, _CHUNK)):
        raise ValueError(f'{folder / OFFSETS} does not ascend from 0: {REMEDY}')
    data = _map(folder / DOCNOS, np.uint8, (int(offsets[-1]),))
    order = folder / ORDER
    order = _map(order, np.uint32, (n,), below=n) if order.exists() else None
    languages = tuple(meta['languages'])
    lang_ids = _map(folder / LANGS, np.uint16, (n,), below=len(languages))
    precision = check_precision(meta.get('precision', 'float32'))
    vecs = map_vectors(flex_folder(folder) if precision == 'float32' else folder, n, meta['vec_size'], precision)
    return Collection(vecs, Docnos(offsets, data, order), lang_ids, languages)


def open_rows(folder: Path, notes: Path, progress: dict) -> Collection:
    """The documents of an index that is being written, up to the progress that :class:`~.rows.RowWriter` has noted."""
    n, end, languages = progress['count'], progress['docno_end'], tuple(progress['languages'])
    docnos = Docnos(_part_of(folder / OFFSETS, np.int64, (n + 1,)), _part_of(folder / DOCNOS, np.uint8, (end,)))
    shapes, precision = ((n, progress['vec_size']), (n,)), progress['precision']
    vectors = vectors_folder(folder, precision)
    vecs = decode([_part_of(vectors / x, t, s) for (x, t), s in zip(FILES[precision].items(), shapes)])
    return Collection(vecs, docnos, _part_of(notes / LANG_IDS, np.uint16, (n,)), languages)


def _part_of(path: Path, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    """The first rows of a file that may hold more."""
    if not path.is_file() or path.stat().st_size < math.prod(shape) * np.dtype(dtype).itemsize:
        raise ValueError(f"{path} has changed since it was written: a new build starts with indexer(mode='overwrite')")
    return np.memmap(path, dtype=dtype, mode='r', shape=shape)


def flex_folder(folder: Path) -> Path:
    """The folder of a collection's vectors: ``folder`` itself for a part and for an index of an earlier format."""
    return folder if (folder / VECTORS).exists() else folder / FLEX


def map_vectors(folder: Path, doc_count: int, vec_size: int, precision: str = 'float32') -> np.ndarray | StoredVectors:
    """The vectors of a folder as read-only memory maps, ``(doc_count, vec_size)``; by default FLEX's float32 file."""
    shapes = (doc_count, vec_size), (doc_count,)
    return decode([_map(folder / name, kind, s) for (name, kind), s in zip(FILES[precision].items(), shapes)])


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
    """Writes a part, which becomes visible only once it is complete."""
    unfinished = folder.with_suffix('.tmp')
    shutil.rmtree(unfinished, ignore_errors=True)  # left by a process that was killed
    unfinished.mkdir()
    meta = write_rows([collection], unfinished, unfinished)
    (unfinished / _PART_META).write_text(json.dumps(_with_fingerprint(meta)))
    publish(unfinished, folder, mark=_PART_META, overwrite=False)


def read_part_meta(folder: Path) -> dict:
    """A part's metadata; raises ValueError if they are damaged."""
    meta = read_json(folder / _PART_META) or {}
    check_fields(meta, FIELDS, folder / _PART_META, REMEDY)
    return meta


def open_part(folder: Path) -> Collection:
    """Opens a part."""
    return open_collection(folder, read_part_meta(folder))


def write_index(collections: Sequence[Collection], folder: Path, precision: str | None = None) -> str:
    """Writes collections, one after another, as an index in an empty folder; returns the fingerprint.

    The bytes only depend on the documents and their order, not on how they are cut into collections. The vectors are
    stored in the precision of the first collection unless another is given. Raises ValueError with a docno that occurs
    twice.
    """
    return complete_index(write_collections(collections, folder, precision), folder)


def write_collections(collections: Sequence[Collection], folder: Path, precision: str | None = None) -> dict:
    """Writes the rows of an index, which :func:`complete_index` completes; returns their metadata."""
    precision = precision or precision_of(collections[0].vecs)
    return write_rows(collections, folder, vectors_folder(folder, precision), precision)


def vectors_folder(folder: Path, precision: str) -> Path:
    """Makes the folder in an index that holds its vectors, and returns it."""
    vectors = folder / FLEX if precision == 'float32' else folder
    vectors.mkdir(exist_ok=True)
    return vectors


def complete_index(meta: dict, folder: Path, more: Mapping | None = None) -> str:
    """Completes an index whose rows, described by ``meta``, are written; returns the fingerprint.

    ``pt_meta.json``, written last, holds ``type``, ``format``, ``vec_size``, ``doc_count``, the ``languages``, the
    greatest Euclidean norm (``max_norm``), the ``precision`` if it is not float32, size and digest of all ``files``,
    and a digest of vectors, docnos and languages (``fingerprint``). ``more`` is added, without changing the
    fingerprint.
    """
    meta = _with_fingerprint(meta)
    for name in (ORDER, f'{FLEX}/docnos.npids'):
        (folder / name).unlink(missing_ok=True)  # left by a process that was killed
    docnos = open_collection(folder, meta).docnos
    write_order(docnos, folder / ORDER)
    names = [ORDER]
    if 'precision' not in meta:
        write_npids(docnos, folder / FLEX / 'docnos.npids')
        size = {'vec_size': meta['vec_size'], 'doc_count': meta['doc_count']}
        kind = {'type': 'dense_index', 'format': 'flex', 'package_hint': 'pyterrier-dr'}
        (folder / FLEX / META).write_text(json.dumps({**kind, **size}))
        names += [f'{FLEX}/docnos.npids', f'{FLEX}/{META}']
    meta['files'] |= {name: describe(folder / name, FAST) for name in names}
    kind = {'type': 'dense_index', 'format': 'multilingual', 'package_hint': 'pyterrier-hybrid'}
    (folder / META).write_text(json.dumps({**kind, **meta, **(more or {})}, indent=1))
    return meta['fingerprint']


def _with_fingerprint(meta: dict) -> dict:
    files = meta.pop('files')
    content = [meta, [entry['digest'] for entry in files.values()]]
    fingerprint = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()
    return {**meta, 'fingerprint': fingerprint, 'files': files}

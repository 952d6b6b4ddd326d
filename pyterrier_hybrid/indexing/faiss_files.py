"""Approximate indexes on disk: folders ``faiss/<backend>/`` in the index's folder, each complete or absent.

====================  ===================================================================================
``index.faiss``       what FAISS writes; ``faiss.read_index`` opens it, docids are its ids
``lists.ivfdata``     the inverted lists of a large one
``meta.json``         the backend and its version, the fingerprint of the dense index, sizes and digests
====================  ===================================================================================
"""
import json
import os
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyterrier as pt

from pyterrier_hybrid.digests import check_contents, check_sizes, list_files
from pyterrier_hybrid.files import Busy, Exists, read_whole, whole_folder
from pyterrier_hybrid.indexing.backends import IVF, SEED, Backend
from pyterrier_hybrid.indexing.faiss_filling import INDEX, LISTS, blocks, fill
from pyterrier_hybrid.stored import check_fields, read_json

if TYPE_CHECKING:
    import faiss

    from pyterrier_hybrid.indexing.backend import Search
    from pyterrier_hybrid.indexing.index import MultilingualIndex
    from pyterrier_hybrid.indexing.opened import OpenedIndex

FOLDER = 'faiss'
_META = 'meta.json'
#: Seconds between two checks whether another process has built it.
_POLL = 0.1
_FIELDS = {'backend': str, 'fingerprint': str, 'doc_count': int, 'vec_size': int, 'files': dict}


@dataclass(frozen=True, eq=False)
class OpenedBackend:
    """An approximate index, memory-mapped; its ids are docids.

    ``backend`` has every default filled in; ``search`` is what its :meth:`~.backend.Backend.searcher` returned.
    ``bytes`` is the memory that searches take after reading the whole index: its files, and what is copied of them.
    """

    backend: Backend
    index: 'faiss.Index'
    search: 'Search'
    bytes: int


def open_backend(index: 'MultilingualIndex', backend: Backend, opened: 'OpenedIndex') -> OpenedBackend | None:
    """Opens an approximate index of the opened index; builds it if there is none.

    ``opened`` is what ``index.open()`` returned. If another process or thread builds the approximate index, waits for
    it. Returns None if the index has been replaced since it was opened, and the old approximate index is gone.

    Raises ValueError as :func:`build_backend`, and if its files are damaged or are of other passages.
    """
    fitted = backend.fitted(*opened.vecs.shape)
    folder = index.path / FOLDER / fitted.folder()
    held = opened.backends.get(fitted.folder())
    if held is None:
        try:
            _build_once(index, fitted, opened, folder)
            held = read_whole(folder, _META, lambda: _read(folder, opened, fitted))
        except Exception:
            if index.fingerprint() == opened.fingerprint:
                raise
            return None
        opened.backends[fitted.folder()] = held
    return held


def _build_once(index: 'MultilingualIndex', fitted: Backend, opened: 'OpenedIndex', folder: Path) -> None:
    """Builds the approximate index unless it exists; waits if another process or thread builds it."""
    while not _is_there(folder, fitted):
        try:
            _build(index, fitted, opened, overwrite=False)
        except Exists:  # noqa: PERF203 (it takes seconds at least)
            if not _is_there(folder, fitted):
                raise
        except Busy:
            time.sleep(_POLL)


def build_backend(index: 'MultilingualIndex', backend: Backend, *, overwrite: bool = False) -> Path:
    """Builds an approximate index of the index; returns its folder.

    Training takes a sample with as many passages of each language as the languages have, up to the same number; the
    seed is fixed. Vectors are read in blocks. One of an earlier :attr:`Backend.VERSION` is replaced.

    Raises:
        ValueError: the backend does not fit the number of passages or dimensions; the index was replaced just now.
        Exists: it is there already; a FileExistsError and a ValueError.
        Busy: another process or thread builds it; a ValueError.
        OSError: the disk is full, or the folder read-only.
    """
    return _build(index, backend, index.open(), overwrite)


def _build(index: 'MultilingualIndex', backend: Backend, opened: 'OpenedIndex', overwrite: bool) -> Path:
    """Builds an approximate index of the opened index; see :func:`build_backend`."""
    import faiss

    n, d = opened.vecs.shape
    fitted = backend.fitted(n, d)
    folder = index.path / FOLDER / fitted.folder()
    overwrite = overwrite or ((folder / _META).exists() and not _is_there(folder, fitted))
    remedy = 'An approximate index is kept in the folder of its index'
    with whole_folder(folder, mark=_META, overwrite=overwrite, remedy=remedy) as new:
        if index.fingerprint() != opened.fingerprint:  # if the index is replaced later, this folder goes with it
            raise ValueError(f'the index at {index.path} was replaced just now; build {fitted!r} again')
        if index.verbose:
            print(f'building {fitted!r} of {index.path}, once', file=sys.stderr)
        docids = balanced_sample(opened.lang_ids, fitted.sample_size(n))
        sample = np.concatenate([*blocks(opened.vecs, docids), np.empty((0, d), np.float32)])
        made = fitted.trained(sample)
        del sample
        with pt.tqdm(total=n, desc=fitted.NAME, unit='doc', disable=not index.verbose) as bar:
            fill(made, opened.vecs, new, lists=fitted.is_merged(), progress=bar.update)
        del made
        meta = {
            'backend': fitted.NAME, 'version': fitted.VERSION, **fitted.shape(), 'doc_count': n, 'vec_size': d,
            'fingerprint': opened.fingerprint, 'trained_on': len(docids), 'seed': SEED, 'faiss': faiss.__version__,
            'files': list_files(new),
        }  # fmt: skip
        (new / _META).write_text(json.dumps(meta, indent=2))
    opened.backends.pop(fitted.folder(), None)
    return folder


def verify_backends(path: Path) -> None:
    """Checks that the approximate indexes of the index at a path are as they were written.

    Raises ValueError with the name of a file that is missing or has changed.
    """
    for folder in sorted((path / FOLDER).glob('[!.]*')):
        read_whole(folder, _META, lambda f=folder: check_contents(f, _read_meta(f)['files'], _remedy(f)))


def balanced_sample(lang_ids: np.ndarray, count: int) -> np.ndarray:
    """Ascending docids, at most ``count``: equally many of each language, but all of a language that has fewer."""
    sizes = np.bincount(lang_ids)
    shares, left = np.zeros_like(sizes), count
    for place, lang in enumerate(order := np.argsort(sizes, kind='stable')):  # the smallest language first
        shares[lang] = min(sizes[lang], left // (len(order) - place))
        left -= shares[lang]
    rng = np.random.default_rng(SEED)
    chosen = [rng.choice(np.flatnonzero(lang_ids == lang), share, replace=False)
              for lang, share in enumerate(shares) if share]  # fmt: skip
    return np.sort(np.concatenate([*chosen, np.empty(0, np.int64)]))


def _is_there(folder: Path, backend: Backend) -> bool:
    """Whether an approximate index is in the folder, of the backend's version."""
    meta = read_whole(folder, _META, lambda: _read_meta(folder) if (folder / _META).exists() else None)
    return meta is not None and meta.get('version', 1) == backend.VERSION


@cache
def survive_forks() -> None:
    """Lets forked processes search with FAISS, in one thread: with more, they would wait for their parent's threads."""
    import faiss

    if hasattr(os, 'register_at_fork'):
        os.register_at_fork(after_in_child=lambda: faiss.omp_set_num_threads(1))


def _read(folder: Path, opened: 'OpenedIndex', backend: Backend) -> OpenedBackend:
    """Maps the index in a folder into memory, and checks that it is the expected one."""
    import faiss

    survive_forks()
    meta, remedy = _read_meta(folder), _remedy(folder)
    if meta['fingerprint'] != opened.fingerprint:
        raise ValueError(f'{folder} is of other passages than the index around it, which has changed since: {remedy}')
    expected = {'backend': backend.NAME, **backend.shape()}
    if {name: meta.get(name) for name in expected} != expected:
        raise ValueError(f'{folder / _META} does not describe {backend!r}: {remedy}')
    check_sizes(folder, meta['files'], remedy)
    path = folder / INDEX
    if LISTS in meta['files']:  # lists in a file of their own are always mapped; with IO_FLAG_MMAP, FAISS 1.15 crashes
        flags = faiss.IO_FLAG_READ_ONLY | faiss.IO_FLAG_ONDISK_SAME_DIR
    elif isinstance(backend, IVF):
        flags = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY
    else:  # HNSW: its arrays need another flag than inverted lists
        flags = faiss.IO_FLAG_MMAP_IFC
    try:
        index = faiss.read_index(str(path), flags)
    except RuntimeError as error:
        raise ValueError(f'FAISS cannot read {path} ({error!s:.200}): {remedy}') from None
    if (index.ntotal, index.d) != opened.vecs.shape:
        raise ValueError(f'{path} holds {index.ntotal:,} passages of {index.d} dimensions, and the index has '
                         f'{len(opened.vecs):,} of {opened.vecs.shape[1]}: {remedy}')  # fmt: skip
    size = sum(file['bytes'] for file in meta['files'].values()) + backend.copied_bytes(index.d)
    return OpenedBackend(backend, index, backend.searcher(index), size)


def _read_meta(folder: Path) -> dict:
    meta = read_json(folder / _META)
    if meta is None:
        raise ValueError(f'{folder} has no {_META}: {_remedy(folder)}')
    check_fields(meta, _FIELDS, folder / _META, _remedy(folder))
    return meta


def _remedy(folder: Path) -> str:
    return f'remove the folder {folder}, or build it again with index.build_backend(..., overwrite=True)'

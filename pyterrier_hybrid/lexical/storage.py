"""Postings on disk: a folder that is there whole, or not at all.

======================  =============================================================================================
``docnos.json``         the docnos, ascending
``vocabulary.txt``      one term a line, ascending
``doc_langs.npy``       and ``lengths``, ``indptr``, ``docs``, ``tfs``: the arrays of ``Postings``, never pickled
``pt_meta.json``        PyTerrier's type and format, the languages, the analysis, the size of every file and a
                        fingerprint of their bytes; written last
======================  =============================================================================================
"""
import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path

import numpy as np

from pyterrier_hybrid.lexical.analysis import ANALYSIS
from pyterrier_hybrid.lexical.postings import Postings

TYPE, FORMAT = 'sparse_index', 'bm25_multilingual'
META, DOCNOS, VOCABULARY = 'pt_meta.json', 'docnos.json', 'vocabulary.txt'
ARRAYS = ('doc_langs', 'lengths', 'indptr', 'docs', 'tfs')


def read_meta(path: Path) -> dict:
    """Returns the metadata of the index at ``path``.

    Raises:
        FileNotFoundError: there is nothing at ``path``.
        ValueError: there is something else: another artifact, a half-written folder, a file.
    """
    if not path.exists():
        raise FileNotFoundError(f'there is no index at {path}; build one: BM25Index({str(path)!r}).index(documents)')
    try:
        meta = json.loads((path / META).read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ValueError(
            f'{path} is not a BM25 index, or a half-written one: its {META} is missing or cannot be read; '
            'choose another path, or remove it yourself if nothing there is needed'
        ) from error
    kind = (meta.get('type'), meta.get('format')) if isinstance(meta, dict) else None
    if kind != (TYPE, FORMAT):
        raise ValueError(f'{path} is not a BM25 index: its {META} says {kind}, not {(TYPE, FORMAT)}')
    return meta


def read(path: Path) -> Postings:
    """Returns the postings stored at ``path``.

    Raises:
        FileNotFoundError, ValueError: as ``read_meta``; and a file that is missing or has not the size it was written
            with (by name).
    """
    meta = read_meta(path)
    for name, size in meta['files'].items():
        found = (path / name).stat().st_size if (path / name).exists() else 'no'
        if found != size:
            raise ValueError(f'{path / name} has {found} bytes where the index says {size}: it is damaged, rebuild it')
    terms = (path / VOCABULARY).read_text(encoding='utf-8').split('\n')[:-1]
    return Postings(
        docnos=np.array(json.loads((path / DOCNOS).read_text(encoding='utf-8')), dtype=object),
        langs=list(meta['langs']),
        terms={term: number for number, term in enumerate(terms)},
        **{name: np.load(path / f'{name}.npy', allow_pickle=False) for name in ARRAYS},
    )


def write(postings: Postings, path: Path, *, overwrite: bool) -> None:
    """Stores postings at ``path``: in a folder beside it first, which one rename then puts in its place.

    Args:
        postings: what to store.
        path: where; its parents are made.
        overwrite: whether an index that is there is replaced. It stays in place until the new one is complete.

    Raises:
        FileExistsError, ValueError: as ``check_target``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f'.{path.name}.{uuid.uuid4().hex}')
    new, old = beside / 'new', beside / 'old'
    try:
        new.mkdir(parents=True)
        _write_files(postings, new)
        check_target(path, overwrite=overwrite)
        if path.exists():
            path.rename(old)
        new.rename(path)
    finally:
        if old.exists() and not path.exists():  # the new one could not be put in its place
            old.rename(path)
        shutil.rmtree(beside, ignore_errors=True)


def check_target(path: Path, *, overwrite: bool) -> None:
    """Refuses a path that an index must not be written to.

    Raises:
        FileExistsError: there is something, and ``overwrite`` is false.
        ValueError: ``overwrite`` is true and what is there is not a finished index of this kind, so that nothing else
            is ever deleted.
    """
    if not path.exists():
        return
    meta = read_meta(path)
    if not overwrite:
        raise FileExistsError(
            f"{path} holds an index of {meta['doc_count']} documents; index with .indexer(mode='overwrite') to replace "
            'it, or choose another path'
        )


def _write_files(postings: Postings, folder: Path) -> None:
    (folder / DOCNOS).write_text(json.dumps(postings.docnos.tolist()), encoding='utf-8')
    (folder / VOCABULARY).write_text(''.join(f'{term}\n' for term in postings.terms), encoding='utf-8', newline='\n')
    for name in ARRAYS:
        np.save(folder / f'{name}.npy', getattr(postings, name), allow_pickle=False)

    sizes, content = {}, hashlib.sha256(ANALYSIS.encode())
    for file in sorted(folder.iterdir()):
        sizes[file.name] = file.stat().st_size
        with open(file, 'rb') as stream:
            while block := stream.read(1 << 20):
                content.update(block)
            os.fsync(stream.fileno())
    counts = np.bincount(postings.doc_langs, minlength=len(postings.langs)).tolist()
    meta = {
        'type': TYPE, 'format': FORMAT, 'package_hint': 'pyterrier-hybrid', 'doc_count': len(postings.docnos),
        'langs': dict(zip(postings.langs, counts)), 'analysis': ANALYSIS, 'files': sizes,
        'fingerprint': content.hexdigest(),
    }  # fmt: skip
    with open(folder / META, 'w', encoding='utf-8') as stream:
        json.dump(meta, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())

"""Postings on disk: a folder that is complete or absent.

======================  =============================================================================================
``docno_offsets.npy``   int64, ``(n_docs + 1,)``: where each docno starts
``docno_bytes.npy``     uint8: the docnos in UTF-8, ascending, one after another
``vocabulary.txt``      one term a line, ascending
``doc_langs.npy``       and ``lengths``, ``indptr``, ``docs``, ``tfs``: the arrays of ``Postings``, never pickled
``pt_meta.json``        PyTerrier's type and format, the languages, the analysis, size and digest of every file, and a
                        fingerprint of them all; written last
======================  =============================================================================================
"""
import json
from hashlib import blake2b
from pathlib import Path

import numpy as np

from pyterrier_hybrid.digests import check_contents, list_files
from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.lexical.analysis import ANALYSIS
from pyterrier_hybrid.lexical.postings import Postings
from pyterrier_hybrid.stored import META, StoredIndex

TYPE, FORMAT = 'sparse_index', 'bm25_multilingual'
#: The fields of the metadata.
FIELDS = {'doc_count': int, 'langs': dict, 'analysis': str, 'files': dict, 'fingerprint': str}
VOCABULARY = 'vocabulary.txt'
ARRAYS = ('doc_langs', 'lengths', 'indptr', 'docs', 'tfs')


def read(folder: Path, meta: dict) -> tuple[Postings, Docnos]:
    """Returns the postings and docnos of an index with this metadata, read whole and compared with their digests.

    Raises:
        ValueError: a file is missing, or is not what was written; names it.
    """
    check_contents(folder, meta['files'], StoredIndex.REMEDY)
    terms = (folder / VOCABULARY).read_text(encoding='utf-8').split('\n')[:-1]
    arrays = {name: np.load(folder / f'{name}.npy') for name in ('docno_offsets', 'docno_bytes', *ARRAYS)}
    docnos = Docnos(arrays.pop('docno_offsets'), arrays.pop('docno_bytes'))
    postings = Postings(
        docnos=np.asarray(docnos),
        langs=list(meta['langs']),
        terms={term: number for number, term in enumerate(terms)},
        **arrays,
    )
    return postings, docnos


def write(postings: Postings, folder: Path) -> None:
    """Stores postings in an empty folder."""
    docnos = Docnos.of(postings.docnos)
    arrays = {'docno_offsets': docnos.offsets, 'docno_bytes': docnos.data}
    for name, array in {**arrays, **{name: getattr(postings, name) for name in ARRAYS}}.items():
        np.save(folder / f'{name}.npy', array, allow_pickle=False)
    (folder / VOCABULARY).write_text(''.join(f'{term}\n' for term in postings.terms), encoding='utf-8', newline='\n')
    counts = np.bincount(postings.doc_langs, minlength=len(postings.langs)).tolist()
    meta = {
        'type': TYPE, 'format': FORMAT, 'package_hint': 'pyterrier-hybrid', 'doc_count': len(postings.docnos),
        'langs': dict(zip(postings.langs, counts)), 'analysis': ANALYSIS, 'files': list_files(folder),
    }  # fmt: skip
    fingerprint = blake2b(json.dumps(meta, sort_keys=True).encode(), digest_size=16).hexdigest()
    (folder / META).write_text(json.dumps({**meta, 'fingerprint': fingerprint}, indent=1), encoding='utf-8')

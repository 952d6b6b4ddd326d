"""What a document must be to be indexed, and a buffer of those that are."""
from collections.abc import Mapping

import numpy as np

from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.storage import Collection
from pyterrier_hybrid.languages import LANG, check_language


def check_docno(doc: Mapping, number: int) -> str:
    """A document's docno.

    Args:
        doc: the document.
        number: its place in the stream, counted from 1, for the message.

    Raises:
        ValueError: it is no mapping, or its docno is missing, no text, empty, with a NUL character, or not Unicode.
    """
    if not isinstance(doc, Mapping):
        raise ValueError(f'document number {number} is of type {type(doc).__name__}; documents are dicts')
    docno = doc.get('docno')
    if not isinstance(docno, str):
        found = 'no docno' if docno is None else f'the docno {docno!r} of type {type(docno).__name__}'
        raise ValueError(f'document number {number} has {found}; a docno is a str')
    if not docno:
        raise ValueError(f'document number {number} has an empty docno')
    try:
        if '\0' not in docno and docno.encode():
            return str(docno)
    except UnicodeEncodeError:
        pass
    raise ValueError(f'document number {number} has the docno {docno!r}, which holds a NUL or is not valid Unicode')


def check_vector(doc: Mapping, docno: str, vec_size: int | None) -> np.ndarray:
    """A document's vector, float32, ``(d,)``.

    Args:
        doc: the document.
        docno: its docno, for the message.
        vec_size: ``d``, if known.

    Raises:
        ValueError: it has none, one of another size, or one with a value that is not finite in float32.
    """
    if doc.get('doc_vec') is None:
        raise ValueError(
            f'document {docno!r} has no doc_vec; put an encoder before the index: '
            '(encoder.doc_encoder() >> index).index(documents)'
        )
    try:
        with np.errstate(over='ignore'):
            vector = np.asarray(doc['doc_vec'], dtype=np.float32)
    except (TypeError, ValueError):
        raise ValueError(f'the doc_vec of document {docno!r} is not a vector of numbers') from None
    if vector.ndim != 1 or not vector.size:
        raise ValueError(f'the doc_vec of document {docno!r} has the shape {vector.shape}; a vector has one axis')
    if vec_size is not None and len(vector) != vec_size:
        raise ValueError(
            f'document {docno!r} has a vector of {len(vector)} dimensions, those before it have {vec_size}; '
            'all documents of an index come from one encoder'
        )
    if not np.isfinite(vector).all():
        raise ValueError(f'document {docno!r} has a vector with a value that is not finite in float32')
    return vector


def check_lang(doc: Mapping, docno: str) -> str:
    """A document's language.

    Raises:
        ValueError: it has none, or one that is not a language code.
    """
    if LANG not in doc:
        raise ValueError(f'document {docno!r} has no {LANG!r}; every document of a multilingual index names its own')
    return check_language(doc[LANG], f'document {docno!r}')


class Buffer:
    """Up to ``size`` documents as arrays; the room for their vectors is taken once, at the first document."""

    def __init__(self, size: int):
        self.size = size
        self._vecs = None
        self._docnos: list[str] = []
        self._langs: list[str] = []

    def __len__(self) -> int:
        return len(self._docnos)

    def add(self, docno: str, vector: np.ndarray, lang: str) -> None:
        """Adds a document; there must be room."""
        if self._vecs is None:
            self._vecs = np.empty((self.size, len(vector)), dtype=np.float32)
        self._vecs[len(self)] = vector
        self._docnos.append(docno)
        self._langs.append(lang)

    def take(self) -> Collection:
        """The documents, valid until the next :meth:`add`; the buffer is empty afterwards."""
        languages, lang_ids = np.unique(self._langs, return_inverse=True)
        docnos, self._docnos, self._langs = self._docnos, [], []
        vecs = self._vecs[: len(docnos)]
        return Collection(vecs, Docnos.of(docnos), lang_ids.astype(np.uint16), tuple(languages.tolist()))

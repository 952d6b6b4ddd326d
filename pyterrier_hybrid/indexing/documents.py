"""What a document must be to be indexed, and a buffer of those that are."""
from collections.abc import Mapping

import numpy as np

from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.storage import Collection
from pyterrier_hybrid.languages import LANG, check_language

#: The longest docno, in bytes of UTF-8. Ids are short; a longer one is a text that was taken for an id.
MAX_DOCNO = 4096


def check_docno(doc: object, position: int) -> str:
    """A document's docno.

    Args:
        doc: the document.
        position: its place in the collection, counted from 0, for the message.

    Raises:
        ValueError: it is no mapping, or its docno is missing, no text, blank, not Unicode, longer than ``MAX_DOCNO``
            bytes, or has a NUL character.
    """
    where = f'document {position} of the collection (counted from 0)'
    if not isinstance(doc, Mapping):
        raise ValueError(
            f"{where} is of type {type(doc).__name__}; documents are dicts (of a DataFrame: df.to_dict('records'))"
        )
    docno = doc.get('docno')
    if not isinstance(docno, str):
        found = 'no docno' if docno is None else f'the docno {docno!r:.80} of type {type(docno).__name__}'
        raise ValueError(f'{where} has {found}; a docno is a str')
    if not docno.strip():
        raise ValueError(f'{where} has an empty docno ({docno!r:.80}); give it a name')
    try:
        size = len(docno.encode())
    except UnicodeEncodeError:
        size = 0
    if not size or '\0' in docno:
        raise ValueError(
            f'{where} has the docno {docno!r:.80}, which holds a NUL or is not valid Unicode (half a surrogate pair)'
        )
    if size > MAX_DOCNO:
        raise ValueError(f'{where} has a docno of {size:,} bytes ({docno!r:.80}); a docno has at most {MAX_DOCNO:,}')
    return str(docno)


def as_vector(value: object) -> np.ndarray:
    """A vector as float32, ``(d,)``, ``d`` at least 1.

    Raises:
        ValueError: it is none of real numbers that are finite in float32; names its shape, or what it is instead.
    """
    try:
        found = np.asarray(value)
        if found.dtype.kind not in 'fiubO':  # complex numbers would lose a part, texts be read as numbers
            raise TypeError
        vector = found
        if found.dtype != np.float32:  # an encoder's vectors are
            with np.errstate(over='ignore'):
                vector = found.astype(np.float32)
    except (TypeError, ValueError, OverflowError):
        raise ValueError('is not a vector of real numbers') from None
    if vector.ndim != 1 or not vector.size:
        raise ValueError(f'has the shape {vector.shape}; a vector has one axis')
    if not np.isfinite(vector).all():
        raise ValueError('has a value that is not finite in float32')
    return vector


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
            f'document {docno!r:.80} has no doc_vec; put an encoder before the index: '
            '(encoder.doc_encoder() >> index).index(documents)'
        )
    try:
        vector = as_vector(doc['doc_vec'])
    except ValueError as error:
        raise ValueError(f'the doc_vec of document {docno!r:.80} {error}') from None
    if vec_size is not None and len(vector) != vec_size:
        raise ValueError(
            f'document {docno!r:.80} has a vector of {len(vector)} dimensions, those before it have {vec_size}; '
            'all documents of an index come from one encoder'
        )
    return vector


def check_lang(doc: Mapping, docno: str) -> str:
    """A document's language.

    Raises:
        ValueError: it has none, or one that is not a language code.
    """
    if LANG not in doc:
        raise ValueError(f'document {docno!r:.80} has no field {LANG!r}; every document names its language')
    return check_language(doc[LANG], f'document {docno!r:.80}')


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

"""Checks of documents to be indexed, and a buffer of those that passed."""
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.rows import Collection
from pyterrier_hybrid.languages import LANG, check_language

#: The longest docno, in bytes of UTF-8. Ids are short: a longer one is probably a text that was taken for an id.
MAX_DOCNO = 4096


def check_docno(doc: object, position: int) -> str:
    """A document's docno; ``position`` is its place in the collection, counted from 0, for the message.

    Raises ValueError if it is not a mapping, or if its docno is missing, is not a text, is blank, is not valid Unicode,
    is longer than ``MAX_DOCNO`` bytes, or has a NUL character.
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

    Raises ValueError, with its shape or type, unless it is a vector of real numbers that are finite in float32.
    """
    try:
        found = np.asarray(value)
        if found.dtype.kind not in 'fiubO':  # complex numbers would lose a part, and texts be read as numbers
            raise TypeError
        vector = found
        if found.dtype != np.float32:  # an encoder's vectors are float32 already
            with np.errstate(over='ignore'):
                vector = found.astype(np.float32)
    except (TypeError, ValueError, OverflowError):
        raise ValueError('is not a vector of real numbers') from None
    if vector.ndim != 1 or not vector.size:
        raise ValueError(f'has the shape {vector.shape}; a vector has one axis')
    if not np.isfinite(vector).all():
        raise ValueError('has a value that is not finite in float32')
    return vector


def check_vector(doc: Mapping, docno: str, vec_size: int | None, largest: float | None = None) -> np.ndarray:
    """A document's vector, float32, ``(d,)``; ``vec_size`` is ``d``, if known.

    Raises ValueError if it has none, one of another size, or one with a value that is not finite in float32 or whose
    absolute value is beyond ``largest``, the greatest that can be stored.
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
    if largest is not None and np.abs(vector).max() > largest:
        raise ValueError(
            f'the doc_vec of document {docno!r:.80} has the value {vector[np.abs(vector).argmax()]:g}, and the index '
            f"stores numbers up to {largest:g}; build it with precision='float32'"
        )
    return vector


def own_vectors(docs: Iterator) -> Iterator:
    """Yields the documents; a stream that writes all its vectors into one array gets a copy of each.

    The first two documents show whether it does.
    """
    shared, vectors = False, []
    for doc in islice(docs, 2):
        vectors.append(doc.get('doc_vec') if isinstance(doc, dict) else None)
        if len(vectors) == 2 and {*map(type, vectors)} == {np.ndarray}:
            shared = np.may_share_memory(*vectors)
        yield _copied(doc)
    yield from map(_copied, docs) if shared else docs


def _copied(doc: object) -> object:
    is_array = isinstance(doc, dict) and isinstance(doc.get('doc_vec'), np.ndarray)
    return {**doc, 'doc_vec': doc['doc_vec'].copy()} if is_array else doc


def check_lang(doc: Mapping, docno: str) -> str:
    """A document's language; raises ValueError if it has none, or one that is not a language code."""
    if LANG not in doc:
        raise ValueError(f'document {docno!r:.80} has no field {LANG!r}; every document names its language')
    return check_language(doc[LANG], f'document {docno!r:.80}')


def read_documents(
    docs: Sequence, position: int, vec_size: int | None, buffer: 'Buffer', largest: float | None = None
) -> tuple[tuple[list[str], np.ndarray, list[str]], Exception | None]:
    """Returns the docnos, vectors and languages of the documents before the first invalid one, and its error or None.

    ``position`` is the place of the first document in the collection, counted from 0; ``vec_size`` and ``largest`` are
    as for :func:`check_vector`. The vectors are put in ``buffer``, which has room for the documents.
    """
    plain = _read_plain(docs, vec_size)
    if plain is not None and _in_range(room := buffer.room(plain[1]), largest):
        return (plain[0], room, plain[2]), None
    docnos, vectors, langs, wrong = [], [], [], None
    for place, doc in enumerate(docs, position):
        try:
            docno = check_docno(doc, place)
            vector, lang = check_vector(doc, docno, vec_size, largest), check_lang(doc, docno)
        except Exception as error:
            wrong = error
            break
        vec_size = len(vector)
        docnos.append(docno)
        vectors.append(vector)
        langs.append(lang)
    return (docnos, buffer.room(vectors) if vectors else np.empty((0, 1), np.float32), langs), wrong


def _read_plain(docs: Sequence, vec_size: int | None) -> tuple[list[str], list[np.ndarray], list[str]] | None:
    """Returns the documents' columns by quick checks; None if one is invalid or needs the slower checks."""
    try:
        docnos, vectors, langs = ([doc[name] for doc in docs] for name in ('docno', 'doc_vec', LANG))
        if ({*map(type, docs)}, {*map(type, vectors)}) != ({dict}, {np.ndarray}):
            return None
        for lang in {*langs}:
            check_language(lang, '')
    except (KeyError, TypeError, ValueError):
        return None
    (dtype, shape), *others = {(vector.dtype, vector.shape) for vector in vectors}
    right = dtype == np.float32 and len(shape) == 1 and shape[0] and vec_size in (None, shape[0])
    return (docnos, vectors, langs) if right and not others and plain_docnos(docnos) is not None else None


def plain_docnos(docnos: list) -> Docnos | None:
    """Returns the docnos if quick checks accept all. May be None although :func:`check_docno` would accept them."""
    if {*map(type, docnos)} != {str}:
        return None
    try:
        found = Docnos.of(docnos)
    except ValueError:  # half a surrogate pair
        return None
    sizes = np.diff(found.offsets)
    if not sizes.all() or sizes.max() > MAX_DOCNO or not found.data.all():
        return None
    first = found.data[found.offsets[:-1]]
    blank = np.flatnonzero((first <= 32) | (first >= 128))  # these may begin with white space
    return found if all(docnos[i].strip() for i in blank.tolist()) else None


def _in_range(vectors: np.ndarray, largest: float | None) -> bool:
    """Whether all values are finite and at most ``largest``, by a quick check, which may be False although they are."""
    with np.errstate(over='ignore', invalid='ignore'):
        finite = np.isfinite(vectors.sum())
    return bool(finite and (largest is None or max(vectors.max(), -vectors.min()) <= largest))


class Buffer:
    """Up to ``size`` documents as arrays. Memory for their vectors is allocated once, at the first document."""

    def __init__(self, size: int):
        self.size = size
        self.docnos: list[str] = []
        self._vecs = None
        self._langs: list[str] = []

    def __len__(self) -> int:
        return len(self.docnos)

    def room(self, vectors: Sequence[np.ndarray]) -> np.ndarray:
        """Copies vectors into the buffer, behind its documents, for :meth:`add`; returns the copy, ``(n, d)``."""
        if self._vecs is None:
            self._vecs = np.empty((self.size, len(vectors[0])), dtype=np.float32)
        room = self._vecs[len(self) : len(self) + len(vectors)]
        np.concatenate(vectors, out=room.reshape(-1))
        return room

    def add(self, docnos: Sequence[str], langs: Sequence[str]) -> None:
        """Adds documents; their vectors are the first rows of what :meth:`room` returned."""
        self.docnos += docnos
        self._langs += langs

    def take(self) -> Collection:
        """Empties the buffer and returns its documents, which are valid until the next call of :meth:`room`."""
        languages = sorted({*self._langs})
        positions = {lang: i for i, lang in enumerate(languages)}
        lang_ids = np.fromiter(map(positions.get, self._langs), dtype=np.uint16, count=len(self))
        docnos, self.docnos, self._langs = self.docnos, [], []
        return Collection(self._vecs[: len(docnos)], Docnos.of(docnos), lang_ids, tuple(languages))

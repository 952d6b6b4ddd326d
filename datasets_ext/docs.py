"""Handlers of documents for ir_datasets: iterators that can be sliced, lookups by id, documents in memory."""
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from math import floor

from ir_datasets.formats import BaseDocs
from ir_datasets.indices import DEFAULT_DOCSTORE_OPTIONS, Docstore, DocstoreOptions

from datasets_ext.checks import short
from datasets_ext.records import Doc, TitledDoc


class DocsIter:
    """An iterator over documents that can be cut, as ir_datasets promises: ``[5]``, ``[:10]``, ``[:1/3]`` (a share).

    Nothing is opened before the first document is asked for, and cutting only computes positions.

    Args:
        read: returns the documents at some positions (an increasing ``range``), or all of them for None.
        count: returns the number of documents; called only when the iterator is cut.
        positions: the positions to iterate over, or None for all.
    """

    def __init__(
        self,
        read: Callable[[range | None], Iterator[Doc]],
        count: Callable[[], int],
        positions: range | None = None,
    ):
        self._read = read
        self._count = count
        self._positions = positions
        self._open = None

    def __iter__(self) -> Iterator[Doc]:
        return self

    def __next__(self) -> Doc:
        if self._open is None:
            self._open = self._read(self._positions)
        return next(self._open)

    def __getitem__(self, key: int | slice) -> 'Doc | DocsIter':
        positions = self._positions if self._positions is not None else range(self._count())
        if not isinstance(key, slice):
            position = positions[key]
            return next(self._read(range(position, position + 1)))
        if key.step is not None and key.step < 1:
            raise ValueError(f'documents cannot be read in steps of {key.step}; a step is a positive number')
        start, stop = (_position(end, len(positions)) for end in (key.start, key.stop))
        return DocsIter(self._read, self._count, positions[start:stop:key.step])


class Docs(BaseDocs):
    """A handler over documents that are read by position and found by id, without building a docstore.

    A subclass implements ``read``, ``lookup`` and ``docs_count``.

    Args:
        lang: the language of all documents, or None for several.
    """

    _cls: type[Doc | TitledDoc] = TitledDoc

    def __init__(self, lang: str | None):
        self._lang = lang

    def read(self, positions: range | None) -> Iterator[Doc]:
        """The documents at some positions (an increasing range), or all of them for None."""
        raise NotImplementedError

    def lookup(self, ids: Iterable[str], options: DocstoreOptions) -> Iterator[Doc]:
        """Yields the documents with some ids; unknown ids are left out, as in ir_datasets."""
        raise NotImplementedError

    def size(self) -> int:
        """The number of documents; may have to load or collect them."""
        return self.docs_count()

    def findable(self) -> int:
        """The number of documents that ``lookup`` finds."""
        return self.size()

    def docs_iter(self) -> DocsIter:
        """A new iterator over the documents, which can be cut."""
        return DocsIter(self.read, self.size)

    def docs_store(self, field: str = 'doc_id', options: DocstoreOptions = DEFAULT_DOCSTORE_OPTIONS) -> 'DocsById':
        """The documents by ``doc_id``."""
        if field != 'doc_id':
            raise ValueError(f'documents are looked up by doc_id, not by {short(field)}')
        return DocsById(self, options)

    def docs_cls(self) -> type[Doc | TitledDoc]:
        """``Doc``, or ``TitledDoc`` where titles belong to the passages."""
        return self._cls

    def docs_lang(self) -> str | None:
        """The language of all documents, or None where there are several."""
        return self._lang


class DocsById(Docstore):
    """The documents of a handler by id."""

    def __init__(self, docs: Docs, options: DocstoreOptions):
        super().__init__(docs.docs_cls(), options=options)
        self._docs = docs

    def get_many_iter(self, doc_ids: Iterable[str]) -> Iterator[Doc]:
        """Yields the documents with some ids; unknown ids are left out."""
        return self._docs.lookup(doc_ids, self._options)

    def built(self) -> bool:
        """Always True: nothing is stored a second time."""
        return True

    def count(self) -> int:
        """The number of documents."""
        return self._docs.findable()

    def __iter__(self) -> DocsIter:
        return self._docs.docs_iter()


class MemoryDocs(Docs):
    """Documents that fit in memory; they are found by id in microseconds.

    Args:
        load: returns the documents; called once, when they are first needed.
        lang: their language, or None for several.
    """

    _cls = Doc

    def __init__(self, load: Callable[[], Sequence[Doc]], lang: str | None):
        super().__init__(lang)
        self._load = load

    @cached_property
    def docs_list(self) -> Sequence[Doc]:
        """All documents, in order."""
        return self._load()

    @cached_property
    def _by_id(self) -> dict[str, Doc]:
        return {doc.doc_id: doc for doc in self.docs_list}

    def read(self, positions: range | None) -> Iterator[Doc]:
        """The documents at some positions, or all of them for None."""
        return iter(self.docs_list) if positions is None else map(self.docs_list.__getitem__, positions)

    def lookup(self, ids: Iterable[str], options: DocstoreOptions) -> Iterator[Doc]:
        """The documents of some ids, in the order asked for."""
        return (self._by_id[doc_id] for doc_id in ids if doc_id in self._by_id)

    def docs_count(self) -> int | None:
        """The number of documents, or None while they are not loaded (ir_datasets then asks the metadata)."""
        return len(self.docs_list) if 'docs_list' in self.__dict__ else None

    def size(self) -> int:
        """The number of documents; loads them."""
        return len(self.docs_list)


def _position(end: int | float | None, count: int) -> int | None:
    """The start or stop of a slice as a position; a fraction is a share of the documents."""
    if not isinstance(end, float):
        return end
    if not 0 <= end <= 1:
        raise ValueError(f'documents cannot be cut at {end}; a share is a number between 0.0 and 1.0')
    return floor(end * count)

"""Documents as ir_datasets' handlers give them: iterators that can be cut, and documents that fit in memory."""
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from math import floor

from ir_datasets.formats import BaseDocs
from ir_datasets.indices import DEFAULT_DOCSTORE_OPTIONS, Docstore

from datasets_ext.records import Doc


class DocsIter:
    """An iterator over documents that can be cut, as ir_datasets promises: ``[5]``, ``[:10]``, ``[:1/3]`` (a share).

    Nothing is opened before the first document is asked for, and cutting only computes positions.

    Args:
        read: returns the documents at some positions (an increasing ``range``), or all of them for None.
        count: returns the number of documents; called only when the iterator is cut.
        positions: the positions to give, or None for all.
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


class MemoryDocs(BaseDocs):
    """A docs handler over documents that fit in memory: nothing to build, lookups by id in microseconds.

    Args:
        load: returns the documents; called once, when they are first needed.
        lang: their language, or None for several.
    """

    def __init__(self, load: Callable[[], Sequence[Doc]], lang: str | None):
        self._load = load
        self._lang = lang

    @cached_property
    def docs_list(self) -> Sequence[Doc]:
        """All documents, in order."""
        return self._load()

    @cached_property
    def _by_id(self) -> dict[str, Doc]:
        return {doc.doc_id: doc for doc in self.docs_list}

    def docs_iter(self) -> DocsIter:
        """A new iterator over the documents, which can be cut."""
        return iterate(lambda: self.docs_list)

    def docs_store(self, field: str = 'doc_id', options=DEFAULT_DOCSTORE_OPTIONS) -> 'MemoryDocstore':
        """The documents by ``doc_id``."""
        if field != 'doc_id':
            raise ValueError(f'documents are looked up by doc_id, not by {field!r}')
        return MemoryDocstore(self._by_id, options)

    def docs_count(self) -> int | None:
        """The number of documents, or None while they are not loaded (ir_datasets then asks the metadata)."""
        return len(self.docs_list) if 'docs_list' in self.__dict__ else None

    def docs_cls(self) -> type[Doc]:
        """``Doc``."""
        return Doc

    def docs_lang(self) -> str | None:
        """The language of all documents, or None where there are several."""
        return self._lang


class MemoryDocstore(Docstore):
    """Documents by id, from a dict: there is nothing to build."""

    def __init__(self, docs: Mapping[str, Doc], options=DEFAULT_DOCSTORE_OPTIONS):
        super().__init__(Doc, options=options)
        self._by_id = docs

    def get_many_iter(self, doc_ids) -> Iterator[Doc]:
        """The documents that there are, in the order asked for; unknown ids are left out, as ir_datasets does."""
        return (self._by_id[doc_id] for doc_id in doc_ids if doc_id in self._by_id)

    def built(self) -> bool:
        """Always True."""
        return True

    def count(self) -> int:
        """The number of documents."""
        return len(self._by_id)

    def __iter__(self) -> DocsIter:
        return iterate(lambda: list(self._by_id.values()))


def iterate(load: Callable[[], Sequence[Doc]]) -> DocsIter:
    """Returns an iterator that can be cut, over a sequence that is loaded when the first document is asked for."""
    def read(positions: range | None) -> Iterator[Doc]:
        return iter(load()) if positions is None else map(load().__getitem__, positions)

    return DocsIter(read, lambda: len(load()))


def _position(end: int | float | None, count: int) -> int | None:
    """A slice's end as a position; a fraction is a share of the documents."""
    if not isinstance(end, float):
        return end
    if not 0 <= end <= 1:
        raise ValueError(f'documents cannot be cut at {end}; a share is a number between 0.0 and 1.0')
    return floor(end * count)

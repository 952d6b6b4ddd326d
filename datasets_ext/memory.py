"""Documents that fit in memory, as an ir_datasets docs handler: nothing to build, lookups by id in microseconds."""
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

from ir_datasets.formats import BaseDocs
from ir_datasets.indices import DEFAULT_DOCSTORE_OPTIONS, Docstore

from datasets_ext.records import Doc
from datasets_ext.slicing import DocsIter


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
        return iterate(list(self._by_id.values()))


class MemoryDocs(BaseDocs):
    """A docs handler over documents that fit in memory.

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
        """A new iterator over the documents, which can be sliced."""
        return iterate(self.docs_list)

    def docs_store(self, field: str = 'doc_id', options=DEFAULT_DOCSTORE_OPTIONS) -> MemoryDocstore:
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


def iterate(docs: Sequence[Doc]) -> DocsIter:
    """An iterator over a sequence that can be sliced."""
    def read(positions: range | None) -> Iterator[Doc]:
        return iter(docs) if positions is None else map(docs.__getitem__, positions)

    return DocsIter(read, docs.__len__)

"""Building a multilingual index from a stream of documents: in constant memory, resumable, and absent or whole."""
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyterrier as pt

from pyterrier_hybrid.files import only_one, resolved, writing
from pyterrier_hybrid.indexing.build import Build
from pyterrier_hybrid.indexing.documents import Buffer, check_docno, check_lang, check_vector
from pyterrier_hybrid.indexing.modes import IndexingMode, find_base, is_finished, start_build
from pyterrier_hybrid.indexing.storage import Collection
from pyterrier_hybrid.languages import LANG
from pyterrier_hybrid.publishing import restore

if TYPE_CHECKING:
    from pyterrier_hybrid.indexing.index import MultilingualIndex

_GO_ON = "Nothing is lost: indexer(mode='resume') continues with the same documents."


class MultilingualIndexer(pt.Indexer):
    """Builds a :class:`MultilingualIndex` from documents with ``docno``, ``doc_vec`` and ``lang``.

    Documents are gathered in parts of ``part_size``, each written to a hidden working folder beside the index; at the
    end the parts are joined, and the index appears by one rename. The vectors of one part are in memory at a time, and
    all docnos, to find duplicates (about 100 bytes a document). A process that is killed loses the documents since the
    last whole part. One that fails on a document keeps those before it. ``mode='resume'`` skips what is there, and
    gives the bytes that an uninterrupted build gives.

    One indexer at a time works on an index: a second one is refused before it reads a document.

    In a pipeline the encoder comes first, and would encode documents that are skipped after it. :meth:`remaining`
    leaves them out before it::

        indexer = index.indexer(mode='resume')
        (encoder.doc_encoder() >> indexer).index(indexer.remaining(dataset.get_corpus_iter()))

    Args:
        index: the index to build.
        mode: an :class:`IndexingMode` or its name.
        part_size: documents to a part.
    """

    def __init__(self, index: 'MultilingualIndex', mode: IndexingMode | str = 'create', *, part_size: int = 8192):
        try:
            self.mode = IndexingMode(mode)
        except ValueError:
            modes = ', '.join(m.value for m in IndexingMode)
            raise ValueError(f'there is no indexing mode {mode!r}; there are {modes}') from None
        if part_size < 1:
            raise ValueError(f'part_size is {part_size}; a part holds at least one document')
        self._index = index
        self.part_size = part_size
        self._left_out: set[str] = set()

    def __repr__(self) -> str:
        return f'{self._index!r}.indexer(mode={self.mode.value!r})'

    def index_inputs(self) -> list[list[str]]:
        """The columns that documents need."""
        return [['docno', 'doc_vec', LANG]]

    def remaining(self, docs: Iterable[dict]) -> Iterator[dict]:
        """The documents that the interrupted build does not hold yet; all of them in any mode but ``resume``.

        Raises:
            ValueError: a docno occurs twice among those left out.
        """
        parts = Build(self._index.path).parts() if self.mode is IndexingMode.resume else []
        held = {docno for part in parts for docno in part.docnos}
        self._left_out = set()
        for doc in docs:
            docno = doc.get('docno')
            if docno not in held:
                yield doc
            elif docno in self._left_out:
                raise _duplicate(docno)
            else:
                self._left_out.add(docno)

    def index(self, docs: Iterable[dict] | pd.DataFrame) -> 'MultilingualIndex':
        """Indexes the documents.

        Args:
            docs: dicts, or a frame's rows, with ``docno`` (str, unique, up to 4,096 bytes), ``doc_vec`` (``(d,)``,
                finite) and ``lang`` (an ISO 639-1 code); other fields are ignored.

        Returns:
            The index.

        Raises:
            Exists: the path holds something that this mode does not replace; a FileExistsError and a ValueError.
            Busy: another process or thread builds this index; a ValueError.
            ValueError: there are no documents; one is not as described, and the message names it; a resumed build holds
                documents that did not come again.
            OSError: the disk is full or the folder read-only; what was written is kept, to be resumed.
        """
        with only_one(self._index.path):
            restore(resolved(self._index.path))
            build = Build(self._index.path)
            if self.mode is IndexingMode.resume and is_finished(self._index, build):
                build.discard()
                if self._index.verbose:
                    print(f'{self._index.path} is finished, nothing is left to resume', file=sys.stderr)
                return self._index
            base = find_base(self._index, self.mode, build)
            docs = iter(docs.to_dict(orient='records') if isinstance(docs, pd.DataFrame) else docs)
            first = next(docs, None)
            if first is None and (self.mode is not IndexingMode.resume or build.is_empty()):
                raise ValueError(f'there are no documents to index at {self._index.path}; nothing was written')
            try:
                with writing(build.path, _GO_ON):
                    append = start_build(self._index, self.mode, build)
                kept = [base] if append else []
                self._fill(build, chain([] if first is None else [first], docs), kept)
                with writing(build.path, _GO_ON):
                    build.finish(kept + build.parts())
            finally:
                if build.is_empty():
                    build.discard()
        return self._index

    def _fill(self, build: Build, docs: Iterable[dict], kept: list[Collection]) -> None:
        """Adds the documents to the build, except those that it holds."""
        parts = build.parts()
        held = {docno: (part, row) for part in parts for row, docno in enumerate(part.docnos)}
        taken = {*held, *(docno for collection in kept for docno in collection.docnos)}
        vec_size = next((collection.vecs.shape[1] for collection in kept + parts), None)
        buffer = Buffer(self.part_size)

        def flush() -> None:
            if len(buffer):
                with writing(build.path, _GO_ON):
                    build.add(buffer.take())

        try:
            bar = pt.tqdm(docs, desc='indexing', unit='doc', disable=not self._index.verbose)
            for position, doc in enumerate(bar):
                docno = check_docno(doc, position)
                vector, lang = check_vector(doc, docno, vec_size), check_lang(doc, docno)
                vec_size = len(vector)
                if docno in held:
                    _check_same(docno, vector, lang, *held.pop(docno))
                elif docno in taken:
                    raise _duplicate(docno)
                else:
                    buffer.add(docno, vector, lang)
                    taken.add(docno)
                    if len(buffer) == self.part_size:
                        flush()
        finally:  # whatever ended the stream, the documents before it are kept
            flush()
        dropped = [docno for docno in held if docno not in self._left_out]
        if dropped:
            raise ValueError(
                f'{len(dropped):,} documents that the interrupted build of {build.path} holds did not come again, such '
                f"as {dropped[0]!r:.80}: the collection has changed; indexer(mode='create') or 'overwrite' starts a "
                'new build'
            )


def _duplicate(docno: str) -> ValueError:
    return ValueError(f'the docno {docno!r:.80} occurs twice; docnos are unique in an index')


def _check_same(docno: str, vector: np.ndarray, lang: str, part: Collection, row: int) -> None:
    """Refuses to continue a build with another collection or encoder.

    Batching changes a vector in its last digits; another encoder changes it altogether.
    """
    held = part.vecs[row]
    if lang != part.languages[part.lang_ids[row]] or np.linalg.norm(vector - held) > 0.1 * np.linalg.norm(held):
        raise ValueError(
            f'document {docno!r:.80} has another vector or language than in the interrupted build: the encoder or the '
            "collection has changed; indexer(mode='create') or 'overwrite' starts a new build"
        )

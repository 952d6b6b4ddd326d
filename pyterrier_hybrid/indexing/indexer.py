"""Building a multilingual index from a stream of documents: in constant memory, resumable, and absent or whole."""
import errno
import sys
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyterrier as pt

from pyterrier_hybrid.files import Exists, only_one, resolved, writing
from pyterrier_hybrid.indexing.build import Build
from pyterrier_hybrid.indexing.documents import Buffer, check_docno, check_lang, check_vector
from pyterrier_hybrid.indexing.storage import VECTORS, Collection
from pyterrier_hybrid.languages import LANG
from pyterrier_hybrid.publishing import is_empty, restore
from pyterrier_hybrid.stored import META

if TYPE_CHECKING:
    from pyterrier_hybrid.indexing.index import MultilingualIndex

_GO_ON = "Nothing is lost: indexer(mode='resume') continues with the same documents."


class IndexingMode(Enum):
    """What to do about an index that is there already, and about a build that was interrupted."""

    create = 'create'
    """A new index, from the first document on; an error if there is a finished one."""
    overwrite = 'overwrite'
    """A new index, which takes the place of the finished one at the end."""
    resume = 'resume'
    """Continues an interrupted build, in its mode, with the same documents. Does nothing if the index is finished, and
    the same as ``create`` if there is neither."""
    append = 'append'
    """The finished index with new documents after its own; it, too, is replaced at the end."""


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
            if self.mode is IndexingMode.resume and self._is_finished(build):
                build.discard()
                if self._index.verbose:
                    print(f'{self._index.path} is finished, nothing is left to resume', file=sys.stderr)
                return self._index
            base = self._base(build)
            docs = iter(docs.to_dict(orient='records') if isinstance(docs, pd.DataFrame) else docs)
            first = next(docs, None)
            if first is None and (self.mode is not IndexingMode.resume or build.is_empty()):
                raise ValueError(f'there are no documents to index at {self._index.path}; nothing was written')
            try:
                with writing(build.path, _GO_ON):
                    append = self._start(build)
                kept = [base] if append else []
                self._fill(build, chain([] if first is None else [first], docs), kept)
                with writing(build.path, _GO_ON):
                    build.finish(kept + build.parts())
            finally:
                if build.is_empty():
                    build.discard()
        return self._index

    def _is_finished(self, build: Build) -> bool:
        """Whether the index is there, and any build beside it has written it and not yet been removed."""
        plan = build.plan()
        return self._index.built() and (plan is None or plan.get('result') == self._index.fingerprint())

    def _base(self, build: Build) -> Collection | None:
        """The finished index at the path, or None; an error if the mode is not for what is there."""
        index, path = self._index, self._index.path
        built = index.built()
        if self.mode is IndexingMode.append and not built:
            raise ValueError(f"there is no finished index at {path} to append to; use indexer(mode='create')")
        if self.mode is IndexingMode.create and built:
            raise Exists(errno.EEXIST, f"there is an index at {path} already; indexer(mode='overwrite') replaces it, "
                                       "indexer(mode='append') adds to it")  # fmt: skip
        if not built:
            resumable = self.mode is IndexingMode.resume and build.plan() is not None
            _check_free(build.path, half_written=resumable or self.mode is IndexingMode.overwrite)
        if not built or self.mode not in (IndexingMode.append, IndexingMode.resume):
            return None
        opened = index.open()
        if 'files' in opened.meta:
            index.verify()  # a damaged one would get new digests
        return opened

    def _start(self, build: Build) -> bool:
        """Starts or continues the build; returns whether it appends."""
        fingerprint = self._index.fingerprint()
        plan = build.plan() if self.mode is IndexingMode.resume else None
        if plan is None:
            append, overwrite = self.mode is IndexingMode.append, self.mode is IndexingMode.overwrite
            plan = {'append': append, 'overwrite': append or overwrite, 'base': fingerprint}
            build.start(**plan)
        elif plan['base'] != fingerprint:
            raise ValueError(
                f'the index at {build.path} has been finished or replaced since the build beside it was interrupted; '
                "indexer(mode='overwrite') or indexer(mode='append') starts a new build"
            )
        else:
            build.verify()
        return plan['append']

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


def _check_free(path: Path, half_written: bool) -> None:
    """Refuses a path that holds anything but an empty folder or, if ``half_written``, an unfinished FLEX index."""
    if not path.exists() or is_empty(path):
        return
    if (path / VECTORS).exists() and not (path / META).exists():
        if half_written:
            return
        raise Exists(
            errno.EEXIST, f"the index at {path} is half-written (no {META}); indexer(mode='overwrite') replaces it"
        )
    raise Exists(
        errno.EEXIST, f'{path} holds something that is no FLEX index; it is left as it is; choose another path'
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

"""Building a multilingual index from a stream of documents: in constant memory, resumable, and absent or whole."""
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyterrier as pt

from pyterrier_hybrid.indexing.build import Build
from pyterrier_hybrid.indexing.documents import Buffer, check_docno, check_lang, check_vector
from pyterrier_hybrid.indexing.storage import META, Collection
from pyterrier_hybrid.languages import LANG

if TYPE_CHECKING:
    from pyterrier_hybrid.indexing.index import MultilingualIndex


class IndexingMode(Enum):
    """What to do about an index that is there already, and about a build that was interrupted."""

    create = 'create'
    """A new index, from the first document on; an error where there is a finished one."""
    overwrite = 'overwrite'
    """A new index, which takes the place of the finished one at the end."""
    resume = 'resume'
    """Continues an interrupted build, in its mode, given the same documents; without one, the same as ``create``."""
    append = 'append'
    """The finished index with new documents after its own; it, too, is replaced at the end."""


class MultilingualIndexer(pt.Indexer):
    """Builds a :class:`MultilingualIndex` from documents with ``docno``, ``doc_vec`` and ``lang``.

    Documents are gathered in parts of ``part_size``, each written beside the index in ``<path>.building``; at the end
    the parts are joined, and the index appears by one rename. Never are the vectors of more than a part in memory; the
    docnos are, to find duplicates (about 100 bytes a document). A process that is killed loses the documents since the
    last whole part; one that fails on a document loses none before it. ``mode='resume'`` skips what is there, and gives
    the bytes that an uninterrupted build gives.

    In a pipeline an encoder comes first, and would encode documents only for them to be skipped; :meth:`remaining`
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
        parts = Build(self._index.index_path).parts() if self.mode is IndexingMode.resume else []
        held = dict.fromkeys((docno for part in parts for docno in part.docnos), False)
        for doc in docs:
            docno = doc.get('docno')
            if docno not in held:
                yield doc
            elif held[docno]:
                raise _duplicate(docno)
            else:
                held[docno] = True

    def index(self, docs: Iterable[dict] | pd.DataFrame) -> 'MultilingualIndex':
        """Indexes the documents.

        Args:
            docs: dicts, or a frame's rows, with ``docno`` (str, unique), ``doc_vec`` (``(d,)``, finite) and ``lang``
                (an ISO 639-1 code); other fields are ignored.

        Returns:
            The index.

        Raises:
            ValueError: there are no documents; one is not as described, and the message names it; the path holds
                something that this mode does not replace; another process is building there.
        """
        base = self._base()
        docs = iter(docs.to_dict(orient='records') if isinstance(docs, pd.DataFrame) else docs)
        first = next(docs, None)
        if first is None and self.mode is not IndexingMode.resume:
            raise self._empty()
        build = Build(self._index.index_path)
        build.lock()
        try:
            append = self._start(build, base)
            if first is None and build.is_empty():
                raise self._empty()
            kept = [base] if append else []
            self._fill(build, chain([] if first is None else [first], docs), kept)
            build.finish(kept + build.parts())
        except BaseException:
            if build.folder.exists() and build.is_empty():
                build.remove()
            raise
        finally:
            build.unlock()
        return self._index

    def _base(self) -> Collection | None:
        """The finished index at the path, or None; an error if the mode is not for what is there."""
        index, path = self._index, self._index.index_path
        built = index.built()
        if self.mode is IndexingMode.append and not built:
            raise ValueError(f"there is no finished index at {path} to append to; use indexer(mode='create')")
        if self.mode is IndexingMode.create and built:
            raise ValueError(
                f"there is an index at {path} already; indexer(mode='overwrite') replaces it, "
                "indexer(mode='append') adds to it"
            )
        if not built:
            resumable = self.mode is IndexingMode.resume and Build(path).plan() is not None
            _check_free(path, half_written=resumable or self.mode is IndexingMode.overwrite)
        return index.open() if built and self.mode in (IndexingMode.append, IndexingMode.resume) else None

    def _start(self, build: Build, base: Collection | None) -> bool:
        """Starts or continues the build; returns whether it appends."""
        fingerprint = self._index.fingerprint()
        plan = build.plan() if self.mode is IndexingMode.resume else None
        if plan is None and self.mode is IndexingMode.resume and base is not None:
            raise ValueError(
                f"the index at {build.path} is finished, there is nothing to resume; indexer(mode='append') adds to "
                "it, indexer(mode='overwrite') replaces it"
            )
        if plan is None:
            plan = {'append': self.mode is IndexingMode.append, 'base': fingerprint}
            build.start(**plan)
        if plan['base'] != fingerprint:
            raise ValueError(
                f'the index at {build.path} has been finished or replaced since the build beside it was interrupted; '
                "indexer(mode='overwrite') or indexer(mode='append') starts a new build"
            )
        return plan['append']

    def _fill(self, build: Build, docs: Iterable[dict], kept: list[Collection]) -> None:
        """Adds the documents to the build, except those it holds."""
        parts = build.parts()
        held = {docno: (part, row) for part in parts for row, docno in enumerate(part.docnos)}
        taken = {*held, *(docno for collection in kept for docno in collection.docnos)}
        vec_size = next((collection.vecs.shape[1] for collection in kept + parts), None)
        buffer = Buffer(self.part_size)
        try:
            bar = pt.tqdm(docs, desc='indexing', unit='doc', disable=not self._index.verbose)
            for number, doc in enumerate(bar, 1):
                docno = check_docno(doc, number)
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
                        build.add(buffer.take())
        finally:  # whatever ended the stream, the documents before it are kept
            if len(buffer):
                build.add(buffer.take())

    def _empty(self) -> ValueError:
        return ValueError(f'there are no documents to index at {self._index.index_path}; nothing was written')


def _check_free(path: Path, half_written: bool) -> None:
    """Refuses a path that holds anything but an empty folder or, if ``half_written``, an unfinished FLEX index."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if (path / 'vecs.f4').exists() and not (path / META).exists():
        if half_written:
            return
        raise ValueError(f"the index at {path} is half-written (no {META}); indexer(mode='overwrite') replaces it")
    raise ValueError(f'{path} holds something that is no FLEX index; it is left as it is; choose another path')


def _duplicate(docno: str) -> ValueError:
    return ValueError(f'the docno {docno!r} occurs twice; docnos are unique in an index')


def _check_same(docno: str, vector: np.ndarray, lang: str, part: Collection, row: int) -> None:
    """Refuses to continue a build with another collection or encoder.

    Batching changes a vector in its last digits; another encoder changes it altogether.
    """
    held = part.vecs[row]
    if lang != part.languages[part.lang_ids[row]] or np.linalg.norm(vector - held) > 0.1 * np.linalg.norm(held):
        raise ValueError(
            f'document {docno!r} has another vector or language than in the interrupted build: the encoder or the '
            "collection has changed; indexer(mode='create') or 'overwrite' starts a new build"
        )

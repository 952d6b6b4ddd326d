"""Building a multilingual index from a stream of documents: in constant memory, resumable, and absent or whole."""
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyterrier as pt

from pyterrier_hybrid.cards import describe_encoder
from pyterrier_hybrid.files import only_one, resolved, writing
from pyterrier_hybrid.indexing.arrays import Block, blocks_of
from pyterrier_hybrid.indexing.build import Build
from pyterrier_hybrid.indexing.documents import own_vectors
from pyterrier_hybrid.indexing.filling import GO_ON, Filling, duplicate
from pyterrier_hybrid.indexing.modes import IndexingMode, check_finished, find_base, is_finished, start_build
from pyterrier_hybrid.indexing.vectors import check_precision
from pyterrier_hybrid.languages import LANG
from pyterrier_hybrid.publishing import restore

if TYPE_CHECKING:
    from pyterrier_hybrid.indexing.index import MultilingualIndex

#: Documents that are looked up at a time.
_CHUNK = 256


class MultilingualIndexer(pt.Indexer):
    """Builds a :class:`MultilingualIndex` from documents with ``docno``, ``doc_vec`` and ``lang``.

    The indexer gathers documents in parts of ``part_size``. It writes a part, while it gathers the next, to files in a
    hidden working folder beside the index; at the end, one rename publishes the index. Memory holds the vectors of two
    parts, whatever the number of documents: a hash table on disk finds docnos that occur twice. A process that is
    killed loses two parts at most, or two seconds' documents if these are more. One that fails on a document keeps the
    documents before it. ``mode='resume'`` skips the documents that are there, and gives the bytes of an uninterrupted
    build.

    One indexer at a time works on an index: a second one is refused before it reads a document.

    In a pipeline, the encoder comes first, and would also encode the documents that the indexer skips.
    :meth:`remaining` leaves them out before the encoder::

        indexer = index.indexer(mode='resume')
        (encoder.doc_encoder() >> indexer).index(indexer.remaining(dataset.get_corpus_iter()))

    Args:
        index: the index to build.
        mode: an :class:`IndexingMode` or its name.
        part_size: documents to a part.
        precision: in which vectors are stored: ``'float32'``, ``'float16'`` or ``'int8'`` (with a scale for each
            vector). By default float32, or that of the index that is appended to. FlexIndex's retrievers read float32.
        encoder: the encoder of the vectors, or its name, for the metadata and the card of the index. If it is an
            encoder and not a name, ``resume`` and ``append`` refuse another one than before.
    """

    def __init__(
        self, index: 'MultilingualIndex', mode: IndexingMode | str = 'create', *, part_size: int = 4096,
        precision: str | None = None, encoder: object = None,
    ):  # fmt: skip
        try:
            self.mode = IndexingMode(mode)
        except ValueError:
            modes = ', '.join(m.value for m in IndexingMode)
            raise ValueError(f'there is no indexing mode {mode!r}; there are {modes}') from None
        if not isinstance(part_size, (int, np.integer)) or isinstance(part_size, bool) or part_size < 1:
            raise ValueError(f'part_size is {part_size!r:.80}; it is a number of documents, at least 1')
        self._index = index
        self.part_size = int(part_size)
        self.precision = None if precision is None else check_precision(precision)
        self._encoder = encoder
        self._left_out: np.ndarray | None = None  # of the rows of the build, those that remaining() has left out

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
        build = Build(self._index.path)
        rows = build.rows() if self.mode is IndexingMode.resume else None
        if rows is None:
            yield from docs
            return
        before, self._left_out = build.progress()['before'], np.zeros(len(rows.docnos), bool)
        docs, ended = own_vectors(iter(docs)), None
        while ended is None:
            chunk = []
            try:
                chunk.extend(islice(docs, _CHUNK))
            except BaseException as error:
                ended = error
            docnos = [doc.get('docno') for doc in chunk]
            for doc, docno, docid in zip(chunk, docnos, rows.docnos.find(np.array(docnos, dtype=object)).tolist()):
                if docid < before:
                    yield doc
                elif self._left_out[docid]:
                    raise duplicate(docno)
                else:
                    self._left_out[docid] = True
            if ended is None and len(chunk) < _CHUNK:
                return
        raise ended

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
                documents that did not come again; the encoder is another one than before.
            OSError: the disk is full or the folder read-only; what was written is kept, to be resumed.
        """
        docs = docs.to_dict(orient='records') if isinstance(docs, pd.DataFrame) else docs
        return self._build_of(docs, Filling.take)

    def index_arrays(
        self, docnos: Sequence[str] | None = None, vectors: np.ndarray | None = None,
        langs: str | Sequence[str] | None = None, *, blocks: Iterable[tuple] | None = None,
    ) -> 'MultilingualIndex':  # fmt: skip
        """Indexes documents given as arrays: the index that :meth:`index` builds of the same documents, much faster.

        The arrays are read a part at a time, so ``vectors`` may be a memory map that is larger than memory. Several
        arrays come as blocks, which are read once, one after another, and not kept::

            files = sorted(Path('vectors').glob('*.npz'))
            index.indexer().index_arrays(blocks=((f['docnos'], f['vectors'], 'de') for f in map(np.load, files)))

        Args:
            docnos: texts, ``(n,)``: a list, an array, a column of a frame.
            vectors: numbers, ``(n, d)``, finite in float32: an array, a memory map, or what gives an array for a slice.
            langs: the ISO 639-1 code of all documents, or ``(n,)`` of them.
            blocks: in place of these, any number of them, each ``(docnos, vectors, langs)``.

        Returns:
            The index.

        Raises:
            TypeError: neither arrays nor blocks are given, or both.
            ValueError: the arrays are not of one length, or ``vectors`` has another shape.
            Exception: what :meth:`index` raises.
        """
        given = [column is not None for column in (docnos, vectors, langs)]
        if given != 3 * [blocks is None]:
            raise TypeError('index_arrays takes docnos, vectors and langs, or blocks= of them, and not both')
        found = [Block(docnos, vectors, langs)] if blocks is None else blocks_of(blocks)
        return self._build_of(filter(len, found), Filling.take_blocks)

    def _build_of(self, docs: Iterable, take: Callable) -> 'MultilingualIndex':
        """Builds the index of what a method of :class:`~.filling.Filling` takes."""
        with only_one(self._index.path):
            restore(resolved(self._index.path))
            build = Build(self._index.path)
            if self.mode is IndexingMode.resume and is_finished(self._index, build):
                check_finished(self._index, describe_encoder(self._encoder))
                build.discard()
                if self._index.verbose:
                    print(f'{self._index.path} is finished, nothing is left to resume', file=sys.stderr)
                return self._finished()
            base = find_base(self._index, self.mode, build)
            docs = iter(docs)
            first = next(docs, None)
            if first is None and (self.mode is not IndexingMode.resume or build.is_empty()):
                raise ValueError(f'there are no documents to index at {self._index.path}; nothing was written')
            try:
                with writing(build.path, GO_ON):
                    append = start_build(self._index, self.mode, build, self.precision, describe_encoder(self._encoder))
                    if append and not build.progress()['count']:
                        build.add(base, before=True)
                bar = pt.tqdm(desc='indexing', unit='doc', disable=not self._index.verbose)
                with Filling(build, self.part_size) as filling, bar:
                    take(filling, chain([] if first is None else [first], docs), bar.update)
                filling.check_complete(self._left_out)
                with writing(build.path, GO_ON):
                    build.finish()
            finally:
                build.close()
                if build.is_empty():
                    build.discard()
        return self._finished()

    def _finished(self) -> 'MultilingualIndex':
        """The index; it needs no ``doc_langs`` any more if it knows its documents' languages."""
        if 'languages' in self._index.meta():
            self._index._doc_langs = None
        return self._index

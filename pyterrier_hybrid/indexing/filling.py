"""Filling a build from a stream of documents, which are checked in chunks; a thread writes while the next are read."""
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice

import numpy as np

from pyterrier_hybrid.files import writing
from pyterrier_hybrid.indexing.arrays import Block
from pyterrier_hybrid.indexing.build import Build
from pyterrier_hybrid.indexing.docno_table import DocnoTable, hashes_of
from pyterrier_hybrid.indexing.documents import Buffer, own_vectors, read_documents
from pyterrier_hybrid.indexing.rows import Collection
from pyterrier_hybrid.indexing.vectors import LARGEST, decode, encode

GO_ON = "Nothing is lost: indexer(mode='resume') continues with the same documents."
#: Documents taken from the stream at a time.
_CHUNK = 1_024


class Filling:
    """Adds documents, ``part_size`` at a time, to a build, except those that the build holds already.

    The build is started, or resumed and verified. This is a context manager: on exit it keeps all that was added.
    """

    def __init__(self, build: Build, part_size: int):
        self._build = build
        self._held = build.rows()
        self._count = 0 if self._held is None else len(self._held.docnos)
        self._seen = np.arange(self._count) < build.progress()['before']
        self._vec_size = None if self._held is None else self._held.vecs.shape[1]
        self._precision = build.plan()['precision']
        self._buffer, self._other = Buffer(part_size), Buffer(part_size)
        self._writer, self._written = ThreadPoolExecutor(1), Future()
        self._written.set_result(None)
        with writing(build.path, GO_ON):
            self._table = DocnoTable(build.folder, self._docnos_of)
            for first in range(0, self._count, _CHUNK):
                rows = np.arange(first, min(first + _CHUNK, self._count))
                self._table.add(hashes_of(self._held.docnos.decode(rows)), first)

    def __enter__(self) -> 'Filling':
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        try:
            try:
                if not self._failed():  # keep the documents read so far, whatever ended the stream
                    self._flush()
                    self._written.result()
            finally:
                try:
                    self._end_writer()
                finally:
                    with writing(self._build.path, GO_ON):
                        self._build.keep()
        except Exception:
            if kind is None:
                raise
        finally:
            self._table.discard()

    def take(self, docs: Iterable, progress: Callable[[int], object], position: int = 0) -> None:
        """Takes documents to the end of the stream; calls ``progress`` with the number taken since the last call.

        ``position`` is the place of the first in the collection, counted from 0.

        Raises:
            ValueError: a document is not as it should be, or its docno occurs twice; or it is held by the build with
                another vector or language. Those before it are added.
            OSError: the disk is full or the folder read-only.
        """
        docs, ended = own_vectors(iter(docs)), None
        while ended is None:
            size = min(_CHUNK, self._buffer.size - len(self._buffer))
            chunk = []
            try:
                chunk.extend(islice(docs, size))
            except BaseException as error:
                ended = error
            if chunk:
                self._take(chunk, position)
            position += len(chunk)
            progress(len(chunk))
            if ended is None and len(chunk) < size:
                return
        raise ended

    def take_blocks(self, blocks: Iterable[Block], progress: Callable[[int], object]) -> None:
        """Takes documents in arrays, like :meth:`take`. The caller may reuse a block's memory for the next block."""
        position, size = 0, self._buffer.size
        for block in blocks:
            for start in range(0, len(block), size):
                rows = slice(start, min(start + size, len(block)))
                if not self._take_plain(block, rows):
                    self.take(block.documents(rows), lambda count: None, position + start)
                progress(rows.stop - start)
            position += len(block)
            self._written.result()

    def _take_plain(self, block: Block, rows: slice) -> bool:
        """Takes documents if they pass quick checks and all their docnos are new; returns False otherwise."""
        docnos = block.docnos(rows)
        part = block.plain(rows, docnos, self._vec_size, LARGEST.get(self._precision))
        if part is None:
            return False
        hashes = hashes_of(docnos)
        ascending = np.sort(hashes)
        with writing(self._build.path, GO_ON):
            if (ascending[1:] == ascending[:-1]).any() or (self._table.find(docnos, hashes) >= 0).any():
                return False
            self._flush()
            self._table.add(hashes, self._count)
            self._count += len(docnos)
            self._vec_size = part.vecs.shape[1]
            self._written.result()
            self._written = self._writer.submit(self._write, part)
        return True

    def check_complete(self, left_out: np.ndarray | None) -> None:
        """Raises ValueError unless the stream had all documents that the build holds.

        ``left_out`` marks those that were left out of the stream because the build holds them.
        """
        here = left_out is not None and len(left_out) == len(self._seen)  # of this build, not of an earlier one
        missing = np.flatnonzero(~(self._seen | left_out) if here else ~self._seen)
        if len(missing):
            example = self._held.docnos.decode(missing[:1])[0]
            raise ValueError(
                f'{len(missing):,} documents that the interrupted build of {self._build.path} holds did not come '
                f"again, such as {example!r:.80}: the collection has changed; indexer(mode='create') or 'overwrite' "
                'starts a new build'
            )

    def _take(self, chunk: list, position: int) -> None:
        largest = LARGEST.get(self._precision)
        (docnos, vectors, langs), wrong = read_documents(chunk, position, self._vec_size, self._buffer, largest)
        if docnos:
            self._vec_size = vectors.shape[1]
            with writing(self._build.path, GO_ON):
                wrong = self._add(docnos, vectors, langs) or wrong
        if wrong is not None:
            raise wrong

    def _add(self, docnos: list[str], vectors: np.ndarray, langs: list[str]) -> ValueError | None:
        """Adds documents up to the first that must not be added, and returns its error; None if all were added.

        A document that the interrupted build holds may come once more: it is compared and not added.
        """
        hashes, wrong = hashes_of(docnos), None
        found = self._table.find(docnos, hashes)
        again = _first_repeated(docnos, found, self._seen)
        if (found[:again] >= 0).any():
            again, wrong = self._compare(docnos, vectors, langs, found, again)
        if wrong is None and again < len(docnos):
            wrong = duplicate(docnos[again])
        new = np.flatnonzero(found[:again] < 0)
        if len(new) < len(docnos):
            vectors[: len(new)] = vectors[new]
            docnos, langs = ([values[i] for i in new] for values in (docnos, langs))
            self._seen[found[:again][found[:again] >= 0]] = True
        self._table.add(hashes[new], self._count)
        self._count += len(new)
        self._buffer.add(docnos, langs)
        if len(self._buffer) == self._buffer.size:
            self._flush()
        return wrong

    def _compare(
        self, docnos: Sequence[str], vectors: np.ndarray, langs: Sequence[str], found: np.ndarray, stop: int
    ) -> tuple[int, ValueError | None]:
        """Compares documents with those that the interrupted build holds, up to ``stop``.

        Returns the place of the first that differs, and its error, or ``stop`` and None. Vectors need not be equal:
        other batches change their last digits, and storage rounds them. Another encoder gives quite different vectors.
        """
        here = np.flatnonzero(found[:stop] >= 0)
        held, again = np.asarray(self._held.vecs[found[here]]), vectors[here]
        stored = np.asarray(decode(encode(again, self._precision)))
        near = np.linalg.norm(again - stored, axis=1) + 0.1 * np.linalg.norm(held, axis=1)
        other = np.linalg.norm(again - held, axis=1) > near
        other |= np.array(langs)[here] != np.array(self._held.languages)[self._held.lang_ids[found[here]]]
        if not other.any():
            return stop, None
        stop = int(here[other.argmax()])
        return stop, ValueError(
            f'document {docnos[stop]!r:.80} has another vector or language than in the interrupted build: the encoder '
            "or the collection has changed; indexer(mode='create') or 'overwrite' starts a new build"
        )

    def _flush(self) -> None:
        """Waits until the writing thread has written the last buffer, and hands it this one."""
        if len(self._buffer):
            self._written.result()
            self._written = self._writer.submit(self._write, self._buffer.take())
            self._buffer, self._other = self._other, self._buffer

    def _end_writer(self) -> None:
        """Waits for the thread that writes, through every further Ctrl-C: it would write to what is closed after it."""
        last = interrupted = None
        while last is None or not last.done():
            try:
                last = last or self._writer.submit(int)  # the thread comes to it when it has written all
                wait([last])
            except (KeyboardInterrupt, SystemExit) as error:  # noqa: PERF203 (a part takes seconds at most)
                interrupted = error
        self._writer.shutdown()
        if interrupted is not None:
            raise interrupted

    def _write(self, part: Collection) -> None:
        with writing(self._build.path, GO_ON):
            self._build.add(part)

    def _failed(self) -> bool:
        return self._written.done() and self._written.exception() is not None

    def _docnos_of(self, docids: np.ndarray) -> list[str]:
        """The docnos of documents that are on the disk, being written, or in the buffer."""
        if self._held is not None and docids.max() < len(self._held.docnos):
            return self._held.docnos.decode(docids)
        self._written.result()
        self._build.keep()
        rows = self._build.rows()
        count = 0 if rows is None else len(rows.docnos)
        written = iter(rows.docnos.decode(docids[docids < count]) if count else ())
        return [next(written) if i < count else self._buffer.docnos[i - count] for i in docids.tolist()]


def duplicate(docno: str) -> ValueError:
    """The error for a docno that occurs twice."""
    return ValueError(f'the docno {docno!r:.80} occurs twice; docnos are unique in an index')


def _first_repeated(docnos: Sequence[str], found: np.ndarray, seen: np.ndarray) -> int:
    """The place of the first docno that came before, in the stream or among these; their number if there is none."""
    first = len(docnos)
    if len({*docnos}) < first:
        before: set[str] = set()
        first = next(i for i, docno in enumerate(docnos) if docno in before or before.add(docno))
    old = np.flatnonzero(found >= 0)
    twice = old[[docid >= len(seen) or bool(seen[docid]) for docid in found[old].tolist()]]
    return min(first, int(twice[0])) if len(twice) else first

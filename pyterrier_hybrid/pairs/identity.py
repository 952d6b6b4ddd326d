"""Which rows may not meet in a batch: those that share a passage or a question, joined transitively.

Two questions on one passage must not meet, whatever languages they are drawn in, because each one's passage would be
taken for a wrong answer to the other. Nor must two passages that answer one question. And where the corpus says
elsewhere that a passage answers a question, this passage must not meet the question beside another answer: that takes a
chain of both. So rows are joined if they share a text (a passage or a question, exactly, in whatever languages: equal
texts have equal vectors), a given ``passage_id`` or a given ``query_id``, and so on transitively. What is joined is
called one passage: a passage in German and English joins the rows that have its German text alone with those that have
its English text alone.

The chain may go further than it has to: of two questions on each of two paragraphs, one question asked of both keeps
the other two apart as well. Measured on 53,400 question rows of 11 languages (SQuAD-like sets, reviews, headings of
course books), equal questions leave 96% of the passages, and the largest group, of shop reviews, has 110 rows; a source
that gives three snippets for each question goes from 952 passages to 319, its number of questions. To compare questions
without case and white space would join 32 more, and is not done. But fragments of texts join everything: the queries of
inverse cloze, in 11 languages each, would make 57,000 of 440,000 rows one passage. A ``query_id`` of its own keeps such
a row apart.

Texts are known by a 63-bit hash. Two different texts with one hash would keep two rows out of each other's batches,
which does no harm; among a billion texts it is expected to happen once in about twenty corpora.
"""
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path

import numpy as np

_PARTS_BITS = 6
_RECORD = np.dtype([('hash', '<u8'), ('row', '<u8')])
_FLUSH = 1 << 16
_BITS = 63
_MASK = (1 << _BITS) - 1
#: In the place of a row: a hash whose row is asked for. Sorts behind every row.
_ASKED = (1 << 64) - 1


def hash63(text: str, kind: bytes = b'text') -> int:
    """A number in [0, 2**63) for a text; ``kind`` keeps given ids apart from texts that read the same."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8, person=kind).digest(), 'little') & _MASK


class SharedHashes:
    """Finds the rows that share a hash, on disk: 16 bytes for each hash, and in memory one part of 64 at a time.

    Args:
        folder: where its files go.
        files: closes them.
    """

    def __init__(self, folder: Path, files: ExitStack):
        parts = range(1 << _PARTS_BITS)
        self._files = [files.enter_context((folder / f'hashes.{part:02}').open('w+b')) for part in parts]
        self._pending = [bytearray() for _ in parts]
        self._any_asked = False

    def add(self, row: int, hashes: Iterable[int]) -> None:
        """Notes the hashes of one row."""
        for value in hashes:
            part = value >> (_BITS - _PARTS_BITS)  # by the high bits, so that the parts are in order
            pending = self._pending[part]
            pending += value.to_bytes(8, 'little') + row.to_bytes(8, 'little')
            if len(pending) >= _FLUSH:
                self._files[part].write(pending)
                pending.clear()

    def ask(self, hashes: Iterable[int]) -> None:
        """Notes hashes for :meth:`asked`; they join no rows."""
        hashes = list(hashes)
        self._any_asked |= bool(hashes)
        self.add(_ASKED, hashes)

    def links(self) -> np.ndarray:
        """Pairs of rows that share a hash, int64 (n, 2); rows with one hash form a chain, in order."""
        links = [np.empty((0, 2), np.int64)]
        for hashes, rows in self._parts():
            same = (hashes[1:] == hashes[:-1]) & (rows[1:] != _ASKED)
            links.append(np.stack([rows[:-1][same], rows[1:][same]], axis=1).astype(np.int64))
        return np.concatenate(links)

    def asked(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields the hashes asked for that a row has, uint64 (n,), rising, and a row that has each, int64 (n,)."""
        for hashes, rows in self._parts() if self._any_asked else ():
            found = (hashes[1:] == hashes[:-1]) & (rows[1:] == _ASKED) & (rows[:-1] != _ASKED)
            yield hashes[1:][found], rows[:-1][found].astype(np.int64)

    def _parts(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields hashes and rows, uint64 each, part by part, sorted by hash and then by row."""
        for file, pending in zip(self._files, self._pending, strict=True):
            file.write(pending)
            pending.clear()
            file.flush()
            file.seek(0)
            part = np.fromfile(file, _RECORD)
            part = part[np.lexsort((part['row'], part['hash']))]
            yield part['hash'], part['row']


def passage_numbers(lowest: np.ndarray, links: np.ndarray) -> np.ndarray:
    """A number per passage: the lowest hash among all the rows that are joined.

    It depends on the rows' content alone, not on their order.

    Args:
        lowest: uint64 (rows,), the lowest hash of each row.
        links: int64 (n, 2), rows to be joined.

    Returns:
        int64 (rows,).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    numbers = lowest.astype(np.int64)
    rows, ends = np.unique(links, return_inverse=True)
    if not len(rows):
        return numbers
    start, stop = ends.reshape(-1, 2).T
    graph = coo_array((np.ones(len(start), np.int8), (start, stop)), shape=(len(rows), len(rows)))
    count, component = connected_components(graph, directed=False)
    least = np.full(count, _MASK, np.int64)
    np.minimum.at(least, component, numbers[rows])
    numbers[rows] = least[component]
    return numbers

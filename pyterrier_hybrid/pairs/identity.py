"""Which rows may not occur in one batch: those that share a passage or a question, joined transitively.

Two questions on one passage must not occur in one batch, whatever their languages, because the passage of one would
count as a wrong answer to the other. Neither must two passages that answer one question. If another row says that a
passage answers a question, this passage must not occur in a batch with the question and another answer: that takes a
chain of both. So rows are joined if they share a text (a passage or a question, exactly, in any language: equal texts
have equal vectors), a given ``passage_id`` or a given ``query_id``, and so on transitively. All joined rows count as
one passage: a passage in German and English joins the rows that have only its German text with those that have only its
English text.

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
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path

import numpy as np

from pyterrier_hybrid.pairs.manifest import damage_named
from pyterrier_hybrid.pairs.rows import Row

#: The table of given negatives: hashes, rising, and the passage number of each.
HASHES, PASSAGES = 'negatives.hashes', 'negatives.passages'
#: ``passage_id``s that are watched, the first ones of an import: some 10 MB of memory. Sources that number their
#: passages alike meet in these.
WATCHED = 10_000

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

    ``folder`` is where its files go, ``files`` closes them.
    """

    def __init__(self, folder: Path, files: ExitStack):
        paths = [folder / f'hashes.{part:02}' for part in range(1 << _PARTS_BITS)]
        self._files = [files.enter_context(path.open('w+b', buffering=_FLUSH)) for path in paths]
        self._any_asked = False

    def add(self, row: int, hashes: Iterable[int]) -> None:
        """Notes the hashes of one row."""
        for value in hashes:
            part = value >> (_BITS - _PARTS_BITS)  # by the high bits, so that the parts are in order
            self._files[part].write(value.to_bytes(8, 'little') + row.to_bytes(8, 'little'))

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
        for file in self._files:
            file.flush()
            file.seek(0)
            part = np.fromfile(file, _RECORD)
            part = part[np.lexsort((part['row'], part['hash']))]
            yield part['hash'], part['row']


def passage_numbers(lowest: np.ndarray, links: np.ndarray) -> np.ndarray:
    """A number per passage, int64 (rows,): the lowest hash among all the rows that are joined.

    It depends on the rows' content alone, not on their order. ``lowest`` is the lowest hash of each row, uint64
    (rows,), and ``links`` are the rows to be joined, int64 (n, 2).
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


def write_known(folder: Path, found: Iterable[tuple[np.ndarray, np.ndarray]], passages: np.ndarray) -> None:
    """Writes the table of the given negatives that are a text of some row, from its hash to its passage's number.

    A negative is wrong in a batch if it is a passage of one of the batch's rows in any language, which need not be that
    of the row: a translation may be known from another row alone. So a negative is known by its passage, as rows are.
    Without such negatives no table is written.

    Args:
        folder: where to write.
        found: of :meth:`SharedHashes.asked`.
        passages: the passage's number of every row, int64.
    """
    for hashes, rows in found:
        if len(hashes):
            for name, numbers in ((HASHES, hashes.astype('<u8')), (PASSAGES, passages[rows].astype('<i8'))):
                with (folder / name).open('ab') as file:
                    file.write(numbers.tobytes())


class KnownNegatives:
    """Looks up given negatives in the table of a pairs folder; memory-mapped."""

    def __init__(self, folder: Path):
        with damage_named(folder / HASHES):
            self._hashes = np.memmap(folder / HASHES, '<u8', 'r')
        with damage_named(folder / PASSAGES):
            self._numbers = np.memmap(folder / PASSAGES, '<i8', 'r', shape=self._hashes.shape)

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        """The number of each text's passage, int64 (n,), as in ``passage_ids``; -1 where it is no text of a row."""
        hashes = np.array([hash63(text) for text in texts], np.uint64)
        at = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        return np.where(self._hashes[at] == hashes, self._numbers[at], -1)


class GivenIds:
    """Warns if two sources give one ``passage_id`` to passages that have different texts in one language.

    Most often each source has numbered its own passages from 1. Such rows are one passage all the same: the id is what
    the data says, and two sources may hold one passage in two forms. Different languages of one passage in several
    sources are what an id is for, and rows of one source may be parts of a longer text: neither gives a warning. There
    is one warning for two sources.
    """

    def __init__(self):
        self._first: dict[str, tuple[str, str, dict[str, int]]] = {}
        self._warned: set[frozenset[str]] = set()

    def add(self, row: Row, place: str) -> None:
        """Looks at a row, which is at a place in the input."""
        if row.passage_id is None:
            return
        texts = {lang: hash(text) for lang, text in row.positive.items()}
        if len(self._first) < WATCHED:
            self._first.setdefault(row.passage_id, (row.source, place, texts))
        source, where, known = self._first.get(row.passage_id, (row.source, place, texts))
        common = sorted(texts.keys() & known.keys())
        differ = common and all(texts[lang] != known[lang] for lang in common)
        pair = frozenset((source, row.source))
        if source != row.source and differ and pair not in self._warned:
            self._warned.add(pair)
            warnings.warn(
                f'the passage_id {row.passage_id!r:.80} is given to different texts in {common[0]!r} by the source '
                f'{source!r} ({where}) and by {row.source!r} ({place}); rows with one passage_id are taken for one '
                'passage whatever their source, so they never meet in a batch and are held out together. If these are '
                f'two passages, put the source into the id, as in {f"{source}/{row.passage_id}"!r}', stacklevel=6,
            )  # fmt: skip

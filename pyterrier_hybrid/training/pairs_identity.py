"""Which rows have the same passage: equal texts, or equal given ids, joined transitively.

Two questions on one passage must not meet in a batch, whatever languages they are drawn in, because each one's passage
would be taken for a wrong answer to the other. Rows are the same passage if they share a passage text (exactly, in
whatever languages: equal texts have equal vectors) or a given ``passage_id``, and so on transitively: a passage in
German and English joins the rows that have its German text alone with those that have its English text alone.

Texts are known by a 63-bit hash. Two different texts with one hash would keep two rows out of each other's batches,
which does no harm; among a billion texts it is expected to happen once in about twenty corpora.
"""
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path

import numpy as np

_PARTS = 32
_RECORD = np.dtype([('hash', '<u8'), ('row', '<u8')])
_FLUSH = 1 << 16
_MASK = (1 << 63) - 1


def hash63(text: str, kind: bytes = b'text') -> int:
    """A number in [0, 2**63) for a text; ``kind`` keeps passage ids apart from texts that read the same."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8, person=kind).digest(), 'little') & _MASK


class SharedHashes:
    """Finds the rows that share a hash, on disk: 16 bytes for each hash, and in memory one part of 32 at a time.

    Args:
        folder: where its files go.
        files: closes them.
    """

    def __init__(self, folder: Path, files: ExitStack):
        self._files = [files.enter_context((folder / f'hashes.{part:02}').open('w+b')) for part in range(_PARTS)]
        self._pending = [bytearray() for _ in range(_PARTS)]

    def add(self, row: int, hashes: list[int]) -> None:
        """Notes the hashes of one row."""
        for value in hashes:
            pending = self._pending[value % _PARTS]
            pending += value.to_bytes(8, 'little') + row.to_bytes(8, 'little')
            if len(pending) >= _FLUSH:
                self._files[value % _PARTS].write(pending)
                pending.clear()

    def links(self) -> np.ndarray:
        """Pairs of rows that share a hash, int64 (n, 2); rows with one hash form a chain, in order."""
        links = [np.empty((0, 2), np.int64)]
        for file, pending in zip(self._files, self._pending, strict=True):
            file.write(pending)
            pending.clear()
            file.flush()
            file.seek(0)
            part = np.fromfile(file, _RECORD)
            part = part[np.lexsort((part['row'], part['hash']))]
            same = part['hash'][1:] == part['hash'][:-1]
            rows = part['row'].astype(np.int64)
            links.append(np.stack([rows[:-1][same], rows[1:][same]], axis=1))
        return np.concatenate(links)


def passage_numbers(lowest: np.ndarray, links: np.ndarray) -> np.ndarray:
    """A number per passage: the lowest hash among all the rows that are the same passage.

    It depends on the rows' content alone, not on their order.

    Args:
        lowest: uint64 (rows,), the lowest hash of each row.
        links: int64 (n, 2), rows that are the same passage.

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

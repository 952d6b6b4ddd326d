"""Which given negatives are passages of rows: a table from the hash of a text to the number of its passage, on disk.

A negative comes as a text. In a batch it is a wrong one if it is a passage of one of the batch's rows in any language,
which need not be that of the row: a translation may be known from another row alone. So a negative has to be known by
its passage, as rows are. The table holds the negatives that are a text of some row, and those only.
"""
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pyterrier_hybrid.pairs.identity import hash63

#: The table's files: hashes, rising, and the passage's number of each.
HASHES, PASSAGES = 'negatives.hashes', 'negatives.passages'


def write_known(folder: Path, found: Iterable[tuple[np.ndarray, np.ndarray]], passages: np.ndarray) -> None:
    """Writes the table; none where no given negative is a text of a row.

    Args:
        folder: where to write.
        found: of :meth:`SharedHashes.asked`.
        passages: the passage's number of every row, int64.
    """
    known = 0
    with (folder / HASHES).open('wb') as hashes, (folder / PASSAGES).open('wb') as numbers:
        for values, rows in found:
            hashes.write(values.astype('<u8').tobytes())
            numbers.write(passages[rows].astype('<i8').tobytes())
            known += len(values)
    if not known:
        (folder / HASHES).unlink()
        (folder / PASSAGES).unlink()


class KnownNegatives:
    """Looks up given negatives; memory-mapped."""

    def __init__(self, folder: Path):
        """
        Args:
            folder: a pairs folder that has the table.
        """
        self._hashes = np.memmap(folder / HASHES, '<u8', 'r')
        self._numbers = np.memmap(folder / PASSAGES, '<i8', 'r')

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        """The number of each text's passage, int64 (n,), as in ``passage_ids``; -1 where it is no text of a row."""
        hashes = np.array([hash63(text) for text in texts], np.uint64)
        at = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        return np.where(self._hashes[at] == hashes, self._numbers[at], -1)

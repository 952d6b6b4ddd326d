"""Finds docnos that occur twice, also among hundreds of millions of documents, with eight bytes of memory for each."""
from collections.abc import Sequence

import numpy as np

from pyterrier_hybrid.indexing.docnos import Docnos

#: Docnos are compared for this many of the hashes that occur twice at a time.
_SUSPECTS = 1_000


def find_duplicate(tables: Sequence[Docnos]) -> tuple[str, int, int] | None:
    """Returns a docno that occurs twice, with two of its positions, the lesser first; None if there is none.

    Positions are counted over all tables. Sorts 64-bit hashes of all docnos, and compares only the docnos whose hash
    occurs twice. Two of 10**8 different docnos have the same hash with a probability of 3 in 10,000.
    """
    hashes = np.empty(sum(map(len, tables)), dtype=np.uint64)
    done = 0
    for table in tables:
        for _, chunk in table.hashes():
            hashes[done : done + len(chunk)] = chunk
            done += len(chunk)
    hashes.sort()
    suspects = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    del hashes
    batches = (suspects[start : start + _SUSPECTS] for start in range(0, len(suspects), _SUSPECTS))
    return next(filter(None, (_compare(tables, batch) for batch in batches)), None)


def _compare(tables: Sequence[Docnos], suspects: np.ndarray) -> tuple[str, int, int] | None:
    """The first docno that occurs twice, among the docnos whose hash is in ``suspects`` (ascending)."""
    seen: dict[str, int] = {}
    before = 0
    for table in tables:
        for start, hashes in table.hashes():
            places = np.minimum(np.searchsorted(suspects, hashes), len(suspects) - 1)
            rows = start + np.flatnonzero(suspects[places] == hashes)
            for docno, position in zip(table.decode(rows), (before + rows).tolist()):
                if docno in seen:
                    return docno, seen[docno], position
                seen[docno] = position
        before += len(table)
    return None

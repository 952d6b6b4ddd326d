"""Docnos that occur twice, among hundreds of millions of documents, in eight bytes a document."""
from collections.abc import Sequence

import numpy as np

from pyterrier_hybrid.indexing.docnos import Docnos

#: Hashes that occur twice, of which the docnos are compared at a time.
_SUSPECTS = 1_000


def find_duplicate(tables: Sequence[Docnos]) -> tuple[str, int, int] | None:
    """A docno that occurs twice, with two positions at which it does, the lesser first; None if there is none.

    Positions are counted over all tables. Sorts 64-bit hashes of all docnos. Only docnos of a hash that occurs twice
    are compared by themselves: of 10**8 different docnos, two have the same hash with a probability of 3 in 10,000.
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
    """The first docno that occurs twice among those with one of some hashes, which ascend."""
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

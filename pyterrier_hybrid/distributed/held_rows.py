"""The actor that holds some rows of an index, and searches them."""
import socket
from typing import TYPE_CHECKING

import numpy as np

from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.indexing.vectors import StoredVectors, decode
from pyterrier_hybrid.ranking.search import top_k

if TYPE_CHECKING:
    from pyterrier_hybrid.indexing.opened import OpenedIndex


class HeldRows:
    """An actor: searches rows of an index.

    Args:
        path: the index's folder.
        device: a torch device for the first selection; numpy by default.
    """

    def __init__(self, path: str, device: str | None):
        self._index, self._device = MultilingualIndex(path, verbose=False), device
        self._known: tuple | None = None

    def search(
        self, queries: np.ndarray, k: int, langs: tuple[str, ...] | None, span: tuple[int, int], fingerprint: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best ``k`` documents among the rows from ``span[0]`` up to ``span[1]``, as :meth:`RayIndex.search`."""
        opened = self._open(fingerprint)
        first, last = span
        rows = None
        if langs is not None:
            wanted = [opened.languages.index(lang) for lang in langs]
            rows = np.flatnonzero(np.isin(opened.lang_ids[first:last], wanted))
        if not (last - first if rows is None else len(rows)):
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        vecs, order = _rows_of(opened.vecs, first, last), self._order(opened, span)
        docids, scores = top_k(
            queries, vecs, *order, k, max_norm=opened.max_norm, rows=rows, device=self._device
        )
        return docids + first, scores

    def _open(self, fingerprint: str) -> 'OpenedIndex':
        where = f'{socket.gethostname()}, a machine of the Ray cluster,'
        try:
            opened = self._index.open()
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'{where} does not see the index ({error}); every machine has to see it at this path, so put it on a '
                'file system that they share'
            ) from None
        if opened.fingerprint != fingerprint:
            raise ValueError(
                f'{where} sees another index at {self._index.path} than the one that is searched: if it was replaced '
                'just now, search again; if not, this machine has a folder of its own at this path'
            )
        return opened

    def _order(self, opened: 'OpenedIndex', span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The order of the docnos of the rows, and its inverse; places among these rows alone."""
        if self._known is None or self._known[0] != (opened.fingerprint, span):
            order = opened.docnos.order
            order = (order[(order >= span[0]) & (order < span[1])] - span[0]).astype(np.uint32)
            rank = np.empty_like(order)
            rank[order] = np.arange(len(order), dtype=np.uint32)
            self._known = (opened.fingerprint, span), order, rank
        return self._known[1:]


def _rows_of(vectors: 'np.ndarray | StoredVectors', first: int, last: int) -> 'np.ndarray | StoredVectors':
    """Some rows as they are stored: mapped, and not yet decoded."""
    rows = slice(first, last)
    return decode(vectors.arrays(rows)) if isinstance(vectors, StoredVectors) else vectors[rows]

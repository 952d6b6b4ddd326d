"""Iterators over documents that can be cut, as ``docs_iter()`` promises: ``[5]``, ``[:10]``, ``[:1/3]`` (a share)."""
from collections.abc import Callable, Iterator
from math import floor

from datasets_ext.records import Doc


class DocsIter:
    """Documents one after another, or some of them by position.

    Nothing is opened before the first document is asked for, and cutting only computes positions.

    Args:
        read: the documents at some positions (an increasing ``range``), or all of them for None.
        count: the number of documents; called only when the iterator is cut.
        positions: the positions to give, or None for all.
    """

    def __init__(
        self,
        read: Callable[[range | None], Iterator[Doc]],
        count: Callable[[], int],
        positions: range | None = None,
    ):
        self._read = read
        self._count = count
        self._positions = positions
        self._open = None

    def __iter__(self) -> Iterator[Doc]:
        return self

    def __next__(self) -> Doc:
        if self._open is None:
            self._open = self._read(self._positions)
        return next(self._open)

    def __getitem__(self, key: int | slice) -> 'Doc | DocsIter':
        positions = self._positions if self._positions is not None else range(self._count())
        if not isinstance(key, slice):
            position = positions[key]
            return next(self._read(range(position, position + 1)))
        if key.step is not None and key.step < 1:
            raise ValueError(f'documents cannot be read in steps of {key.step}; a step is a positive number')
        start, stop = (_position(end, len(positions)) for end in (key.start, key.stop))
        return DocsIter(self._read, self._count, positions[start:stop:key.step])


def _position(end: int | float | None, count: int) -> int | None:
    """A slice's end as a position; a fraction is a share of the documents."""
    if not isinstance(end, float):
        return end
    if not 0 <= end <= 1:
        raise ValueError(f'documents cannot be cut at {end}; a share is a number between 0.0 and 1.0')
    return floor(end * count)

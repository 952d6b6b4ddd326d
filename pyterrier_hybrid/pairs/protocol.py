"""The interface of a corpus for batches and training: any object that has it can be trained on."""
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np


class Stratum(NamedTuple):
    """Rows ``start`` to ``stop`` (exclusive), which have exactly these languages; bitext has the same on both sides.

    ``passages`` is the number of distinct ``passage_ids``.
    """

    query_langs: tuple[str, ...]
    passage_langs: tuple[str, ...]
    start: int
    stop: int
    passages: int


class PairsSource(Protocol):
    """Rows of one collection.

    Attributes:
        name: the source's name.
        kind: ``'qa'`` (a query and its passage) or ``'bitext'`` (one text in several languages).
        languages: the languages that occur, sorted.
        strata: the ranges of rows with equal languages; they cover all rows, in order.
        passage_ids: int64 (rows,), equal where rows, of any source, may not meet in a batch.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def languages(self) -> list[str]: ...

    @property
    def strata(self) -> Sequence[Stratum]: ...

    @property
    def passage_ids(self) -> np.ndarray: ...

    def __len__(self) -> int: ...

    def texts(self, side: str, rows: Sequence[int], langs: Sequence[str]) -> list[str]:
        """The texts of a ``side`` (``'query'`` or ``'passage'``) of n rows, each in one of n languages."""

    def ids(self, rows: Sequence[int]) -> list[str]:
        """The rows' names within the source."""

    def negatives(self, rows: Sequence[int], langs: Sequence[str]) -> list[list[str]]:
        """The given negatives of n rows, each in one of n languages."""


class Pairs(Protocol):
    """Sources of rows, such as :class:`ParallelPairs` and its views.

    Attributes:
        sources: the sources, by name.
        languages: the languages that occur, sorted.
        fingerprint: 32 hex digits of the content.
    """

    @property
    def sources(self) -> Sequence[PairsSource]: ...

    @property
    def languages(self) -> list[str]: ...

    @property
    def fingerprint(self) -> str: ...

    def __getitem__(self, name: str) -> PairsSource: ...

    def __len__(self) -> int: ...

    def negative_passages(self, texts: Sequence[str]) -> np.ndarray:
        """The passage ids of n given negatives, int64 (n,); -1 for a text that no row has."""

    def iter_texts(self) -> Iterator[tuple[str, str]]:
        """Yields ``(lang, text)`` for every query, passage and text."""

    def verify(self) -> None:
        """Raises a ValueError if the content has changed since the import."""

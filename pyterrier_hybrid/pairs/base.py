"""The base of all pairs, whether a folder or a part of one."""
from collections.abc import Iterator
from functools import cached_property

import pandas as pd

from pyterrier_hybrid.pairs.overlap import shared_texts
from pyterrier_hybrid.pairs.protocol import PairsSource


class BasePairs:
    """Sources by name, in order, and the methods that only need them."""

    def __init__(self, sources: list[PairsSource]):
        self._sources = {source.name: source for source in sources}

    @property
    def sources(self) -> list[PairsSource]:
        """The sources that have rows, by name."""
        return list(self._sources.values())

    @cached_property
    def languages(self) -> list[str]:
        """The languages that occur, sorted."""
        return sorted({lang for source in self.sources for lang in source.languages})

    def __getitem__(self, name: str) -> PairsSource:
        if name not in self._sources:
            raise KeyError(f'no source {name!r:.80} in {self!r}; there are {", ".join(self._sources)}')
        return self._sources[name]

    def __len__(self) -> int:
        """The number of rows of all sources."""
        return sum(map(len, self.sources))

    def iter_texts(self) -> Iterator[tuple[str, str]]:
        """Yields ``(lang, text)`` for every query, passage and text of all sources, without the given negatives."""
        for source in self.sources:
            for _, lang, _, texts in source.iter_columns():
                yield from ((lang, text) for text in texts.drop_null().to_pylist())

    def overlap(self, dataset: object, *, verbose: bool = True) -> pd.DataFrame:
        """The questions and passages of an evaluation data set that occur in these pairs.

        See :func:`~pyterrier_hybrid.pairs.overlap.shared_texts`.
        """
        return shared_texts(self.sources, dataset, verbose=verbose)

"""A part of training pairs, without copying them: a fraction to train on, or what is held out to validate on."""
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from operator import index

import numpy as np
import pandas as pd
import pyarrow as pa

from pyterrier_hybrid.keyed import key_of, uniform
from pyterrier_hybrid.pairs.describing import PairsDescription, describe_part
from pyterrier_hybrid.pairs.overlap import shared_texts


class PairsView:
    """Some of the rows of a :class:`ParallelPairs`, to be used in its place; 8 bytes of memory for each row.

    Args:
        pairs: a :class:`ParallelPairs`, or a view of one.
        keep: for each of its sources, bool (rows,).
        part: what part it is, words and numbers; with the pairs' content, they make the fingerprint.

    Raises:
        ValueError: no row is left.
    """

    def __init__(self, pairs, keep: Iterable[np.ndarray], part: tuple):
        self.pairs, self.part = pairs, part
        views = [_SourceView(source, mask) for source, mask in zip(pairs.sources, keep, strict=True)]
        self._sources = {view.name: view for view in views if len(view)}
        if not self._sources:
            raise ValueError(f'{_told(part)} leaves none of the {len(pairs):,} rows of {pairs!r}')

    @property
    def sources(self) -> list['_SourceView']:
        """The sources of which something is left, by name."""
        return list(self._sources.values())

    @property
    def fingerprint(self) -> str:
        """32 hex digits of the content."""
        parts = (self.pairs.fingerprint, *self.part)
        return blake2b(repr(parts).encode(), digest_size=16).hexdigest()

    @cached_property
    def languages(self) -> list[str]:
        """The languages that occur, sorted."""
        return sorted({lang for source in self.sources for lang in source.languages})

    def iter_texts(self) -> Iterator[tuple[str, str]]:
        """Yields ``(lang, text)`` for every query, passage and text that is left."""
        for source in self.sources:
            yield from source.iter_texts()

    def __getitem__(self, name: str) -> '_SourceView':
        if name not in self._sources:
            raise KeyError(f'no source {name!r} in {self!r}; there are {", ".join(self._sources)}')
        return self._sources[name]

    def negative_passages(self, texts: Sequence[str]) -> np.ndarray:
        """As of the whole: int64 (n,)."""
        return self.pairs.negative_passages(texts)

    def verify(self) -> None:
        """As of the whole."""
        self.pairs.verify()

    def describe(self) -> PairsDescription:
        """Statistics of what is left; its texts are read, for their lengths."""
        return describe_part(self.sources)

    def overlap(self, dataset: object, *, verbose: bool = True) -> pd.DataFrame:
        """The questions and passages of an evaluation data set that occur in what is left; as of the whole."""
        return shared_texts(self.sources, dataset, verbose=verbose)

    def __len__(self) -> int:
        return sum(map(len, self.sources))

    def __repr__(self) -> str:
        return f'{_told(self.part)} of {self.pairs!r}'


def _told(part: tuple) -> str:
    return ' '.join(map(str, part))


class PairsSubset(PairsView):
    """A view of a :class:`ParallelPairs` with about a fraction of its passages, to train on.

    A row is kept when a keyed hash of its passage is below the fraction. So the rows of one passage stay together, in
    all sources: two questions on one paragraph, or a text and the inverse cloze made from it, are both there or both
    not. Every source and every coverage of languages keeps about the same part; and of one seed, a smaller fraction is
    a subset of a larger one.

    Args:
        pairs: a :class:`ParallelPairs`.
        fraction: above 0, at most 1.
        seed: another seed, another subset.

    Raises:
        ValueError: a fraction outside of these bounds, or one that leaves no row.
    """

    def __init__(self, pairs, fraction: float, *, seed: int = 0):
        if not 0 < fraction <= 1:
            raise ValueError(f'the fraction of the pairs is {fraction:g}; it must be above 0, and at most 1')
        self.fraction, self.seed = float(fraction), index(seed)
        key = key_of('subset', self.seed)
        keep = [uniform(np.asarray(source.passage_ids), key) < self.fraction for source in pairs.sources]
        super().__init__(pairs, keep, ('a fraction of', self.fraction, 'seed', self.seed))

    def __repr__(self) -> str:
        return f'PairsSubset({self.pairs!r}, {self.fraction:g}, seed={self.seed})'

    def __reduce__(self):
        return _reopen, (self.pairs, self.fraction, self.seed)


def _reopen(pairs, fraction: float, seed: int) -> PairsSubset:
    return PairsSubset(pairs, fraction, seed=seed)


class _SourceView:
    """The kept rows of a source, numbered from 0: what training asks of a source."""

    def __init__(self, source, keep: np.ndarray):
        self._source, self._rows = source, np.flatnonzero(keep)
        self.name, self.kind = source.name, source.kind
        bounds = np.searchsorted(self._rows, [0, *(s.stop for s in source.strata)]).tolist()
        self.strata = [
            stratum._replace(start=start, stop=stop, passages=len(np.unique(self.passage_ids[start:stop])))
            for stratum, (start, stop) in zip(source.strata, pairwise(bounds))
            if stop > start
        ]
        self.languages = sorted({lang for s in self.strata for lang in (*s.query_langs, *s.passage_langs)})

    def __len__(self) -> int:
        return len(self._rows)

    @cached_property
    def passage_ids(self) -> np.ndarray:
        """int64 (rows,)."""
        return self._source.passage_ids[self._rows]

    def texts(self, side: str, rows: Sequence[int], langs: Sequence[str]) -> list[str]:
        """As :meth:`Source.texts`."""
        return self._source.texts(side, self._places(rows), langs)

    def ids(self, rows: Sequence[int]) -> list[str]:
        """As :meth:`Source.ids`."""
        return self._source.ids(self._places(rows))

    def negatives(self, rows: Sequence[int], langs: Sequence[str]) -> list[list[str]]:
        """As :meth:`Source.negatives`."""
        return self._source.negatives(self._places(rows), langs)

    def _places(self, rows: Sequence[int]) -> np.ndarray:
        """Where rows are in the source, int64 (n,)."""
        rows = np.asarray(rows, dtype=np.int64)
        outside = rows[(rows < 0) | (rows >= len(self))]
        if len(outside):
            raise IndexError(f'source {self.name!r} has no row {outside[0]} here; this part of it has {len(self):,}')
        return self._rows[rows]

    def iter_columns(self, *, negatives: bool = False) -> Iterator[tuple[str, str, int, pa.Array]]:
        """Yields ``(side, lang, first row, texts)``, as :meth:`Source.iter_columns`, in blocks of any size."""
        for side, lang, first, texts in self._source.iter_columns(negatives=negatives):
            start, stop = np.searchsorted(self._rows, [first, first + len(texts)]).tolist()
            yield side, lang, start, texts.take(pa.array(self._rows[start:stop] - first))

    def iter_texts(self) -> Iterator[tuple[str, str]]:
        """Yields ``(lang, text)``."""
        for _, lang, _, texts in self.iter_columns():
            yield from ((lang, text) for text in texts.drop_null().to_pylist())

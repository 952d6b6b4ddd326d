"""Parts of training pairs, without a copy: a fraction to train on, and rows held out to validate on."""
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from hashlib import blake2b
from itertools import pairwise
from numbers import Real
from operator import index

import numpy as np
import pyarrow as pa

from pyterrier_hybrid.keyed import key_of, uniform
from pyterrier_hybrid.pairs.base import BasePairs
from pyterrier_hybrid.pairs.describing import PairsDescription, describe_sources, entry_of


class PairsView(BasePairs):
    """Some of the rows of a :class:`ParallelPairs`, to be used in its place; 8 bytes of memory for each row.

    Args:
        pairs: a :class:`ParallelPairs`, or a view of one.
        keep: for each of its sources, bool (rows,).
        part: words and numbers that say which part it is; the fingerprint is of these and the pairs' content.

    Raises:
        ValueError: no row is left.
    """

    def __init__(self, pairs: BasePairs, keep: Iterable[np.ndarray], part: tuple):
        self.pairs, self.part = pairs, part
        views = [_SourceView(source, mask) for source, mask in zip(pairs.sources, keep, strict=True)]
        super().__init__([view for view in views if len(view)])
        if not self._sources:
            raise ValueError(f'{self._part_in_words} leaves none of the {len(pairs):,} rows of {pairs!r}')

    @property
    def fingerprint(self) -> str:
        """32 hex digits of the content."""
        parts = (self.pairs.fingerprint, *self.part)
        return blake2b(repr(parts).encode(), digest_size=16).hexdigest()

    def negative_passages(self, texts: Sequence[str]) -> np.ndarray:
        """As for the whole pairs: int64 (n,)."""
        return self.pairs.negative_passages(texts)

    def verify(self) -> None:
        """As for the whole pairs."""
        self.pairs.verify()

    def describe(self) -> PairsDescription:
        """Statistics of this part; reads its texts, for their lengths."""
        return describe_sources([entry_of(source) for source in self.sources], None)

    @property
    def _part_in_words(self) -> str:
        return ' '.join(map(str, self.part))

    def __repr__(self) -> str:
        return f'{self._part_in_words} of {self.pairs!r}'


class PairsSubset(PairsView):
    """A view of a :class:`ParallelPairs` with about a fraction of its passages, to train on.

    A row is kept if a keyed hash of its passage is below the fraction. So the rows of one passage stay together, in
    all sources: two questions on one paragraph, or a text and the inverse cloze made from it, are both kept or both
    left out. Every source and every combination of languages keeps about the same part. For one seed, a smaller
    fraction is a subset of a larger one.

    Args:
        pairs: a :class:`ParallelPairs`.
        fraction: above 0, at most 1.
        seed: another seed, another subset.

    Raises:
        ValueError: a fraction outside of these bounds, or one that leaves no row.
    """

    def __init__(self, pairs: BasePairs, fraction: float, *, seed: int = 0):
        if not isinstance(fraction, Real) or not 0 < fraction <= 1:
            raise ValueError(f'the fraction of the pairs is {fraction!r:.80}; it must be above 0, and at most 1')
        self.fraction, self.seed = float(fraction), index(seed)
        key = key_of('subset', self.seed)
        keep = [uniform(np.asarray(source.passage_ids), key) < self.fraction for source in pairs.sources]
        super().__init__(pairs, keep, ('a fraction of', self.fraction, 'seed', self.seed))

    def __repr__(self) -> str:
        return f'PairsSubset({self.pairs!r}, {self.fraction:g}, seed={self.seed})'

    def __reduce__(self):
        return partial(PairsSubset, seed=self.seed), (self.pairs, self.fraction)


def hold_out(pairs: BasePairs, wanted: float | int) -> tuple[PairsView, PairsView]:
    """Splits pairs into a part to train on and a part to validate on, whole passages at a time.

    A row of questions and passages is held out if a keyed hash of its passage is low. All rows of that passage (with
    equal ``passage_ids``), in all sources, bitext included, are held out too: nothing of a held-out passage is trained
    on. The choice depends only on the passages, not on a seed, so all runs on the same pairs are validated on the same
    rows, and a smaller number is a subset of a larger one.

    Args:
        pairs: a :class:`ParallelPairs`, or a view of one.
        wanted: a fraction of the rows that ask a question (of all rows, if all pairs are bitext), above 0 and below 1;
            or a number of them. Rows of one passage stay together, so a few more may be held out.

    Returns:
        The rows to train on, and the rows held out.

    Raises:
        ValueError: a fraction or number outside of these bounds, or one that leaves nothing on either side.
    """
    asking = [source for source in pairs.sources if source.kind == 'qa'] or pairs.sources
    ids = np.concatenate([np.asarray(source.passage_ids) for source in asking])
    drawn = uniform(ids, key_of('held out'))  # the same number in [0, 1) for all rows of a passage
    bound, wanted = _bound(drawn, wanted)
    held = np.unique(ids[drawn < bound])
    masks = [np.isin(source.passage_ids, held) for source in pairs.sources]
    return (
        PairsView(pairs, [~mask for mask in masks], ('holding out', wanted)),
        PairsView(pairs, masks, ('held out', wanted)),
    )


def _bound(drawn: np.ndarray, wanted: float | int) -> tuple[float, float | int]:
    """Returns the number below which a row is held out, and ``wanted`` as a plain number."""
    if isinstance(wanted, bool) or not isinstance(wanted, Real):
        raise ValueError(
            f'validation is {wanted!r:.80}; to hold out pairs give a fraction of them, or a number of rows'
        )
    if 0 < wanted < 1:
        return float(wanted), float(wanted)
    try:
        number = index(wanted)
    except TypeError:
        number = 0
    if not 0 < number < len(drawn):
        raise ValueError(
            f'validation is {wanted!r:.80}; to hold out some of {len(drawn):,} rows give a fraction above 0 and below '
            '1, or a whole number of rows'
        )
    return float(np.nextafter(np.partition(drawn, number - 1)[number - 1], 1.0)), number


class _SourceView:
    """The kept rows of a source, numbered from 0, with the methods of a source that training needs."""

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
        """The positions of rows in the source, int64 (n,)."""
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

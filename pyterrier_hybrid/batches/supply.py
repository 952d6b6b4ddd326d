"""Which rows can serve which kind of batch: the supplies that :class:`HybridBatches` draws from."""
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pandas as pd

from pyterrier_hybrid.batches.kinds import Kind
from pyterrier_hybrid.pairs.protocol import PairsSource, Stratum

#: Rows whose passages are read at a time.
_READ = 1 << 14


@dataclass(frozen=True, eq=False)
class Supply:
    """The rows from which a batch of a kind can be filled: one source, or all sources together that are too small.

    Attributes:
        kind: the kind of batch.
        name: the source's name; for small sources together, their names joined by ``+``.
        sources, strata: aligned lists (s,), the strata that serve at least one language pair, and their sources.
        pairs: the (query language, passage language) pairs with enough passages for a batch (a,).
        serves: bool (s, a).
    """

    kind: Kind
    name: str
    sources: list[PairsSource]
    strata: list[Stratum]
    pairs: list[tuple[str, str]]
    serves: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """The first row of each stratum: int64 (s,)."""
        return np.array([s.start for s in self.strata], dtype=np.int64)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Rows of each stratum: int64 (s,)."""
        return np.array([s.stop - s.start for s in self.strata], dtype=np.int64)

    @property
    def rows(self) -> int:
        """Rows that can be drawn for this kind."""
        return int(self.sizes.sum())

    @cached_property
    def _joint(self) -> np.ndarray:
        """The probability of each stratum given the language pair: float64 (s, a), each pair's column sums to 1.

        A stratum's probability is in proportion to its rows, among the strata that serve the pair.
        """
        weight = self.serves * self.sizes[:, None]
        return weight / weight.sum(axis=0)

    @property
    def stratum_marginal(self) -> np.ndarray:
        """The probability of each stratum, averaged over the language pairs: float64 (s,)."""
        return self._joint.sum(axis=1) / self._joint.shape[1]

    @cached_property
    def pair_given_stratum(self) -> np.ndarray:
        """The cumulative probability of the language pairs given the stratum: float64 (s, a)."""
        cumulative = np.cumsum(self._joint, axis=1)
        return cumulative / cumulative[:, -1:]

    @property
    def deals(self) -> list[tuple]:
        """The deals: one for each language pair if a batch has only one pair, otherwise one for all pairs together."""
        return [(pair,) for pair in self.pairs] if self.kind.rule.one_pair else [()]

    @property
    def deal_weights(self) -> np.ndarray:
        """The weight of each stratum in each deal: float64 (deals, s).

        If a deal is for all language pairs, strata are dealt by their marginal probability. The pair is then drawn
        given the stratum, which gives the same distribution.
        """
        return (self.serves * self.sizes[:, None]).T if self.kind.rule.one_pair else self.stratum_marginal[None]

    def pairs_of(self, deal: int, strata: np.ndarray, points: np.ndarray) -> np.ndarray:
        """The language pair of each slot, as a position in ``pairs``: int64 (n,).

        Args:
            deal: of the slots.
            strata: of the slots, int64 (n,).
            points: float64 (n,), uniform in [0, 1).
        """
        if self.kind.rule.one_pair:
            return np.full(len(strata), deal)
        return (points[:, None] >= self.pair_given_stratum[strata]).sum(axis=1)

    def passages(self, strata: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The passage ids of rows, each of one of the strata: int64 (n,)."""
        if all(source is self.sources[0] for source in self.sources):
            return np.asarray(self.sources[0].passage_ids[rows])
        ids = [self.sources[s].passage_ids[r] for s, r in zip(strata.tolist(), rows.tolist())]
        return np.array(ids, dtype=np.int64)


def passages_per_pair(kind: Kind, sources: Iterable[PairsSource], batch_size: int) -> dict[tuple[str, str], int]:
    """The different passages that serve each language pair in a kind of batch, counted up to ``batch_size``.

    Strata may share passages: texts that exist in several languages, or rows derived from them in another source. So if
    no stratum alone has enough, passages are read until there are enough or all have been read.
    """
    strata: dict[tuple[str, str], list] = {}
    for source in sources:
        for stratum in source.strata:
            for pair in kind.language_pairs(source.kind, stratum):
                strata.setdefault(pair, []).append((source, stratum))
    read = cache(_passages)  # a stratum may serve many pairs
    return {pair: _different_passages(serving, batch_size, read) for pair, serving in strata.items()}


def _different_passages(strata: list, enough: int, read: Callable[..., set[int]]) -> int:
    """The different passages of (source, stratum) entries, counted up to ``enough``."""
    most = max(stratum.passages for _, stratum in strata)
    if len(strata) == 1 or most >= enough:
        return min(most, enough)
    found: set[int] = set()
    for source, stratum in strata:
        found |= read(source, stratum)
        if len(found) >= enough:
            return enough
    return len(found)


def _passages(source, stratum) -> set[int]:
    """The passages of a stratum that has fewer passages than a batch.

    The stratum may have many rows, but the number of its passages is known: reading ends when all have been found.
    """
    found: set[int] = set()
    for start in range(stratum.start, stratum.stop, _READ):
        found.update(pd.unique(source.passage_ids[start : min(start + _READ, stratum.stop)]).tolist())
        if len(found) >= stratum.passages:
            break
    return found


def _supply(kind: Kind, sources: list[PairsSource], batch_size: int) -> Supply | None:
    serving = [(source, s, set(kind.language_pairs(source.kind, s))) for source in sources for s in source.strata]
    enough = sorted(pair for pair, n in passages_per_pair(kind, sources, batch_size).items() if n >= batch_size)
    served = [(source, s, pairs) for source, s, pairs in serving if not pairs.isdisjoint(enough)]
    if not served:
        return None
    serves = np.array([[pair in pairs for pair in enough] for *_, pairs in served])
    name = '+'.join(dict.fromkeys(source.name for source, _, _ in served))
    return Supply(kind, name, [e[0] for e in served], [e[1] for e in served], enough, serves)


def build_supplies(kind: Kind, sources: Iterable[PairsSource], batch_size: int) -> list[Supply]:
    """The supplies of a kind: one per source that can fill a batch, and one of all the others if together they can.

    A source can fill a batch of a kind when at least one language pair (one language, for monolingual batches) is
    served by rows with ``batch_size`` different passages, since none occurs twice in a batch; only such pairs are ever
    drawn from it.

    Args:
        kind: the kind of batch.
        sources: of a :class:`ParallelPairs`, in order.
        batch_size: pairs in a global batch.

    Raises:
        ValueError: no source can fill a batch of the kind, nor can the small ones together.
    """
    sources = list(sources)
    alone = {source.name: _supply(kind, [source], batch_size) for source in sources}
    small = [source for source in sources if alone[source.name] is None]
    together = _supply(kind, small, batch_size) if len(small) > 1 else None
    supplies = [supply for supply in (*alone.values(), together) if supply]
    if not supplies:
        there = ', '.join(f'{s.name} ({s.kind}, {len(s)} rows, {" ".join(s.languages)})' for s in sources)
        most = max(passages_per_pair(kind, sources, batch_size).values(), default=0)
        raise ValueError(
            f'no source can fill a {kind.value} batch of {batch_size}: it takes {batch_size} different passages of '
            f'{kind.rule.needs}, and there are at most {most}. The sources are: {there}. Use a smaller batch_size, '
            f'other pairs, or a mix without {kind.value}'
        )
    return supplies

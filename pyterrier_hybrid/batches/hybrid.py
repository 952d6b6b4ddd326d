"""Hybrid batches: which pairs, in which languages, make up each training batch (arXiv 2408.10536, section 3)."""
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import index

import numpy as np
import pandas as pd

from pyterrier_hybrid.batches.composition import drawable, mean_shares, tabulate
from pyterrier_hybrid.batches.mixes import Mix, MixSchedule
from pyterrier_hybrid.batches.plan import Draw, Plan
from pyterrier_hybrid.batches.pools import Kind, Pool, build_pools
from pyterrier_hybrid.keyed import key_of, mix64, permute, uniform

#: Candidates for a replacement: looked at for all slots together, and for one slot at a time where these fail.
_FEW, _MANY = 4, 32


@dataclass(frozen=True)
class Batch:
    """One global batch. ``sources``, ``rows``, ``query_langs``, ``passage_langs`` are aligned, one entry per pair.

    ``rows`` are positions in the table of the pair's source.
    """

    kind: Kind
    sources: tuple[str, ...]
    rows: tuple[int, ...]
    query_langs: tuple[str, ...]
    passage_langs: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)


class HybridBatches:
    """A training run's batches as a pure function of (seed, step).

    *Hybrid* means that batches differ in the languages they mix: with ``{'monolingual': .5, 'crosslingual': .5}``, the
    paper's setting, a batch is in one language throughout with probability .5, and otherwise every pair joins a query
    and a passage of two different languages. A batch is drawn in this order: its kind by ``mix``; one source, among
    those that can fill a batch of the kind, with probability proportional to its eligible rows to the power of
    ``temperature``; the languages, uniformly among those with enough passages; the rows, by keyed permutations, so that
    no row of a stratum (rows of a source that exist in the same languages) comes again for a kind before all have been
    used in this epoch. No passage occurs twice in a batch, in whatever languages, so in-batch negatives need no mask: a
    row whose passage is there already is replaced by another of its stratum, whose own turn still comes.

    There is no state: any step can be asked for, at once, in any process. The cost of a batch does not depend on the
    number of rows; the plan of an epoch (kinds, sources and languages of its steps) is computed when first needed, and
    if the mix is a function, as far as the step that is asked for.

    Args:
        pairs: a :class:`ParallelPairs`.
        batch_size: pairs in a global batch (all processes together), at least 2.
        mix: probability of each kind, by name or :class:`Kind`, summing to 1; or a schedule of such mixes over the
            steps, a list ``[(0, mix), (1000, mix), ...]`` or a function of the step (:class:`MixSchedule`).
        temperature: 1 draws sources by size, 0 uniformly.
        seed: any integer.

    Raises:
        ValueError: an unusable argument, or a kind in the mix that no source can fill, with the reason.

    Example::

        batches = HybridBatches(pairs, batch_size=100, mix={'monolingual': .5, 'crosslingual': .5})
        batches.batch(0).kind              # <Kind.CROSSLINGUAL: 'crosslingual'>
        batches.preview(200).groupby('kind')['pairs'].sum()
    """

    def __init__(self, pairs, *, batch_size: int, mix: Mix, temperature: float = 1.0, seed: int = 0):
        if batch_size < 2:
            raise ValueError(f'batch_size is {batch_size}; in-batch negatives need at least 2 pairs')
        if not 0 <= temperature < float('inf'):
            raise ValueError(f'temperature is {temperature}; it is 0 (sources alike) to 1 (sources by size), or more')
        self.pairs, self.batch_size, self.temperature = pairs, index(batch_size), temperature
        self.seed, self.mix = index(seed), MixSchedule(mix)
        pools = [build_pools(kind, pairs.sources, self.batch_size) for kind in self.mix.kinds]
        self.plan = Plan(pools, self.mix, temperature=temperature, batch_size=self.batch_size, seed=self.seed)
        self._stratum_keys = [self._keys(pool) for pool in self.plan.pools]

    def _keys(self, pool: Pool) -> np.ndarray:
        """The keys of the permutations of a pool's strata: uint64 (s,)."""
        keys = [
            key_of(self.seed, 'rows', pool.kind, source.name, s.query_langs, s.passage_langs)
            for source, s in zip(pool.sources, pool.strata)
        ]
        return np.array(keys, dtype=np.uint64)

    def __len__(self) -> int:
        """Steps of an epoch: floor(rows that some kind of the mix can draw / batch_size)."""
        return len(self.plan)

    def batch(self, step: int) -> Batch:
        """The global batch of a step.

        Args:
            step: any integer from 0 on; ``step // len(self)`` is its epoch.

        Raises:
            ValueError: a negative step, a function's answer that is not a mix, or pairs that have changed since their
                import.
        """
        step = index(step)
        if step < 0:
            raise ValueError(f'step is {step}; steps count from 0')
        draw = self.plan.draw(step)
        pool = self.plan.pools[draw.pool]
        strata, positions = self._dealt(draw)
        rows = self._rows(draw, strata, positions)
        if pool.kind is Kind.MONOLINGUAL:
            drawn = np.full(self.batch_size, draw.deal)
        else:
            points = uniform(np.arange(self.batch_size), key_of(self.seed, 'pairs', step))
            drawn = (points[:, None] >= pool.pair_given_stratum[strata]).sum(axis=1)
        passages = _passages(pool, strata, rows)
        _, first = np.unique(passages, return_index=True)
        if len(first) < len(rows):
            slots = np.setdiff1d(np.arange(len(rows)), first)
            self._replace(draw, slots, strata, rows, positions, drawn, set(passages[first].tolist()))
        names, pairs = [source.name for source in pool.sources], pool.pairs
        drawn = drawn.tolist()
        return Batch(
            kind=pool.kind,
            sources=tuple([names[s] for s in strata.tolist()]),
            rows=tuple(rows.tolist()),
            query_langs=tuple([pairs[p][0] for p in drawn]),
            passage_langs=tuple([pairs[p][1] for p in drawn]),
        )

    def _dealt(self, draw: Draw) -> tuple[np.ndarray, np.ndarray]:
        """The stratum of each slot, and how many rows of it were dealt, in this epoch and for this kind, before."""
        allotment, slots = self.plan.allotments[draw.pool], draw.earlier * self.batch_size
        strata = allotment.shares(draw.epoch, draw.deal, slots[draw.deal] + np.arange(self.batch_size))
        order = np.argsort(strata, kind='stable')
        ordered = strata[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        sizes = np.diff(starts, append=len(strata))
        before = allotment.counts(draw.epoch, slots, ordered[starts])
        positions = np.empty_like(strata)
        positions[order] = np.repeat(before - starts, sizes) + np.arange(len(strata))
        return strata, positions

    def _rows(self, draw: Draw, strata: np.ndarray, positions: np.ndarray, ahead: np.ndarray | None = None):
        """The rows at positions of their strata's permutations, int64 (m,); each round of a stratum has its own one.

        With ``ahead`` they are replacements: that many rows further on in a second permutation of the same round.
        """
        pool = self.plan.pools[draw.pool]
        sizes = pool.sizes[strata]
        rounds, within = np.divmod(positions, sizes)
        if ahead is not None:
            within = (within + ahead) % sizes
        salt = np.uint64(key_of(draw.epoch, int(ahead is not None)))
        keys = mix64(rounds, self._stratum_keys[draw.pool][strata] ^ salt)
        return pool.starts[strata] + permute(within, sizes, keys)

    def _replace(self, draw: Draw, slots: np.ndarray, strata, rows, positions, drawn, seen: set[int]) -> None:
        """Gives slots the next row of a second permutation of their stratum whose passage is not in the batch.

        Changes ``strata`` and ``rows`` in place; ``seen`` holds the passages of the batch.
        """
        pool = self.plan.pools[draw.pool]
        where = np.repeat(strata[slots], _FEW)
        candidates = self._rows(draw, where, np.repeat(positions[slots], _FEW), np.tile(np.arange(_FEW), len(slots)))
        found = _passages(pool, where, candidates).reshape(-1, _FEW).tolist()
        for slot, options, of_option in zip(slots.tolist(), candidates.reshape(-1, _FEW).tolist(), found):
            for row, passage in zip(options, of_option):
                if passage not in seen:
                    seen.add(passage)
                    rows[slot] = row
                    break
            else:
                strata[slot], rows[slot] = self._search(draw, strata[slot], positions[slot], drawn[slot], seen)

    def _search(self, draw: Draw, stratum: int, position: int, pair: int, seen: set[int]) -> tuple[int, int]:
        """As :meth:`_replace`, for one slot and as far as it takes; returns the stratum and the row."""
        pool = self.plan.pools[draw.pool]
        for where, rows in self._candidates(draw, stratum, position, pair):
            for at, row, passage in zip(where.tolist(), rows.tolist(), _passages(pool, where, rows).tolist()):
                if passage not in seen:
                    seen.add(passage)
                    return at, row
        raise ValueError(
            f'step {draw.epoch * len(self) + draw.local}: source {pool.name!r} has fewer than {self.batch_size} '
            f'different passages for a {pool.kind.value} batch in {" -> ".join(pool.pairs[pair])}, though more were '
            'counted on import; the pairs folder has changed since, so import the pairs anew'
        )

    def _candidates(self, draw: Draw, stratum: int, position: int, pair: int) -> Iterator[tuple]:
        """Yields strata and rows, int64 (n,) each, that may replace a row.

        First all rows of its own stratum, then those of all other strata that serve the slot's languages: a keyed
        permutation of them together, so that strata are drawn in proportion to their rows.
        """
        pool = self.plan.pools[draw.pool]
        for ahead in _blocks(int(pool.sizes[stratum])):
            where = np.full(len(ahead), stratum)
            yield where, self._rows(draw, where, np.full(len(ahead), position), ahead)
        others = np.flatnonzero(pool.serves[:, pair])
        others = others[others != stratum]
        ends = np.cumsum(pool.sizes[others])
        key = key_of(self.seed, 'other strata', pool.kind, pool.name, draw.epoch)
        for ahead in _blocks(int(ends[-1]) if len(ends) else 0):
            places = permute((position + ahead) % ends[-1], ends[-1], key)
            at = np.searchsorted(ends, places, side='right')
            yield others[at], pool.starts[others[at]] + places - (ends - pool.sizes[others])[at]

    def preview(self, steps: int | Iterable[int]) -> pd.DataFrame:
        """Tabulates the composition of batches before training starts.

        Args:
            steps: the first so many steps, or the steps themselves.

        Returns:
            A frame with one row per step, source and language pair: ``step, kind, source, query_lang, passage_lang,
            pairs`` (the number of pairs).
        """
        steps = range(steps) if isinstance(steps, int) else steps
        return tabulate((step, self.batch(step)) for step in steps)

    def describe(self, steps: int | None = None) -> pd.DataFrame:
        """What can be drawn, and what cannot: one row per kind and source.

        Args:
            steps: of the run, where the mix changes over the steps; None for an epoch.

        Returns:
            A frame with ``kind, source, rows`` (that can be drawn), ``never_drawn`` (rows that cannot, for this kind),
            ``language_pairs`` (that have enough passages), ``probability`` (of a pair of the run being of this kind and
            source), ``left_out`` (why rows or languages are never drawn, a few of them named; empty where all are),
            ``too_few`` (the different passages of every language pair that has not enough) and ``absent`` (all
            languages without any pair of this kind).

        Raises:
            ValueError: fewer steps than 1, or a function's answer to one of them that is not a mix.
        """
        steps = len(self) if steps is None else index(steps)
        if steps < 1:
            raise ValueError(f'steps is {steps}; a run has at least 1 step')
        return drawable(self.pairs.sources, self.plan, mean_shares(self.mix, steps), self.batch_size)


def _blocks(stop: int) -> Iterator[np.ndarray]:
    """Yields the integers below ``stop`` in order, a few at a time."""
    for begin in range(0, stop, _MANY):
        yield np.arange(begin, min(begin + _MANY, stop))


def _passages(pool: Pool, strata: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The passage ids of rows: int64 (m,)."""
    sources = pool.sources
    if all(source is sources[0] for source in sources):
        return np.asarray(sources[0].passage_ids[rows])
    return np.array([sources[s].passage_ids[r] for s, r in zip(strata.tolist(), rows.tolist())], dtype=np.int64)

"""Hybrid batches: which pairs, in which languages, make up each training batch (arXiv 2408.10536, section 3)."""
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from .keyed import Allotment, key_of, mix64, permute, uniform
from .pools import Kind, Pool, build_pools

_CACHED_EPOCHS = 8


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


@dataclass(frozen=True)
class _Stream:
    """The batches that one pool gives in one language (monolingual), or in all of its language pairs together."""

    pool: int
    pair: int | None
    allotment: Allotment


class HybridBatches:
    """A training run's batches as a pure function of (seed, step).

    *Hybrid* means that batches differ in the languages they mix: with ``{'monolingual': .5, 'crosslingual': .5}``, the
    paper's setting, a batch is in one language throughout with probability .5, and otherwise every pair joins a query
    and a passage of two different languages. A batch is drawn in this order: its kind by ``mix``; one source, among
    those that can fill a batch of the kind, with probability proportional to its eligible rows to the power of
    ``temperature``; the languages, uniformly among those with enough rows; the rows, by keyed permutations, so that no
    row of a stratum (rows of a source that exist in the same languages) comes again for a kind before all have been
    used in this epoch. No passage occurs twice in a batch, in whatever languages, so in-batch negatives need no mask.

    There is no state: any step can be asked for, at once, in any process. The cost of a batch does not depend on the
    number of rows; the plan of an epoch (kinds, sources and languages of its steps) is computed when first needed.

    Args:
        pairs: a :class:`ParallelPairs`.
        batch_size: pairs in a global batch (all processes together), at least 2.
        mix: probability of each kind, by name or :class:`Kind`; must sum to 1.
        temperature: 1 draws sources by size, 0 uniformly.
        seed: any integer.

    Raises:
        ValueError: an unusable argument, or a kind of positive probability that no source can fill, with the reason.

    Example::

        batches = HybridBatches(pairs, batch_size=100, mix={'monolingual': .5, 'crosslingual': .5})
        batches.batch(0).kind              # <Kind.CROSSLINGUAL: 'crosslingual'>
        batches.preview(200).groupby('kind')['pairs'].sum()
    """

    def __init__(self, pairs, *, batch_size: int, mix: Mapping[str, float], temperature: float = 1.0, seed: int = 0):
        if batch_size < 2:
            raise ValueError(f'batch_size is {batch_size}; in-batch negatives need at least 2 pairs')
        if not temperature >= 0:
            raise ValueError(f'temperature is {temperature}; it is 0 (sources alike) to 1 (sources by size), or more')
        self.pairs, self.batch_size, self.temperature, self.seed = pairs, batch_size, temperature, seed
        self.mix = check_mix(mix)
        self._pools: list[Pool] = []
        probabilities = []
        for kind, share in self.mix.items():
            pools = build_pools(kind, pairs.sources, batch_size)
            if not pools:
                raise ValueError(_no_pool(kind, pairs, batch_size))
            weights = np.array([float(p.rows) for p in pools]) ** temperature
            self._pools += pools
            probabilities.append(share * weights / weights.sum())
        self._probabilities = np.concatenate(probabilities)
        self._streams: list[_Stream] = []
        self._streams_of_pool: list[list[int]] = []
        self._pair_cdf: list[np.ndarray | None] = []
        self._stratum_keys: list[np.ndarray] = []
        for i, pool in enumerate(self._pools):
            self._prepare(i, pool)
        self._plans: OrderedDict[int, tuple[np.ndarray, list[np.ndarray]]] = OrderedDict()
        eligible = {(s.name, t.start): t.stop - t.start for p in self._pools for s, t in zip(p.sources, p.strata)}
        self._steps = sum(eligible.values()) // batch_size

    def _prepare(self, index: int, pool: Pool) -> None:
        """The streams of a pool, and the keys of its strata's permutations."""
        first = len(self._streams)
        if pool.kind is Kind.MONOLINGUAL:
            self._pair_cdf.append(None)
            for a, pair in enumerate(pool.pairs):
                deal = Allotment(pool.serves[:, a] * pool.sizes, key_of(self.seed, 'deal', pool.kind, pool.name, pair))
                self._streams.append(_Stream(index, a, deal))
        else:
            marginal, cdf = pool.pair_given_stratum()
            self._pair_cdf.append(cdf)
            deal = Allotment(marginal, key_of(self.seed, 'deal', pool.kind, pool.name))
            self._streams.append(_Stream(index, None, deal))
        self._streams_of_pool.append(list(range(first, len(self._streams))))
        keys = [
            key_of(self.seed, 'rows', pool.kind, source.name, s.query_langs, s.passage_langs)
            for source, s in zip(pool.sources, pool.strata)
        ]
        self._stratum_keys.append(np.array(keys, dtype=np.uint64))

    def __len__(self) -> int:
        """Steps of an epoch: floor(eligible rows / batch_size)."""
        return self._steps

    def _plan(self, epoch: int) -> tuple[np.ndarray, list[np.ndarray]]:
        """The stream of each step of an epoch, and for each stream its steps in order."""
        if epoch not in self._plans:
            steps = np.arange(self._steps)
            pool = np.searchsorted(
                np.cumsum(self._probabilities)[:-1], uniform(steps, key_of(self.seed, 'source', epoch)), side='right'
            )
            sizes = np.array([len(s) for s in self._streams_of_pool])
            first = np.array([s[0] for s in self._streams_of_pool])
            language = uniform(steps, key_of(self.seed, 'language', epoch)) * sizes[pool]
            stream = first[pool] + np.minimum(language.astype(np.int64), sizes[pool] - 1)
            order = np.argsort(stream, kind='stable')
            bounds = np.searchsorted(stream[order], np.arange(len(self._streams) + 1))
            self._plans[epoch] = stream, [order[a:b] for a, b in pairwise(bounds)]
            if len(self._plans) > _CACHED_EPOCHS:
                self._plans.popitem(last=False)
        return self._plans[epoch]

    def batch(self, step: int) -> Batch:
        """The global batch of a step.

        Args:
            step: any integer from 0 on; ``step // len(self)`` is its epoch.

        Raises:
            ValueError: a negative step, or a batch for which too few different passages exist.
        """
        if step < 0:
            raise ValueError(f'step is {step}; steps count from 0')
        epoch, local = divmod(int(step), self._steps)
        stream_of_step, steps_of_stream = self._plan(epoch)
        stream = self._streams[stream_of_step[local]]
        pool = self._pools[stream.pool]

        done = int(np.searchsorted(steps_of_stream[stream_of_step[local]], local))
        strata = stream.allotment.shares(np.arange(done * self.batch_size, (done + 1) * self.batch_size))
        positions = self._positions(stream.pool, strata, local, steps_of_stream)
        rows = self._rows(stream.pool, strata, positions, epoch)

        if stream.pair is None:
            draws = uniform(np.arange(self.batch_size), key_of(self.seed, 'pairs', step))
            drawn = (draws[:, None] >= self._pair_cdf[stream.pool][strata]).sum(axis=1)
        else:
            drawn = np.full(self.batch_size, stream.pair)
        strata, rows = self._without_repeats(step, stream.pool, strata, rows, positions, drawn)
        return Batch(
            kind=pool.kind,
            sources=tuple(pool.sources[s].name for s in strata),
            rows=tuple(rows.tolist()),
            query_langs=tuple(pool.pairs[p][0] for p in drawn),
            passage_langs=tuple(pool.pairs[p][1] for p in drawn),
        )

    def _positions(self, pool: int, strata: np.ndarray, local: int, steps_of_stream: list[np.ndarray]) -> np.ndarray:
        """How many rows of its stratum were dealt, in this epoch and for this kind, before each slot of a batch."""
        unique, inverse = np.unique(strata, return_inverse=True)
        before = np.zeros(len(unique), dtype=np.int64)
        for s in self._streams_of_pool[pool]:
            slots = int(np.searchsorted(steps_of_stream[s], local)) * self.batch_size
            if slots:
                before += self._streams[s].allotment.counts(np.full(len(unique), slots), unique)
        order = np.argsort(inverse, kind='stable')
        starts = np.searchsorted(inverse[order], np.arange(len(unique)))
        within = np.empty(len(strata), dtype=np.int64)
        within[order] = np.arange(len(strata)) - starts[inverse[order]]
        return before[inverse] + within

    def _rows(self, pool: int, strata: np.ndarray, positions: np.ndarray, epoch: int, salt: int = 0) -> np.ndarray:
        """The rows at positions of their strata's permutations; a new permutation each time a stratum is used up."""
        sizes = self._pools[pool].sizes[strata]
        starts = np.array([s.start for s in self._pools[pool].strata], dtype=np.int64)[strata]
        rounds, within = np.divmod(positions, sizes)
        keys = mix64(rounds, self._stratum_keys[pool][strata] ^ np.uint64(key_of(epoch, salt)))
        return starts + permute(within, sizes, keys)

    def _without_repeats(self, step, pool: int, strata, rows, positions, drawn) -> tuple[np.ndarray, np.ndarray]:
        """Replaces rows whose passage already occurs in the batch by rows of each stratum's second permutation."""
        passages = self._passages(pool, strata, rows)
        _, first = np.unique(passages, return_index=True)
        if len(first) == len(rows):
            return strata, rows
        strata, rows, seen = strata.copy(), rows.copy(), set(passages[first].tolist())
        epoch = step // self._steps
        for slot in np.setdiff1d(np.arange(len(rows)), first):
            strata[slot], rows[slot] = self._replacement(
                step, pool, strata[slot], positions[slot], drawn[slot], seen, epoch
            )
        return strata, rows

    def _passages(self, pool: int, strata: np.ndarray, rows: np.ndarray) -> np.ndarray:
        sources = self._pools[pool].sources
        if all(source is sources[0] for source in sources):
            return np.asarray(sources[0].passage_ids[rows])
        return np.array([sources[s].passage_ids[r] for s, r in zip(strata, rows)], dtype=np.int64)

    def _replacement(self, step, pool: int, stratum: int, position: int, pair: int, seen: set, epoch: int):
        """The next row whose passage is not in the batch: of the slot's own stratum if it has one, else of another."""
        sizes, serves = self._pools[pool].sizes, self._pools[pool].serves
        others = [s for s in np.argsort(-sizes, kind='stable') if serves[s, pair] and s != stratum]
        for candidate in [stratum, *others]:
            for begin in range(0, int(sizes[candidate]), 32):
                tries = np.arange(begin, min(begin + 32, int(sizes[candidate])))
                where = np.full(len(tries), candidate)
                rows = self._rows(pool, where, (position + tries) % sizes[candidate], epoch, salt=1)
                for row, passage in zip(rows, self._passages(pool, where, rows).tolist()):
                    if passage not in seen:
                        seen.add(passage)
                        return candidate, row
        p = self._pools[pool]
        raise ValueError(
            f'step {step}: source {p.name!r} has fewer than {self.batch_size} different passages for a {p.kind.value} '
            f'batch in {" -> ".join(p.pairs[pair])}; use a smaller batch_size or leave the source out'
        )

    def preview(self, steps: int | Iterable[int]) -> pd.DataFrame:
        """Tabulates the composition of batches before training starts.

        Args:
            steps: the first so many steps, or the steps themselves.

        Returns:
            A frame with one row per step, source and language pair: ``step, kind, source, query_lang, passage_lang,
            pairs`` (the number of pairs).
        """
        frames = []
        for step in range(steps) if isinstance(steps, int) else steps:
            b = self.batch(step)
            frames.append(
                pd.DataFrame(
                    {'step': step, 'kind': b.kind.value, 'source': b.sources, 'query_lang': b.query_langs,
                     'passage_lang': b.passage_langs}
                )
            )  # fmt: skip
        columns = ['step', 'kind', 'source', 'query_lang', 'passage_lang']
        every = pd.concat(frames) if frames else pd.DataFrame(columns=columns)
        return every.groupby(columns, sort=True).size().rename('pairs').reset_index()

    def describe(self) -> pd.DataFrame:
        """What can be drawn, and what cannot: one row per kind and source.

        Returns:
            A frame with ``kind, source, rows`` (that can be drawn), ``never_drawn`` (rows that cannot, for this kind),
            ``language_pairs`` (that have enough rows), ``probability`` (of a batch being of this kind and source).
        """
        rows, pooled = [], [tuple(dict.fromkeys(s.name for s in p.sources)) for p in self._pools]
        for kind in self.mix:
            for source in self.pairs.sources:
                at = [i for i, p in enumerate(self._pools) if p.kind is kind and source.name in pooled[i]]
                pool = self._pools[at[0]] if at else None
                drawn = sum(t.stop - t.start for s, t in zip(pool.sources, pool.strata) if s is source) if pool else 0
                rows.append({
                    'kind': kind.value, 'source': source.name, 'rows': drawn, 'never_drawn': len(source) - drawn,
                    'language_pairs': len(pool.pairs) if pool else 0,
                    'probability': self._probabilities[at[0]] * drawn / pool.rows if pool else 0.0,
                })  # fmt: skip
        return pd.DataFrame(rows)


def check_mix(mix: Mapping[str, float]) -> dict[Kind, float]:
    """The mix with :class:`Kind` keys, in the enum's order, kinds of probability 0 left out.

    Raises:
        ValueError: an unknown kind, a negative probability, or a sum that is not 1.
    """
    kinds = [kind.value for kind in Kind]
    for name, share in mix.items():
        if name not in kinds:
            raise ValueError(f'mix names the kind {name!r}; the kinds are {", ".join(kinds)}')
        if not share >= 0:
            raise ValueError(f'mix gives {Kind(name).value} the probability {share}; it must be 0 or more')
    total = sum(mix.values())
    if abs(total - 1) > 1e-6:
        raise ValueError(f'mix sums to {total:g}; the probabilities of the kinds must sum to 1')
    given = {Kind(name): float(share) for name, share in mix.items()}
    return {kind: given[kind] for kind in Kind if given.get(kind, 0) > 0}


def _no_pool(kind: Kind, pairs, batch_size: int) -> str:
    sizes = ', '.join(f'{s.name} ({s.kind}, {len(s)} rows, {" ".join(s.languages)})' for s in pairs.sources)
    needs = {
        Kind.MONOLINGUAL: 'question-passage rows of which enough have query and passage in one language',
        Kind.CROSSLINGUAL: 'rows of which enough have a query and a passage in two different languages',
        Kind.MULTILINGUAL: 'question-passage rows of which enough share a pair of languages',
        Kind.MIXED: 'question-passage rows of which enough have query and passage in one language',
    }[kind]
    return (
        f'no source can fill a {kind.value} batch of {batch_size}: it takes {batch_size} {needs}. There are: {sizes}. '
        f'Use a smaller batch_size, other pairs, or a mix without {kind.value}'
    )

"""Which rows can serve which kind of batch: the pools that :class:`HybridBatches` draws from."""
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np


class Kind(str, Enum):
    """What the languages of a training batch have to do with each other."""

    #: X-X-mono of LAReQA (arXiv 2004.05484): one language for the whole batch.
    MONOLINGUAL = 'monolingual'
    #: X-Y: in every pair, the query and the passage are in two different languages.
    CROSSLINGUAL = 'crosslingual'
    #: Query and passage languages drawn independently for every pair, equal ones allowed.
    MULTILINGUAL = 'multilingual'
    #: X-X of LAReQA: one language on both sides of a pair, languages mixed inside the batch.
    MIXED = 'mixed'


def language_pairs(kind: Kind, source_kind: str, stratum) -> list[tuple[str, str]]:
    """The (query language, passage language) pairs that a stratum's rows can serve in a kind of batch.

    Bitext has no query side: with one language on both sides a text would be its own answer, so it serves
    cross-lingual batches only.
    """
    queries, passages = stratum.query_langs, stratum.passage_langs
    if kind is Kind.CROSSLINGUAL:
        return [(x, y) for x in queries for y in passages if x != y]
    if source_kind == 'bitext':
        return []
    if kind is Kind.MULTILINGUAL:
        return [(x, y) for x in queries for y in passages]
    return [(x, x) for x in queries if x in passages]


@dataclass(frozen=True)
class Pool:
    """The rows from which one batch of a kind can be filled: a source, or all sources too small for a batch together.

    Attributes:
        kind: the kind of batch.
        name: the source's name; the names joined by ``+`` for small sources pooled.
        sources, strata: aligned lists (s,), the strata that serve at least one language pair, and whose they are.
        pairs: the (query language, passage language) pairs with enough passages for a batch (a,).
        serves: bool (s, a).
    """

    kind: Kind
    name: str
    sources: list
    strata: list
    pairs: list[tuple[str, str]]
    serves: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Rows of each stratum: int64 (s,)."""
        return np.array([s.stop - s.start for s in self.strata], dtype=np.int64)

    @property
    def rows(self) -> int:
        """Rows that can be drawn for this kind."""
        return int(self.sizes.sum())

    def pair_given_stratum(self) -> tuple[np.ndarray, np.ndarray]:
        """Draws of a language pair and a stratum, turned round so that the stratum can be dealt first.

        The pair is to be uniform, and the stratum in proportion to its rows among those that serve the pair. That joint
        distribution is the same as dealing strata by their marginal and drawing the pair given the stratum.

        Returns:
            The marginal of the strata (s,), and the cumulative conditional of the pairs (s, a), float64.
        """
        weight = self.serves * self.sizes[:, None]
        joint = weight / weight.sum(axis=0)
        marginal = joint.sum(axis=1)
        cumulative = np.cumsum(joint, axis=1) / marginal[:, None]
        cumulative[:, -1] = 1.0
        return marginal / marginal.sum(), cumulative


def _pool(kind: Kind, sources: list, batch_size: int) -> Pool | None:
    served = [(source, s, language_pairs(kind, source.kind, s)) for source in sources for s in source.strata]
    passages: dict[tuple[str, str], int] = {}
    for _, stratum, pairs in served:
        for pair in pairs:
            passages[pair] = passages.get(pair, 0) + stratum.passages
    enough = sorted(pair for pair, n in passages.items() if n >= batch_size)
    index = {pair: i for i, pair in enumerate(enough)}
    served = [(source, s, [index[p] for p in pairs if p in index]) for source, s, pairs in served]
    served = [entry for entry in served if entry[2]]
    if not served:
        return None
    serves = np.zeros((len(served), len(enough)), dtype=bool)
    for i, (_, _, columns) in enumerate(served):
        serves[i, columns] = True
    name = '+'.join(dict.fromkeys(source.name for source, _, _ in served))
    return Pool(kind, name, [e[0] for e in served], [e[1] for e in served], enough, serves)


def build_pools(kind: Kind, sources: Iterable, batch_size: int) -> list[Pool]:
    """The pools of a kind: one per source that can fill a batch, and one of all the others if together they can.

    A source can fill a batch of a kind when at least one language pair (one language, for monolingual batches) is
    served by rows with ``batch_size`` different passages, since none occurs twice in a batch; only such pairs are ever
    drawn from it.

    Args:
        kind: the kind of batch.
        sources: of a :class:`ParallelPairs`, in order.
        batch_size: pairs in a global batch.
    """
    pools, small = [], []
    for source in sources:
        pool = _pool(kind, [source], batch_size)
        if pool is None:
            small.append(source)
        else:
            pools.append(pool)
    together = _pool(kind, small, batch_size) if len(small) > 1 else None
    return [*pools, together] if together else pools

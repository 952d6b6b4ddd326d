"""Hybrid batches: which pairs, in which languages, make up each training batch (arXiv 2408.10536, section 3)."""
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Real
from operator import index

import numpy as np
import pandas as pd

from pyterrier_hybrid.batches.composition import drawable, mean_shares, tabulate
from pyterrier_hybrid.batches.kinds import Kind
from pyterrier_hybrid.batches.mixes import Mix, MixSchedule
from pyterrier_hybrid.batches.plan import Plan
from pyterrier_hybrid.batches.rows import Rows
from pyterrier_hybrid.batches.supply import build_supplies
from pyterrier_hybrid.keyed import key_of, uniform
from pyterrier_hybrid.pairs.protocol import Pairs


@dataclass(frozen=True)
class Batch:
    """One global batch. ``sources``, ``rows``, ``query_langs``, ``passage_langs`` are aligned, one entry per pair.

    ``rows`` are positions in the table of the pair's source; ``step`` is the batch's own.
    """

    kind: Kind
    sources: tuple[str, ...]
    rows: tuple[int, ...]
    query_langs: tuple[str, ...]
    passage_langs: tuple[str, ...]
    step: int = field(compare=False)

    def __len__(self) -> int:
        return len(self.rows)


class HybridBatches:
    """A training run's batches as a pure function of (seed, step).

    *Hybrid* means that batches differ in the languages they mix: with ``{'monolingual': .5, 'crosslingual': .5}``, the
    paper's setting, a batch is in one language throughout with probability .5, and otherwise every pair joins a query
    and a passage of two different languages. A batch is drawn in this order:

    * its kind, by ``mix``;
    * one source among those that can fill a batch of the kind, by its eligible rows ** ``source_temperature``;
    * the languages, uniformly among those with enough passages;
    * the rows, by keyed permutations: within an epoch, all rows of a stratum (those of a source that exist in the same
      languages) are used for a kind before one is used again.

    No passage occurs twice in a batch, in any language, so in-batch negatives need no mask: a row whose passage is
    already in the batch is replaced by another row of its stratum, which keeps its own turn.

    There is no state: any process can compute any step directly. The cost of a batch does not depend on the number of
    rows. The plan of an epoch (kinds, sources and languages of its steps) is computed when it is first needed; if the
    mix is a function, only up to the step that is needed.

    Args:
        pairs: a :class:`ParallelPairs`.
        batch_size: pairs in a global batch (all processes together), at least 2.
        mix: probability of each kind, by name or :class:`Kind`, summing to 1; or a schedule of such mixes over the
            steps, a list ``[(0, mix), (1000, mix), ...]`` or a function of the step (:class:`MixSchedule`).
        source_temperature: 1 draws sources by size, 0 uniformly.
        seed: any integer.
        temperature: the former name of ``source_temperature``.

    Raises:
        ValueError: an unusable argument, or a kind in the mix that no source can fill, with the reason.

    Example::

        batches = HybridBatches(pairs, batch_size=100, mix={'monolingual': .5, 'crosslingual': .5})
        batches.batch(0).kind              # <Kind.CROSSLINGUAL: 'crosslingual'>
        batches.preview(200).groupby('kind')['pairs'].sum()
    """

    def __init__(
        self, pairs: Pairs, *, batch_size: int, mix: Mix, source_temperature: float = 1.0, seed: int = 0,
        temperature: float | None = None,
    ):  # fmt: skip
        if temperature is not None:
            warnings.warn('temperature= is source_temperature= now, as in train', FutureWarning, stacklevel=2)
            source_temperature = temperature
        if not isinstance(source_temperature, Real) or not 0 <= source_temperature < float('inf'):
            raise ValueError(
                f'source_temperature is {source_temperature!r:.80}; it is 0 (sources alike) to 1 (by size), or more'
            )
        self.pairs, self.batch_size = pairs, _whole(batch_size, 'batch_size')
        self.source_temperature = float(source_temperature)
        if self.batch_size < 2:
            raise ValueError(f'batch_size is {batch_size}; in-batch negatives need at least 2 pairs')
        self.seed, self.mix = _whole(seed, 'seed'), MixSchedule(mix)
        supplies = [build_supplies(kind, pairs.sources, self.batch_size) for kind in self.mix.kinds]
        self.plan = Plan(
            supplies, self.mix, source_temperature=source_temperature, batch_size=self.batch_size, seed=self.seed
        )
        self._rows = Rows(self.plan, self.seed)

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
        step = _whole(step, 'step')
        if step < 0:
            raise ValueError(f'step is {step}; steps count from 0')
        draw = self.plan.draw(step)
        supply = self.plan.supplies[draw.supply]
        strata, positions = self.plan.dealt(draw)
        points = uniform(np.arange(self.batch_size), key_of(self.seed, 'pairs', step))
        drawn = supply.pairs_of(draw.deal, strata, points)
        strata, rows = self._rows.fill(draw, strata, positions, drawn)
        pairs = [supply.pairs[pair] for pair in drawn.tolist()]
        return Batch(
            kind=supply.kind,
            sources=tuple([supply.sources[s].name for s in strata.tolist()]),
            rows=tuple(rows.tolist()),
            query_langs=tuple([x for x, _ in pairs]),
            passage_langs=tuple([y for _, y in pairs]),
            step=step,
        )

    def preview(self, steps: int | Iterable[int]) -> pd.DataFrame:
        """Tabulates the composition of batches before training starts.

        Args:
            steps: a number n, for the steps 0 to n - 1, or the steps themselves.

        Returns:
            A frame with one row per step, source and language pair: ``step, kind, source, query_lang, passage_lang,
            pairs`` (the number of pairs).
        """
        steps = steps if isinstance(steps, Iterable) else range(_whole(steps, 'steps'))
        return tabulate(map(self.batch, steps))

    def describe(self, steps: int | None = None) -> pd.DataFrame:
        """The rows that can be drawn and those that cannot: one row per kind and source.

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
        steps = len(self) if steps is None else _whole(steps, 'steps')
        if steps < 1:
            raise ValueError(f'steps is {steps}; a run has at least 1 step')
        return drawable(self.pairs.sources, self.plan, mean_shares(self.mix, steps), self.batch_size)


def _whole(value: object, name: str) -> int:
    try:
        return index(value)
    except TypeError:
        raise TypeError(f'{name} is {value!r:.80}; it must be a whole number') from None

"""The plan of an epoch: the supply and language from which each step's batch is drawn, and the rows that are due."""
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from threading import RLock
from typing import NamedTuple

import numpy as np

from pyterrier_hybrid.batches.allotment import Allotment
from pyterrier_hybrid.batches.mixes import MixSchedule
from pyterrier_hybrid.batches.supply import Supply
from pyterrier_hybrid.keyed import key_of, uniform

_CACHED_EPOCHS = 8
#: One thread at a time plans epochs. All plans share this lock, because a plan with a lock could not be pickled.
_PLANNING = RLock()


class Draw(NamedTuple):
    """The supply and deal from which a step's batch is drawn.

    Attributes:
        epoch, local: the step is the epoch's ``local``-th.
        supply: a position in the plan's supplies.
        deal: which of the supply's deals is used.
        earlier: int64 (deals,), how many earlier steps of the epoch used each of them.
    """

    epoch: int
    local: int
    supply: int
    deal: int
    earlier: np.ndarray


class Plan:
    """Draws each batch's kind by the mix, then its supply, and its language if it has only one.

    The draws of an epoch's steps are computed when they are first asked for, and those of the last few epochs are kept,
    16 bytes a step. A supply's allotment deals the slots of a batch, and counts earlier deals in closed form.

    Args:
        supplies: the supplies of each kind, in the order of ``mix.kinds``.
        mix: the probability of each kind.
        source_temperature: supplies of a kind are drawn by rows ** temperature.
        batch_size: pairs in a global batch.
        seed: any integer.

    Attributes:
        supplies: the supplies of all kinds in one list.
        shares: aligned with ``supplies``, the probability of each given its kind.
        allotments: aligned with ``supplies``.
    """

    def __init__(
        self, supplies: Sequence[Sequence[Supply]], mix: MixSchedule, *, source_temperature: float, batch_size: int,
        seed: int,
    ):  # fmt: skip
        self.supplies = [supply for of_kind in supplies for supply in of_kind]
        self._first = np.cumsum([0, *map(len, supplies)])
        self._mix, self._seed, self._batch_size = mix, seed, batch_size
        rows = [np.array([float(supply.rows) for supply in of_kind]) for of_kind in supplies]
        self.shares = np.concatenate([_powers(of_kind, source_temperature) for of_kind in rows])
        self.allotments = [
            Allotment(s.deal_weights, [key_of(seed, 'deal', s.kind, s.name, *deal) for deal in s.deals])
            for s in self.supplies
        ]
        deals = [len(supply.deals) for supply in self.supplies]
        self._deals, self._offsets = np.array(deals), np.cumsum([0, *deals])
        eligible = {(source.name, s) for supply in self.supplies for source, s in zip(supply.sources, supply.strata)}
        self._steps = sum(s.stop - s.start for _, s in eligible) // batch_size
        self._epochs: OrderedDict[int, tuple[array, list[array]]] = OrderedDict()

    def __len__(self) -> int:
        """Steps of an epoch: floor(rows that any kind can draw / batch_size)."""
        return self._steps

    def draw(self, step: int) -> Draw:
        """The draw of a step's batch; any step from 0 on."""
        epoch, local = divmod(step, self._steps)
        deal_of_step, steps_of_deal = self._planned(epoch, local)
        at = deal_of_step[local]
        supply = int(np.searchsorted(self._offsets, at, side='right')) - 1
        of_supply = steps_of_deal[self._offsets[supply] : self._offsets[supply + 1]]
        earlier = np.array([bisect_left(steps, local) for steps in of_supply], dtype=np.int64)
        return Draw(epoch, local, supply, at - int(self._offsets[supply]), earlier)

    def dealt(self, draw: Draw) -> tuple[np.ndarray, np.ndarray]:
        """The stratum of each slot of a draw, and how many of its rows were dealt before, in this epoch and supply.

        Returns:
            int64 (batch_size,) each.
        """
        allotment, slots = self.allotments[draw.supply], draw.earlier * self._batch_size
        strata = allotment.shares(draw.epoch, draw.deal, slots[draw.deal] + np.arange(self._batch_size))
        order = np.argsort(strata, kind='stable')
        ordered = strata[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        sizes = np.diff(starts, append=len(strata))
        before = allotment.counts(draw.epoch, slots, ordered[starts])
        positions = np.empty_like(strata)
        positions[order] = np.repeat(before - starts, sizes) + np.arange(len(strata))
        return strata, positions

    def _planned(self, epoch: int, local: int) -> tuple[array, list[array]]:
        """The deal of each step of an epoch, as an index into all supplies' deals, and each deal's steps in order.

        They reach to step ``local`` at least. If the mix is a function, no later step is planned, because it may be
        beyond the run. Otherwise the whole epoch is planned at once.
        """
        with _PLANNING:
            if epoch not in self._epochs:
                self._epochs[epoch] = array('q'), [array('q') for _ in range(self._offsets[-1])]
                if len(self._epochs) > _CACHED_EPOCHS:
                    self._epochs.popitem(last=False)
            deal_of_step, steps_of_deal = planned = self._epochs[epoch]
            if local >= len(deal_of_step):
                stop = local + 1 if self._mix.is_function else self._steps
                steps = np.arange(len(deal_of_step), stop, dtype=np.int64)
                deal = self._deals_of(epoch, steps)
                order = np.argsort(deal, kind='stable')
                drawn, first = np.unique(deal[order], return_index=True)
                for at, those in zip(drawn.tolist(), np.split(steps[order], first[1:])):
                    steps_of_deal[at].frombytes(those.tobytes())
                deal_of_step.frombytes(deal.tobytes())
            return planned

    def _deals_of(self, epoch: int, local: np.ndarray) -> np.ndarray:
        """The deals of some steps of an epoch, drawn independently: int64 (n,)."""
        supply = self._supplies_of(epoch, local)
        language = uniform(local, key_of(self._seed, 'language', epoch)) * self._deals[supply]
        return self._offsets[supply] + np.minimum(language.astype(np.int64), self._deals[supply] - 1)

    def _supplies_of(self, epoch: int, local: np.ndarray) -> np.ndarray:
        """The supplies of some steps of an epoch. One number in [0, 1) draws the kind, and the supply within it."""
        point = uniform(local, key_of(self._seed, 'source', epoch))
        shares = self._mix.shares(epoch * self._steps + local)
        bounds = np.cumsum(shares, axis=1)
        bounds /= bounds[:, -1:]  # exactly 1, so that no kind of probability 0 is drawn at the end
        kind = (point[:, None] >= bounds[:, :-1]).sum(axis=1)
        share = np.take_along_axis(shares, kind[:, None], axis=1)[:, 0]
        within = 1 - (np.take_along_axis(bounds, kind[:, None], axis=1)[:, 0] - point) / share
        supply = np.empty(len(local), dtype=np.int64)
        for k in range(shares.shape[1]):
            first, last = self._first[k], self._first[k + 1]
            of_kind, bounds = kind == k, np.cumsum(self.shares[first : last - 1])
            supply[of_kind] = first + np.searchsorted(bounds, within[of_kind], side='right')
        return supply


def _powers(rows: np.ndarray, power: float) -> np.ndarray:
    """The shares of sources in proportion to a power of their rows, float64; they sum to 1."""
    with np.errstate(over='ignore'):
        weights = rows**power
    weights = weights if np.isfinite(weights.sum()) else (rows / rows.max()) ** power
    return weights / weights.sum()

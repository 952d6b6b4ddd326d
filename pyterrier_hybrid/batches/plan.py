"""The plan of an epoch: from which pool, in which language, each step's batch is drawn."""
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from threading import RLock
from typing import NamedTuple

import numpy as np

from pyterrier_hybrid.batches.allotment import Allotment
from pyterrier_hybrid.batches.mixes import MixSchedule
from pyterrier_hybrid.batches.pools import Kind, Pool
from pyterrier_hybrid.keyed import key_of, uniform

_CACHED_EPOCHS = 8
#: Epochs are planned by one thread at a time. One lock for all plans, because a lock in a plan could not be pickled.
_PLANNING = RLock()


class Draw(NamedTuple):
    """What a step's batch is drawn from.

    Attributes:
        epoch, local: the step is the epoch's ``local``-th.
        pool: a position in the plan's pools.
        deal: which deal of the pool's allotment is used: a language of a monolingual pool, otherwise 0.
        earlier: int64 (deals,), how many earlier steps of the epoch used each deal of the pool.
    """

    epoch: int
    local: int
    pool: int
    deal: int
    earlier: np.ndarray


class Plan:
    """Kinds by the mix, one pool for each batch, and for monolingual batches one language.

    The draws of an epoch's steps are computed when they are first asked for, and the last few epochs are kept: 16 bytes
    a step. What a batch's slots get is dealt by each pool's allotment, whose past is counted in closed form.

    Args:
        pools: the pools of each kind, in the order of ``mix.kinds``.
        mix: the probability of each kind.
        temperature: pools of a kind are drawn by rows ** temperature.
        batch_size: pairs in a global batch.
        seed: any integer.

    Attributes:
        pools: the pools of all kinds in one list.
        shares: aligned with ``pools``, the probability of each given its kind.
        allotments: aligned with ``pools``.
    """

    def __init__(
        self, pools: Sequence[Sequence[Pool]], mix: MixSchedule, *, temperature: float, batch_size: int, seed: int
    ):
        self.pools = [pool for of_kind in pools for pool in of_kind]
        self._first = np.cumsum([0, *map(len, pools)])
        self._mix, self._seed = mix, seed
        weights = [np.array([float(pool.rows) for pool in of_kind]) ** temperature for of_kind in pools]
        self.shares = np.concatenate([w / w.sum() for w in weights])
        self.allotments = [self._allotment(pool) for pool in self.pools]
        deals = [len(pool.pairs) if pool.kind is Kind.MONOLINGUAL else 1 for pool in self.pools]
        self._deals, self._offsets = np.array(deals), np.cumsum([0, *deals])
        eligible = {(source.name, s) for pool in self.pools for source, s in zip(pool.sources, pool.strata)}
        self._steps = sum(s.stop - s.start for _, s in eligible) // batch_size
        self._epochs: OrderedDict[int, tuple[array, list[array]]] = OrderedDict()

    def __len__(self) -> int:
        """Steps of an epoch: floor(rows that any kind can draw / batch_size)."""
        return self._steps

    def _allotment(self, pool: Pool) -> Allotment:
        """Deals the slots of a pool's batches to its strata."""
        if pool.kind is Kind.MONOLINGUAL:
            keys = [key_of(self._seed, 'deal', pool.kind, pool.name, pair) for pair in pool.pairs]
            return Allotment((pool.serves * pool.sizes[:, None]).T, keys)
        return Allotment(pool.stratum_marginal[None], [key_of(self._seed, 'deal', pool.kind, pool.name)])

    def draw(self, step: int) -> Draw:
        """What the batch of a step is drawn from; any step from 0 on."""
        epoch, local = divmod(step, self._steps)
        deal_of_step, steps_of_deal = self._planned(epoch, local)
        at = deal_of_step[local]
        pool = int(np.searchsorted(self._offsets, at, side='right')) - 1
        of_pool = steps_of_deal[self._offsets[pool] : self._offsets[pool + 1]]
        earlier = np.array([bisect_left(steps, local) for steps in of_pool], dtype=np.int64)
        return Draw(epoch, local, pool, at - int(self._offsets[pool]), earlier)

    def _planned(self, epoch: int, local: int) -> tuple[array, list[array]]:
        """The deal (of all pools' deals in one list) of an epoch's steps, and each deal's steps in order.

        They reach to ``local`` at least. A function is asked for the mix of no later step, which may be beyond the run;
        any other mix is planned for the whole epoch at once.
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
        """The deals of some steps of an epoch, each by itself: int64 (n,)."""
        pool = self._pools_of(epoch, local)
        language = uniform(local, key_of(self._seed, 'language', epoch)) * self._deals[pool]
        return self._offsets[pool] + np.minimum(language.astype(np.int64), self._deals[pool] - 1)

    def _pools_of(self, epoch: int, local: np.ndarray) -> np.ndarray:
        """The pools of some steps of an epoch: one number in [0, 1) draws the kind, and within it the pool."""
        point = uniform(local, key_of(self._seed, 'source', epoch))
        shares = self._mix.shares(epoch * self._steps + local)
        bounds = np.cumsum(shares, axis=1)
        bounds /= bounds[:, -1:]  # exactly 1, so that no kind of probability 0 is drawn at the end
        kind = (point[:, None] >= bounds[:, :-1]).sum(axis=1)
        share = np.take_along_axis(shares, kind[:, None], axis=1)[:, 0]
        within = 1 - (np.take_along_axis(bounds, kind[:, None], axis=1)[:, 0] - point) / share
        pool = np.empty(len(local), dtype=np.int64)
        for k in range(shares.shape[1]):
            first, last = self._first[k], self._first[k + 1]
            of_kind, bounds = kind == k, np.cumsum(self.shares[first : last - 1])
            pool[of_kind] = first + np.searchsorted(bounds, within[of_kind], side='right')
        return pool

"""The rows of a batch: drawn in the order of keyed permutations, without using a passage twice."""
from collections.abc import Iterator

import numpy as np

from pyterrier_hybrid.batches.plan import Draw, Plan
from pyterrier_hybrid.keyed import key_of, mix64, permute

#: Candidates to replace a row: first for all slots together, then, if these fail, for one slot at a time.
_FEW, _MANY = 4, 32


class Rows:
    """Gives the slots of a batch their rows.

    Each stratum of a supply has a permutation of its rows for every round; a round ends when all rows of the stratum
    were used. A row whose passage is in the batch already is replaced by the next row of a second permutation of its
    stratum, or else of the other strata that serve its languages.

    Args:
        plan: of the same seed.
        seed: of the permutations.
    """

    def __init__(self, plan: Plan, seed: int):
        self._plan, self._seed = plan, seed
        self._keys = [
            np.array([
                key_of(seed, 'rows', supply.kind, source.name, s.query_langs, s.passage_langs)
                for source, s in zip(supply.sources, supply.strata)
            ], dtype=np.uint64)
            for supply in plan.supplies
        ]  # fmt: skip

    def fill(self, draw: Draw, strata: np.ndarray, positions: np.ndarray, pairs: np.ndarray) -> tuple:
        """The strata and rows of a batch's slots.

        Args:
            draw: of the batch.
            strata, positions: as of :meth:`Plan.dealt`.
            pairs: the language pair of each slot, int64 (n,).

        Returns:
            Strata and rows, int64 (n,) each. The strata are those given, except for some of the replaced rows.

        Raises:
            ValueError: a language pair has too few passages, because the pairs have changed since their import.
        """
        supply, strata = self._plan.supplies[draw.supply], strata.copy()
        rows = self._due(draw, strata, positions)
        passages = supply.passages(strata, rows)
        _, first = np.unique(passages, return_index=True)
        if len(first) == len(rows):
            return strata, rows
        slots, seen = np.setdiff1d(np.arange(len(rows)), first), set(passages[first].tolist())
        where = np.repeat(strata[slots], _FEW)
        candidates = self._due(draw, where, np.repeat(positions[slots], _FEW), np.tile(np.arange(_FEW), len(slots)))
        found = supply.passages(where, candidates).reshape(-1, _FEW).tolist()
        for slot, options, of_option in zip(slots.tolist(), candidates.reshape(-1, _FEW).tolist(), found):
            fresh = next((at for at, passage in enumerate(of_option) if passage not in seen), None)
            if fresh is None:
                strata[slot], rows[slot] = self._search(draw, strata[slot], positions[slot], pairs[slot], seen)
            else:
                seen.add(of_option[fresh])
                rows[slot] = options[fresh]
        return strata, rows

    def _due(self, draw: Draw, strata: np.ndarray, positions: np.ndarray, ahead: np.ndarray | None = None):
        """The rows at positions of their strata's permutations, int64 (m,). Each round has a permutation of its own.

        With ``ahead`` they are replacements: the rows ``ahead`` places further on in the round's second permutation.
        """
        supply = self._plan.supplies[draw.supply]
        sizes = supply.sizes[strata]
        rounds, within = np.divmod(positions, sizes)
        if ahead is not None:
            within = (within + ahead) % sizes
        salt = np.uint64(key_of(draw.epoch, int(ahead is not None)))
        keys = mix64(rounds, self._keys[draw.supply][strata] ^ salt)
        return supply.starts[strata] + permute(within, sizes, keys)

    def _search(self, draw: Draw, stratum: int, position: int, pair: int, seen: set[int]) -> tuple[int, int]:
        """Returns the stratum and row that replace a slot's row: the first with a new passage, which ``seen`` gets."""
        supply = self._plan.supplies[draw.supply]
        for where, rows in self._candidates(draw, stratum, position, pair):
            for at, row, passage in zip(where.tolist(), rows.tolist(), supply.passages(where, rows).tolist()):
                if passage not in seen:
                    seen.add(passage)
                    return at, row
        raise ValueError(
            f'step {draw.epoch * len(self._plan) + draw.local}: the source {supply.name!r} has too few passages for a '
            f'{supply.kind.value} batch in {" -> ".join(supply.pairs[pair])}, though more were counted on import; the '
            'pairs folder has changed since then, so import the pairs anew'
        )

    def _candidates(self, draw: Draw, stratum: int, position: int, pair: int) -> Iterator[tuple]:
        """Yields strata and rows, int64 (n,) each, that may replace a row.

        First come all rows of its own stratum, then those of all other strata that serve the slot's languages. The
        latter have one keyed permutation, so that strata are drawn in proportion to their rows.
        """
        supply = self._plan.supplies[draw.supply]
        for ahead in _blocks(int(supply.sizes[stratum])):
            where = np.full(len(ahead), stratum)
            yield where, self._due(draw, where, np.full(len(ahead), position), ahead)
        others = np.flatnonzero(supply.serves[:, pair])
        others = others[others != stratum]
        ends = np.cumsum(supply.sizes[others])
        key = key_of(self._seed, 'other strata', supply.kind, supply.name, draw.epoch)
        for ahead in _blocks(int(ends[-1]) if len(ends) else 0):
            places = permute((position + ahead) % ends[-1], ends[-1], key)
            at = np.searchsorted(ends, places, side='right')
            yield others[at], supply.starts[others[at]] + places - (ends - supply.sizes[others])[at]


def _blocks(stop: int) -> Iterator[np.ndarray]:
    """Yields the integers below ``stop`` in order, a few at a time."""
    for begin in range(0, stop, _MANY):
        yield np.arange(begin, min(begin + _MANY, stop))

"""The mix: how probable each kind of batch is, constant or scheduled over the steps."""
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from itertools import pairwise
from numbers import Real

import numpy as np

from pyterrier_hybrid.batches.kinds import Kind

#: What ``mix`` may be: probabilities, a list of (first step, probabilities), or a function of the step.
Mix = Mapping[str, float] | Sequence[tuple[int, Mapping[str, float]]] | Callable[[int], Mapping[str, float]]


def check_mix(mix: Mapping[str, float], where: str = 'mix') -> dict[Kind, float]:
    """Returns the mix with :class:`Kind` keys, in the enum's order, without kinds of probability 0.

    Args:
        mix: probability of each kind, by name or :class:`Kind`.
        where: the name of the argument, for messages.

    Raises:
        ValueError: not a mapping, an unknown kind, a negative probability, or a sum that is not 1.
    """
    if not isinstance(mix, Mapping):
        raise ValueError(
            f'{where} is {mix!r:.80}; it maps kinds of batches to probabilities, as in '
            "{'monolingual': .5, 'crosslingual': .5}"
        )
    kinds = [kind.value for kind in Kind]
    for name, share in mix.items():
        if name not in kinds:
            raise ValueError(f'{where} names the kind {name!r:.80}; the kinds are {", ".join(kinds)}')
        if not isinstance(share, Real) or not share >= 0:
            raise ValueError(f'{where} gives {Kind(name).value} the probability {share!r:.80}; it must be 0 or more')
    total = sum(mix.values())
    if not abs(total - 1) <= 1e-6:
        raise ValueError(f'{where} sums to {total:g}; the probabilities of the kinds must sum to 1')
    given = {Kind(name): float(share) for name, share in mix.items()}
    return {kind: given[kind] for kind in Kind if given.get(kind, 0) > 0}


class MixSchedule:
    """The probability of each kind of batch at every step.

    ``mix`` may be one of three things. A mapping of kinds to probabilities is constant. In a list ``[(0, mix), (1000,
    mix), ...]``, each mix counts from its step on. A function returns the mix of a step. It is called for a step, and
    for the steps before it in its epoch, when the step's batch is first needed, and never for later steps: it need not
    know a mix beyond the run. Every process calls it, so it must return the same mix for the same step. The mix of step
    0 must name every kind that will ever occur, if need be with probability 0, because the length of an epoch depends
    on them.

    Attributes:
        kinds: the kinds that occur, in the enum's order.
        is_function: whether a function is asked for the mixes.

    Raises:
        ValueError: what :func:`check_mix` refuses; a list that is empty, does not begin at step 0 or is not ascending.
    """

    def __init__(self, mix: Mix):
        self._function = mix if callable(mix) else None
        self.is_function = self._function is not None
        if self.is_function:
            first = self._function(0)
            check_mix(first, 'the mix of step 0')
            occurring = {Kind(name) for name in first}
        else:
            entries = [(0, mix)] if isinstance(mix, Mapping) else _check_entries(mix)
            where = 'mix' if isinstance(mix, Mapping) else 'the mix from step {} on'
            self._entries = [(step, check_mix(each, where.format(step))) for step, each in entries]
            occurring = {kind for _, each in self._entries for kind in each}
        self.kinds = tuple(kind for kind in Kind if kind in occurring)

    def shares(self, steps: np.ndarray) -> np.ndarray:
        """The probabilities at some steps.

        Args:
            steps: integers (n,).

        Returns:
            float64 (n, kinds); rows sum to 1.

        Raises:
            ValueError: a function's mix that is not one, or that names a kind which its mix of step 0 does not.
        """
        if self._function is None:
            table = np.array([self._row(mix) for _, mix in self._entries])
            return table[np.searchsorted([step for step, _ in self._entries], steps, side='right') - 1]
        return np.array([self._asked(int(step)) for step in steps]).reshape(len(steps), len(self.kinds))

    def _asked(self, step: int) -> list[float]:
        mix = check_mix(self._function(step), f'the mix of step {step}')
        new = [kind.value for kind in mix if kind not in self.kinds]
        if new:
            raise ValueError(
                f'the mix of step {step} has {", ".join(new)}, which the mix of step 0 does not name; name there every '
                'kind that will occur, with probability 0 if need be'
            )
        return self._row(mix)

    def _row(self, mix: Mapping[Kind, float]) -> list[float]:
        total = sum(mix.values())
        return [mix.get(kind, 0.0) / total for kind in self.kinds]

    def record(self, steps: int) -> dict | list:
        """Describes the schedule in plain mappings and lists, for the record of a run of ``steps`` steps.

        A function is described by a digest of the mixes that it returns.
        """
        if self._function is None:
            entries = [[step, {kind.value: share for kind, share in mix.items()}] for step, mix in self._entries]
            return entries[0][1] if len(entries) == 1 else entries
        shares = self.shares(np.arange(steps))
        return {
            'function': getattr(self._function, '__qualname__', type(self._function).__qualname__),
            'digest': blake2b(shares.tobytes(), digest_size=8).hexdigest(),
            'mean': {kind.value: round(share, 6) for kind, share in zip(self.kinds, shares.mean(axis=0).tolist())},
        }


def _check_entries(mix: object) -> list[tuple[int, object]]:
    """Returns the entries of a schedule given as a list; raises ValueError if they are not (first step, mix)."""
    if not isinstance(mix, Sequence) or isinstance(mix, str):
        check_mix(mix)
    for entry in mix:
        if not isinstance(entry, Sequence) or len(entry) != 2 or not isinstance(entry[0], int | np.integer):
            raise ValueError(f'mix has the entry {entry!r:.80}; a schedule is a list of (first step, mix)')
    steps = [int(step) for step, _ in mix]
    if not steps or steps[0] != 0:
        raise ValueError(f'a mix that is a list begins with (0, mix); this one begins {mix[:1]!r:.80}')
    for earlier, later in pairwise(steps):
        if later <= earlier:
            raise ValueError(f'the steps of a mix that is a list must ascend; {later} comes after {earlier}')
    return [(step, each) for step, (_, each) in zip(steps, mix)]

"""Work for the next step, done while the model is busy with this one."""
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Value = TypeVar('Value')


class Ahead(Generic[Value]):
    """A function of a step, whose value for the step after is computed in a thread as soon as one is asked for.

    Computing in torch leaves Python to other threads, so on a second core the work costs no time. An error is raised
    when the value is asked for.

    Args:
        compute: a pure function of a step and of what else it is given, such as a process's share of the batch.
        steps: none from this one on is computed ahead.
    """

    def __init__(self, compute: Callable[..., Value], steps: int):
        self._compute, self._steps = compute, steps
        self._thread = ThreadPoolExecutor(1, 'next-step')
        self._begun: dict[tuple[int, Hashable], Future[Value]] = {}

    def __call__(self, step: int, share: Hashable = None) -> Value:
        """The value for a step; that of the next one, for the same share, is begun."""
        value = self._begun.get((step, share)) or self._thread.submit(self._compute, step, share)
        following = (step + 1, share)
        self._begun = {following: self._thread.submit(self._compute, *following)} if step + 1 < self._steps else {}
        return value.result()

"""An encoder on several devices: a process for each, all with the same checkpoint, settings and precision."""
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.util import Finalize, is_exiting
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np
import torch

from pyterrier_hybrid.encoding.batching import WINDOW
from pyterrier_hybrid.encoding.sides import Side

if TYPE_CHECKING:
    from pyterrier_hybrid.encoding.encoder import HybridEncoder

#: Windows under way for each process, so that none is idle while results are taken.
AHEAD = 2


class EncoderPool:
    """Processes that encode with one checkpoint, one for each device. They end with this object, or with this process.

    Each makes the encoder by ``recipe`` (:meth:`HybridEncoder.recipe`) and has the weights in its memory. The processes
    on the CPU share this process's number of threads.
    """

    def __init__(self, recipe: 'Callable[..., HybridEncoder]', devices: Sequence[torch.device]):
        context = get_context('spawn')
        left = context.SimpleQueue()
        for device in devices:
            left.put(str(device))
        on_cpu = sum(device.type == 'cpu' for device in devices)
        threads = max(1, torch.get_num_threads() // max(1, on_cpu))
        self.size = len(devices)
        self._executor = ProcessPoolExecutor(
            self.size, mp_context=context, initializer=_begin, initargs=(recipe, left, threads)
        )
        self._process = os.getpid()
        # when this process ends, shut down before multiprocessing closes its queues, which have the priority 10
        Finalize(self, _shut_down, [self._executor], exitpriority=11)

    @property
    def is_here(self) -> bool:
        """Whether this process has started them. A process that was forked since cannot reach them."""
        return self._process == os.getpid()

    def encode(self, texts: Sequence[str], side: Side, batch_size: int) -> Iterator[np.ndarray]:
        """Encodes texts, a window in each task, and yields the windows' vectors in order.

        Raises ChildProcessError if a process was killed, or could not start.
        """
        starts, under_way = iter(range(0, len(texts), WINDOW)), []
        try:
            while True:
                while len(under_way) < AHEAD * self.size and (start := next(starts, None)) is not None:
                    under_way.append(self._submit(texts[start : start + WINDOW], side, batch_size))
                if not under_way:
                    return
                yield under_way.pop(0).result()
        except BrokenProcessPool:
            raise ChildProcessError(
                f'one of the {self.size} processes that encode was killed, perhaps because memory was short, or could '
                'not start (its message is above); give fewer devices or a smaller batch_size. A script that gives '
                "several devices needs the guard if __name__ == '__main__':"
            ) from None
        finally:
            for future in under_way:
                future.cancel()

    def _submit(self, texts: list[str], side: Side, batch_size: int) -> Future:
        return self._executor.submit(_encode, texts, side, batch_size)


def _shut_down(executor: ProcessPoolExecutor) -> None:
    """Ends the processes. If this process is exiting, waits for them: multiprocessing would wait and not end them."""
    executor.shutdown(wait=is_exiting(), cancel_futures=True)


def _begin(recipe: 'Callable[..., HybridEncoder]', left, threads: int) -> None:
    """Loads the encoder in a new process, on a device that no other process has taken."""
    global _encoder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and then this process
    Thread(target=lambda: (parent_process().join(), os._exit(1)), daemon=True).start()
    torch.set_num_threads(threads)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # the parent has given the warnings already
        _encoder = recipe(device=left.get())


def _encode(texts: list[str], side: Side, batch_size: int) -> np.ndarray:
    return _encoder.encode_side(texts, side, batch_size, verbose=False)

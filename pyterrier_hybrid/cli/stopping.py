"""Lets SIGTERM, with which batch systems end a job, end a command properly: temporary folders are removed."""
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: The exit code after SIGTERM, as in shells: 128 + SIGTERM.
TERMINATED = 143


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """A block in which the first SIGTERM raises SystemExit, with code 143. Later ones are ignored while it ends.

    Outside of the main thread, or if the signal has a handler already, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    own = os.getpid()

    def end(number, frame):
        if os.getpid() != own:  # a forked process has nothing to remove
            os._exit(TERMINATED)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(TERMINATED)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

"""Measures the anonymous memory of a process, which does not include mapped files."""
import threading
from pathlib import Path

_TICK = 0.005


def anonymous() -> int:
    """The anonymous memory of this process, in bytes (Linux)."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith('RssAnon:'):
            return 1024 * int(line.split()[1])
    raise OSError('/proc/self/status has no RssAnon: this is measured on Linux')


class AnonymousMemory:
    """A context that watches the process; ``before`` it and at its ``peak``, in bytes."""

    def __enter__(self) -> 'AnonymousMemory':
        self.before = self.peak = anonymous()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.peak = max(self.peak, anonymous())

    def _watch(self) -> None:
        while not self._done.wait(_TICK):
            self.peak = max(self.peak, anonymous())

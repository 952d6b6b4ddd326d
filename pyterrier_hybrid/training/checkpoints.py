"""Checkpoints of an unfinished run: each is complete or absent, and only the same run goes on from it."""
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from torch import OutOfMemoryError

from pyterrier_hybrid.training.processes import is_first, is_of_another_process, together

_PREFIX, _PARTIAL, _SETTINGS = 'checkpoint-', 'partial-', 'run.json'
_GO_ON = 'The last complete checkpoint is as it was, and resume=True goes on from it'


class Checkpoints:
    """The checkpoints of one run, in ``<run>.checkpoints`` beside the run's folder.

    A checkpoint is written under another name, flushed to the disk, and then renamed, so that whatever has the name
    ``checkpoint-<step>`` is complete. Older ones are removed after that: a failure in the middle of writing, such as a
    full disk, leaves the last one whole.

    Args:
        run: the run's folder.
        settings: everything that the weights depend on, as JSON values.
    """

    def __init__(self, run: Path, settings: dict):
        self.folder = self.of(run)
        self._settings = json.loads(json.dumps(settings))

    @staticmethod
    def of(run: Path) -> Path:
        """The folder of a run's checkpoints."""
        return run.with_name(f'{run.name}.checkpoints')

    def newest(self) -> Path | None:
        """The complete checkpoint of the latest step, or None.

        Raises:
            ValueError: it was written by a run with other settings; names them.
        """
        complete = sorted(self._complete(), key=_step)
        if not complete:
            return None
        written = json.loads((complete[-1] / _SETTINGS).read_text(encoding='utf-8'))
        differing = [name for name in {**written, **self._settings} if written.get(name) != self._settings.get(name)]
        if differing:
            told = '; '.join(f'{n} was {written.get(n)!r:.80}, is {self._settings.get(n)!r:.80}' for n in differing)
            raise ValueError(
                f'{complete[-1]} is of a run with other settings: {told}. Resume with the settings it began with, or '
                f'remove {self.folder} to begin anew'
            )
        return complete[-1]

    def _complete(self) -> list[Path]:
        return [path for path in self.folder.glob(f'{_PREFIX}*') if path.is_dir()]

    @contextmanager
    def writing(self, step: int) -> Iterator[Path]:
        """A folder in which ``checkpoint-<step>`` is to be written; published when the block ends without an error.

        Under many processes all of them enter the block, and write their parts; it is published by the first one, when
        all have ended theirs.
        """
        partial = self.folder / f'{_PARTIAL}{step}'
        try:
            with together():
                if is_first():
                    for unfinished in self.folder.glob(f'{_PARTIAL}*'):  # by this run or one that was killed
                        shutil.rmtree(unfinished, ignore_errors=True)
                    partial.mkdir(parents=True)
            with together(), told_of_writing(partial):
                yield partial
            with together():
                if is_first():
                    self._publish(partial / f'{_PREFIX}{step}')
        finally:
            if is_first():
                shutil.rmtree(partial, ignore_errors=True)

    def _publish(self, written: Path) -> None:
        """Gives a checkpoint its name once it is on the disk, and removes the older ones."""
        (written / _SETTINGS).write_text(json.dumps(self._settings, ensure_ascii=False) + '\n', encoding='utf-8')
        sync_tree(written)
        target = self.folder / written.name
        shutil.rmtree(target, ignore_errors=True)
        written.rename(target)
        _sync(self.folder)
        for older in self._complete():
            if older != target:
                shutil.rmtree(older)

    def check_none(self) -> None:
        """Raises FileExistsError if there is a complete checkpoint, from which a new run would not go on."""
        if any(self._complete()):
            raise FileExistsError(
                f'{self.folder} holds checkpoints of an unfinished run; go on with resume=True, or remove it'
            )

    def remove(self) -> None:
        """Removes all checkpoints."""
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def told_of_writing(folder: Path, then: str = _GO_ON) -> Iterator[None]:
    """A block that writes into a folder.

    Args:
        folder: which one.
        then: what is left, and what to do, for the error.

    Raises:
        OSError: the system's own; or one in the place of what safetensors and torch raise, which name no file.
    """
    try:
        yield
    except (SafetensorError, RuntimeError) as error:
        if isinstance(error, OutOfMemoryError) or is_of_another_process(error):
            raise
        raise OSError(
            f'{folder} cannot be written ({type(error).__name__}: {error!s:.200}); is the disk full? {then}'
        ) from error


def sync_tree(folder: Path) -> None:
    """Flushes a folder, with all that is in it, to the disk."""
    for path in folder.rglob('*'):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix(_PREFIX))

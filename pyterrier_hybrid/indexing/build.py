"""The unfinished build of an index: a folder beside it, in which a killed process leaves only whole parts."""
import fcntl
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from pyterrier_hybrid.indexing.publish import publish
from pyterrier_hybrid.indexing.storage import Collection, open_part, write_index, write_part


class Build:
    """The folder ``<path>.building``: what the build is based on, and its parts, in the order of the documents.

    Args:
        path: where the index will be.
    """

    def __init__(self, path: Path):
        self.path = path.resolve()  # a link to another disk stays one
        self.folder = self.path.with_name(f'{self.path.name}.building')
        self._lock = None

    def plan(self) -> dict | None:
        """What an interrupted build was to do: ``append``, and ``base``, the fingerprint of the index it found.

        None if there is no interrupted build.
        """
        plan = self.folder / 'plan.json'
        return json.loads(plan.read_text()) if plan.is_file() else None

    def parts(self) -> list[Collection]:
        """The finished parts."""
        return [open_part(folder) for folder in self._part_folders()]

    def is_empty(self) -> bool:
        """Whether there is no finished part."""
        return not self._part_folders()

    def _part_folders(self) -> list[Path]:
        return sorted(self.folder.glob('part-*[0-9]'))

    def lock(self) -> None:
        """Makes this process the only one that builds here, until it ends.

        Raises:
            ValueError: another process is building.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / 'lock').open('w')
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.unlock()
            raise ValueError(f'another process is building {self.path}; wait for it, or stop it') from None

    def unlock(self) -> None:
        """Lets others build here."""
        self._lock.close()

    def start(self, *, append: bool, base: str | None) -> None:
        """Starts afresh: drops the parts of an interrupted build, if any."""
        (self.folder / 'plan.json').unlink(missing_ok=True)
        for entry in self.folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
        unfinished = self.folder / 'plan.tmp'
        unfinished.write_text(json.dumps({'append': append, 'base': base}))
        unfinished.rename(self.folder / 'plan.json')

    def add(self, part: Collection) -> None:
        """Adds a part."""
        write_part(part, self.folder / f'part-{len(self._part_folders()):06}')

    def finish(self, collections: Sequence[Collection]) -> None:
        """Puts an index of the collections at the path, in one step, and removes the build."""
        write_index(collections, self.folder / 'index')
        publish(self.folder / 'index', self.path)
        self.remove()

    def remove(self) -> None:
        """Removes the build."""
        (self.folder / 'plan.json').unlink(missing_ok=True)  # first: without it, what is left counts for nothing
        shutil.rmtree(self.folder)

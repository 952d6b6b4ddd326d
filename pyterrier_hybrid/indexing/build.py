"""The unfinished build of an index: a working folder beside it, in which a killed process leaves only whole parts."""
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from pyterrier_hybrid.digests import check_contents
from pyterrier_hybrid.files import replace_text, resolved
from pyterrier_hybrid.indexing.storage import VECTORS, Collection, open_part, read_part_meta, write_index, write_part
from pyterrier_hybrid.publishing import discard, publish, scratch, scratches
from pyterrier_hybrid.stored import META, read_json

_PLAN = 'plan.json'
_REMEDY = "indexer(mode='create') or indexer(mode='overwrite') starts a new build"


class Build:
    """What the interrupted build of an index left, if anything, or a new build.

    Its methods that write are for whoever holds ``only_one`` of the index.

    Args:
        path: where the index will be.
    """

    def __init__(self, path: Path):
        self.path = resolved(path)
        self.folder = next((folder for folder in scratches(self.path) if (folder / _PLAN).is_file()), None)

    def plan(self) -> dict | None:
        """What the build does: ``append``, ``overwrite``; ``base``, the fingerprint of the index it found; ``result``,
        that of the index it has written, if it has come so far. None if there is no build.
        """
        return None if self.folder is None else read_json(self.folder / _PLAN)

    def parts(self) -> list[Collection]:
        """The finished parts, in the order of the documents."""
        return [open_part(folder) for folder in self._part_folders()]

    def verify(self) -> None:
        """Checks that the parts are as they were written.

        Raises:
            ValueError: a file has changed; names it.
        """
        for folder in self._part_folders():
            check_contents(folder, read_part_meta(folder)['files'], _REMEDY)

    def is_empty(self) -> bool:
        """Whether there is no finished part."""
        return not self._part_folders()

    def _part_folders(self) -> list[Path]:
        return [] if self.folder is None else sorted(self.folder.glob('part-*[0-9]'))

    def start(self, *, append: bool, overwrite: bool, base: str | None) -> None:
        """Starts afresh; drops an interrupted build."""
        self.discard()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.folder = scratch(self.path)
        self._write_plan({'append': append, 'overwrite': overwrite, 'base': base})

    def add(self, part: Collection) -> None:
        """Adds a part."""
        write_part(part, self.folder / f'part-{len(self._part_folders()):06}')

    def finish(self, collections: Sequence[Collection]) -> None:
        """Puts an index of the collections at the path, in one step, and removes the build."""
        index = self.folder / 'index'
        shutil.rmtree(index, ignore_errors=True)  # of a process that was killed
        index.mkdir()
        result = write_index(collections, index)
        plan = {**self.plan(), 'result': result}
        self._write_plan(plan)
        publish(index, self.path, mark=META, overwrite=plan['overwrite'], replaceable=(VECTORS,))
        self.discard()

    def discard(self) -> None:
        """Removes the build, and whatever else killed processes have left for this path."""
        for folder in scratches(self.path):
            discard(folder)
        self.folder = None

    def _write_plan(self, plan: dict) -> None:
        replace_text(self.folder / _PLAN, json.dumps(plan))

"""The unfinished build of an index: a working folder beside it, in which a killed process leaves only whole parts.

The rows of the index grow in it, where they will be; ``progress.json`` says up to where they are complete.
"""
import json
import math
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from pyterrier_hybrid.files import replace_text, resolved
from pyterrier_hybrid.indexing.rows import Collection, RowWriter, read_progress
from pyterrier_hybrid.indexing.storage import VECTORS, complete_index, open_rows, vectors_folder, write_collections
from pyterrier_hybrid.publishing import discard, publish, scratch, scratches
from pyterrier_hybrid.stored import META, read_json

_PLAN = 'plan.json'
#: Seconds between flushes of documents that come fast. Those of an encoder come slowly, and each part is flushed.
_EVERY = 2.0
_REMEDY = "indexer(mode='create') or indexer(mode='overwrite') starts a new build"


class Build:
    """What the interrupted build of the index at ``path`` left, if anything, or a new build.

    Its methods that write are for whoever holds ``only_one`` of the index.
    """

    def __init__(self, path: Path):
        self.path = resolved(path)
        self.folder = next((folder for folder in scratches(self.path) if (folder / _PLAN).is_file()), None)
        self._rows: RowWriter | None = None
        self._kept = -math.inf  # when

    def plan(self) -> dict | None:
        """What the build does: ``append``, ``overwrite``; ``precision`` and ``encoder`` of the vectors; ``base``, the
        fingerprint of the index it found; ``result``, that of the index it has written, if it has come so far. None if
        there is no build.
        """
        plan = None if self.folder is None else read_json(self.folder / _PLAN)
        return plan and {'precision': 'float32', **plan}

    def progress(self) -> dict:
        """What is complete: ``count`` documents, ``before`` of them of the index that is appended to, and more."""
        return (self.folder and read_progress(self.folder)) or {'count': 0, 'before': 0}

    def rows(self) -> Collection | None:
        """The documents that are complete, those of an index that is appended to before the others."""
        progress = self.progress()
        return open_rows(self._index, self.folder, progress) if progress['count'] else None

    def verify(self) -> None:
        """Checks that what is complete is as it was written; raises ValueError with the name of a changed file."""
        progress = self.progress()
        if progress['count']:
            self._open_rows(progress['vec_size'], progress['precision'], resume=True)

    def is_empty(self) -> bool:
        """Whether there is no document but those of an index that is appended to."""
        progress = self.progress()
        return progress['count'] == progress['before']

    def start(self, **plan: object) -> None:
        """Starts afresh, with a plan; drops an interrupted build."""
        self.discard()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.folder = scratch(self.path)
        self._write_plan(plan)

    def add(self, part: Collection, *, before: bool = False) -> None:
        """Adds documents, and keeps them if some time has gone since it did so last.

        ``before`` says whether they are those of the index that is appended to.
        """
        if self._rows is None:
            self._open_rows(part.vecs.shape[1], self.plan()['precision'])
        self._rows.append(part)
        self._before = self._rows.count if before else self._before
        if before or time.monotonic() > self._kept + _EVERY:
            self.keep()

    def keep(self) -> None:
        """Flushes to the disk the documents that were added; a process that is killed has not lost them."""
        if self._rows is not None:
            self._rows.keep(before=self._before)
            self._kept = time.monotonic()

    def finish(self, collections: Sequence[Collection] | None = None) -> None:
        """Puts the index at the path, in one step, and removes the build.

        ``collections`` are the documents of the index, if they were not added. Raises ValueError with a docno that
        occurs twice.
        """
        if collections is not None:
            shutil.rmtree(self._index, ignore_errors=True)  # of a process that was killed
            self._index.mkdir()
            meta = write_collections(collections, self._index, self.plan().get('precision'))
        else:
            meta = self._rows.finish()
        plan = self.plan()
        more = {} if plan.get('encoder') is None else {'encoder': plan['encoder']}
        plan['result'] = complete_index(meta, self._index, more)
        self._write_plan(plan)
        publish(self._index, self.path, mark=META, overwrite=plan['overwrite'], replaceable=(VECTORS,))
        self.discard()

    def close(self) -> None:
        """Closes the files."""
        if self._rows is not None:
            self._rows.close()
            self._rows = None

    @property
    def _index(self) -> Path:
        """Where the index is until it is published."""
        return self.folder / 'index'

    def _open_rows(self, vec_size: int, precision: str, *, resume: bool = False) -> None:
        self._index.mkdir(exist_ok=True)
        vectors = vectors_folder(self._index, precision)
        try:
            self._rows = RowWriter(self._index, vectors, vec_size, precision, self.folder, resume=resume)
        except (ValueError, FileNotFoundError) as error:
            raise ValueError(f'{error}: {_REMEDY}') from None
        self._before = self.progress()['before']

    def discard(self) -> None:
        """Removes the build, and whatever else killed processes have left for this path."""
        self.close()
        for folder in scratches(self.path):
            discard(folder)
        self.folder = None

    def _write_plan(self, plan: dict) -> None:
        replace_text(self.folder / _PLAN, json.dumps(plan))

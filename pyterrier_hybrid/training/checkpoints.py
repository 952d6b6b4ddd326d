"""Checkpoints of an unfinished run: each is complete or absent, and only the same run resumes from it."""
import json
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pyterrier_hybrid.digests import check_contents, list_files
from pyterrier_hybrid.files import sync_tree, writing
from pyterrier_hybrid.publishing import claim, discard, is_ours, scratch, sync
from pyterrier_hybrid.training.processes import gather, is_first, together

#: What to do when a disk is full.
REMEDY = 'The newest checkpoint is complete, if there is one, and resume=True resumes from it.'
_PREFIX, _PARTIAL, _RECORD = 'checkpoint-', 'partial-', 'run.json'


class Checkpoints:
    """The checkpoints of one run, in ``<run>.checkpoints`` beside the run's folder.

    A checkpoint is written under another name, flushed to the disk, and then renamed, so every folder with the name
    ``checkpoint-<step>`` is complete. Its ``run.json`` holds the settings of the run, and size and digest of every
    file. Older checkpoints are removed only afterwards, so a failure while writing leaves the last one.

    Args:
        run: the run's folder. Its caller holds :func:`only_one` of it.
        settings: everything that the weights depend on, as JSON values.
    """

    def __init__(self, run: Path, settings: Mapping[str, object]):
        self.folder, self._run, self._settings = self.of(run), run, settings

    @staticmethod
    def of(run: Path) -> Path:
        """The folder of a run's checkpoints."""
        return run.with_name(f'{run.name}.checkpoints')

    def newest(self) -> Path | None:
        """The newest undamaged checkpoint, or None if there is no checkpoint.

        Warns of a damaged one if it returns an older one instead.

        Raises:
            ValueError: all checkpoints are damaged; or a run with other settings wrote them. Names the file, or the
                settings.
        """
        damage = None
        for checkpoint in sorted(self._complete(), key=_step, reverse=True):
            try:
                written = _settings_of(checkpoint, f'remove {self.folder} to begin anew')
            except ValueError as error:
                damage = damage or error
                continue
            told = differences(written, self._settings)
            if told:
                raise ValueError(
                    f'{checkpoint} is of a run with other settings: {told}. Resume with the settings it began with, or '
                    f'remove {self.folder} to begin anew'
                )
            if damage:
                warnings.warn(f'{damage}; this run resumes from {checkpoint}, which is older', stacklevel=2)
            return checkpoint
        if damage:
            raise damage
        return None

    def _complete(self) -> list[Path]:
        return [path for path in self.folder.glob(f'{_PREFIX}*') if path.is_dir()] if is_ours(self.folder) else []

    @contextmanager
    def at_work(self, *, saving: bool) -> Iterator[Path]:
        """A block in which a run is trained. It yields a scratch folder, which all processes see.

        At its end, everything that a resumed run does not need is removed. With ``saving``, raises Exists (a
        FileExistsError) if something else has the name of the checkpoints' folder.
        """
        beside = None
        try:
            with together(), writing(self.folder, REMEDY):
                if is_first():
                    if saving:
                        claim(self.folder)
                    beside = scratch(self._run)
            yield gather(beside)[0]
        finally:
            if is_first():
                if beside is not None:
                    discard(beside)
                if not self._complete():
                    discard(self.folder)

    @contextmanager
    def writing(self, step: int) -> Iterator[Path]:
        """A folder in which to write ``checkpoint-<step>``; published when the block ends without an error.

        If there are many processes, all of them enter the block and write their parts. When all are done, the first one
        publishes the checkpoint.
        """
        partial = self.folder / f'{_PARTIAL}{step}'
        try:
            with together():
                if is_first():
                    for unfinished in self.folder.glob(f'{_PARTIAL}*'):  # left by a run that was killed
                        shutil.rmtree(unfinished, ignore_errors=True)
                    partial.mkdir()
            with together(), writing(partial, REMEDY):
                yield partial
            with together(), writing(partial, REMEDY):
                if is_first():
                    self._publish(partial / f'{_PREFIX}{step}')
        finally:
            if is_first():
                shutil.rmtree(partial, ignore_errors=True)

    def _publish(self, written: Path) -> None:
        """Flushes a checkpoint to the disk, gives it its name, and removes the older ones."""
        record = {'settings': self._settings, 'files': list_files(written)}
        (written / _RECORD).write_text(json.dumps(record, ensure_ascii=False) + '\n', encoding='utf-8')
        sync_tree(written)
        target = self.folder / written.name
        shutil.rmtree(target, ignore_errors=True)
        written.rename(target)
        sync(self.folder)
        for older in self._complete():
            if older != target:
                shutil.rmtree(older)

    def check_none(self) -> None:
        """Raises FileExistsError if there is a checkpoint, which a new run would lose."""
        if self._complete():
            raise FileExistsError(
                f'{self.folder} holds checkpoints of an unfinished run; use resume=True to resume it, or remove it'
            )

    def remove(self) -> None:
        """Removes all checkpoints."""
        discard(self.folder)


def has_checkpoint(run: Path) -> bool:
    """Whether there is a complete checkpoint of an unfinished run, damaged or not."""
    return bool(Checkpoints(run, {})._complete())


def differences(written: Mapping[str, object], now: Mapping[str, object]) -> str:
    """Says how the settings of two runs differ; empty if they do not. ``written`` was read from JSON.

    A backbone and a validation set are compared by their content, however their paths are spelled.
    """
    now = json.loads(json.dumps(now))  # turns tuples into lists, as in ``written``
    names = dict.fromkeys((*now, 'validation'))
    names.pop('backbone_fingerprint', None)
    differing = [name for name in names if _content(written, name) != _content(now, name)]
    return '; '.join(f'{name} was {_told(written, name)}, is {_told(now, name)}' for name in differing)


def _content(settings: Mapping, name: str) -> object:
    """The part of a setting that is compared."""
    value = settings.get(name)
    if name == 'backbone':
        return settings.get('backbone_fingerprint') or value
    return value['fingerprint'] if name == 'validation' and isinstance(value, Mapping) else value


def _told(settings: Mapping, name: str) -> str:
    """A setting as text, for a message."""
    fingerprint = settings.get('backbone_fingerprint') if name == 'backbone' else None
    return f'{settings.get(name)!r:.120}{f" ({fingerprint})" if fingerprint else ""}'


def _settings_of(checkpoint: Path, remedy: str) -> dict:
    """Returns the settings of the run that wrote a checkpoint; raises ValueError with the name of a damaged file."""
    try:
        record = json.loads((checkpoint / _RECORD).read_text(encoding='utf-8'))
        settings, files = record['settings'], record['files']
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{checkpoint / _RECORD} is damaged ({error!r:.80}): {remedy}') from None
    check_contents(checkpoint, files, remedy)
    return settings


def _step(checkpoint: Path) -> int:
    step = checkpoint.name.removeprefix(_PREFIX)
    return int(step) if step.isdecimal() else -1

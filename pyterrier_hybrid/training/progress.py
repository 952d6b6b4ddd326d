"""What of a run's progress the trainer's own checkpoints leave out."""
import json
import time
from pathlib import Path

_FILE = 'progress.json'


class Progress:
    """The losses since the last one that was logged, and the time: both as of a run that was never interrupted.

    Args:
        resume_from: a checkpoint, or None.
    """

    def __init__(self, resume_from: Path | None):
        self._saved = None if resume_from is None else json.loads((resume_from / _FILE).read_text(encoding='utf-8'))
        self._earlier, self._started = 0.0 if self._saved is None else self._saved['seconds'], time.monotonic()

    @property
    def seconds(self) -> float:
        """What the training took so far, of earlier attempts what led to the checkpoints that were gone on from."""
        return self._earlier + time.monotonic() - self._started

    def save(self, trainer, checkpoint: Path) -> None:
        """Writes the sum of the losses, a float32, the step of the last log and the time into a checkpoint's folder."""
        now = {'sum': trainer._tr_loss.item(), 'since': trainer._globalstep_last_logged, 'seconds': self.seconds}
        (checkpoint / _FILE).write_text(json.dumps(now) + '\n', encoding='utf-8')

    def go_on(self, trainer) -> None:
        """Gives the losses back; to be called in the first step, when the trainer has set its own to zero."""
        if self._saved is not None:
            trainer._tr_loss += self._saved['sum']
            trainer._globalstep_last_logged, self._saved = self._saved['since'], None

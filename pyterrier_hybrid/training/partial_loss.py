"""The losses since the last one that was logged, which the trainer's own checkpoints leave out."""
import json
from pathlib import Path

_FILE = 'partial_loss.json'


class PartialLoss:
    """Carries them over an interruption, so that a resumed run logs the losses of the uninterrupted one.

    Args:
        resume_from: a checkpoint, or None.
    """

    def __init__(self, resume_from: Path | None):
        self._saved = None if resume_from is None else json.loads((resume_from / _FILE).read_text(encoding='utf-8'))

    def save(self, trainer, checkpoint: Path) -> None:
        """Writes the sum of the losses, a float32, and the step of the last log into a checkpoint's folder."""
        partial = {'sum': trainer._tr_loss.item(), 'since': trainer._globalstep_last_logged}
        (checkpoint / _FILE).write_text(json.dumps(partial) + '\n', encoding='utf-8')

    def go_on(self, trainer) -> None:
        """Gives them back; to be called in the first step, when the trainer has set its own to zero."""
        if self._saved is not None:
            trainer._tr_loss += self._saved['sum']
            trainer._globalstep_last_logged, self._saved = self._saved['since'], None

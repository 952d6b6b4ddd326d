"""Early stopping: the figures of a validation set by step, the best of them, and when to stop."""
import json
from pathlib import Path

from safetensors.torch import load_file, save_file

_STATE, _WEIGHTS = 'validation.json', 'best.safetensors'


class EarlyStopping:
    """Watches one figure, and keeps the weights for which it was best.

    Decisions only depend on the figures, so processes with the same figures decide the same.

    Args:
        metric: the figure that counts; a loss is better when it is lower, any other when it is higher.
        patience: stop after this many evaluations in a row without a better figure than the best before them; None to
            go on to the end.
        keep_best: keep a copy of the best weights, in memory, for :meth:`restore`.

    Attributes:
        figures: ``{'step': 100, 'AP': .61, ...}`` of every evaluation.
        best_step: the step of the best figure, the first of equal ones; None before the first evaluation.
    """

    def __init__(self, metric: str, *, patience: int | None = None, keep_best: bool = False):
        self.metric, self.patience, self.keep_best = metric, patience, keep_best
        self.figures: list[dict] = []
        self.best_step: int | None = None
        self._weights: dict | None = None

    def update(self, step: int, figures: dict[str, float], model) -> bool:
        """Notes the figures of a step, by name, and copies the model's weights if they are the best so far.

        Returns whether to stop.
        """
        self.figures.append({'step': step, **figures})
        if self.best_step is None or self._value(self.figures[-1]) > self._value(self._best()):
            self.best_step = step
            if self.keep_best:
                weights = model.state_dict().items()
                self._weights = {name: w.detach().to('cpu', copy=True).contiguous() for name, w in weights}
        return self.patience is not None and self._without_better() >= self.patience

    def _value(self, figures: dict) -> float:
        """The figure that counts, higher when it is better."""
        value = figures[self.metric]
        return -value if self.metric.endswith('loss') else value

    def _best(self) -> dict:
        return next(each for each in self.figures if each['step'] == self.best_step)

    def _without_better(self) -> int:
        """Evaluations since the best one."""
        return sum(each['step'] > self.best_step for each in self.figures)

    def restore(self, model) -> None:
        """Gives a model the best weights, if they were kept."""
        if self._weights is not None:
            model.load_state_dict(self._weights)

    def save(self, folder: Path) -> None:
        """Writes everything into a checkpoint's folder."""
        state = {'figures': self.figures, 'best_step': self.best_step}
        (folder / _STATE).write_text(json.dumps(state) + '\n', encoding='utf-8')
        if self._weights is not None:
            save_file(self._weights, folder / _WEIGHTS)

    def load(self, folder: Path) -> None:
        """Restores what :meth:`save` has written."""
        state = json.loads((folder / _STATE).read_text(encoding='utf-8'))
        self.figures, self.best_step = state['figures'], state['best_step']
        if (folder / _WEIGHTS).is_file():
            self._weights = load_file(folder / _WEIGHTS)

    def record(self, steps: int | None = None) -> dict:
        """Returns for ``training.json``: ``figures``, ``best_step``, ``saved`` (which weights) and ``stopped`` (why).

        The last evaluation was after the last step. ``steps`` is the planned number of steps; None if all were done.
        """
        last = self.figures[-1]['step']
        if self.patience is not None and self._without_better() >= self.patience:
            stopped = f'no better {self.metric} in the {self.patience} evaluations up to step {last}'
        elif steps is not None and last < steps:
            stopped = f'a callback stopped it after {last} of {steps} steps'
        else:
            stopped = 'all steps were done'
        saved = f'the best, of step {self.best_step}' if self.keep_best else f'the last, of step {last}'
        return {'figures': self.figures, 'best_step': self.best_step, 'saved': saved, 'stopped': stopped}


def summary_of(validation: dict, metric: str) -> str:
    """A line on a validation: the best ``metric`` and its step, why training stopped, and which weights are saved."""
    best = next(each for each in validation['figures'] if each['step'] == validation['best_step'])
    return (
        f'best {metric} {best[metric]:.4f} at step {best["step"]:,}; {validation["stopped"]}; the weights are '
        f'{validation["saved"]}'
    )

"""The validation of a run in progress: when to evaluate, what the figures are, whether to stop."""
from operator import index
from pathlib import Path

from transformers import TrainerCallback

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.training.early_stopping import EarlyStopping
from pyterrier_hybrid.training.processes import gather, is_first, together
from pyterrier_hybrid.training.validation import ValidationSet

#: Evaluations of a run, where it is not said after how many steps.
EVALUATIONS = 10


class Monitor(TrainerCallback):
    """Tells the trainer when to evaluate, evaluates, and decides when to stop.

    Args:
        validation: the validation set; None for no validation, with which nothing else may be given.
        steps: of the run.
        eval_steps: evaluate after every so many steps, and after the last; None for a tenth of the run.
        patience, metric: see :class:`EarlyStopping`.
        load_best: end with the best weights and not with the last; None: where there is a patience.
        batch_size, temperature: of training, for the loss.

    Raises:
        ValueError: an unusable argument, or one that needs a validation set where there is none.
    """

    def __init__(
        self, validation: ValidationSet | None, *, steps: int, eval_steps: int | None, patience: int | None,
        metric: str, load_best: bool | None, batch_size: int, temperature: float,
    ):  # fmt: skip
        given = {'eval_steps': eval_steps, 'patience': patience, 'load_best_model_at_end': load_best or None}
        for name, value in given.items():
            if validation is None and value is not None:
                raise ValueError(f'{name} is {value}, but there is no validation to go by; give validation= as well')
        if validation is not None and metric not in validation.figure_names:
            raise ValueError(
                f'metric_for_best_model is {metric!r}; the figures of {validation.name} are '
                f'{", ".join(validation.figure_names)}'
            )
        if patience is not None and index(patience) < 1:
            raise ValueError(f'patience is {patience}; it must be at least 1 evaluation')
        if eval_steps is not None and not 1 <= index(eval_steps) <= steps:
            raise ValueError(
                f'eval_steps is {eval_steps}; it must be at least 1, and at most the {steps} steps of the run'
            )
        self.validation, self._batch_size, self._temperature = validation, batch_size, temperature
        self.eval_steps = max(1, steps // EVALUATIONS) if eval_steps is None else index(eval_steps)
        keep_best = patience is not None if load_best is None else load_best
        self.stopping = EarlyStopping(metric, patience=patience, keep_best=keep_best)

    def settings(self) -> dict:
        """What of it the weights depend on: for the record and the checkpoints; empty without validation."""
        if self.validation is None:
            return {}
        return {
            'validation': {
                'name': self.validation.name, 'fingerprint': self.validation.fingerprint,
                'questions': len(self.validation.queries), 'passages': len(self.validation.passages),
            },
            'eval_steps': self.eval_steps, 'patience': self.stopping.patience,
            'metric_for_best_model': self.stopping.metric, 'load_best_model_at_end': self.stopping.keep_best,
        }  # fmt: skip

    def on_step_end(self, args, state, control, **_):
        """Asks the trainer to evaluate, where it is time."""
        due = state.global_step % self.eval_steps == 0 or state.global_step >= state.max_steps
        if self.validation is not None and due:
            control.should_evaluate = True

    def evaluate(self, model) -> dict[str, float]:
        """The figures of a model in training, the same in every process: the first one computes them for all.

        Raises:
            ValueError: a vector that is not finite.
        """
        figures = None
        with together():
            if is_first():
                encoder = HybridEncoder.from_model(model)
                how = {'batch_size': self._batch_size, 'temperature': self._temperature}
                figures = self.validation.figures(encoder, **how)
        return gather(figures)[0]

    def save(self, checkpoint: Path) -> None:
        """Writes what a resumed run has to know into a checkpoint's folder."""
        if self.validation is not None:
            self.stopping.save(checkpoint)

    def load(self, checkpoint: Path) -> None:
        """Goes on from a checkpoint."""
        if self.validation is not None:
            self.stopping.load(checkpoint)

    def steps_done(self, steps: int) -> int:
        """How many of a run's steps were done, once it has ended."""
        return self.stopping.figures[-1]['step'] if self.validation is not None else steps

    def record(self) -> dict:
        """What came of it, for ``training.json``; empty without validation."""
        if self.validation is None:
            return {}
        return {'validation': {**self.settings()['validation'], **self.stopping.record()}}

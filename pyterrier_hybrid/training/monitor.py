"""The validation of a run in progress: when to evaluate, what the figures are, whether to stop."""
from transformers import TrainerCallback

from pyterrier_hybrid.encoding.encoder import HybridEncoder
from pyterrier_hybrid.training.arguments import TrainingArguments
from pyterrier_hybrid.training.early_stopping import EarlyStopping
from pyterrier_hybrid.training.lengths import given_lengths
from pyterrier_hybrid.training.processes import gather, is_first, together
from pyterrier_hybrid.training.validation import ValidationSet


class Monitor(TrainerCallback):
    """Tells the trainer when to evaluate, evaluates, and decides when to stop.

    ``arguments`` have a value for every default. Raises ValueError if their metric is not one of the set's figures.
    """

    def __init__(self, validation: ValidationSet, arguments: TrainingArguments):
        metric = arguments.metric_for_best_model
        if metric not in validation.figure_names:
            raise ValueError(
                f'metric_for_best_model is {metric!r}; the figures of {validation.name} are '
                f'{", ".join(validation.figure_names)}'
            )
        self._validation, self._arguments, self._lengths = validation, arguments, {}
        if arguments.encode_length is not None:
            lengths = given_lengths(arguments.encode_length, 'encode_length')
            self._lengths = dict(zip(('max_query_length', 'max_passage_length'), lengths))
        self.stopping = EarlyStopping(
            metric, patience=arguments.patience, keep_best=bool(arguments.load_best_model_at_end)
        )

    def on_step_end(self, args, state, control, **_):
        """Asks the trainer to evaluate, if it is time."""
        if state.global_step % self._arguments.eval_steps == 0 or state.global_step >= state.max_steps:
            control.should_evaluate = True

    def on_epoch_end(self, args, state, control, **_):
        """Asks for the figures of the last step, if a user's callback has stopped training between evaluations."""
        if not self.stopping.figures or self.stopping.figures[-1]['step'] < state.global_step:
            control.should_evaluate = True

    def evaluate(self, model) -> dict[str, float]:
        """Returns the figures of a model in training. The first process computes them for all.

        Raises ValueError if a vector is not finite.
        """
        figures = None
        with together():
            if is_first():
                figures = self._validation.figures(
                    HybridEncoder.from_model(model, **self._lengths), batch_size=self._arguments.batch_size,
                    temperature=self._arguments.temperature,
                )  # fmt: skip
        return gather(figures)[0]

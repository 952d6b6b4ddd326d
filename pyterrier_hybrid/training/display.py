"""What a run shows: a line before it, a progress bar, and a line after it."""
from datetime import timedelta

import pyterrier as pt
from transformers import TrainerCallback

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.training.early_stopping import summary_of

#: At most this many entries on rows that are never drawn are shown.
_SHOWN = 3


class Bar(TrainerCallback):
    """One progress bar, in a terminal and in a notebook, with the newest loss and the figure ``metric`` at its end."""

    def __init__(self, metric: str, disable: bool):
        self._metric, self._disable, self._shown = metric, disable, {}
        self.bar = None

    def on_train_begin(self, args, state, control, **kwargs) -> None:
        """Begins at the step that training begins or resumes at."""
        self.bar = pt.tqdm(
            total=state.max_steps, initial=state.global_step, desc='Training', unit='step', disable=self._disable
        )

    def on_step_end(self, args, state, control, **kwargs) -> None:
        """Moves to the current step."""
        self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:
        """Shows a new loss or figure."""
        for name, key in (('loss', 'loss'), (self._metric, f'eval_{self._metric}')):
            if key in (logs or {}):
                self._shown[name if key == 'loss' else f'validation {name}'] = f'{logs[key]:.3f}'
        self.bar.set_postfix(self._shown)

    def close(self) -> None:
        """Closes the bar and leaves it visible, also after an error."""
        if self.bar is not None:
            self.bar.close()


def say_left_out(batches: HybridBatches, steps: int) -> None:
    """Prints which rows of the pairs a plan never draws, and why."""
    table = batches.describe(steps)
    left_out = [
        f'{row.never_drawn:,} of {row.never_drawn + row.rows:,} rows of {row.source} for {row.kind} ({row.left_out})'
        for row in table[table['left_out'] != ''].itertuples()
    ]
    more = len(left_out) - _SHOWN
    if left_out:
        further = f', and {more} more, which HybridBatches.describe() lists' if more > 0 else ''
        print(f'never drawn from the pairs: {"; ".join(left_out[:_SHOWN])}{further}')


def say_summary(record: dict) -> None:
    """Prints what the record of a training says: steps, time, loss, and validation."""
    loss = f', loss {record["losses"][-1][1]:.3f}' if record['losses'] else ''
    line = f'trained {record["steps_done"]:,} steps in {timedelta(seconds=round(record["seconds"]))}{loss}'
    validation = record.get('validation')
    print(line if validation is None else f'{line}; {summary_of(validation, record["metric_for_best_model"])}')

"""The progress bar of a run in a terminal."""
from transformers import ProgressCallback


class Bar(ProgressCallback):
    """The trainer's bar, with the loss at its end instead of a line for every log; loggers are told everything."""

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:
        """Shows the newest loss."""
        if self.training_bar is not None and 'loss' in (logs or {}):
            self.training_bar.set_postfix(loss=f'{logs["loss"]:.3f}')


def show(trainer) -> None:
    """Gives a trainer this bar, where it has the plain one; a notebook's own stays."""
    if trainer.pop_callback(ProgressCallback) is not None:
        trainer.add_callback(Bar)

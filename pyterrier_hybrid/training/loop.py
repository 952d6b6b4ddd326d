"""The training loop: sentence-transformers' trainer, fed with the batches of a plan."""
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from transformers import PrinterCallback

from .batches import HybridBatches
from .checkpoints import Checkpoints
from .feed import ConsecutiveBatches, column_names, slot_table


class BatchTrainer(SentenceTransformerTrainer):
    """The trainer, stopping at a loss that is not finite, with checkpoints that are complete or absent.

    It tracks nothing for sentence-transformers' model card, which would encode a thousand training texts and show some
    of them.
    """

    def __init__(self, *, batches: HybridBatches, checkpoints: Checkpoints, **kwargs):
        self._batches, self._checkpoints = batches, checkpoints
        super().__init__(**kwargs)
        self.remove_callback(PrinterCallback)  # what prints every log line where there is no progress bar

    def add_model_card_callback(self, default_args_dict) -> None:
        """Adds none."""

    def training_step(self, model, inputs, num_items_in_batch=None) -> torch.Tensor:
        """A forward and backward pass; raises ValueError, before the weights are touched, if the loss is not finite."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        if not torch.isfinite(loss):
            step = self.state.global_step
            batch = self._batches.batch(step)
            rows = ', '.join(f'{source} {row}' for source, row in zip(batch.sources, batch.rows))
            raise ValueError(
                f'the loss is {loss.item()} at step {step}, a {batch.kind.value} batch; lower the learning rate, or '
                f'look at the rows of the batch: {rows}'
            )
        return loss

    def _save(self, output_dir=None, state_dict=None) -> None:
        self.model.save_pretrained(output_dir, create_model_card=False)

    def _save_checkpoint(self, model, trial) -> None:
        own = self.args.output_dir
        with self._checkpoints.writing(self.state.global_step) as folder:
            self.args.output_dir = str(folder)
            try:
                super()._save_checkpoint(model, trial)
            finally:
                self.args.output_dir = own


def fit(
    model, batches: HybridBatches, loss, folder: Path, checkpoints: Checkpoints, *, steps: int, learning_rate: float,
    weight_decay: float, warmup: float, seed: int, negatives: int, bf16: bool, gradient_checkpointing: bool,
    checkpoint_steps: int | None, resume_from: Path | None, verbose: bool,
) -> list[tuple[int, float]]:  # fmt: skip
    """Trains a model in place on the first ``steps`` batches of a plan.

    Args:
        model: a ``SentenceTransformer`` with prompts ``query`` and ``document``.
        batches: the plan.
        loss: of :func:`info_nce`.
        folder: scratch space of the trainer.
        checkpoints: where they go.
        resume_from: a checkpoint, or None.

    The other parameters are those of :func:`train`.

    Returns:
        (step, mean loss of the steps since the one before) at about a hundred steps.

    Raises:
        ValueError: a loss that is not finite; several devices in one process.
    """
    columns = column_names(negatives)
    on_cpu = model.device.type == 'cpu'
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=batches.batch_size,
        learning_rate=learning_rate, weight_decay=weight_decay, warmup_steps=int(warmup * steps),
        lr_scheduler_type='linear', batch_sampler=ConsecutiveBatches, seed=seed, bf16=bf16,
        save_strategy='no' if checkpoint_steps is None else 'steps', save_steps=checkpoint_steps or steps,
        logging_steps=max(1, steps // 100), logging_nan_inf_filter=False, report_to='none',
        disable_tqdm=not verbose, dataloader_num_workers=0, dataloader_pin_memory=not on_cpu,
        prompts={name: model.prompts['query' if name == 'query' else 'document'] for name in columns}, use_cpu=on_cpu,
    )  # fmt: skip
    if arguments.train_batch_size != batches.batch_size:
        raise ValueError(
            f'this process sees {arguments.n_gpu} devices, over which the trainer would spread batches of '
            f'{batches.batch_size}; show it one with CUDA_VISIBLE_DEVICES'
        )
    if gradient_checkpointing:  # not through the arguments, whose name for it changes between versions
        model.gradient_checkpointing_enable({'use_reentrant': False})
    trainer = BatchTrainer(
        batches=batches, checkpoints=checkpoints, model=model, args=arguments, loss=loss,
        train_dataset=slot_table(batches, steps, negatives),
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=None if resume_from is None else str(resume_from))
    return [(entry['step'], round(entry['loss'], 5)) for entry in trainer.state.log_history if 'loss' in entry]

"""The training loop: sentence-transformers' trainer, fed with the batches of a plan."""
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator
from transformers import PrinterCallback, TrainerCallback

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.encoding.backbones import is_static
from pyterrier_hybrid.encoding.checkpoint import save_checkpoint
from pyterrier_hybrid.training.bags import clip_sparse_grad_norm, is_bag, row_sparse
from pyterrier_hybrid.training.bar import show
from pyterrier_hybrid.training.checkpoints import Checkpoints
from pyterrier_hybrid.training.feed import ConsecutiveBatches, column_names, slot_table
from pyterrier_hybrid.training.monitor import Monitor
from pyterrier_hybrid.training.processes import count, is_first, mean, rank
from pyterrier_hybrid.training.progress import Progress
from pyterrier_hybrid.training.sparse_adamw import SparseAdamW
from pyterrier_hybrid.training.tokens import CachedTokens


class BatchTrainer(SentenceTransformerTrainer):
    """The trainer, stopping at a loss or gradient that is not finite, with checkpoints that are complete or absent.

    It tracks nothing for sentence-transformers' model card, which would encode a thousand training texts and show some
    of them.
    """

    def __init__(
        self, *, batches: HybridBatches, checkpoints: Checkpoints, monitor: Monitor, progress: Progress, **kwargs
    ):
        self._batches, self._checkpoints, self._monitor, self._progress = batches, checkpoints, monitor, progress
        super().__init__(**kwargs)
        self.add_callback(monitor)
        self.remove_callback(PrinterCallback)  # what prints every log line where there is no progress bar
        show(self)

    def add_model_card_callback(self, default_args_dict) -> None:
        """Adds none."""

    def training_step(self, model, inputs, num_items_in_batch=None) -> torch.Tensor:
        """A forward and backward pass; the loss is the mean over the processes.

        Raises:
            ValueError: in all processes, before the weights are touched: the loss is not finite; names the rows.
        """
        self._progress.go_on(self)
        loss = mean(super().training_step(model, inputs, num_items_in_batch))
        self._check_finite('loss', loss)
        return loss

    def _clip_grad_norm(self, model) -> torch.Tensor:
        """As training_step, where a loss is finite and its gradient is not."""
        if any(weight.grad is not None and weight.grad.is_sparse for weight in model.parameters()):
            norm = clip_sparse_grad_norm(model.parameters(), self.args.max_grad_norm)
        else:
            norm = super()._clip_grad_norm(model)
        self._check_finite('norm of the gradient', norm)
        return norm

    def _check_finite(self, name: str, value: torch.Tensor) -> None:
        if torch.isfinite(value):
            return
        step = self.state.global_step
        batch = self._batches.batch(step)
        ids = [self._batches.pairs[source].ids([row])[0] for source, row in zip(batch.sources, batch.rows)]
        rows = ', '.join(f'{source} {own}' for source, own in zip(batch.sources, ids))
        raise ValueError(
            f'the {name} is {value.item()} at step {step}, a {batch.kind.value} batch; lower the learning rate, or '
            f'look at the rows of the batch, by source and id: {rows}'
        )

    def evaluate(self, *args, **kwargs) -> dict[str, float]:
        """Evaluates on the validation set, logs the figures as ``eval_<name>``, and stops training where it is time."""
        figures = self._monitor.evaluate(self.model)
        logged = {f'eval_{name}': value for name, value in figures.items()}
        self.log(logged)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, logged)
        if self._monitor.stopping.update(self.state.global_step, figures, self.model):
            # no checkpoint: a run that goes on from it would not stop here
            self.control.should_training_stop, self.control.should_save = True, False
        return logged

    def _save(self, output_dir=None, state_dict=None) -> None:
        save_checkpoint(self.model, output_dir)

    def _save_checkpoint(self, model, trial) -> None:
        own = self.args.output_dir
        with self._checkpoints.writing(self.state.global_step) as folder:
            self.args.output_dir = str(folder)
            try:
                super()._save_checkpoint(model, trial)
            finally:
                self.args.output_dir = own
            if is_first():
                written = folder / f'checkpoint-{self.state.global_step}'
                self._monitor.save(written)
                self._progress.save(self, written)


def fit(
    model, batches: HybridBatches, loss, folder: Path, checkpoints: Checkpoints, *, steps: int, learning_rate: float,
    weight_decay: float, warmup: float, seed: int, negatives: int, token_dropout: float, bf16: bool,
    gradient_checkpointing: bool, checkpoint_steps: int | None, resume_from: Path | None, verbose: bool,
    monitor: Monitor, run_name: str, callbacks: Sequence[TrainerCallback],
) -> tuple[list[tuple[int, float]], float]:  # fmt: skip
    """Trains a model in place on the first ``steps`` batches of a plan.

    Args:
        model: a ``SentenceTransformer`` with prompts ``query`` and ``document``.
        batches: the plan.
        loss: of :func:`info_nce`.
        folder: scratch space of the trainer.
        checkpoints: where they go.
        resume_from: a checkpoint, or None.
        monitor: evaluates, stops, and in the end gives the model the weights that are to be saved.
        run_name: for loggers.
        callbacks: of :func:`loggers`.

    The other parameters are those of :func:`train`.

    Returns:
        (step, mean loss of the steps since the one before, and of the processes) at about a hundred steps; and the
        seconds that the training took, interruptions left out.

    Raises:
        ValueError: a loss that is not finite; several devices in one process.
    """
    tasks = {name: 'query' if name == 'query' else 'document' for name in column_names(negatives)}
    on_cpu = model.device.type == 'cpu'
    share = batches.batch_size // count()
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=share,
        learning_rate=learning_rate, weight_decay=weight_decay, warmup_steps=int(warmup * steps),
        lr_scheduler_type='linear', batch_sampler=ConsecutiveBatches, seed=seed, bf16=bf16,
        save_strategy='no' if checkpoint_steps is None else 'steps', save_steps=checkpoint_steps or steps,
        logging_steps=max(1, steps // 100), logging_nan_inf_filter=False, report_to='none', run_name=run_name,
        disable_tqdm=not verbose, dataloader_num_workers=0, dataloader_pin_memory=not on_cpu, dataloader_drop_last=True,
        prompts={name: model.prompts[task] for name, task in tasks.items()}, router_mapping=tasks, use_cpu=on_cpu,
        ddp_find_unused_parameters=not is_static(model),  # such as a transformer's pooler
    )  # fmt: skip
    if arguments.train_batch_size != share:
        raise ValueError(
            f'this process sees {arguments.n_gpu} devices, over which the trainer would spread batches of '
            f'{share}; show it one with CUDA_VISIBLE_DEVICES, or start a process for each with torchrun'
        )
    if gradient_checkpointing:  # not through the arguments, whose name for it changes between versions
        model.gradient_checkpointing_enable({'use_reentrant': False})
    sparse = is_bag(model)
    if token_dropout and not sparse:
        raise ValueError('token_dropout is for a bag of subwords with no further layers; leave it out')
    if sparse and not on_cpu and count() > 1:
        raise ValueError('a bag of subwords trains on CPUs or on one GPU; start one process, or pass device=\'cpu\'')
    progress = Progress(resume_from)
    trainer = BatchTrainer(
        batches=batches, checkpoints=checkpoints, monitor=monitor, progress=progress, model=model,
        args=arguments, loss=loss, train_dataset=slot_table(batches, steps, negatives), callbacks=[*callbacks],
        **(_sparse_parts(model, arguments) if sparse else {}),
    )  # fmt: skip
    if rank():  # the trainer gives all processes one seed, and so one pattern of dropout
        torch.manual_seed(seed + rank())
    if resume_from is not None:
        monitor.load(resume_from)
    with row_sparse(model, token_dropout) if sparse else nullcontext():
        trainer.train(resume_from_checkpoint=None if resume_from is None else str(resume_from))
    monitor.stopping.restore(model)
    losses = [(entry['step'], round(entry['loss'], 5)) for entry in trainer.state.log_history if 'loss' in entry]
    return losses, progress.seconds


def _sparse_parts(model, arguments: SentenceTransformerTrainingArguments) -> dict:
    """What the trainer is given to train a bag of subwords at the cost of the rows that occur in a batch."""
    optimizer = SparseAdamW(model.parameters(), lr=arguments.learning_rate, weight_decay=arguments.weight_decay)
    collator = SentenceTransformerDataCollator(CachedTokens(model[0].tokenizer), prompts=arguments.prompts)
    return {'optimizers': (optimizer, None), 'data_collator': collator}

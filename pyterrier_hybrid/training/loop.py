"""The training loop: sentence-transformers' trainer, fed with the batches of a plan."""
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator
from transformers import PrinterCallback, TrainerCallback

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.encoding.backbones import is_static
from pyterrier_hybrid.encoding.checkpoint import save_checkpoint
from pyterrier_hybrid.training.arguments import TrainingArguments
from pyterrier_hybrid.training.checkpoints import Checkpoints
from pyterrier_hybrid.training.display import Bar
from pyterrier_hybrid.training.feed import ConsecutiveBatches, column_names, slot_table
from pyterrier_hybrid.training.monitor import Monitor
from pyterrier_hybrid.training.objective import info_nce
from pyterrier_hybrid.training.packed import can_be_packed, packed
from pyterrier_hybrid.training.processes import count, is_first, mean, rank
from pyterrier_hybrid.training.seen_rows import SeenRowsAdamW, clip_grad_norm, large_table, sparse_gradient
from pyterrier_hybrid.training.static import CachedTokens, SparseAdamW, is_row_sparse, row_sparse

_PROGRESS = 'progress.json'


class Progress:
    """The parts of a run's progress that the trainer's own checkpoints leave out.

    These are the sum of the losses since the last log, the time and the tokens. They are counted as if the run had not
    been interrupted.
    """

    def __init__(self, resume_from: Path | None):
        self._saved = None if resume_from is None else json.loads((resume_from / _PROGRESS).read_text(encoding='utf-8'))
        earlier = self._saved or {}
        self._earlier, self._started = earlier.get('seconds', 0.0), time.monotonic()
        self.tokens = earlier.get('tokens', 0)

    @property
    def seconds(self) -> float:
        """The duration of the training so far; of an earlier attempt, the time up to the checkpoint resumed from."""
        return self._earlier + time.monotonic() - self._started

    def save(self, trainer, checkpoint: Path) -> None:
        """Writes into a checkpoint: the sum of the losses, a float32, the step of the last log, time and tokens."""
        now = {'sum': trainer._tr_loss.item(), 'since': trainer._globalstep_last_logged}
        now.update(seconds=self.seconds, tokens=self.tokens)
        (checkpoint / _PROGRESS).write_text(json.dumps(now) + '\n', encoding='utf-8')

    def restore(self, trainer) -> None:
        """Restores the sum of the losses. Call it in the first step, after the trainer has set its own sum to zero."""
        if self._saved is not None:
            trainer._tr_loss += self._saved['sum']
            trainer._globalstep_last_logged, self._saved = self._saved['since'], None


class SaveSteps(TrainerCallback):
    """Makes a resumed run save every ``save_steps`` of its own arguments; the trainer would take the checkpoint's."""

    def on_train_begin(self, args, state, control, **_):
        """Sets the trainer's state to the arguments' value."""
        state.save_steps = args.save_steps


class BatchTrainer(SentenceTransformerTrainer):
    """The trainer, which stops at a loss or gradient that is not finite, and whose checkpoints are complete or absent.

    It collects no data for sentence-transformers' model card, which would encode a thousand training texts and show
    some of them.
    """

    def __init__(
        self, *, batches: HybridBatches, checkpoints: Checkpoints, monitor: Monitor | None, progress: Progress, **kwargs
    ):
        self._batches, self._checkpoints, self._monitor, self._progress = batches, checkpoints, monitor, progress
        super().__init__(**kwargs)
        if monitor is not None:
            self.add_callback(monitor)
        self.remove_callback(PrinterCallback)  # it prints a line for every log

    def add_model_card_callback(self, default_args_dict) -> None:
        """Adds no callback."""

    def training_step(self, model, inputs, num_items_in_batch=None) -> torch.Tensor:
        """Runs a forward and backward pass; returns the mean of the loss over the processes.

        If it is not finite, raises ValueError with the rows, in all processes, before the weights are changed.
        """
        self._progress.restore(self)
        self._progress.tokens += self._tokens(inputs)
        loss = mean(super().training_step(model, inputs, num_items_in_batch))
        self._check_finite('loss', loss)
        return loss

    def _tokens(self, inputs: dict) -> int:
        """The tokens of a step's texts in all processes, with prefixes and special tokens, without padding."""
        features, _ = self.collect_features(inputs)
        own = sum(int(side['attention_mask'].sum()) if 'attention_mask' in side else side['input_ids'].numel()
                  for side in features)  # fmt: skip
        return round(mean(torch.tensor(float(own), device=self.args.device)).item() * count())

    def _clip_grad_norm(self, model) -> torch.Tensor:
        """Clips the gradient; raises as ``training_step`` if the gradient is not finite although the loss is."""
        if any(weight.grad is not None and weight.grad.is_sparse for weight in model.parameters()):
            norm = clip_grad_norm(model.parameters(), self.args.max_grad_norm)
        else:
            norm = super()._clip_grad_norm(model)
        self._check_finite('norm of the gradient', norm)
        return norm

    def get_optimizer_cls_and_kwargs(self, args, model=None) -> tuple[type, dict]:
        """Returns an AdamW that accepts sparse gradients of a large table."""
        _, kwargs = super().get_optimizer_cls_and_kwargs(args, model)
        return SeenRowsAdamW, kwargs

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
        """Evaluates on the validation set, logs the figures as ``eval_<name>``, and stops training if it is time.

        Without a validation set there is nothing to do when a callback asks for it.
        """
        if self._monitor is None:
            self.control.should_evaluate = False
            return {}
        figures = self._monitor.evaluate(self.model)
        logged = {f'eval_{name}': value for name, value in figures.items()}
        self.log(logged)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, logged)
        if self._monitor.stopping.update(self.state.global_step, figures, self.model):
            # Save no checkpoint here: a run that resumes from it would not stop.
            self.control.should_training_stop, self.control.should_save = True, False
        return logged

    def _save(self, output_dir=None, state_dict=None) -> None:
        save_checkpoint(self.model, output_dir)

    def _save_checkpoint(self, model, trial) -> None:
        if self.args.save_strategy == 'no':  # a callback has asked for a checkpoint, but there is no folder for it
            return
        own = self.args.output_dir
        with self._checkpoints.writing(self.state.global_step) as folder:
            self.args.output_dir = str(folder)
            try:
                super()._save_checkpoint(model, trial)
            finally:
                self.args.output_dir = own
            if is_first():
                written = folder / f'checkpoint-{self.state.global_step}'
                if self._monitor is not None:
                    self._monitor.stopping.save(written)
                self._progress.save(self, written)


def fit(
    model, batches: HybridBatches, arguments: TrainingArguments, *, folder: Path, checkpoints: Checkpoints,
    resume_from: Path | None, monitor: Monitor | None, run_name: str, callbacks: Sequence[TrainerCallback],
) -> dict:  # fmt: skip
    """Trains a ``SentenceTransformer`` with prompts ``query`` and ``document`` in place, on the first steps of a plan.

    ``arguments`` have a value for every default, ``folder`` is scratch space of the trainer, and ``monitor`` evaluates,
    stops, and in the end gives the model the weights that are to be saved.

    Returns:
        For the record: ``steps_done``; ``losses``, (step, mean loss of the steps since the one before, and of the
        processes) at about a hundred steps; ``seconds`` that the training took, without interruptions; ``tokens`` that
        the texts of all steps had.

    Raises:
        ValueError: a loss that is not finite; several devices in one process.
    """
    steps = arguments.steps
    tasks = {name: 'query' if name == 'query' else 'document' for name in column_names(arguments.negatives)}
    on_cpu = model.device.type == 'cpu'
    share = batches.batch_size // count()
    theirs = SentenceTransformerTrainingArguments(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=share,
        learning_rate=arguments.learning_rate, weight_decay=arguments.weight_decay,
        warmup_steps=int(arguments.warmup * steps), lr_scheduler_type='linear', batch_sampler=ConsecutiveBatches,
        seed=arguments.seed, bf16=arguments.bf16,
        save_strategy='no' if arguments.checkpoint_steps is None else 'steps',
        save_steps=arguments.checkpoint_steps or steps, optim='adamw_torch_fused', logging_steps=max(1, steps // 100),
        logging_nan_inf_filter=False, report_to='none', run_name=run_name, disable_tqdm=True,
        dataloader_num_workers=0, dataloader_pin_memory=not on_cpu, dataloader_drop_last=True,
        prompts={name: model.prompts[task] for name, task in tasks.items()}, router_mapping=tasks, use_cpu=on_cpu,
        ddp_find_unused_parameters=not is_static(model),  # such as the weights of a transformer's pooler
    )  # fmt: skip
    if theirs.train_batch_size != share:
        raise ValueError(
            f'this process sees {theirs.n_gpu} devices, over which the trainer would spread batches of {share}; show '
            'it one with CUDA_VISIBLE_DEVICES, or start a process for each with torchrun'
        )
    if arguments.gradient_checkpointing:  # not by their argument, whose name changes between versions
        model.gradient_checkpointing_enable({'use_reentrant': False})
    sparse = is_row_sparse(model)
    if sparse and not on_cpu and count() > 1:
        raise ValueError("a static embedding trains on CPUs or on one GPU; start one process, or pass device='cpu'")
    progress, bar = Progress(resume_from), Bar(arguments.metric_for_best_model, not arguments.verbose)
    trainer = BatchTrainer(
        batches=batches, checkpoints=checkpoints, monitor=monitor, progress=progress, model=model, args=theirs,
        loss=info_nce(model, arguments.temperature, arguments.mini_batch_size),
        train_dataset=slot_table(batches, steps, arguments.negatives),
        callbacks=[*callbacks, bar, SaveSteps()],
        **(_sparse_parts(model, theirs) if sparse else {}),
    )  # fmt: skip
    if rank():  # the trainer gives all processes the same seed, and so the same dropout
        torch.manual_seed(arguments.seed + rank())
    if monitor is not None and resume_from is not None:
        monitor.stopping.load(resume_from)
    with closing(bar), ExitStack() as faster:
        if sparse:
            faster.enter_context(row_sparse(model, arguments.token_dropout))
        elif (table := large_table(model)) is not None and count() == 1:
            faster.enter_context(sparse_gradient(table))
        if can_be_packed(model):
            faster.enter_context(packed(model))
        trainer.train(resume_from_checkpoint=None if resume_from is None else str(resume_from))
    if monitor is not None:
        monitor.stopping.restore(model)
    losses = [(entry['step'], round(entry['loss'], 5)) for entry in trainer.state.log_history if 'loss' in entry]
    return {
        'steps_done': trainer.state.global_step, 'losses': losses, 'seconds': round(progress.seconds, 1),
        'tokens': progress.tokens,
    }  # fmt: skip


def _sparse_parts(model, theirs: SentenceTransformerTrainingArguments) -> dict:
    """The trainer's parts for a static embedding. Their cost depends on the rows that occur in a batch only."""
    optimizer = SparseAdamW(model.parameters(), lr=theirs.learning_rate, weight_decay=theirs.weight_decay)
    collator = SentenceTransformerDataCollator(CachedTokens(model[0].tokenizer), prompts=theirs.prompts)
    return {'optimizers': (optimizer, None), 'data_collator': collator}

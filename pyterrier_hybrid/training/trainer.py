"""Training an encoder on hybrid batches, on sentence-transformers' trainer."""
import json
import os
import platform
import shutil
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.backbones import is_static, static_backbone

from .batches import HybridBatches
from .feed import ConsecutiveBatches, slot_table
from .objective import info_nce
from .vocabulary import balanced_texts

#: The paper's learning rate (arXiv 2408.10536, section 4.1), for pretrained transformers.
LEARNING_RATE = 3e-5
#: For a table of random subword vectors, which has to move by more than its own size; see ``INITIAL_SCALE``.
STATIC_LEARNING_RATE = 5e-2
RECORD = 'training.json'


def train(
    pairs,
    folder: str | os.PathLike,
    *,
    backbone,
    mix: Mapping[str, float],
    batch_size: int = 100,
    steps: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float = 1e-2,
    warmup: float = 0.1,
    temperature: float = 0.05,
    source_temperature: float = 1.0,
    query_prefix: str | None = None,
    passage_prefix: str | None = None,
    max_length: int | None = None,
    seed: int = 0,
    device: str | None = None,
    verbose: bool = True,
) -> HybridEncoder:
    """Trains a dual encoder with shared weights by InfoNCE over the passages of hybrid batches.

    The run folder appears whole, when training is complete: a sentence-transformers checkpoint with its prompts, and
    ``training.json``, the record of what was done.

    Args:
        pairs: a :class:`ParallelPairs`.
        folder: where the run goes; must not exist.
        backbone: ``'static'`` (a bag of subwords, its tokenizer trained on the pairs), the folder or hub name of any
            sentence-transformers or transformers checkpoint, or a ``SentenceTransformer``, which is trained in place.
        mix: probability of each kind of batch, see :class:`HybridBatches`.
        batch_size: pairs in a batch; the paper's is 100.
        steps: optimiser steps; None for one epoch of the plan.
        learning_rate: of AdamW at its peak; None for the paper's 3e-5, or .05 for a static backbone.
        weight_decay: of AdamW; the paper's is .01.
        warmup: share of the steps in which the learning rate rises linearly; after them it falls linearly to 0.
        temperature: of InfoNCE over cosines.
        source_temperature: 1 draws sources by size, 0 uniformly.
        query_prefix, passage_prefix: put before every text, and stored in the checkpoint; None for the paper's
            ``'Query: '`` and ``'Passage: '``, or none for a static backbone, where they would add one constant vector.
        max_length: tokens after which a text is cut; None for what the backbone says.
        seed: of the batches, the initial vectors and dropout.
        device: None for CUDA where there is some.
        verbose: show a progress bar.

    Returns:
        The trained encoder, read back from ``folder``.

    Raises:
        FileExistsError: ``folder`` exists.
        ValueError: an unusable mix or batch size, with the reason, before anything is trained; a loss that is not
            finite, with the step and the rows of its batch.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f'{folder} exists already; give another folder for this run, or remove it')
    batches = HybridBatches(pairs, batch_size=batch_size, mix=mix, temperature=source_temperature, seed=seed)
    steps = len(batches) if steps is None else steps
    if steps < 1:
        raise ValueError(f'steps is {steps}; training takes at least 1')

    model = _backbone(backbone, pairs, seed, device)
    static = is_static(model)
    prefixes = ('', '') if static else ('Query: ', 'Passage: ')
    query_prefix = prefixes[0] if query_prefix is None else query_prefix
    passage_prefix = prefixes[1] if passage_prefix is None else passage_prefix
    model.prompts = {'query': query_prefix, 'document': passage_prefix}
    if max_length is not None:
        model.max_seq_length = max_length
    if learning_rate is None:
        learning_rate = STATIC_LEARNING_RATE if static else LEARNING_RATE

    partial = folder.with_name(f'{folder.name}.training-{os.getpid()}')
    started = time.time()
    try:
        losses = _fit(
            model, batches, partial, steps=steps, learning_rate=learning_rate, weight_decay=weight_decay,
            warmup=warmup, temperature=temperature, seed=seed, verbose=verbose,
        )  # fmt: skip
        shutil.rmtree(partial, ignore_errors=True)
        model.save_pretrained(str(partial))
        record = {
            'backbone': backbone if isinstance(backbone, str) else type(model[0]).__name__,
            'mix': {kind.value: share for kind, share in batches.mix.items()},
            'pairs': pairs.fingerprint, 'batch_size': batch_size, 'steps': steps, 'epochs': steps / len(batches),
            'learning_rate': learning_rate, 'weight_decay': weight_decay, 'warmup': warmup,
            'temperature': temperature, 'source_temperature': source_temperature, 'query_prefix': query_prefix,
            'passage_prefix': passage_prefix, 'max_length': max_length, 'seed': seed,
            'seconds': round(time.time() - started, 1), 'losses': losses, 'python': platform.python_version(),
            'versions': {p: version(p) for p in ('pyterrier-hybrid', 'sentence-transformers', 'transformers', 'torch')},
        }  # fmt: skip
        (partial / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')
        os.rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return HybridEncoder(folder, device=device)


def _backbone(backbone, pairs, seed: int, device: str | None):
    """The model to be trained, on its device."""
    from sentence_transformers import SentenceTransformer

    if isinstance(backbone, SentenceTransformer):
        return backbone if device is None else backbone.to(device)
    if backbone == 'static':
        model = static_backbone(balanced_texts(pairs), seed=seed)
        return model.to(device or 'cpu')
    return HybridEncoder(backbone, normalize=True, device=device, dtype='float32').model


def _fit(model, batches, folder, *, steps, learning_rate, weight_decay, warmup, temperature, seed, verbose):
    """Runs the trainer over the first ``steps`` batches of the plan; returns the logged losses as (step, loss)."""
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from transformers import PrinterCallback

    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=batches.batch_size,
        learning_rate=learning_rate, weight_decay=weight_decay, warmup_steps=int(warmup * steps),
        lr_scheduler_type='linear', batch_sampler=ConsecutiveBatches, seed=seed, save_strategy='no',
        logging_steps=max(1, steps // 100), report_to='none', disable_tqdm=not verbose, dataloader_num_workers=0,
        prompts={'query': model.prompts['query'], 'passage': model.prompts['document']},
        use_cpu=model.device.type == 'cpu',
    )  # fmt: skip
    model.model_card_data.generate_widget_examples = False  # encodes training texts for a web page
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=slot_table(batches, steps),
        loss=info_nce(model, temperature),
        callbacks=[_stop_on_nan(batches)],
    )
    trainer.remove_callback(PrinterCallback)  # what prints every log line where there is no progress bar
    trainer.train()
    return [(entry['step'], round(entry['loss'], 5)) for entry in trainer.state.log_history if 'loss' in entry]


def _stop_on_nan(batches: HybridBatches):
    """A callback that ends training at a logged loss that is not finite."""
    from transformers import TrainerCallback

    class StopOnNaN(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **kwargs):
            loss = (logs or {}).get('loss', 0.0)
            if not np.isfinite(loss):
                batch = batches.batch(state.global_step - 1)
                rows = ', '.join(f'{source} {row}' for source, row in zip(batch.sources[:5], batch.rows[:5]))
                raise ValueError(
                    f'the loss is {loss} at step {state.global_step - 1} (a {batch.kind.value} batch; its first rows: '
                    f'{rows}); lower the learning rate or look at these rows'
                )

    return StopOnNaN()

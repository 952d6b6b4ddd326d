"""Training an encoder on hybrid batches, on sentence-transformers' trainer."""
import os
import shutil
import sys
import time
from operator import index
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.backbones import is_static, static_backbone
from pyterrier_hybrid.encoding.checkpoint import progress_bar

from .batches import HybridBatches
from .checkpoints import Checkpoints, sync_tree
from .loop import fit
from .mixes import Mix
from .objective import info_nce
from .record import write_card, write_record
from .vocabulary import balanced_texts

#: The paper's learning rate (arXiv 2408.10536, section 4.1), for pretrained transformers.
LEARNING_RATE = 3e-5
#: For a table of random subword vectors, which has to move by more than its own size; see ``INITIAL_SCALE``.
STATIC_LEARNING_RATE = 5e-2


def train(
    pairs,
    folder: str | os.PathLike,
    *,
    backbone,
    mix: Mix,
    batch_size: int = 100,
    steps: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float = 1e-2,
    warmup: float = 0.1,
    temperature: float = 0.05,
    source_temperature: float = 1.0,
    negatives: int = 0,
    query_prefix: str | None = None,
    passage_prefix: str | None = None,
    max_length: int | None = None,
    mini_batch_size: int | None = None,
    bf16: bool = False,
    gradient_checkpointing: bool = False,
    checkpoint_steps: int | None = None,
    resume: bool = False,
    seed: int = 0,
    device: str | None = None,
    verbose: bool = True,
) -> HybridEncoder:
    """Trains a dual encoder with shared weights by InfoNCE over the passages of hybrid batches.

    The run folder appears whole, when training is complete: a sentence-transformers checkpoint with its prompts,
    ``training.json``, the record of what was done, and a model card. Checkpoints on the way are kept beside it, in
    ``<folder>.checkpoints``, until then.

    Args:
        pairs: a :class:`ParallelPairs`.
        folder: where the run goes; must not exist.
        backbone: ``'static'`` (a bag of subwords, its tokenizer trained on the pairs), the folder or hub name of any
            sentence-transformers or transformers checkpoint, or a ``SentenceTransformer``, which is trained in place.
        mix: probability of each kind of batch, or a schedule of such mixes, see :class:`HybridBatches`.
        batch_size: pairs in a batch; the paper's is 100.
        steps: optimiser steps; None for one epoch of the plan.
        learning_rate: of AdamW at its peak; None for the paper's 3e-5, or .05 for a static backbone.
        weight_decay: of AdamW; the paper's is .01.
        warmup: share of the steps in which the learning rate rises linearly; after them it falls linearly to 0.
        temperature: of InfoNCE over cosines.
        source_temperature: 1 draws sources by size, 0 uniformly.
        negatives: hard negatives for each pair, out of those given in the pairs, see :func:`batch_negatives`.
        query_prefix, passage_prefix: put before every text, and stored in the checkpoint; None for the paper's
            ``'Query: '`` and ``'Passage: '``, or none for a static backbone, where they would add one constant vector.
        max_length: tokens after which a text is cut; None for what the backbone says. Not for a static backbone.
        mini_batch_size: encode a batch in parts of so many texts, in the memory of one (GradCache), see
            :func:`info_nce`; not for a static backbone.
        bf16: compute in bfloat16, with weights in float32.
        gradient_checkpointing: compute activations again in the backward pass instead of keeping them; less memory,
            more time; not for a static backbone.
        checkpoint_steps: save a checkpoint every so many steps; None for none.
        resume: go on from the newest complete checkpoint of this run, if there is one. On a CPU the result is the same,
            bit for bit, as without the interruption.
        seed: of the batches, the initial vectors and dropout.
        device: None for CUDA where there is some.
        verbose: show a progress bar, and tell beforehand what of the pairs is never drawn.

    Returns:
        The trained encoder, read back from ``folder``.

    Raises:
        FileExistsError: ``folder`` exists, or checkpoints of an unfinished run and not ``resume``.
        ValueError: an unusable argument, with the reason, before anything is trained; a checkpoint of a run with other
            settings; a loss that is not finite, with the step and the rows of its batch.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f'{folder} exists already; give another folder for this run, or remove it')
    batches = HybridBatches(pairs, batch_size=batch_size, mix=mix, temperature=source_temperature, seed=seed)
    steps = len(batches) if steps is None else index(steps)
    if not 0 <= warmup <= 1:
        raise ValueError(f'warmup is {warmup}; it is a share of the steps, from 0 to 1')
    if learning_rate is not None and not 0 < learning_rate < float('inf'):
        raise ValueError(f'learning_rate is {learning_rate}; it must be positive (.00003 is usual for transformers)')
    _check_least(steps=(steps, 1), negatives=(negatives, 0), checkpoint_steps=(checkpoint_steps, 1))
    settings = {
        'backbone': _name(backbone), 'mix': batches.mix.record(steps), 'pairs': pairs.fingerprint,
        'batch_size': batches.batch_size, 'steps': steps, 'learning_rate': learning_rate, 'weight_decay': weight_decay,
        'warmup': warmup, 'temperature': temperature, 'source_temperature': source_temperature, 'negatives': negatives,
        'query_prefix': query_prefix, 'passage_prefix': passage_prefix, 'max_length': max_length,
        'mini_batch_size': mini_batch_size, 'bf16': bf16, 'gradient_checkpointing': gradient_checkpointing,
        'seed': batches.seed,
    }  # fmt: skip
    checkpoints = Checkpoints(folder, settings)
    if not resume:
        checkpoints.check_none()
    resume_from = checkpoints.newest()
    if verbose:
        _tell_left_out(batches)

    model = _backbone(backbone, pairs, seed, device, resume_from)
    static = is_static(model)
    if static:
        _check_static(max_length=max_length, gradient_checkpointing=gradient_checkpointing)
    defaults = ('', '') if static else ('Query: ', 'Passage: ')
    settings['query_prefix'] = defaults[0] if query_prefix is None else query_prefix
    settings['passage_prefix'] = defaults[1] if passage_prefix is None else passage_prefix
    model.prompts = {'query': settings['query_prefix'], 'document': settings['passage_prefix']}
    if max_length is not None:
        model.max_seq_length = max_length
    if learning_rate is None:
        settings['learning_rate'] = STATIC_LEARNING_RATE if static else LEARNING_RATE

    partial = folder.with_name(f'{folder.name}.partial')
    shutil.rmtree(partial, ignore_errors=True)  # left by a process that was killed
    started = time.time()
    try:
        with progress_bar(verbose):
            losses = fit(
                model, batches, info_nce(model, temperature, mini_batch_size), partial, checkpoints, steps=steps,
                learning_rate=settings['learning_rate'], weight_decay=weight_decay, warmup=warmup, seed=batches.seed,
                negatives=negatives, bf16=bf16, gradient_checkpointing=gradient_checkpointing,
                checkpoint_steps=checkpoint_steps, resume_from=resume_from, verbose=verbose,
            )  # fmt: skip
            shutil.rmtree(partial, ignore_errors=True)
            model.save_pretrained(str(partial), create_model_card=False)
        seconds = round(time.time() - started, 1)
        settings.update(epochs=steps / len(batches), seconds=seconds, losses=losses)
        write_record(partial, settings)
        write_card(partial, folder.name, settings, pairs.languages, model.get_embedding_dimension())
        sync_tree(partial)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    checkpoints.remove()
    return HybridEncoder(folder, device=device)


def _check_least(**values: tuple[int | None, int]) -> None:
    """Refuses values below their least."""
    for name, (value, least) in values.items():
        if value is not None and value < least:
            raise ValueError(f'{name} is {value}; it must be at least {least}')


def _check_static(**given: object) -> None:
    """Refuses what a bag of subwords has no use for."""
    for name, value in given.items():
        if value:
            raise ValueError(f'{name}={value!r} is for transformers; leave it out for a bag of subwords')


def _name(backbone) -> str:
    """What a backbone is called in the record."""
    return os.fspath(backbone) if isinstance(backbone, str | os.PathLike) else f'{type(backbone[0]).__name__} in memory'


def _tell_left_out(batches: HybridBatches) -> None:
    """Prints what the plan never draws."""
    table = batches.describe()
    table = table[(table['left_out'] != '')]
    if len(table):
        columns = ['kind', 'source', 'rows', 'never_drawn', 'left_out']
        print(f'never drawn from the pairs:\n{table[columns].to_string(index=False)}', file=sys.stderr)


def _backbone(backbone, pairs, seed: int, device: str | None, resume_from: Path | None):
    """The model to be trained, on its device; when a run is resumed, the trainer gives it the checkpoint's weights."""
    if isinstance(backbone, SentenceTransformer):
        return backbone if device is None else backbone.to(device)
    if backbone != 'static':
        return HybridEncoder(backbone, normalize=True, device=device, dtype='float32').model
    if resume_from is not None:  # with its tokenizer, which takes a while to train
        return HybridEncoder(resume_from, device=device).model
    model = static_backbone(balanced_texts(pairs), seed=seed)
    return model.to(device or ('cuda' if torch.cuda.is_available() else 'cpu'))

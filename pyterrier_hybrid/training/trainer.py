"""Training an encoder on hybrid batches, on sentence-transformers' trainer."""
import os
import shutil
import sys
from operator import index
from pathlib import Path

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.batches.mixes import Mix
from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.backbones import is_static
from pyterrier_hybrid.encoding.checkpoint import progress_bar, save_checkpoint
from pyterrier_hybrid.training.checkpoints import Checkpoints, sync_tree, told_of_writing
from pyterrier_hybrid.training.loggers import Report, loggers
from pyterrier_hybrid.training.loop import fit
from pyterrier_hybrid.training.monitor import Monitor
from pyterrier_hybrid.training.objective import info_nce
from pyterrier_hybrid.training.processes import (
    check_launcher,
    check_same,
    count,
    is_first,
    join,
    together,
    watching_the_others,
)
from pyterrier_hybrid.training.record import drawn_languages, drawn_shares, write_card, write_record
from pyterrier_hybrid.training.starts import (
    backbone_name,
    check_applies,
    given_sizes,
    opened_backbone,
    set_max_length,
    usual_learning_rate,
)
from pyterrier_hybrid.training.validation_sources import open_validation, warn_of_shared_texts


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
    max_length: int | tuple[int, int] | None = None,
    vocab_size: int | None = None,
    dimension: int | None = None,
    token_dropout: float = 0.0,
    mini_batch_size: int | None = None,
    bf16: bool = False,
    gradient_checkpointing: bool = False,
    validation: object = None,
    eval_steps: int | None = None,
    patience: int | None = None,
    metric_for_best_model: str = 'AP',
    load_best_model_at_end: bool | None = None,
    report_to: Report = 'none',
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
        backbone: ``'static'`` (a bag of subwords) or ``'small'`` (a compact transformer, see :func:`small_backbone`),
            from random weights and with a tokenizer trained on the pairs; the folder or hub name of any
            sentence-transformers or transformers checkpoint; or a ``SentenceTransformer``, which is trained in place.
        mix: probability of each kind of batch, or a schedule of such mixes, see :class:`HybridBatches`.
        batch_size: pairs in a batch, of all processes together; the paper's is 100.
        steps: optimiser steps; None for one epoch of the plan.
        learning_rate: of AdamW at its peak; None for the paper's 3e-5, or .05 for a bag of subwords, and .001 for
            ``'small'``.
        weight_decay: of AdamW; the paper's is .01.
        warmup: share of the steps in which the learning rate rises linearly; after them it falls linearly to 0.
        temperature: of InfoNCE over cosines.
        source_temperature: 1 draws sources by size, 0 uniformly.
        negatives: hard negatives for each pair, out of those given in the pairs, see :func:`batch_negatives`.
        query_prefix, passage_prefix: put before every text, and stored in the checkpoint; None for the paper's
            ``'Query: '`` and ``'Passage: '``, or none for a bag of subwords, where they would add one constant vector.
        max_length: tokens after which a text is cut, or a pair, of queries and of passages; None for what the backbone
            says. Not for a static backbone.
        vocab_size: subwords of a backbone from random weights, at most; None for its default.
        dimension: of the vectors of a backbone from random weights; None for its default. A bag of subwords gains much
            from more, at a proportional cost.
        token_dropout: leave out a token of a training text with this probability; for a bag of subwords only, which
            learns its pairs by heart in a long run.
        mini_batch_size: encode a batch in parts of so many texts, in the memory of one (GradCache), see
            :func:`info_nce`; not for a static backbone.
        bf16: compute in bfloat16, with weights in float32.
        gradient_checkpointing: compute activations again in the backward pass instead of keeping them; less memory,
            more time; not for a static backbone.
        validation: what the encoder is evaluated on while it is trained: a fraction or number of the pairs, which are
            then held out (:func:`hold_out`); an ir_datasets id, such as ``'squadshifts-new-wiki'``, or data set; the
            path of a SQuAD-format file; a :class:`ParallelPairs`, or the folder of one. The figures are AP, R@1, R@10,
            RR and loss, see :class:`ValidationSet`. None for no validation.
        eval_steps: evaluate every so many steps, and after the last one; None for a tenth of the run.
        patience: stop when so many evaluations in a row have brought no better figure than there was before; None to
            do all steps.
        metric_for_best_model: the figure that ``patience`` and the best weights go by; the paper's is ``'loss'``, on
            ``'squadshifts-new-wiki'``. Of held-out pairs also ``'crosslingual_AP'`` and so on.
        load_best_model_at_end: save the weights of the best evaluation, and not the last ones; None: with a patience.
        report_to: loggers for loss, learning rate and figures (``eval_AP`` and so on), see :func:`loggers`.
        checkpoint_steps: save a checkpoint every so many steps; None for none.
        resume: go on from the newest complete checkpoint of this run, if there is one. On a CPU the result is the same,
            bit for bit, as without the interruption.
        seed: of the batches, the initial vectors and dropout.
        device: None for CUDA where there is some.
        verbose: show a progress bar, and tell beforehand what of the pairs is never drawn.

    Started by ``torchrun`` or ``accelerate launch``, many processes train one encoder: each takes its share of every
    batch, and compares its queries with the passages of all. Loss and gradients are those of one process up to
    rounding (1e-5), as long as no dropout is drawn, since each process draws its own; so the same run takes another
    number of processes for speed or memory, but is resumed with the number it began with. Each process takes the GPU
    of its number on its machine. The first one writes everything and shows progress; ``folder`` must be on a disk that
    all of them see, since each returns the encoder read back from there.

    Returns:
        The trained encoder, read back from ``folder``.

    Raises:
        FileExistsError: ``folder`` exists, or checkpoints of an unfinished run and not ``resume``.
        ValueError: an unusable argument, with the reason, before anything is trained; a checkpoint of a run with other
            settings, or of pairs that have changed since; a loss or gradient that is not finite, with the step and the
            rows of its batch. In all processes.
        FileNotFoundError: no such backbone or validation set.
        ModuleNotFoundError: a logger that is not installed; says what to install.
        OSError: something cannot be written, such as to a full disk; or another process failed: says which, and its
            error.
    """
    folder = Path(folder)
    device = join(device)
    verbose = verbose and is_first()
    with together():  # what stops one process stops all
        check_launcher(bf16)
        if folder.exists() and not (resume and Checkpoints.of(folder).exists()):  # killed when all but they was done
            raise FileExistsError(f'{folder} exists already; give another folder for this run, or remove it')
        fingerprint = pairs.fingerprint
        pairs, validation_set = open_validation(validation, pairs)
        batches = HybridBatches(pairs, batch_size=batch_size, mix=mix, source_temperature=source_temperature, seed=seed)
        if batches.batch_size % count():
            raise ValueError(
                f'batch_size is {batch_size}; {count()} processes take equal shares of a batch, so it must be a '
                f'multiple of {count()}'
            )
        steps, negatives = len(batches) if steps is None else index(steps), index(negatives)
        if not 0 <= warmup <= 1:
            raise ValueError(f'warmup is {warmup}; it is a share of the steps, from 0 to 1')
        if learning_rate is not None and not 0 < learning_rate < float('inf'):
            raise ValueError(
                f'learning_rate is {learning_rate}; it must be positive (.00003 is usual for transformers)'
            )
        if not 0 <= token_dropout < 1:
            raise ValueError(f'token_dropout is {token_dropout}; it is a probability, from 0 to below 1')
        _check_least(
            steps=(steps, 1), negatives=(negatives, 0), checkpoint_steps=(checkpoint_steps, 1),
            vocab_size=(vocab_size, 1), dimension=(dimension, 1),
        )  # fmt: skip
        monitor = Monitor(
            validation_set, steps=steps, eval_steps=eval_steps, patience=patience, metric=metric_for_best_model,
            load_best=load_best_model_at_end, batch_size=batches.batch_size, temperature=temperature,
        )  # fmt: skip
        callbacks = loggers(report_to, folder)
        sizes = given_sizes(backbone, vocab_size=vocab_size, dimension=dimension)
        settings = {
            'backbone': backbone_name(backbone), 'mix': batches.mix.record(steps), 'pairs': fingerprint,
            'batch_size': batches.batch_size, 'steps': steps, 'learning_rate': learning_rate,
            'weight_decay': weight_decay, 'warmup': warmup, 'temperature': temperature,
            'source_temperature': source_temperature, 'negatives': negatives, 'query_prefix': query_prefix,
            'passage_prefix': passage_prefix, 'max_length': max_length, 'vocab_size': vocab_size,
            'dimension': dimension, 'token_dropout': token_dropout, 'mini_batch_size': mini_batch_size,
            'bf16': bf16, 'gradient_checkpointing': gradient_checkpointing, 'seed': batches.seed,
            'processes': count(), **monitor.settings(),
        }  # fmt: skip
        checkpoints = Checkpoints(folder, settings)
        if not resume:
            checkpoints.check_none()
        resume_from = checkpoints.newest()
        if resume_from is not None and is_first():
            pairs.verify()  # the fingerprint is that of the import
        if verbose:
            _tell_left_out(batches, steps)
        if is_first() and resume_from is None and validation_set is not None and pairs.fingerprint == fingerprint:
            warn_of_shared_texts(validation_set, pairs, verbose=verbose)  # pairs that are held out share nothing
    check_same(**settings, folder=str(folder), checkpoint_steps=checkpoint_steps, resume_from=str(resume_from))
    if folder.exists():
        return _complete(folder, checkpoints, device)
    with together():
        model = opened_backbone(backbone, sizes, pairs, seed, device, resume_from, _partial(folder))
        static = is_static(model)
        check_applies(
            static, max_length=max_length, gradient_checkpointing=gradient_checkpointing, token_dropout=token_dropout
        )
        defaults = ('', '') if static else ('Query: ', 'Passage: ')
        settings['query_prefix'] = defaults[0] if query_prefix is None else query_prefix
        settings['passage_prefix'] = defaults[1] if passage_prefix is None else passage_prefix
        model.prompts = {'query': settings['query_prefix'], 'document': settings['passage_prefix']}
        model.default_prompt_name = None  # it may name one that is gone
        if max_length is not None:
            set_max_length(model, max_length)
        if learning_rate is None:
            settings['learning_rate'] = usual_learning_rate(backbone, static)

    partial = _partial(folder)
    _remove(partial)  # left by a process that was killed
    try:
        with progress_bar(verbose), watching_the_others():
            losses, seconds = fit(
                model, batches, info_nce(model, temperature, mini_batch_size), partial, checkpoints, steps=steps,
                learning_rate=settings['learning_rate'], weight_decay=weight_decay, warmup=warmup, seed=batches.seed,
                negatives=negatives, token_dropout=token_dropout, bf16=bf16,
                gradient_checkpointing=gradient_checkpointing, checkpoint_steps=checkpoint_steps,
                resume_from=resume_from, verbose=verbose, monitor=monitor, run_name=folder.name, callbacks=callbacks,
            )  # fmt: skip
        done = monitor.steps_done(steps)
        settings.update(steps_done=done, epochs=done / len(batches), seconds=round(seconds, 1), losses=losses)
        settings['composition'] = drawn_shares(batches, done)
        settings.update(monitor.record())
        with together(), progress_bar(verbose):
            if is_first():
                _write(folder, model, settings, drawn_languages(settings['composition']))
    finally:
        _remove(partial)
    return _complete(folder, checkpoints, device)


def _complete(folder: Path, checkpoints: Checkpoints, device: str | None) -> HybridEncoder:
    """The encoder, read back in all processes before the checkpoints go."""
    with together():
        encoder = HybridEncoder(folder, device=device)
    if is_first():
        checkpoints.remove()
    return encoder


def _write(folder: Path, model, settings: dict, languages: list[str]) -> None:
    """Writes the run's folder, which appears whole."""
    partial = _partial(folder)
    _remove(partial)
    with told_of_writing(partial):
        save_checkpoint(model, partial)
    write_record(partial, settings)
    write_card(partial, folder.name, settings, languages, model.get_embedding_dimension())
    sync_tree(partial)
    partial.rename(folder)


def _partial(folder: Path) -> Path:
    """Where a run's folder is made."""
    return folder.with_name(f'{folder.name}.partial')


def _remove(partial: Path) -> None:
    """Removes what is unfinished; the first process does it for all."""
    if is_first():
        shutil.rmtree(partial, ignore_errors=True)


def _check_least(**values: tuple[int | None, int]) -> None:
    """Refuses values below their least."""
    for name, (value, least) in values.items():
        if value is not None and value < least:
            raise ValueError(f'{name} is {value}; it must be at least {least}')


def _tell_left_out(batches: HybridBatches, steps: int) -> None:
    """Prints what the plan never draws."""
    table = batches.describe(steps)
    table = table[(table['left_out'] != '')]
    if len(table):
        columns = ['kind', 'source', 'rows', 'never_drawn', 'left_out']
        print(f'never drawn from the pairs:\n{table[columns].to_string(index=False)}', file=sys.stderr)

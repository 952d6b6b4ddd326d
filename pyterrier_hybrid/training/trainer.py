"""Training an encoder on hybrid batches, with sentence-transformers' trainer."""
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pyterrier_hybrid.batches.mixes import Mix
from pyterrier_hybrid.encoding.checkpoint import progress_bar, save_checkpoint
from pyterrier_hybrid.encoding.encoder import HybridEncoder
from pyterrier_hybrid.files import only_one, whole_folder
from pyterrier_hybrid.pairs.protocol import Pairs
from pyterrier_hybrid.training.arguments import TrainingArguments
from pyterrier_hybrid.training.backbones import made_backbone, set_up, within_memory
from pyterrier_hybrid.training.card import write_card
from pyterrier_hybrid.training.checkpoints import REMEDY, Checkpoints
from pyterrier_hybrid.training.display import say_left_out, say_summary
from pyterrier_hybrid.training.lengths import cut_for_encoding
from pyterrier_hybrid.training.loggers import Report
from pyterrier_hybrid.training.loop import fit
from pyterrier_hybrid.training.prepared import PreparedRun, is_finished, prepared_run
from pyterrier_hybrid.training.processes import check_same, gather, is_first, join, together, watching_the_others
from pyterrier_hybrid.training.record import TRAINING_RECORD, drawn_languages, drawn_shares, write_training_record
from pyterrier_hybrid.training.validation_sources import warn_of_shared_texts

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def train(
    pairs: Pairs,
    folder: str | os.PathLike,
    *,
    backbone: 'str | os.PathLike | SentenceTransformer',
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
    max_length: int | Sequence[int] | None = None,
    encode_length: int | Sequence[int] | None = None,
    vocab_size: int | None = None,
    dimension: int | None = None,
    token_dropout: float = 0.0,
    mini_batch_size: int | None = None,
    bf16: bool | str | None = None,
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
    ``training.json``, the record of the run, and a model card. Until then ``<folder>.checkpoints`` beside it holds the
    newest checkpoint.

    Args:
        pairs: a :class:`ParallelPairs`, or a view of one.
        folder: where the run goes; must not exist.
        backbone: ``'static'`` (a static embedding, see :func:`static_backbone`) or ``'small'`` (a compact transformer,
            see :func:`small_backbone`), from random weights and with a tokenizer trained on the pairs; the folder or
            hub name of any sentence-transformers or transformers checkpoint; or a ``SentenceTransformer``, which is
            trained in place.
        mix: probability of each kind of batch, or a schedule of such mixes, see :class:`HybridBatches`.
        batch_size: pairs in a batch, of all processes together; the paper's is 100.
        steps: optimiser steps; None for one epoch of the plan.
        learning_rate: of AdamW at its peak; None for the backbone's: the paper's 3e-5, .05 for a static embedding,
            .001 for ``'small'``.
        weight_decay: of AdamW; the paper's is .01.
        warmup: share of the steps in which the learning rate rises linearly; after them it falls linearly to 0.
        temperature: of InfoNCE over cosines.
        source_temperature: 1 draws sources by size, 0 uniformly.
        negatives: hard negatives for each pair, out of those given in the pairs, see :func:`batch_negatives`.
        query_prefix, passage_prefix: put before every text, and stored in the checkpoint; None for the backbone's:
            those in its checkpoint's prompts, otherwise the paper's ``'Query: '`` and ``'Passage: '`` (with a warning,
            except for the paper's backbones); none for a static embedding.
        max_length: tokens after which a text is cut, or a pair, of queries and of passages; None for the backbone's.
            Not for a static embedding.
        encode_length: the same for the trained encoder, and in validation; None for ``max_length``. Training on short
            texts is cheap, and an encoder trained on them encodes a long text better whole than cut.
        vocab_size: subwords of a backbone from random weights, at most; None for its default.
        dimension: of the vectors of a backbone from random weights; None for its default. A static embedding gains much
            from more dimensions, at a proportional cost.
        token_dropout: leave out a token of a training text with this probability; only for a static embedding, which
            overfits its pairs in a long run.
        mini_batch_size: encode a batch in parts of this many texts, in the memory of one (GradCache), see
            :func:`info_nce`; not for a static embedding.
        bf16: compute in bfloat16, with weights in float32; ``'auto'`` does so where the device has hardware for it.
            None for the backbone's: ``'auto'`` for a transformer from a checkpoint, otherwise False.
        gradient_checkpointing: compute activations again in the backward pass instead of keeping them; less memory,
            more time; not for a static embedding.
        validation: what the encoder is evaluated on during training: a fraction or number of the pairs, which are then
            held out (:func:`hold_out`); an ir_datasets id, such as ``'squadshifts-new-wiki'``, or data set; the path of
            a SQuAD-format file; a :class:`ParallelPairs`, or the folder of one. The figures are AP, R@1, R@10, RR and
            loss, see :class:`ValidationSet`. With ``bf16`` they are computed in training's precision, and the figures
            of the saved encoder differ in the third or fourth digit. None for no validation.
        eval_steps: evaluate every this many steps, and after the last one; None for a tenth of the run.
        patience: stop after this many evaluations in a row without a better figure; None to do all steps.
        metric_for_best_model: the figure that decides ``patience`` and the best weights; the paper's is ``'loss'``, on
            ``'squadshifts-new-wiki'``. With held-out pairs also ``'crosslingual_AP'`` and so on.
        load_best_model_at_end: save the weights of the best evaluation, and not the last ones; None for True with a
            patience, and False without.
        report_to: loggers for loss, learning rate and figures (``eval_AP`` and so on), see :func:`loggers`.
        checkpoint_steps: save a checkpoint every this many steps; None for no checkpoints.
        resume: resume from the newest checkpoint of this run, if there is one, and return the encoder of a finished
            run. Without checkpoints, an interrupted run starts again. On a CPU the result is the same, bit for bit, as
            without the interruption.
        seed: of the batches, the initial vectors and dropout.
        device: None for CUDA if there is one.
        verbose: show a progress bar, and print beforehand which pairs are never drawn.

    Started by ``torchrun`` or ``accelerate launch``, many processes train one encoder: each takes its share of every
    batch, and compares its queries with the passages of all. Without dropout, which each process draws on its own, loss
    and gradients are those of one process up to rounding (1e-5). So the number of processes does not change the
    encoder, but a run resumes only with the number it began with. Each process takes the GPU of its number on its
    machine. The first process writes everything and shows progress. ``folder`` must be on a disk that all processes
    see, since each returns the encoder read back from there.

    Returns:
        The trained encoder, read back from ``folder``.

    Raises:
        FileExistsError: ``folder``, or checkpoints of an unfinished run, exist and not ``resume``; or
            ``<folder>.checkpoints`` is something else.
        ValueError: an unusable argument, with the reason, before anything is trained; another process trains into the
            folder; a checkpoint that is damaged or of a run with other settings; pairs that have changed since their
            import; a loss or gradient that is not finite, with the step and the rows of its batch. In all processes.
        FileNotFoundError: no such backbone or validation set.
        ModuleNotFoundError: a logger that is not installed; says what to install.
        OSError: a file cannot be written, for example since the disk is full; or another process failed: says which,
            and its error.
    """
    given = dict(locals())
    given.update(device=join(device), verbose=verbose and is_first())
    pairs, folder = given.pop('pairs'), Path(given.pop('folder'))
    with ExitStack() as to_the_end:
        with together():  # an error in one process stops all
            run = prepared_run(pairs, folder, TrainingArguments(**given))
            if is_first():
                to_the_end.enter_context(only_one(folder))
        check_same(**run.settings, folder=str(folder), checkpoint_steps=checkpoint_steps, resume=resume)
        checkpoints, finished, resume_from = Checkpoints(folder, run.settings), False, None
        with together():
            if is_first():
                finished = is_finished(folder, run)
                if not finished:
                    if resume:
                        resume_from = checkpoints.newest()
                    else:
                        checkpoints.check_none()
                    pairs.verify()  # the fingerprint in the settings is that of the import
                    if verbose:
                        say_left_out(run.batches, run.arguments.steps)
                    if run.validation is not None and run.batches.pairs is pairs and resume_from is None:
                        warn_of_shared_texts(run.validation, pairs, verbose=verbose)  # held-out pairs share no texts
        finished, resume_from = gather((finished, resume_from))[0]
        if not finished:
            with checkpoints.at_work(saving=checkpoint_steps is not None) as scratch:
                _finish(run, folder, checkpoints, resume_from, scratch)
        with together():  # all processes read the encoder back before the checkpoints are removed
            encoder = HybridEncoder(folder, device=run.arguments.device)
        if is_first():
            checkpoints.remove()
        return encoder


def _finish(run: PreparedRun, folder: Path, checkpoints: Checkpoints, resume_from: Path | None, scratch: Path) -> None:
    """Trains from the beginning or from a checkpoint, and writes the run's folder, which appears whole."""
    arguments, model = run.arguments, run.model
    if model is None:
        with together():
            if resume_from is None:
                model = made_backbone(arguments, run.batches.pairs, scratch)
            else:  # the checkpoint also has the tokenizer, which need not be trained again
                model = HybridEncoder(resume_from, device=arguments.device, dtype='float32').model
            set_up(model, arguments)
    with progress_bar(False), watching_the_others(), within_memory(model, arguments):
        done = fit(
            model, run.batches, arguments, folder=scratch, checkpoints=checkpoints, resume_from=resume_from,
            monitor=run.monitor, run_name=folder.name, callbacks=run.callbacks,
        )  # fmt: skip
    record = {
        **run.settings, **done, 'epochs': done['steps_done'] / len(run.batches),
        'composition': drawn_shares(run.batches, done['steps_done']),
    }  # fmt: skip
    if run.monitor is not None:
        record['validation'] = {**run.validation.record(), **run.monitor.stopping.record(arguments.steps)}
    with together(), progress_bar(False):
        if is_first():
            with whole_folder(folder, mark=TRAINING_RECORD, lock=False, remedy=REMEDY) as new:
                with cut_for_encoding(model, arguments):
                    save_checkpoint(model, new)
                languages = drawn_languages(record['composition'])
                write_card(new, folder.name, record, languages, model.get_embedding_dimension())
                write_training_record(new, record)
    if arguments.verbose:
        say_summary(record)

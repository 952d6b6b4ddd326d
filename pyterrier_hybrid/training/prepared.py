"""A training run before it begins: its arguments are checked, and everything that they name is opened."""
import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from transformers import TrainerCallback

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.encoding.checkpoint import located
from pyterrier_hybrid.encoding.devices import check_device
from pyterrier_hybrid.encoding.precision import is_fast
from pyterrier_hybrid.pairs.protocol import Pairs
from pyterrier_hybrid.training.arguments import TrainingArguments
from pyterrier_hybrid.training.backbones import content_of, kind_of, opened_backbone, set_up, with_own_prefixes
from pyterrier_hybrid.training.checkpoints import differences
from pyterrier_hybrid.training.loggers import loggers
from pyterrier_hybrid.training.monitor import Monitor
from pyterrier_hybrid.training.processes import check_launcher, count
from pyterrier_hybrid.training.record import read_training_record
from pyterrier_hybrid.training.validation import ValidationSet
from pyterrier_hybrid.training.validation_sources import check_validation, open_validation


@dataclass(frozen=True)
class PreparedRun:
    """A run that can begin: its arguments are checked, everything is opened, and nothing is written.

    Attributes:
        arguments: with a value for every default.
        batches: the plan.
        model: None for one that is to be made from the pairs.
        validation, monitor: None without validation.
        callbacks: the loggers.
        settings: everything that the weights depend on, as JSON values.
    """

    arguments: TrainingArguments
    batches: HybridBatches
    model: SentenceTransformer | None
    validation: ValidationSet | None
    monitor: Monitor | None
    callbacks: list[TrainerCallback]
    settings: dict[str, object]


def check_training(folder: str | os.PathLike, **arguments: Any) -> None:
    """Raises what :func:`train` would raise for these arguments, as far as it does not depend on the pairs.

    Call it before an import of pairs, so that a wrong argument is found first.

    Args:
        folder: of the run.
        arguments: of :func:`train`.
    """
    given = _with_precision(TrainingArguments(**arguments))
    _check_first(Path(folder), given)
    check_validation(given.validation)


def _check_first(folder: Path, arguments: TrainingArguments) -> list[TrainerCallback]:
    """Checks the arguments that can be checked without pairs and models; returns the loggers."""
    check_launcher(arguments.bf16)
    if kind_of(arguments.backbone).make is None and not isinstance(arguments.backbone, SentenceTransformer):
        located(arguments.backbone)
    if folder.exists() and not arguments.resume:
        raise FileExistsError(
            f'{folder} exists already; give another folder for this run, or resume=True if it is this run'
        )
    return loggers(arguments.report_to, folder)


def _with_precision(arguments: TrainingArguments) -> TrainingArguments:
    """Returns the arguments with True or False instead of bf16='auto'; warns of bfloat16 without hardware for it.

    bf16=None stays None if its default depends on a checkpoint that is not opened yet.
    """
    check_device(arguments.device)
    kind = kind_of(arguments.backbone)
    if arguments.bf16 is None and kind.make is not None:
        arguments = replace(arguments, bf16=kind.bf16)
    in_memory = isinstance(arguments.backbone, SentenceTransformer) and arguments.device is None
    device = arguments.backbone.device if in_memory else arguments.device
    device = torch.device(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
    if arguments.bf16 is True and not is_fast(torch.bfloat16, device):
        warnings.warn(
            f'bf16=True is slow on the device {str(device)!r}, which has no hardware for it: expect many times the '
            "time of float32. Give bf16='auto' or False", stacklevel=4,
        )  # fmt: skip
    return replace(arguments, bf16=is_fast(torch.bfloat16, device)) if arguments.bf16 == 'auto' else arguments


def prepared_run(pairs: Pairs, folder: Path, arguments: TrainingArguments) -> PreparedRun:
    """Opens everything that the arguments name, and checks what depends on it."""
    arguments = _with_precision(arguments)
    callbacks = _check_first(folder, arguments)
    drawn_from, validation = open_validation(arguments.validation, pairs)
    batches = HybridBatches(
        drawn_from, batch_size=arguments.batch_size, mix=arguments.mix,
        source_temperature=arguments.source_temperature, seed=arguments.seed,
    )  # fmt: skip
    if batches.batch_size % count():
        raise ValueError(
            f'batch_size is {batches.batch_size}; {count()} processes take equal shares of a batch, so it must be a '
            f'multiple of {count()}'
        )
    kind, model = kind_of(arguments.backbone), None
    if kind.make is None:
        model = opened_backbone(arguments.backbone, arguments.device)
        kind = kind_of(model)
        kind.check_options(arguments)
        kind = with_own_prefixes(kind, model, arguments)
    by_backbone = arguments.bf16 is None
    arguments = arguments.resolved(len(batches), kind)
    if by_backbone:
        arguments = _with_precision(arguments)
        check_launcher(arguments.bf16)
    if model is not None:
        set_up(model, arguments)
    monitor = None if validation is None else Monitor(validation, arguments)
    settings = arguments.settings(
        **content_of(arguments.backbone, model), mix=batches.mix.record(arguments.steps), pairs=pairs.fingerprint,
        processes=count(), **({} if validation is None else {'validation': validation.record()}),
    )  # fmt: skip
    return PreparedRun(arguments, batches, model, validation, monitor, callbacks, settings)


def is_finished(folder: Path, run: PreparedRun) -> bool:
    """Whether the folder is this run, complete.

    Raises:
        FileExistsError: it is something else.
        ValueError: it is of a run with other settings.
    """
    if not folder.exists():
        return False
    record = read_training_record(folder)
    if record is None or not run.arguments.resume:
        raise FileExistsError(f'{folder} exists already, and is no run to resume; give another folder, or remove it')
    if told := differences(record, {**run.settings, 'processes': record.get('processes')}):
        raise ValueError(
            f'{folder} is of a finished run with other settings: {told}. Give another folder, or the settings it was '
            'trained with'
        )
    return True

"""Loggers of loss and figures: those of the transformers library, by name, or a user's own callbacks."""
import re
from collections.abc import Sequence
from pathlib import Path

from transformers import TrainerCallback
from transformers.integrations import (
    TensorBoardCallback,
    get_available_reporting_integrations,
    get_reporting_integration_callbacks,
)

Report = str | TrainerCallback | Sequence[str | TrainerCallback]


def loggers(report_to: Report, folder: Path) -> list[TrainerCallback]:
    """The callbacks that log a run.

    Args:
        report_to: ``'none'``; a name that transformers' ``report_to`` knows, such as ``'tensorboard'``, ``'wandb'``,
            ``'mlflow'`` or ``'trackio'``; ``'all'`` for every logger that is installed; a ``TrainerCallback``, whose
            ``on_log`` gets every figure; or a list of them.
        folder: the run's folder. TensorBoard's files go beside it, into ``<folder>.logs``, unless
            ``TENSORBOARD_LOGGING_DIR`` names another folder.

    Raises:
        ValueError: an unknown name; lists the known ones.
        ModuleNotFoundError: the logger's package is not installed; says what to install.
        TypeError: something that is neither a name nor a callback.
    """
    several = report_to if isinstance(report_to, list | tuple) else [report_to]
    callbacks: list[TrainerCallback] = []
    for each in several:
        if isinstance(each, TrainerCallback):
            callbacks.append(each)
        elif isinstance(each, str):
            names = get_available_reporting_integrations() if each == 'all' else [each]
            callbacks += [_logger(name) for name in names if name != 'none']
        else:
            raise TypeError(
                f"report_to is {each!r:.80}; give a logger's name, such as 'tensorboard', or a TrainerCallback object"
            )
    for callback in callbacks:
        if isinstance(callback, TensorBoardCallback) and callback.logging_dir is None:
            callback.logging_dir = str(folder.with_name(f'{folder.name}.logs'))
    return callbacks


def _logger(name: str) -> TrainerCallback:
    try:
        (known,) = get_reporting_integration_callbacks([name])
    except ValueError as error:
        raise ValueError(f'report_to is {name!r}; {error}') from None
    try:
        return known()
    except (RuntimeError, ImportError) as error:  # each logger reports a missing package in its own way
        if 'install' not in str(error):
            raise ValueError(f'report_to is {name!r}; {error}') from None
        package = re.search(r'pip install ([^`\s]+)', str(error))
        raise ModuleNotFoundError(
            f'report_to is {name!r}, whose package is not installed: pip install {package[1] if package else name}'
        ) from None

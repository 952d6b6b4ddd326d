"""Loading a checkpoint from a folder or from the Hugging Face hub, and saving one.

Weights come from safetensors where there are some, otherwise through ``torch.load(weights_only=True)``; code that a
checkpoint brings is never run.
"""
import contextlib
import difflib
import json
import logging
import os
from pathlib import Path

import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.constants import HF_HUB_CACHE
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging


@torch.inference_mode(False)
def load_checkpoint(path_or_name: str | os.PathLike, *, verbose: bool = False) -> SentenceTransformer:
    """Loads a checkpoint in float32, on the CPU, ready for encoding.

    A sentence-transformers checkpoint (it has a ``modules.json``) brings its modules and prompts. A plain transformers
    checkpoint (it has a ``config.json`` only) becomes the transformer and the mean of its token vectors.

    Args:
        path_or_name: a folder, or a model's name on the hub, which is looked up in the local cache first.
        verbose: whether to show transformers' progress bar.

    Raises:
        FileNotFoundError: no such folder, a folder that is not a checkpoint, or a name that is neither in the cache nor
            on the hub. A path into a folder that exists is never looked up on the hub.
        ValueError: a checkpoint that cannot be read, or that needs code of its own.
    """
    where = located(path_or_name)
    folder = Path(where)
    try:
        # Weights that a checkpoint lacks (an unused pooler) are drawn at random. The seed is fixed, so that loading
        # twice gives the same encoder. The generator is forked, so that the caller's random numbers do not change.
        with torch.random.fork_rng(devices=[]), progress_bar(verbose), _no_report_about_the_pooler():
            torch.manual_seed(0)
            model = SentenceTransformer(where, device='cpu', model_kwargs={'dtype': torch.float32})
    except Exception as error:  # what a broken file raises depends on which of five libraries reads it
        # Only the first line of the message: torch's next ones recommend weights_only=False.
        reason = f'{type(error).__name__}: {str(error).partition(chr(10))[0].partition(" This file can still")[0]}'
        if folder.exists():
            raise ValueError(f'the checkpoint in {where} cannot be loaded: {reason}') from error
        raise FileNotFoundError(
            f'{where!r} is not a folder here, and could not be loaded as the name of a model on the hub, neither from '
            f'the local cache ({HF_HUB_CACHE}) nor over the network. Give the folder of a checkpoint, or fetch it '
            f'where there is a network with "hf download {where}" ({reason})'
        ) from error
    _check_activations(where, folder)
    return model.eval()


def located(path_or_name: str | os.PathLike) -> str:
    """The folder of a checkpoint, as a path, or a name to look up on the hub as it is. Reads no weights.

    For a path without a checkpoint, raises FileNotFoundError, which suggests a folder of a similar name.
    """
    where = os.fspath(path_or_name)
    folder = Path(where).expanduser()
    if folder.exists():
        check_folder(folder)
        return str(folder)
    if folder.is_absolute() or where.startswith('.') or where.count('/') > 1 or _is_inside(folder):
        beside = sorted(path.name for path in folder.parent.glob('*') if path.is_dir())
        near = difflib.get_close_matches(folder.name, beside, n=1)
        hint = f'; did you mean {folder.parent / near[0]}?' if near else ''
        raise FileNotFoundError(f'there is no folder {where}{hint}; give a checkpoint folder or a name on the hub')
    return where


def _is_inside(folder: Path) -> bool:
    """Whether a relative path of two parts begins with a folder that exists, and so is not meant as a hub's name."""
    return len(folder.parts) == 2 and folder.parent.is_dir()


def says_its_modules(path_or_name: str) -> bool:
    """Whether a checkpoint is one of sentence-transformers, and not a plain transformer. It must be loaded already."""
    return _json(path_or_name, Path(path_or_name).expanduser(), 'modules.json') is not None


def _check_activations(where: str, folder: Path) -> None:
    """Refuses modules whose activation is code outside torch.

    sentence-transformers replaces it by a tanh, which gives other vectors, and only logs that.
    """
    for module in _json(where, folder, 'modules.json') or []:
        config = _json(where, folder, os.path.join(module.get('path') or '', 'config.json'))
        activation = config.get('activation_function') if isinstance(config, dict) else None
        if isinstance(activation, str) and not activation.startswith('torch.'):
            raise ValueError(
                f'the checkpoint in {where} cannot be loaded: its module {module.get("path")!r} has the activation '
                f'{activation!r:.80}, which is not one of torch and needs code of its own. Save the checkpoint with a '
                'torch.nn activation, such as torch.nn.Identity'
            )


def _json(where: str, folder: Path, name: str):
    """Returns the content of a JSON file of a loaded checkpoint; None if there is no such file."""
    path = folder / name if folder.exists() else try_to_load_from_cache(where, name)
    return json.loads(Path(path).read_bytes()) if isinstance(path, str | Path) and Path(path).is_file() else None


def save_checkpoint(model: SentenceTransformer, folder: str | os.PathLike) -> None:
    """Saves a model as a sentence-transformers checkpoint, without a card.

    The truncation and padding of a fast tokenizer's last call are dropped first. They would be saved with it, and
    transformers would read them back as settings: saving, loading and saving again would give other files. Every call
    sets both anew.
    """
    fast = getattr(model.tokenizer, 'backend_tokenizer', None)
    if fast is not None:
        fast.no_truncation()
        fast.no_padding()
    model.save_pretrained(os.fspath(folder), create_model_card=False)


def check_folder(folder: Path) -> None:
    """Refuses a file, a folder without ``modules.json`` or ``config.json``, and one without weights.

    The FileNotFoundError says what was looked for, what is there, and which checkpoint further down might be meant.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f'{folder} is a file; give the folder of a checkpoint')
    names = sorted(path.name for path in folder.iterdir())
    if 'modules.json' in names:
        return
    if 'config.json' not in names:
        inside = sorted({path.parent.name for path in [*folder.glob('*/modules.json'), *folder.glob('*/config.json')]})
        hint = f'; did you mean {folder / inside[-1]}?' if inside else ''
        raise FileNotFoundError(
            f'{folder} is not a checkpoint: it has neither modules.json (sentence-transformers) nor config.json '
            f'(transformers); it holds {", ".join(names[:8]) or "nothing"}{hint}'
        )
    if not any(name.endswith(('.safetensors', '.bin')) for name in names):
        raise FileNotFoundError(
            f'{folder} has a config.json but no weights: neither model.safetensors nor pytorch_model.bin, whole or in '
            f'parts; it holds {", ".join(names[:8])}'
        )


@contextlib.contextmanager
def progress_bar(show: bool):
    """A block in which transformers' progress bars (of reading and writing weights) are hidden, unless ``show``."""
    if show or not transformers_logging.is_progress_bar_enabled():
        yield
        return
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.enable_progress_bar()


@contextlib.contextmanager
def _no_report_about_the_pooler():
    """A block that hides transformers' report of missing weights if only the pooler is missing.

    The pooler serves BERT's sentence-pair task; no module here reads it, and retrieval checkpoints leave it out.
    """

    def worth_reading(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        missing = [line for line in message.splitlines() if '| MISSING' in line]
        return 'LOAD REPORT' not in message or any('pooler' not in line for line in missing)

    logger = logging.getLogger('transformers.modeling_utils')
    logger.addFilter(worth_reading)
    try:
        yield
    finally:
        logger.removeFilter(worth_reading)

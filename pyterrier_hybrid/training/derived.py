"""Encoders that are derived from trained ones without training: how they read texts, and how they are saved."""
import copy
import os
from collections import OrderedDict
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense
from sentence_transformers.sentence_transformer.modules import Normalize

from pyterrier_hybrid.encoding.backbones import is_static
from pyterrier_hybrid.encoding.checkpoint import progress_bar, save_checkpoint
from pyterrier_hybrid.encoding.encoder import HybridEncoder
from pyterrier_hybrid.encoding.sides import passage_side, query_side
from pyterrier_hybrid.files import whole_folder
from pyterrier_hybrid.training.card import derivations, write_card
from pyterrier_hybrid.training.lengths import set_max_length
from pyterrier_hybrid.training.processes import count
from pyterrier_hybrid.training.record import drawn_languages, read_training_record, write_training_record


def new_folder(folder: str | os.PathLike, function: str) -> Path:
    """The path of a new encoder. Raises FileExistsError if it exists, and ValueError if there are several processes."""
    if count() > 1:
        raise ValueError(
            f'{count()} processes were started, and {function} runs in one; call it in a program of its own'
        )
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f'{folder} exists already; give another folder for the encoder, or remove it')
    return folder


def opened(encoder: 'str | os.PathLike | HybridEncoder') -> HybridEncoder:
    """An encoder in float32, given as an encoder, a folder or a name on the hub; see :meth:`HybridEncoder.in_float32`.

    Raises FileNotFoundError if there is no such encoder.
    """
    return encoder.in_float32() if isinstance(encoder, HybridEncoder) else HybridEncoder(encoder, dtype='float32')


def model_of(encoder: HybridEncoder) -> SentenceTransformer:
    """A copy of an encoder's model, which reads texts like the encoder.

    The encoder is in float32. Raises ValueError for one that cuts its vectors, and one whose greatest lengths a
    checkpoint cannot store.
    """
    if encoder.model.truncate_dim is not None:
        raise ValueError(f'the encoder cuts its vectors to {encoder.dimension} components; open it with all of them')
    model, lengths = copy.deepcopy(encoder.model), (encoder.query.max_length, encoder.passage.max_length)
    model.prompts = {'query': encoder.query.prefix, 'document': encoder.passage.prefix}
    model.default_prompt_name = None
    if None not in lengths and not is_static(model):
        set_max_length(model, *lengths)
    kept = query_side(model, None, None).max_length, passage_side(model, None, None).max_length
    if kept != lengths:
        raise ValueError(
            f'the encoder cuts queries and passages after {lengths[0]} and {lengths[1]} tokens, and its checkpoint can '
            f'only say {kept[0]} and {kept[1]}; open it without max_query_length and max_passage_length'
        )
    return model


def save_derived(model: SentenceTransformer, encoder: HybridEncoder, folder: Path, **done: object) -> HybridEncoder:
    """Saves a model that was derived from an encoder's, and opens it with the encoder's settings, in float32.

    If the encoder is a training run, the folder has its record and card, with each item of ``done`` (a name and JSON
    values) appended to the record's list of that name.
    """
    with whole_folder(folder, mark='modules.json', remedy='The encoder itself is as it was.') as new:
        with progress_bar(encoder.verbose):
            save_checkpoint(model, new)
        record = None if encoder.folder is None else read_training_record(encoder.folder)
        if record is not None:
            order = [name for name, _ in derivations(record)]
            record.update({name: [*record.get(name, []), value] for name, value in done.items()})
            record.update(derived=[*order, *done], query_prefix=encoder.query.prefix,
                          passage_prefix=encoder.passage.prefix)  # fmt: skip
            if not is_static(model):
                record['encode_length'] = [encoder.query.max_length, encoder.passage.max_length]
            write_card(new, folder.name, record, drawn_languages(record['composition']), encoder.dimension)
            write_training_record(new, record)
    return HybridEncoder(
        folder, device=encoder.device, dtype='float32', batch_size=encoder.batch_size, text_field=encoder.text_field,
        verbose=encoder.verbose,
    )  # fmt: skip


def multiply(model: SentenceTransformer, matrix: torch.Tensor) -> None:
    """Makes a model multiply its vectors by a symmetric matrix, before a normalisation at its end."""
    matrix = matrix.to(model.device)
    modules = list(model.children())
    if is_static(model) and all(isinstance(module, Normalize) for module in modules[1:]):
        with torch.no_grad():
            model[0].embedding.weight.copy_(model[0].embedding.weight @ matrix)
        return
    end = len(modules)
    while isinstance(modules[end - 1], Normalize):
        end -= 1
    dense = Dense(*matrix.shape, bias=False, activation_function=torch.nn.Identity(), init_weight=matrix)
    modules.insert(end, dense)
    model._modules = OrderedDict((str(i), module) for i, module in enumerate(modules))

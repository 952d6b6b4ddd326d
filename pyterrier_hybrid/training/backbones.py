"""The kinds of backbones that training starts from, with all that training has to know about each of them."""
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize
from torch.ao.nn.quantized.dynamic import Linear as QuantizedLinear

from pyterrier_hybrid.encoding.backbones import is_static, static_backbone
from pyterrier_hybrid.encoding.compact import is_small, small_backbone
from pyterrier_hybrid.encoding.devices import check_memory
from pyterrier_hybrid.encoding.encoder import HybridEncoder
from pyterrier_hybrid.encoding.identity import digest
from pyterrier_hybrid.encoding.modules import ends_normalized, position_limit
from pyterrier_hybrid.encoding.presets import PRESETS
from pyterrier_hybrid.encoding.sides import passage_side, query_side
from pyterrier_hybrid.pairs.balanced import balanced_texts
from pyterrier_hybrid.training.lengths import check_lengths, given_lengths, set_max_length
from pyterrier_hybrid.training.processes import built_once
from pyterrier_hybrid.training.record import read_training_record
from pyterrier_hybrid.training.static import is_row_sparse

_SIZES = ('vocab_size', 'dimension')
#: Every vocabulary has at least this many subwords.
_FEWEST_SUBWORDS = 10
# torch raises a plain RuntimeError if there is not enough memory on the CPU; this matches its messages.
_SAID_NO_MEMORY = re.compile("not enough memory|can't allocate memory|out of memory")
_FOR_STATIC = ('token_dropout',)
_LESS_MEMORY = ('max_length', 'mini_batch_size', 'gradient_checkpointing')
_FOR_TRANSFORMERS = (*_LESS_MEMORY, 'encode_length')


@dataclass(frozen=True)
class Backbone:
    """A kind of backbone.

    Attributes:
        title: its name in messages.
        learning_rate: the default.
        options: the arguments of ``train`` that apply to this kind, but not to every kind.
        query_prefix, passage_prefix: the defaults.
        bf16: the default. A pretrained backbone trains in bfloat16 if that is fast. One with random weights, which
            has everything to learn, trains in float32.
        make: ``make(texts, *, seed, **sizes)`` returns a ``SentenceTransformer`` with random weights, on the CPU; sizes
            are ``vocab_size`` and ``dimension`` if they were given. None for a kind that is read from a checkpoint.
    """

    title: str
    learning_rate: float
    options: tuple[str, ...]
    query_prefix: str = 'Query: '
    passage_prefix: str = 'Passage: '
    bf16: bool | str = False
    make: Callable[..., SentenceTransformer] | None = field(default=None, compare=False)

    def check_options(self, arguments) -> None:
        """Refuses arguments of a :class:`TrainingArguments` that are given and do not apply to this kind.

        Raises:
            ValueError: there is one; the message names it.
        """
        for name in (*_SIZES, *_FOR_STATIC, *_FOR_TRANSFORMERS):
            value = getattr(arguments, name)
            if value and name not in self.options:
                raise ValueError(f'{name} is {value!r}, but does not apply to {self.title}; leave it out')
        if arguments.dimension:  # before the tokenizer is trained; checked again when its size is known
            check_memory(arguments.dimension * _FEWEST_SUBWORDS, f'dimension is {arguments.dimension}')


#: The paper's learning rate and prefixes (arXiv 2408.10536, section 4.1).
PRETRAINED = Backbone('a transformer from a checkpoint', 3e-5, _FOR_TRANSFORMERS, bf16='auto')
#: The learning rate is high because random vectors have to move by more than their own length, see ``INITIAL_SCALE``.
#: There are no prefixes, because a prefix would add the same vectors to every text.
STATIC = Backbone('a static embedding', 5e-2, (*_SIZES, *_FOR_STATIC), '', '', make=static_backbone)
#: The learning rate is above the paper's because everything is still to be learned. After 60 steps of 64 worldfacts
#: pairs the loss was 3.3, 2.3, 2.2 and 2.2 at rates of .0003, .001, .002 and .004. The last rate had the worst
#: monolingual mAP.
SMALL = Backbone('a transformer from random weights', 1e-3, (*_SIZES, *_FOR_TRANSFORMERS), make=small_backbone)

#: Backbones that are made from the pairs, by their names in ``train(backbone=)``. Every other string is a checkpoint. A
#: new backbone needs an entry here, and a file beside ``encoding/compact.py`` that makes it.
FROM_SCRATCH = {'static': STATIC, 'small': SMALL}

_STATIC_CHECKPOINT = Backbone('a static embedding from a checkpoint', STATIC.learning_rate, _FOR_STATIC, '', '')
_STATIC_WITH_LAYERS = Backbone('a static embedding with further layers', STATIC.learning_rate, (), '', '')
_SMALL_IN_MEMORY = replace(SMALL, title='a small_backbone in memory', options=_FOR_TRANSFORMERS, make=None)
_ANY_CHECKPOINT = Backbone('a checkpoint', PRETRAINED.learning_rate, (*_FOR_STATIC, *_FOR_TRANSFORMERS))


def kind_of(backbone: object) -> Backbone:
    """Returns the kind of a backbone, as far as it is known before a checkpoint is opened.

    Raises:
        TypeError: the value is not a backbone.
    """
    if isinstance(backbone, SentenceTransformer):
        if not is_static(backbone):
            return _SMALL_IN_MEMORY if is_small(backbone) else PRETRAINED
        return _STATIC_CHECKPOINT if is_row_sparse(backbone) else _STATIC_WITH_LAYERS
    if not isinstance(backbone, str | os.PathLike):
        raise TypeError(
            f'backbone is {backbone!r:.80}; give {", ".join(map(repr, FROM_SCRATCH))}, the folder or hub name of a '
            'checkpoint, or a SentenceTransformer (encoder.model of a HybridEncoder)'
        )
    return FROM_SCRATCH.get(backbone, _ANY_CHECKPOINT)


def with_own_prefixes(kind: Backbone, model: SentenceTransformer, arguments) -> Backbone:
    """Returns the kind with the prefixes that a checkpoint was trained with, if its prompts have them.

    Empty prompts leave the prefixes open, except in the folder of a run of this package, which was then trained without
    prefixes. Warns if the prompts of a pretrained transformer have none, it is not one of the paper's, and
    ``arguments`` do not give both.
    """
    if is_static(model):
        return kind
    sides = query_side(model, None, None), passage_side(model, None, None)
    own = dict(zip(('query_prefix', 'passage_prefix'), (side.prefix for side in sides)))
    if any(own.values()) or _is_run(arguments.backbone):
        return replace(kind, **own)
    known = is_small(model) or str(arguments.backbone) in (*PRESETS['xlm-r'].hub_names, *PRESETS['labse'].hub_names)
    if not known and None in (arguments.query_prefix, arguments.passage_prefix):
        name = 'the model' if isinstance(arguments.backbone, SentenceTransformer) else arguments.backbone
        warnings.warn(
            f'{name} does not say which prefixes it was trained with; {kind.query_prefix!r} and '
            f"{kind.passage_prefix!r}, the paper's, are put before its texts. Give query_prefix= and passage_prefix=, "
            "'' for none",
            stacklevel=2,
        )
    return kind


def _is_run(backbone: object) -> bool:
    """Whether a backbone is the folder of an encoder that was trained here."""
    in_memory = isinstance(backbone, SentenceTransformer)
    return not in_memory and read_training_record(Path(backbone).expanduser()) is not None


def content_of(backbone: str | os.PathLike | SentenceTransformer, model: SentenceTransformer | None) -> dict[str, str]:
    """Returns the entries of the record for a backbone.

    Args:
        backbone: as ``train`` takes it.
        model: the opened model, after :func:`set_up`; None for one that is made from the pairs.

    Returns:
        ``backbone``, its name, and unless it is made from the pairs ``backbone_fingerprint``: 32 hex digits of
        architecture, tokenizer and weights. The fingerprint of a model in memory leaves out the weights, because an
        interrupted run has changed them in place.
    """
    if model is None:
        return {'backbone': backbone}
    in_memory = backbone is model
    name = f'{type(model[0]).__name__} in memory' if in_memory else os.fspath(backbone)
    return {'backbone': name, 'backbone_fingerprint': digest(model, {}, weights=not in_memory)}


def opened_backbone(backbone: str | os.PathLike | SentenceTransformer, device: str | None) -> SentenceTransformer:
    """The model of a backbone that is not made from the pairs.

    Args:
        backbone: a checkpoint; or a model in memory, which is not copied. It gets a normalisation at its end if it has
            none, as a checkpoint does, and half precision is cast to float32.
        device: None for CUDA if there is one; a model in memory then stays where it is.

    Raises:
        FileNotFoundError: no such checkpoint.
        ValueError: a model in memory in int8.
    """
    if isinstance(backbone, SentenceTransformer):
        _widen(backbone)
        if not ends_normalized(backbone):  # the loss compares cosines
            backbone.append(Normalize())
        return backbone if device is None else backbone.to(device)
    with warnings.catch_warnings():  # the mean of token vectors is right here: training adapts the model to it
        warnings.filterwarnings('ignore', message='.* is a plain transformers checkpoint')
        return HybridEncoder(backbone, normalize=True, device=device, dtype='float32').model


def _widen(model: SentenceTransformer) -> None:
    """Casts a model in half precision to float32, in place, with a warning: half precision would lose small steps."""
    if any(isinstance(part, QuantizedLinear) for part in model.modules()):
        raise ValueError("the model in memory is in int8, which is not trained; open it with dtype='float32'")
    dtypes = {weight.dtype for weight in model.parameters() if weight.is_floating_point()}
    half = [str(dtype).removeprefix('torch.') for dtype in dtypes if dtype.itemsize < torch.float32.itemsize]
    if half:
        model.float()
        warnings.warn(
            f'the model in memory has weights in {half[0]}; they are trained in float32, from rounded values. To '
            "start from those of its checkpoint, give its folder or name, or open it with dtype='float32'",
            stacklevel=5,
        )


def made_backbone(arguments, pairs, scratch: Path) -> SentenceTransformer:
    """Makes a backbone from the pairs. If there are several processes, the first one makes it.

    Args:
        arguments: a :class:`TrainingArguments`, whose backbone is one of ``FROM_SCRATCH``.
        pairs: a :class:`ParallelPairs`.
        scratch: a folder that all processes see, which is removed.
    """
    make = FROM_SCRATCH[arguments.backbone].make
    sizes = {name: getattr(arguments, name) for name in _SIZES if getattr(arguments, name) is not None}
    model = built_once(lambda: make(balanced_texts(pairs), seed=arguments.seed, **sizes), scratch)
    return model.to(arguments.device or ('cuda' if torch.cuda.is_available() else 'cpu'))


def set_up(model: SentenceTransformer, arguments) -> None:
    """Gives a model the prefixes and greatest lengths of a :class:`TrainingArguments`.

    Raises:
        ValueError: more tokens than the model has positions.
    """
    model.prompts = {'query': arguments.query_prefix, 'document': arguments.passage_prefix}
    model.default_prompt_name = None  # it may name a prompt that no longer exists
    for name in ('encode_length', 'max_length'):
        if getattr(arguments, name) is not None:
            check_lengths(model, *given_lengths(getattr(arguments, name), name), name)
    if arguments.max_length is not None:
        set_max_length(model, *given_lengths(arguments.max_length, 'max_length'))
        return
    limit, own = position_limit(model), model.max_seq_length
    if limit is not None and (own is None or own > limit):  # as in encoding
        model.max_seq_length = limit


@contextmanager
def within_memory(model: SentenceTransformer, arguments) -> Iterator[None]:
    """A block of training whose batches have to fit into memory.

    Raises:
        ValueError: the batches do not fit, instead of torch's or Python's error; names the arguments to change.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and not _SAID_NO_MEMORY.search(str(error)):
            raise
        savers = [name for name in _LESS_MEMORY if name in kind_of(model).options]
        raise ValueError(
            f'batches of {arguments.batch_size} pairs do not fit into the memory of {model.device} '
            f'({str(error).partition(chr(10))[0] or type(error).__name__:.120}); give a smaller batch_size'
            f'{" or dimension" if not savers else ", or use " + ", ".join(savers)}'
        ) from error

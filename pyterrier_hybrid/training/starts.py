"""What training starts from: a backbone by name, in a folder, in memory, or made from the pairs."""
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.encoding.compact import small_backbone
from pyterrier_hybrid.encoding.sides import passage_side, query_side
from pyterrier_hybrid.pairs.balanced import balanced_texts
from pyterrier_hybrid.training.processes import built_once

#: The paper's learning rate (arXiv 2408.10536, section 4.1), for pretrained transformers.
LEARNING_RATE = 3e-5
#: For a table of random subword vectors, which has to move by more than its own size; see ``INITIAL_SCALE``.
STATIC_LEARNING_RATE = 5e-2
#: For a transformer from random weights, which has everything to learn. After 60 steps of 64 worldfacts pairs the loss
#: was 3.3, 2.3, 2.2 and 2.2 at rates of .0003, .001, .002 and .004; the last of these cost most monolingual mAP.
SMALL_LEARNING_RATE = 1e-3
#: Backbones made from the pairs alone; every other string is a checkpoint.
FROM_SCRATCH = ('static', 'small')


def given_sizes(backbone, **sizes: int | None) -> dict[str, int]:
    """The sizes that were given, for a backbone that is made in a size.

    Raises:
        ValueError: the backbone has its size already.
    """
    given = {name: size for name, size in sizes.items() if size is not None}
    if given and not (isinstance(backbone, str) and backbone in FROM_SCRATCH):
        raise ValueError(f'{" and ".join(given)} is for backbones from random weights: {", ".join(FROM_SCRATCH)}')
    return given


def check_applies(static: bool, *, token_dropout: float, **for_transformers: object) -> None:
    """Refuses what a kind of backbone has no use for."""
    if token_dropout and not static:
        raise ValueError('token_dropout is for a bag of subwords; a transformer has dropout in its configuration')
    for name, value in for_transformers.items():
        if value and static:
            raise ValueError(f'{name}={value!r} is for transformers; leave it out for a bag of subwords')


def set_max_length(model, max_length: int | Sequence[int]) -> None:
    """Sets after how many tokens a transformer cuts texts, or queries and passages.

    Raises:
        ValueError: not a number of tokens, or one for queries and one for passages; more than there are positions for.
    """
    query, passage = (max_length, max_length) if isinstance(max_length, int) else _pair(max_length)
    longest = max(query_side(model, None, query).max_length, passage_side(model, None, passage).max_length)
    model.max_seq_length = longest
    if isinstance(model[0], Transformer):
        model[0].query_length, model[0].document_length = (None, None) if query == passage else (query, passage)
    elif query != passage:
        raise ValueError(f'max_length is {max_length!r}; this model takes one length for queries and passages')


def _pair(max_length: Sequence[int]) -> Sequence[int]:
    """A length for queries and one for passages."""
    if not isinstance(max_length, list | tuple) or len(max_length) != 2:
        raise ValueError(f'max_length is {max_length!r}; give one number of tokens, or two, of queries and of passages')
    return max_length


def usual_learning_rate(backbone, static: bool) -> float:
    """The learning rate when none is given."""
    if static:
        return STATIC_LEARNING_RATE
    return SMALL_LEARNING_RATE if backbone == 'small' else LEARNING_RATE


def backbone_name(backbone) -> str:
    """What a backbone is called in the record."""
    return os.fspath(backbone) if isinstance(backbone, str | os.PathLike) else f'{type(backbone[0]).__name__} in memory'


def opened_backbone(
    backbone, sizes: dict[str, int], pairs, seed: int, device: str | None, resume_from: Path | None, scratch: Path
):
    """The model to be trained, on its device; when a run is resumed, the trainer gives it the checkpoint's weights."""
    if isinstance(backbone, SentenceTransformer):
        return backbone if device is None else backbone.to(device)
    if backbone not in FROM_SCRATCH:
        return HybridEncoder(backbone, normalize=True, device=device, dtype='float32').model
    if resume_from is not None:  # with its tokenizer, which takes a while to train
        return HybridEncoder(resume_from, device=device, dtype='float32').model
    make = small_backbone if backbone == 'small' else static_backbone
    model = built_once(lambda: make(balanced_texts(pairs), seed=seed, **sizes), scratch)
    return model.to(device or ('cuda' if torch.cuda.is_available() else 'cpu'))

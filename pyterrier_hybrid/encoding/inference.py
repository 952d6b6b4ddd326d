"""Running a model over many texts: a window at a time, in batches of about the same length."""
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

from pyterrier_hybrid.encoding.batching import TOKENS_PER_TEXT, WINDOW, length_batches, padded, take_rows
from pyterrier_hybrid.encoding.sides import Side


def encode_windows(
    model: SentenceTransformer,
    texts: Sequence[str],
    side: Side,
    batch_size: int,
    progress: Callable[[int], object] = lambda texts: None,
) -> Iterator[torch.Tensor]:
    """Encodes texts and keeps their order; memory does not grow with their number.

    Args:
        model: gradients and mode are the caller's to set.
        texts: n texts.
        side: how they are read.
        batch_size: texts of 128 tokens in a batch; a batch holds as many tokens, padding included.
        progress: called with the number of texts in each batch that was sent through the model.

    Yields:
        (texts of a window, d), on the model's device, in the dtype of its last module. A text of no token (an empty
        one, where the tokenizer adds no special tokens) has the vector 0.
    """
    for start in range(0, len(texts), WINDOW):
        features = tokenize(model, texts[start : start + WINDOW], side)
        parts, order = [], []
        for rows, batch in _batches(features, batch_size * TOKENS_PER_TEXT):
            parts.append(_forward(model, batch, side))
            order.append(np.arange(len(parts[-1])) if rows is None else rows)
            progress(len(parts[-1]))
        tokenless = _tokenless(features)
        if len(tokenless):
            shape = (len(tokenless), model.truncate_dim or model.get_embedding_dimension())
            parts.append(parts[0].new_zeros(shape) if parts else torch.zeros(shape, device=model.device))
            order.append(tokenless)
            progress(len(tokenless))
        back = torch.from_numpy(np.argsort(np.concatenate(order)))
        yield torch.cat(parts)[back.to(parts[0].device)]


def tokenize(model: SentenceTransformer, texts: list[str], side: Side) -> dict:
    """Returns the model's features of some texts: prefix, tokens, truncation, all by its own preprocessing."""
    first = model[0]
    if not isinstance(first, StaticEmbedding) or side.max_length is None:
        return model.preprocess(texts, prompt=side.prefix or None, task=side.task, max_length=side.max_length)
    before = first.tokenizer.truncation  # a StaticEmbedding takes lengths from its tokenizer alone
    first.tokenizer.enable_truncation(side.max_length)
    try:
        return model.preprocess(texts, prompt=side.prefix or None)
    finally:
        first.tokenizer.no_truncation()
        if before is not None:
            first.tokenizer.enable_truncation(**before)


def _batches(features: dict, budget: int) -> Iterator[tuple[np.ndarray | None, dict]]:
    if not padded(features):  # a static embedding: nothing to waste, so a window is one batch
        yield None, features
        return
    lengths = features['attention_mask'].sum(dim=1).numpy()
    some = np.flatnonzero(lengths)
    for chosen in length_batches(lengths[some], budget):
        rows = some[chosen]
        yield rows, take_rows(features, rows)


def _tokenless(features: dict) -> np.ndarray:
    """The rows of a window that have no token."""
    if not padded(features):
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(features['attention_mask'].sum(dim=1).numpy() == 0)


def _forward(model: SentenceTransformer, batch: dict, side: Side) -> torch.Tensor:
    batch = {k: v.to(model.device) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
    vectors = model(batch, task=side.task)['sentence_embedding']
    return vectors if model.truncate_dim is None else vectors[:, : model.truncate_dim]

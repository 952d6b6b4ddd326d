"""Running a model over many texts: a window at a time, in batches of about the same length."""
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

from pyterrier_hybrid.encoding.batching import TOKENS_PER_TEXT, WINDOW, length_batches, padded, take_rows
from pyterrier_hybrid.encoding.kitoken_ids import TokenIds
from pyterrier_hybrid.encoding.layers import ModelByLayers
from pyterrier_hybrid.encoding.sides import Side


def encode_windows(
    model: SentenceTransformer, texts: Sequence[str], side: Side, batch_size: int,
    progress: Callable[[int], object] = lambda texts: None, by_layers: ModelByLayers | None = None,
    ids: TokenIds | None = None,
) -> Iterator[torch.Tensor]:  # fmt: skip
    """Encodes texts and keeps their order; memory does not grow with their number.

    A batch holds as many tokens, padding included, as ``batch_size`` texts of 128 tokens. ``progress`` is called with
    the number of texts in each batch. If ``by_layers`` is given, it computes the batches instead of the model. ``ids``
    tokenises texts for a static embedding. The caller sets gradients and mode.

    Yields (texts of a window, d), on the model's device, in the dtype of its last module. A text without a token (an
    empty one, if the tokenizer adds no special tokens) has the vector 0.
    """
    for features in _features(model, texts, side, ids):
        budget = batch_size * TOKENS_PER_TEXT
        if by_layers is not None:
            budget = min(budget, by_layers.budget(int(features['attention_mask'].sum())) or budget)
        order = _rows(features, budget)
        batches = (take_rows(features, rows) for rows in order) if padded(features) else iter([features])
        parts = []
        for vectors in _computed(model, batches, side) if by_layers is None else by_layers.map(batches, side.task):
            parts.append(vectors if model.truncate_dim is None else vectors[:, : model.truncate_dim])
            progress(len(vectors))
        tokenless = _tokenless(features)
        if len(tokenless):
            shape = (len(tokenless), model.truncate_dim or model.get_embedding_dimension())
            parts.append(parts[0].new_zeros(shape) if parts else torch.zeros(shape, device=model.device))
            order.append(tokenless)
            progress(len(tokenless))
        back = torch.from_numpy(np.argsort(np.concatenate(order)))
        yield torch.cat(parts)[back.to(parts[0].device)]


def tokenize(model: SentenceTransformer, texts: list[str], side: Side, ids: TokenIds | None = None) -> dict:
    """Returns the model's features of some texts: its own preprocessing adds the prefix, tokenises and truncates.

    For a static embedding, ``ids`` tokenises instead, which is faster because it needs no character positions.
    """
    if not isinstance(model[0], StaticEmbedding):
        return model.preprocess(texts, prompt=side.prefix or None, task=side.task, max_length=side.max_length)
    texts = [side.prefix + text for text in texts] if side.prefix else texts
    # StaticEmbedding.preprocess has no max_length: it truncates only as its tokenizer is set
    tokens, lengths = ids(texts, side.max_length)
    starts = np.cumsum(lengths) - lengths
    return {'input_ids': torch.from_numpy(tokens.astype(np.int64)), 'offsets': torch.from_numpy(starts)}


def _features(
    model: SentenceTransformer, texts: Sequence[str], side: Side, ids: TokenIds | None
) -> Iterator[dict]:
    """Yields the features of each window.

    While a GPU computes, a thread tokenises the next window. On a processor, such a thread would slow torch's own
    threads, so there is none.
    """
    windows = [texts[start : start + WINDOW] for start in range(0, len(texts), WINDOW)]
    if model.device.type == 'cpu' or len(windows) < 2:
        yield from (tokenize(model, window, side, ids) for window in windows)
        return
    with ThreadPoolExecutor(1) as thread:
        ahead = thread.submit(tokenize, model, windows[0], side, ids)
        for following in [*windows[1:], None]:
            features = ahead.result()
            ahead = following and thread.submit(tokenize, model, following, side, ids)
            yield features


def _rows(features: dict, budget: int) -> list[np.ndarray]:
    """Returns the rows of each batch. For a static embedding or a bag of words, all rows are one batch, unpadded."""
    if not padded(features):
        return [np.arange(len(features.get('offsets', features.get('sentence_embedding'))))]
    lengths = features['attention_mask'].sum(dim=1).numpy()
    some = np.flatnonzero(lengths)
    return [some[chosen] for chosen in length_batches(lengths[some], budget)]


def _tokenless(features: dict) -> np.ndarray:
    """The rows of a window that have no token."""
    if not padded(features):
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(features['attention_mask'].sum(dim=1).numpy() == 0)


def _computed(model: SentenceTransformer, batches: Iterable[dict], side: Side) -> Iterator[torch.Tensor]:
    for batch in batches:
        placed = {k: v.to(model.device) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
        yield model(placed, task=side.task)['sentence_embedding']

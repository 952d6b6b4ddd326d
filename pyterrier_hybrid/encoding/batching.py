"""Batches of texts of about the same length.

A batch is padded to its longest text, so texts in corpus order waste about half of the computation. Texts are tokenised
once, a window at a time, and the windows' rows are then grouped by their number of tokens.
"""
from collections.abc import Iterator, Mapping

import numpy as np

#: Texts tokenised, sorted and held in memory at once.
WINDOW = 2048
#: A batch of n texts holds n * TOKENS_PER_TEXT tokens, padding included: more short texts, fewer long ones.
TOKENS_PER_TEXT = 128


def length_batches(lengths: np.ndarray, budget: int) -> Iterator[np.ndarray]:
    """Groups texts by length, longest first, so that the batch that needs most memory comes first.

    In a batch, lengths (integers of at least 1, (n,)) differ by at most 8 tokens or an eighth of the longest, whichever
    is more. The number of texts times the longest length is at most ``budget``, except that a longer text is a batch of
    its own. Yields positions in ``lengths``, each exactly once in all; equal lengths in their given order.
    """
    order = np.argsort(-np.asarray(lengths), kind='stable')
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        end = start + 1
        shortest = longest - max(8, longest // 8)
        last = start + max(1, budget // longest)
        while end < min(last, len(order)) and lengths[order[end]] >= shortest:
            end += 1
        yield order[start:end]
        start = end


def padded(features: Mapping) -> bool:
    """Whether a window's features are rows padded to one width, as transformers' tokenizers give them."""
    mask = features.get('attention_mask')
    return mask is not None and mask.ndim == 2 and len(mask) == len(features['input_ids'])


def take_rows(features: Mapping, rows: np.ndarray) -> dict:
    """Cuts some rows out of a padded window (texts, width), and with them the columns in which they all are padding.

    Works for padding on either side. Returns new tables of shape (len(rows), longest of the rows). Features that
    are not such a table (the modality, a prompt's length) are passed on unchanged.
    """
    shape = features['attention_mask'].shape
    used = features['attention_mask'][rows].any(dim=0).nonzero().flatten()
    first, last = int(used[0]), int(used[-1]) + 1
    return {
        name: value[rows, first:last] if getattr(value, 'shape', None) == shape else value
        for name, value in features.items()
    }

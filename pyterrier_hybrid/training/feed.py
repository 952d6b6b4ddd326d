"""How batches reach the sentence-transformers trainer: a table of slots, and a sampler that keeps each batch whole."""
from collections.abc import Iterator

import numpy as np
from torch.utils.data import BatchSampler

from .batches import HybridBatches
from .negatives import batch_negatives


def slot_table(batches: HybridBatches, steps: int, negatives: int = 0):
    """A map-style data set whose row ``step * batch_size + position`` is that pair of the step's batch.

    The texts are fetched when a row is read, so the table itself holds nothing but the slots' numbers. It has exactly
    the columns ``query``, ``passage`` and ``negative_1`` to ``negative_n``: the trainer would take any further text
    column for a hard negative.

    Args:
        batches: the plan.
        steps: how many of its steps to serve.
        negatives: hard negatives for each pair, see :func:`batch_negatives`.

    Returns:
        A ``datasets.Dataset`` of ``steps * batch_size`` rows.
    """
    from datasets import Dataset

    def fetch(rows: dict[str, list[int]]) -> dict[str, list[str]]:
        step_of, position = np.divmod(np.asarray(rows['slot']), batches.batch_size)
        columns: dict[str, np.ndarray] = {}
        for step in np.unique(step_of).tolist():
            at = np.flatnonzero(step_of == step)
            for name, texts in batch_texts(batches, step, negatives).items():
                columns.setdefault(name, np.empty(len(step_of), dtype=object))[at] = texts[position[at]]
        return {name: texts.tolist() for name, texts in columns.items()}

    return Dataset.from_dict({'slot': np.arange(steps * batches.batch_size)}).with_transform(fetch)


def batch_texts(batches: HybridBatches, step: int, negatives: int = 0) -> dict[str, np.ndarray]:
    """The columns of a step's batch: object arrays (batch_size,), aligned; names as in :func:`slot_table`."""
    batch = batches.batch(step)
    query, passage = np.empty(len(batch), dtype=object), np.empty(len(batch), dtype=object)
    sources, rows = np.array(batch.sources), np.array(batch.rows)
    query_langs, passage_langs = np.array(batch.query_langs), np.array(batch.passage_langs)
    for name in dict.fromkeys(batch.sources):
        at, source = np.flatnonzero(sources == name), batches.pairs[name]
        query[at] = source.texts('query', rows[at], query_langs[at].tolist())
        passage[at] = source.texts('passage', rows[at], passage_langs[at].tolist())
    columns = {'query': query, 'passage': passage}
    if negatives:
        further = batch_negatives(batches, step, negatives)
        columns.update(zip(column_names(negatives)[2:], further))
    return columns


def column_names(negatives: int = 0) -> list[str]:
    """The columns of the feed, queries first."""
    return ['query', 'passage', *(f'negative_{i}' for i in range(1, negatives + 1))]


class ConsecutiveBatches(BatchSampler):
    """Slots in order, cut into batches of ``batch_size``: every batch of the trainer is one batch of the plan."""

    def __init__(self, dataset, batch_size: int, **_):
        self.size, self.batch_size, self.drop_last = len(dataset), batch_size, True

    def __iter__(self) -> Iterator[list[int]]:
        for start in range(0, self.size - self.batch_size + 1, self.batch_size):
            yield list(range(start, start + self.batch_size))

    def __len__(self) -> int:
        return self.size // self.batch_size

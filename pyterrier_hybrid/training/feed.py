"""How batches reach the sentence-transformers trainer: a table of slots, and a sampler that keeps each batch whole."""
from collections.abc import Iterator

import numpy as np
from torch.utils.data import BatchSampler

from .batches import HybridBatches


def slot_table(batches: HybridBatches, steps: int):
    """A map-style data set whose row ``step * batch_size + position`` is that pair of the step's batch.

    The texts are fetched when a row is read, so the table itself holds nothing but the slots' numbers. It has exactly
    the columns ``query`` and ``passage``: the trainer would take any further text column for a hard negative.

    Args:
        batches: the plan.
        steps: how many of its steps to serve.

    Returns:
        A ``datasets.Dataset`` of ``steps * batch_size`` rows.
    """
    from datasets import Dataset

    def fetch(rows: dict[str, list[int]]) -> dict[str, list[str]]:
        slots = np.asarray(rows['slot'])
        query, passage = np.empty(len(slots), dtype=object), np.empty(len(slots), dtype=object)
        for step in np.unique(slots // batches.batch_size).tolist():
            at = np.flatnonzero(slots // batches.batch_size == step)
            queries, passages = batch_texts(batches, step)
            positions = slots[at] % batches.batch_size
            query[at], passage[at] = queries[positions], passages[positions]
        return {'query': query.tolist(), 'passage': passage.tolist()}

    table = Dataset.from_dict({'slot': np.arange(steps * batches.batch_size)})
    return table.with_transform(fetch)


def batch_texts(batches: HybridBatches, step: int) -> tuple[np.ndarray, np.ndarray]:
    """The queries and the passages of a step's batch: two object arrays (batch_size,), aligned."""
    batch = batches.batch(step)
    query, passage = np.empty(len(batch), dtype=object), np.empty(len(batch), dtype=object)
    sources, rows = np.array(batch.sources), np.array(batch.rows)
    query_langs, passage_langs = np.array(batch.query_langs), np.array(batch.passage_langs)
    for name in dict.fromkeys(batch.sources):
        at, source = np.flatnonzero(sources == name), batches.pairs[name]
        query[at] = source.texts('query', rows[at], query_langs[at].tolist())
        passage[at] = source.texts('passage', rows[at], passage_langs[at].tolist())
    return query, passage


class ConsecutiveBatches(BatchSampler):
    """Slots in order, cut into batches of ``batch_size``: every batch of the trainer is one batch of the plan."""

    def __init__(self, dataset, batch_size: int, **_):
        self.size, self.batch_size, self.drop_last = len(dataset), batch_size, True

    def __iter__(self) -> Iterator[list[int]]:
        for start in range(0, self.size - self.batch_size + 1, self.batch_size):
            yield list(range(start, start + self.batch_size))

    def __len__(self) -> int:
        return self.size // self.batch_size

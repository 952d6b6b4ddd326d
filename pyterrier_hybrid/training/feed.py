"""How batches reach the sentence-transformers trainer: a table of slots, and a sampler that keeps each batch whole."""
from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import BatchSampler

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.batches.negatives import batch_negatives


def slot_table(batches: HybridBatches, steps: int, negatives: int = 0):
    """A map-style ``datasets.Dataset`` whose row ``step * batch_size + position`` is that pair of the step's batch.

    The texts are read when a row is read, so the table itself only holds the slots' numbers, 8 bytes each. Its columns
    are ``query``, ``passage`` and ``negative_1`` to ``negative_n`` (see :func:`batch_negatives`). There is no other
    column, because the trainer would take a further text column for a hard negative.
    """
    import pyarrow as pa
    from datasets import Dataset
    from datasets.table import InMemoryTable

    slots = pa.table({'slot': np.arange(steps * batches.batch_size)})
    # with a fingerprint given, datasets does not copy and hash the numbers
    table = Dataset(InMemoryTable(slots), fingerprint=f'slots-{steps}-of-{batches.batch_size}')
    return table.with_transform(_SlotTexts(batches, negatives))


class _SlotTexts:
    """Returns the texts of slots; the table's transform."""

    def __init__(self, batches: HybridBatches, negatives: int):
        self._batches, self._negatives = batches, negatives

    def __deepcopy__(self, memo) -> '_SlotTexts':
        """Returns itself, because datasets copies the transform whenever it copies a table."""
        return self

    def __reduce__(self):
        """Pickles as a short string: datasets pickles a transform only to hash it."""
        return str, (f'{type(self).__name__} of {self._batches.batch_size}, {self._negatives}',)

    def __call__(self, rows: dict[str, list[int]]) -> dict[str, list[str]]:
        step_of, position = np.divmod(np.asarray(rows['slot']), self._batches.batch_size)
        columns = {name: np.empty(len(step_of), dtype=object) for name in column_names(self._negatives)}
        for step in np.unique(step_of).tolist():
            at = np.flatnonzero(step_of == step)
            for name, texts in batch_texts(self._batches, step, self._negatives, position[at]).items():
                columns[name][at] = texts
        return {name: texts.tolist() for name, texts in columns.items()}


def batch_texts(
    batches: HybridBatches, step: int, negatives: int = 0, positions: Sequence[int] | None = None
) -> dict[str, np.ndarray]:
    """The columns of a step's batch, or only those of its pairs at ``positions`` (from 0).

    Returns aligned object arrays (pairs,); names as in :func:`slot_table`.
    """
    batch = batches.batch(step)
    wanted = np.arange(len(batch)) if positions is None else np.asarray(positions)
    query, passage = np.empty(len(wanted), dtype=object), np.empty(len(wanted), dtype=object)
    sources, rows = np.array(batch.sources)[wanted], np.array(batch.rows)[wanted]
    query_langs, passage_langs = np.array(batch.query_langs)[wanted], np.array(batch.passage_langs)[wanted]
    for name in dict.fromkeys(sources.tolist()):
        at, source = np.flatnonzero(sources == name), batches.pairs[name]
        query[at] = source.texts('query', rows[at], query_langs[at].tolist())
        passage[at] = source.texts('passage', rows[at], passage_langs[at].tolist())
    columns = {'query': query, 'passage': passage}
    if negatives:  # negatives depend on the whole batch
        further = batch_negatives(batches, batch, negatives)[:, wanted]
        columns.update(zip(column_names(negatives)[2:], further))
    return columns


def column_names(negatives: int = 0) -> list[str]:
    """The columns of the feed, queries first."""
    return ['query', 'passage', *(f'negative_{i}' for i in range(1, negatives + 1))]


class ConsecutiveBatches(BatchSampler):
    """Slots in order, cut into batches of ``batch_size``: every batch of the trainer is one batch of the plan.

    Under ``n`` processes, ``batch_size`` is the share of one of them, and each batch of the plan is cut into ``n``
    consecutive slices. Accelerate gives process ``r`` the slices ``r``, ``n + r``, ``2n + r`` and so on: in each step
    all processes work on one batch of the plan, which stays of one kind and, if it is monolingual, of one language.
    """

    def __init__(self, dataset, batch_size: int, **_):
        self.size, self.batch_size, self.drop_last = len(dataset), batch_size, True

    def __iter__(self) -> Iterator[list[int]]:
        for start in range(0, self.size - self.batch_size + 1, self.batch_size):
            yield list(range(start, start + self.batch_size))

    def __len__(self) -> int:
        return self.size // self.batch_size

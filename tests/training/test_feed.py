"""What the trainer is fed: exactly the plan's texts, batch by batch."""
import copy

import numpy as np
import pytest
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import DataLoader

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.training.feed import ConsecutiveBatches, batch_texts, column_names, slot_table

HALF = {'monolingual': 0.5, 'crosslingual': 0.5}


@pytest.fixture(scope='module')
def batches(corpus):
    return HybridBatches(corpus, batch_size=8, mix=HALF, source_temperature=0.0)


def expected(batches, step):
    """(query, passage) of a step's pairs, one at a time."""
    batch = batches.batch(step)
    for name, row, x, y in zip(batch.sources, batch.rows, batch.query_langs, batch.passage_langs):
        source = batches.pairs[name]
        yield source.texts('query', [row], [x])[0], source.texts('passage', [row], [y])[0]


def test_the_table_gives_exactly_the_plan(batches):
    table = slot_table(batches, 25)
    assert len(table) == 200
    for step in range(25):
        rows = table[list(range(step * 8, step * 8 + 8))]
        assert list(rows) == ['query', 'passage']
        assert list(zip(rows['query'], rows['passage'])) == list(expected(batches, step))


def test_nothing_is_said_and_copies_give_the_same(batches, caplog):
    """datasets would warn of a transform that it cannot hash, and copies a table to give it another format."""
    table = slot_table(batches, 25)
    assert not caplog.records
    assert copy.deepcopy(table)[13] == table[13]
    assert table.select(range(8, 16))[5] == table[13]


def test_rows_in_any_order_and_across_batches(batches):
    table = slot_table(batches, 25)
    slots = np.random.default_rng(0).permutation(200)[:50].tolist()
    every = [pair for step in range(25) for pair in expected(batches, step)]
    rows = table[slots]
    assert list(zip(rows['query'], rows['passage'])) == [every[slot] for slot in slots]
    assert table[13] == dict(zip(('query', 'passage'), every[13]))


def test_every_batch_of_a_loader_is_one_batch_of_the_plan(batches):
    table = slot_table(batches, 12)
    loader = DataLoader(table, batch_sampler=ConsecutiveBatches(table, 8, drop_last=False, seed=3), collate_fn=list)
    for step, rows in enumerate(loader):
        assert [(row['query'], row['passage']) for row in rows] == list(expected(batches, step))
    assert step == 11


@pytest.mark.parametrize(('size', 'batch_size', 'batches'), [(20, 5, 4), (21, 5, 4), (4, 5, 0), (5, 5, 1), (0, 5, 0)])
def test_the_sampler_is_exact(size, batch_size, batches):
    sampler = ConsecutiveBatches(range(size), batch_size)
    drawn = list(sampler)
    assert len(sampler) == len(drawn) == batches
    assert [slot for batch in drawn for slot in batch] == list(range(batches * batch_size))


@pytest.mark.parametrize('processes', [2, 4])
def test_processes_share_each_batch_of_the_plan(batches, processes):
    """As accelerate deals a sampler's batches out to processes: consecutive slices of one batch, in each step."""
    table = slot_table(batches, 12, negatives=1)
    shares = []
    for rank in range(processes):
        own = BatchSamplerShard(ConsecutiveBatches(table, 8 // processes), processes, rank, even_batches=False)
        assert len(own) == 12
        shares.append(list(DataLoader(table, batch_sampler=own, collate_fn=list)))
    for step, slices in enumerate(zip(*shares, strict=True)):
        texts = batch_texts(batches, step, negatives=1)
        rows = [dict(zip(texts, row)) for row in zip(*texts.values())]
        assert [row for part in slices for row in part] == rows and {len(part) for part in slices} == {8 // processes}


def test_some_pairs_of_a_batch(batches):
    whole = batch_texts(batches, 5, negatives=2)
    part = batch_texts(batches, 5, negatives=2, positions=[6, 0, 3])
    assert {name: part[name].tolist() for name in part} == {name: whole[name][[6, 0, 3]].tolist() for name in whole}


def test_columns_of_negatives(batches):
    assert column_names(2) == ['query', 'passage', 'negative_1', 'negative_2']
    table, plain = slot_table(batches, 10, negatives=2), slot_table(batches, 10)
    rows = table[list(range(80))]
    assert list(rows) == column_names(2)
    assert {name: rows[name] for name in ('query', 'passage')} == plain[list(range(80))]
    texts = batch_texts(batches, 4, negatives=2)
    assert {name: texts[name].tolist() for name in rows} == {name: rows[name][32:40] for name in rows}

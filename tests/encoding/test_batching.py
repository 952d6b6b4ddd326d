"""Batches by length, by hand and by their invariants."""
import numpy as np
import pytest
import torch

from pyterrier_hybrid.encoding.batching import length_batches, padded, take_rows


@pytest.mark.parametrize(('lengths', 'budget', 'expected'), [
    ([], 100, []),
    ([5], 100, [[0]]),
    ([3, 9, 5, 7], 100, [[1, 3, 2, 0]]),              # all within 8 tokens: one batch, longest first
    ([3, 20, 5, 19], 100, [[1, 3], [2, 0]]),          # 5 is more than 8 below 20
    ([160, 141, 140, 139], 1000, [[0, 1, 2], [3]]),   # an eighth of 160 is 20
    ([10, 10, 10, 10, 10], 20, [[0, 1], [2, 3], [4]]),  # two texts of 10 tokens a budget of 20, in their order
    ([300, 4], 100, [[0], [1]]),                      # beyond the budget: a batch of its own
])  # fmt: skip
def test_by_hand(lengths, budget, expected):
    batches = length_batches(np.array(lengths, dtype=int), budget)
    assert [batch.tolist() for batch in batches] == expected


def test_every_text_once_within_budget_and_spread():
    lengths = np.random.default_rng(0).integers(1, 500, 3000)
    batches = list(length_batches(lengths, 4096))
    assert sorted(np.concatenate(batches).tolist()) == list(range(3000))
    for batch in batches:
        longest, shortest = lengths[batch].max(), lengths[batch].min()
        assert longest * len(batch) <= 4096
        assert longest - shortest <= max(8, longest // 8)
    computed = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    assert computed < 1.05 * lengths.sum()  # in corpus order, a batch of 32 costs about twice its tokens


@pytest.mark.parametrize('side', ['right', 'left'])
def test_take_rows_cuts_the_padding_that_all_rows_share(side):
    rows = [[1], [1, 2], [1, 2, 3, 4]]
    pad = [(row + [0] * (4 - len(row))) if side == 'right' else ([0] * (4 - len(row)) + row) for row in rows]
    ids = torch.tensor(pad)
    features = {'input_ids': ids, 'attention_mask': (ids > 0).long(), 'modality': 'text', 'prompt_length': 4}
    taken = take_rows(features, np.array([1, 0]))
    expected = [[1, 2], [1, 0]] if side == 'right' else [[1, 2], [0, 1]]
    assert taken['input_ids'].tolist() == expected
    assert taken['attention_mask'].tolist() == (torch.tensor(expected) > 0).long().tolist()
    assert (taken['modality'], taken['prompt_length']) == ('text', 4)


def test_padded_tells_rows_from_a_bag():
    assert padded({'input_ids': torch.ones(2, 3), 'attention_mask': torch.ones(2, 3)})
    assert not padded({'input_ids': torch.ones(6), 'offsets': torch.tensor([0, 3])})

"""AdamW over the rows that have occurred against torch's own over all of them, and a run with one against the other."""
import copy

import pytest
import torch
from torch import nn

from pyterrier_hybrid.training import loop, seen_rows, train
from pyterrier_hybrid.training.seen_rows import SeenRowsAdamW, clip_grad_norm, large_table, sparse_gradient


def tables():
    torch.manual_seed(0)
    dense = nn.Sequential(nn.Embedding(40, 6), nn.Linear(6, 3))
    return dense, copy.deepcopy(dense)


@pytest.mark.parametrize('max_norm', [0.05, 1e6])
def test_steps_are_those_of_adamw(max_norm):
    """Rows that come late, rest and come again move as under the dense optimizer, by their momentum too."""
    dense, sparse = tables()
    theirs = torch.optim.AdamW(dense.parameters(), lr=0.03, weight_decay=0.0)
    ours = SeenRowsAdamW(sparse.parameters(), lr=0.03, weight_decay=0.0, fused=True)
    torch.manual_seed(1)
    with sparse_gradient(sparse[0]):
        for step in range(12):
            tokens = torch.randint(0, 5 + 2 * step, (9,))
            for model in (dense, sparse):
                model.zero_grad()
                model(tokens).square().sum().backward()
                model(tokens[:2]).sum().backward()  # a second pass, as of passages after queries
            norm = nn.utils.clip_grad_norm_(dense.parameters(), max_norm)
            torch.testing.assert_close(clip_grad_norm(sparse.parameters(), max_norm), norm)
            assert sparse[0].weight.grad.is_sparse
            theirs.step()
            ours.step()
            torch.testing.assert_close(sparse.state_dict(), dense.state_dict(), rtol=1e-5, atol=1e-6)
            if step == 5:  # as from a checkpoint
                saved, ours = ours.state_dict(), SeenRowsAdamW(sparse.parameters(), lr=0.03, weight_decay=0.0)
                ours.load_state_dict(saved)
    assert not sparse[0].sparse
    seen = len(ours.state[sparse[0].weight]['rows'])
    assert 20 < seen == len(ours.state[sparse[0].weight]['exp_avg']) < 40


def test_weight_decay_begins_with_the_first_gradient():
    _, model = tables()
    before = model[0].weight.detach().clone()
    optimizer = SeenRowsAdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    with sparse_gradient(model[0]):
        (model(torch.tensor([3])) * 0).sum().backward()
    optimizer.step()
    optimizer.step()
    torch.testing.assert_close(model[0].weight[3], before[3] * 0.95**2)
    others = torch.arange(40) != 3
    assert torch.equal(model[0].weight[others], before[others])


def test_only_a_large_table_of_its_own_is_sparse(tiny_transformer, monkeypatch):
    assert large_table(tiny_transformer) is None
    monkeypatch.setattr(seen_rows, '_LEAST_SIZE', 1)
    table = large_table(tiny_transformer)
    assert table is tiny_transformer[0].model.embeddings.word_embeddings
    table.weight.requires_grad = False
    assert large_table(tiny_transformer) is None
    table.weight.requires_grad = True
    tiny_transformer.append(nn.Linear(16, len(table.weight), bias=False))
    tiny_transformer[-1].weight = table.weight  # tied to another layer
    assert large_table(tiny_transformer) is None


@pytest.mark.parametrize('options', [{}, {'mini_batch_size': 3, 'gradient_checkpointing': True}])
def test_a_run_is_that_of_padded_texts_and_a_dense_table(corpus, tiny_transformer, tmp_path, monkeypatch, options):
    """Losses of 50 steps within 1e-4 of those of padded batches, fused attention and torch's AdamW; without dropout."""
    for module in tiny_transformer.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    plain, losses, sparse = copy.deepcopy(tiny_transformer), [], []
    monkeypatch.setattr(loop, 'clip_grad_norm', lambda *given: sparse.append(1) or clip_grad_norm(*given))
    monkeypatch.setattr(seen_rows, '_LEAST_SIZE', 1)
    for model, slow in ((plain, True), (tiny_transformer, False)):
        with monkeypatch.context() as patch:
            if slow:
                patch.setattr(loop, 'can_be_packed', lambda _: False)
                patch.setattr(loop, 'large_table', lambda _: None)
                patch.setattr(loop, 'SeenRowsAdamW', torch.optim.AdamW)
            run = tmp_path / f'slow {slow}'
            train(
                corpus, run, backbone=model, mix={'monolingual': 0.5, 'crosslingual': 0.5}, batch_size=8, steps=50,
                learning_rate=1e-3, weight_decay=0.0, verbose=False, bf16=False, **options,
            )  # fmt: skip
        losses.append([loss for _, loss in train_record(run)['losses']])
    assert len(sparse) == 50  # the steps of the second run alone
    assert len(losses[0]) == 50 and losses[0][-1] < losses[0][0]
    assert max(abs(one - other) for one, other in zip(*losses)) < 1e-4


def train_record(run):
    from pyterrier_hybrid.training.record import read_training_record

    return read_training_record(run)

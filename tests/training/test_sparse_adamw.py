"""AdamW over the rows that occur, against torch's AdamW."""
import pytest
import torch

from pyterrier_hybrid.training.sparse_adamw import SparseAdamW


def table(lengths=(1,) * 9) -> torch.nn.Parameter:
    """Rows of the given lengths."""
    rows = torch.randn(len(lengths), 4, generator=torch.Generator().manual_seed(0))
    return torch.nn.Parameter(rows / rows.norm(dim=1, keepdim=True) * torch.tensor(lengths, dtype=torch.float)[:, None])


def descend(weight, optimizer, rows, steps=5) -> None:
    """Steps on a loss of some rows, whose gradient is sparse only for the sparse optimiser."""
    sparse = isinstance(optimizer, SparseAdamW)
    for step in range(steps):
        target = torch.randn(len(rows), 4, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        (torch.nn.functional.embedding(torch.tensor(rows), weight, sparse=sparse) - target).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize('weight_decay', [0, 0.3])
def test_where_rows_are_equally_long_and_all_occur_it_is_adamw(weight_decay):
    ours, theirs = table(), table()
    for weight, kind in ((ours, SparseAdamW), (theirs, torch.optim.AdamW)):
        descend(weight, kind([weight], lr=0.05, weight_decay=weight_decay), [*range(9), 3])
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_rows_that_do_not_occur_stay_as_they_are():
    weight = table()
    before = weight.detach().clone()
    descend(weight, SparseAdamW([weight], lr=0.05, weight_decay=0.3), [1, 3, 3])
    assert (weight != before).any(1).nonzero()[:, 0].tolist() == [1, 3]


def test_a_step_is_in_proportion_to_a_rows_length_when_training_began():
    weight = table([1, 2, 4, 0])
    before = weight.detach().clone()
    optimizer = SparseAdamW([weight], lr=0.1)
    mean = (21 / 4) ** 0.5
    for step in (1, 2):  # of equal gradients, each of which moves every component by the learning rate
        weight.grad = torch.sparse_coo_tensor([[0, 1, 2, 3]], torch.ones(4, 4), (4, 4), check_invariants=True)
        optimizer.step()
        expected = before - step * 0.1 * torch.tensor([[1 / mean], [2 / mean], [4 / mean], [0.01]])
        torch.testing.assert_close(weight.detach(), expected)


def test_a_run_goes_on_from_its_state(tmp_path):
    whole, halves = table([1, 2, 3, 4, 5, 6, 7, 8, 9]), table([1, 2, 3, 4, 5, 6, 7, 8, 9])
    optimizer = SparseAdamW([whole], lr=0.05, weight_decay=0.1)
    descend(whole, optimizer, [0, 4])
    descend(whole, optimizer, [4, 8])
    first = SparseAdamW([halves], lr=0.05, weight_decay=0.1)
    descend(halves, first, [0, 4])
    torch.save(first.state_dict(), tmp_path / 'state.pt')
    second = SparseAdamW([halves], lr=0.05, weight_decay=0.1)
    second.load_state_dict(torch.load(tmp_path / 'state.pt', weights_only=True))
    descend(halves, second, [4, 8])
    assert torch.equal(halves, whole)

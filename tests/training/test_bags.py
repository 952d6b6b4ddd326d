"""Sparse gradients of a bag of subwords, against torch's own dense gradients and clipping."""
import pytest
import torch
from torch import nn

from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.training.bags import RowSparseBag, clip_sparse_grad_norm, row_sparse

TEXTS = {
    'repeated tokens': ([3, 1, 3, 3, 7, 1], [0, 2, 5]),
    'one text': ([2, 2], [0]),
    'an empty text': ([4, 5, 6], [0, 2, 2]),
    'nothing but empty texts': ([], [0, 0]),
}


def bags(rows: int = 9, width: int = 4) -> tuple[nn.EmbeddingBag, RowSparseBag]:
    """A dense bag, and a sparse one on a copy of its table."""
    torch.manual_seed(0)
    dense = nn.EmbeddingBag(rows, width)
    copy = nn.EmbeddingBag(rows, width)
    copy.load_state_dict(dense.state_dict())
    return dense, RowSparseBag(copy)


@pytest.mark.parametrize(('tokens', 'offsets'), TEXTS.values(), ids=TEXTS)
def test_means_and_gradients_are_those_of_the_dense_bag(tokens, offsets):
    tokens, offsets = torch.tensor(tokens, dtype=torch.long), torch.tensor(offsets)
    outputs = []
    for bag in bags():
        means = bag(tokens, offsets)
        (means * torch.arange(means.numel()).reshape(means.shape)).sum().backward()
        outputs.append((means.detach(), bag.weight.grad))
    (expected, dense), (means, sparse) = outputs
    assert torch.equal(means, expected)
    assert sparse.is_sparse
    assert sparse.coalesce().indices()[0].tolist() == sorted(set(tokens.tolist()))
    torch.testing.assert_close(sparse.to_dense(), dense)


def test_without_gradients_it_is_the_bag_itself():
    dense, sparse = bags()
    tokens, offsets = torch.tensor([1, 2, 3]), torch.tensor([0, 1])
    with torch.no_grad():
        assert torch.equal(sparse(tokens, offsets), dense(tokens, offsets))


def test_tokens_are_left_out_while_training_and_never_the_first_of_a_text():
    bag = RowSparseBag(nn.EmbeddingBag.from_pretrained(torch.eye(9)), token_dropout=0.5)
    tokens, offsets = torch.tensor([1, 2, 3, 4, 5, 6, 7]), torch.tensor([0, 4, 4])
    torch.manual_seed(0)
    kept = torch.stack([bag(tokens, offsets) > 0 for _ in range(2000)]).float().mean(0)
    assert kept[0, 1] == kept[2, 5] == 1
    assert kept[1].sum() == 0
    torch.testing.assert_close(kept[[0, 0, 0, 2, 2], [2, 3, 4, 6, 7]], torch.full((5,), 0.5), rtol=0, atol=0.05)
    assert kept[0, 5:].sum() == kept[2, :5].sum() == 0
    torch.manual_seed(0)
    again = bag(tokens, offsets)
    torch.manual_seed(0)
    assert torch.equal(bag(tokens, offsets), again)
    torch.testing.assert_close(again.sum(1), torch.tensor([1.0, 0.0, 1.0]))
    bag.eval()
    assert torch.equal(bag(tokens, offsets)[0], torch.eye(9)[1:5].mean(0))


def test_gradients_of_two_passes_add_up():
    dense, sparse = bags()
    for bag in (dense, sparse):
        for tokens in ([1, 2, 2], [2, 8]):
            bag(torch.tensor(tokens), torch.tensor([0])).square().sum().backward()
    torch.testing.assert_close(sparse.weight.grad.to_dense(), dense.weight.grad)


@pytest.mark.parametrize('max_norm', [0.01, 1e6])
def test_clipping_is_torchs(max_norm):
    dense, sparse = bags()
    for bag in (dense, sparse):
        for tokens in ([1, 2, 2], [2, 8]):
            bag(torch.tensor(tokens), torch.tensor([0])).pow(2).sum().backward()
    expected = nn.utils.clip_grad_norm_(dense.parameters(), max_norm)
    torch.testing.assert_close(clip_sparse_grad_norm(sparse.parameters(), max_norm), expected)
    torch.testing.assert_close(sparse.weight.grad.to_dense(), dense.weight.grad)


def test_a_model_is_sparse_inside_the_block_only():
    model = static_backbone(['one text', 'another'], vocab_size=50, dimension=4)
    bag = model[0].embedding
    with pytest.raises(RuntimeError, match='in the middle'), row_sparse(model):
        assert isinstance(model[0].embedding, RowSparseBag)
        assert model[0].embedding.weight is bag.weight
        raise RuntimeError('in the middle')
    assert model[0].embedding is bag

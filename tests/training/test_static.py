"""Training a static embedding: its sparse gradients, its optimiser and its kept token ids, against plain torch."""
import pytest
import torch
from torch import nn

from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.training import static
from pyterrier_hybrid.training.seen_rows import clip_grad_norm
from pyterrier_hybrid.training.static import CachedTokens, RowSparseEmbedding, SparseAdamW, row_sparse

TOKENS = {
    'repeated tokens': ([3, 1, 3, 3, 7, 1], [0, 2, 5]),
    'one text': ([2, 2], [0]),
    'an empty text': ([4, 5, 6], [0, 2, 2]),
    'nothing but empty texts': ([], [0, 0]),
}


def embeddings(rows: int = 9, width: int = 4) -> tuple[nn.EmbeddingBag, RowSparseEmbedding]:
    """A dense embedding, and a sparse one on a copy of its table."""
    torch.manual_seed(0)
    dense = nn.EmbeddingBag(rows, width)
    copy = nn.EmbeddingBag(rows, width)
    copy.load_state_dict(dense.state_dict())
    return dense, RowSparseEmbedding(copy)


@pytest.mark.parametrize(('tokens', 'offsets'), TOKENS.values(), ids=TOKENS)
def test_means_and_gradients_are_those_of_the_dense_embedding(tokens, offsets):
    tokens, offsets = torch.tensor(tokens, dtype=torch.long), torch.tensor(offsets)
    outputs = []
    for embedding in embeddings():
        means = embedding(tokens, offsets)
        (means * torch.arange(means.numel()).reshape(means.shape)).sum().backward()
        outputs.append((means.detach(), embedding.weight.grad))
    (expected, dense), (means, sparse) = outputs
    assert torch.equal(means, expected)
    assert sparse.is_sparse
    assert sparse.coalesce().indices()[0].tolist() == sorted(set(tokens.tolist()))
    torch.testing.assert_close(sparse.to_dense(), dense)


def test_without_gradients_it_is_the_embedding_itself():
    dense, sparse = embeddings()
    tokens, offsets = torch.tensor([1, 2, 3]), torch.tensor([0, 1])
    with torch.no_grad():
        assert torch.equal(sparse(tokens, offsets), dense(tokens, offsets))


def test_tokens_are_left_out_while_training_and_never_the_first_of_a_text():
    embedding = RowSparseEmbedding(nn.EmbeddingBag.from_pretrained(torch.eye(9)), token_dropout=0.5)
    tokens, offsets = torch.tensor([1, 2, 3, 4, 5, 6, 7]), torch.tensor([0, 4, 4])
    torch.manual_seed(0)
    kept = torch.stack([embedding(tokens, offsets) > 0 for _ in range(2000)]).float().mean(0)
    assert kept[0, 1] == kept[2, 5] == 1
    assert kept[1].sum() == 0
    torch.testing.assert_close(kept[[0, 0, 0, 2, 2], [2, 3, 4, 6, 7]], torch.full((5,), 0.5), rtol=0, atol=0.05)
    assert kept[0, 5:].sum() == kept[2, :5].sum() == 0
    torch.manual_seed(0)
    again = embedding(tokens, offsets)
    torch.manual_seed(0)
    assert torch.equal(embedding(tokens, offsets), again)
    torch.testing.assert_close(again.sum(1), torch.tensor([1.0, 0.0, 1.0]))
    embedding.eval()
    assert torch.equal(embedding(tokens, offsets)[0], torch.eye(9)[1:5].mean(0))


def test_gradients_of_two_passes_add_up():
    dense, sparse = embeddings()
    for embedding in (dense, sparse):
        for tokens in ([1, 2, 2], [2, 8]):
            embedding(torch.tensor(tokens), torch.tensor([0])).square().sum().backward()
    torch.testing.assert_close(sparse.weight.grad.to_dense(), dense.weight.grad)


@pytest.mark.parametrize('max_norm', [0.01, 1e6])
def test_clipping_is_torchs(max_norm):
    dense, sparse = embeddings()
    for embedding in (dense, sparse):
        for tokens in ([1, 2, 2], [2, 8]):
            embedding(torch.tensor(tokens), torch.tensor([0])).pow(2).sum().backward()
    expected = nn.utils.clip_grad_norm_(dense.parameters(), max_norm)
    torch.testing.assert_close(clip_grad_norm(sparse.parameters(), max_norm), expected)
    torch.testing.assert_close(sparse.weight.grad.to_dense(), dense.weight.grad)


def test_a_model_is_sparse_inside_the_block_only():
    model = static_backbone(['one text', 'another'], vocab_size=50, dimension=4)
    plain = model[0].embedding
    with pytest.raises(RuntimeError, match='in the middle'), row_sparse(model):
        assert isinstance(model[0].embedding, RowSparseEmbedding)
        assert model[0].embedding.weight is plain.weight
        raise RuntimeError('in the middle')
    assert model[0].embedding is plain


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


TEXTS = ['a green door', 'ein grünes Tor', '', 'a green door', '绿色的门']


@pytest.fixture(scope='module')
def module():
    return static_backbone(TEXTS, vocab_size=60, dimension=4)[0]


@pytest.fixture
def asked(monkeypatch):
    """The texts that are tokenised."""
    texts, way = [], static.TokenIds.__call__

    def counted(self, some, max_length):
        texts.extend(some)
        return way(self, some, max_length)

    monkeypatch.setattr(static.TokenIds, '__call__', counted)
    return texts


@pytest.mark.parametrize('prompt', [None, '', 'Query: '])
def test_ids_and_offsets_are_the_backbones(module, prompt):
    cached = CachedTokens(module.tokenizer)
    for texts in (TEXTS, TEXTS[::-1], TEXTS[2:3]):
        expected = module.preprocess(texts, prompt=prompt)
        found = cached(texts, prompt=prompt, task='query')
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            assert torch.equal(found[name], values)
            assert found[name].dtype == values.dtype


def test_a_text_is_tokenized_once(module, asked):
    cached = CachedTokens(module.tokenizer)
    cached(TEXTS)
    cached([*TEXTS, 'new'])
    assert asked == ['a green door', 'ein grünes Tor', '', '绿色的门', 'new']


def test_when_it_is_full_it_begins_anew(module, monkeypatch, asked):
    monkeypatch.setattr(static, 'MOST_TEXTS', 2)
    cached = CachedTokens(module.tokenizer)
    cached(['one', 'two'])
    for _ in range(2):
        assert torch.equal(cached(['two', 'three'])['input_ids'], module.preprocess(['two', 'three'])['input_ids'])
    assert asked == ['one', 'two', 'three', 'two']


@pytest.mark.parametrize('direction', ['left', 'right'])
def test_texts_are_cut_where_the_tokenizer_cuts(direction):
    module = static_backbone(TEXTS, vocab_size=60, dimension=4)[0]
    module.tokenizer.enable_truncation(3, direction=direction)
    expected = [encoding.ids for encoding in module.tokenizer.encode_batch(TEXTS, add_special_tokens=False)]
    assert CachedTokens(module.tokenizer)(TEXTS)['input_ids'].tolist() == [i for ids in expected for i in ids]

"""InfoNCE against a plain computation."""
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.training.objective import info_nce

TEXTS = ['one two three', 'two three four', 'three four five six', 'a b c', 'b c d', 'c d e f g']


@pytest.fixture(scope='module')
def static():
    return static_backbone(TEXTS * 3, dimension=16)


def plain(vectors, temperature):
    """-log softmax of each query's own passage among all passages, by hand."""
    queries, *passages = [[v / v.norm() for v in column] for column in vectors]
    every = [v for column in passages for v in column]
    losses = []
    for i, query in enumerate(queries):
        scores = torch.stack([query @ v / temperature for v in every])
        losses.append(torch.log(torch.exp(scores).sum()) - scores[i])
    return sum(losses) / len(losses)


@pytest.mark.parametrize('negatives', [0, 1, 3])
@pytest.mark.parametrize('temperature', [0.05, 0.5])
def test_against_a_plain_computation(static, temperature, negatives):
    columns = [TEXTS[i:] + TEXTS[:i] for i in range(2 + negatives)]
    features = [static.preprocess(column) for column in columns]
    loss = info_nce(static, temperature)(features, None)
    vectors = [static(dict(f))['sentence_embedding'] for f in features]
    torch.testing.assert_close(loss, plain(vectors, temperature), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('mini_batch_size', [1, 4, 100])
def test_mini_batches_change_neither_loss_nor_gradients(tiny_transformer, mini_batch_size):
    model = tiny_transformer.eval()
    assert isinstance(model, SentenceTransformer) and [type(m) for m in model][1:] == [Pooling, Normalize]
    features = [model.preprocess(column) for column in (TEXTS, TEXTS[1:] + TEXTS[:1], TEXTS[2:] + TEXTS[:2])]
    results = []
    for size in (None, mini_batch_size):
        model.zero_grad()
        loss = info_nce(model, 0.05, size)([dict(f) for f in features], None)
        loss.backward()
        results.append((loss.item(), [p.grad.clone() for p in model.parameters() if p.grad is not None]))
    assert abs(results[0][0] - results[1][0]) < 1e-5 and results[0][1]
    for whole, parts in zip(results[0][1], results[1][1], strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-6)

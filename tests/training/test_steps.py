"""Training runs against the same runs in nothing but transformers and torch: every step's loss, and the weights after.

Both sides compute in float64, with dropout off, so that no rounding stands between them: AdamW divides a gradient by
its own size, and makes whole steps of rounding in one that is zero. One run by name, in float32 as users have it, is
compared at float32's accuracy.
"""
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from torch.nn.functional import cross_entropy, normalize
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.compact import small_backbone
from pyterrier_hybrid.pairs.balanced import balanced_texts
from pyterrier_hybrid.training import loop
from pyterrier_hybrid.training.backbones import SMALL
from pyterrier_hybrid.training.feed import batch_texts
from pyterrier_hybrid.training.trainer import train

MIX = {'monolingual': 0.5, 'crosslingual': 0.5}
STEPS, BATCH, RATE, WARMUP, DECAY, TEMPERATURE, LENGTH = 6, 8, 2e-3, 2, 0.1, 0.1, 9
PREFIXES = {'query_prefix': 'question topic1 ', 'passage_prefix': 'sentence of '}  # words that the tokenizer knows


@dataclass
class Plain:
    """An encoder and its training, written out.

    Attributes:
        folder: of a sentence-transformers checkpoint, its transformer at the root.
        pooling: 'mean' or 'cls'.
        dense: folder of a dense layer with tanh, inside ``folder``; None for none.
    """

    folder: Path
    pooling: str
    dense: str | None
    dtype: torch.dtype = torch.float64
    losses: list[float] = field(default_factory=list)

    def __post_init__(self):
        self.tokenizer = AutoTokenizer.from_pretrained(self.folder)
        self.model = AutoModel.from_pretrained(self.folder, dtype=self.dtype).eval()
        self.weights = {f'0.model.{name}': weight for name, weight in self.model.named_parameters()}
        if self.dense is not None:
            for name, weight in load_file(self.folder / self.dense / 'model.safetensors').items():
                self.weights[f'2.{name}'] = weight.to(self.dtype).requires_grad_()

    def encode(self, texts: list[str], max_length: int) -> torch.Tensor:
        tokens = self.tokenizer(texts, padding=True, truncation=True, max_length=max_length, return_tensors='pt')
        self.cut = (tokens['attention_mask'].sum(1) == max_length).any()
        states = self.model(**tokens).last_hidden_state
        if self.pooling == 'cls':
            vectors = states[:, 0]
        else:
            vectors = torch.stack([row[used.bool()].mean(0) for row, used in zip(states, tokens['attention_mask'])])
        if self.dense is not None:
            vectors = torch.tanh(vectors @ self.weights['2.linear.weight'].T + self.weights['2.linear.bias'])
        return normalize(vectors, dim=1)

    def train(self, columns: list[dict], rate: float, warmup: int, decay: float, temperature: float, max_length: int,
              prefixes: dict[str, str]) -> None:  # fmt: skip
        """AdamW; the rate rises for ``warmup`` steps and falls to 0; matrices decay, biases and norms do not."""
        groups = [
            {'params': [w for w in self.weights.values() if w.ndim > 1], 'weight_decay': decay},
            {'params': [w for w in self.weights.values() if w.ndim == 1], 'weight_decay': 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8)
        for step, texts in enumerate(columns):
            queries, *passages = [
                self.encode([prefixes['query_prefix' if name == 'query' else 'passage_prefix'] + t for t in column],
                            max_length) for name, column in texts.items()
            ]  # fmt: skip
            scores = queries @ torch.cat(passages).T / temperature
            loss = cross_entropy(scores, torch.arange(len(queries)))
            self.losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            grads = [weight.grad for weight in self.weights.values() if weight.grad is not None]
            norm = torch.sqrt(sum((grad**2).sum() for grad in grads))
            if norm > 1:
                for grad in grads:
                    grad /= norm + 1e-6  # torch's guard against a norm of 0
            left = len(columns) - step
            for group in optimizer.param_groups:
                group['lr'] = rate * (step / warmup if step < warmup else left / (len(columns) - warmup))
            optimizer.step()


@pytest.fixture(scope='module')
def shapes(corpus, tmp_path_factory) -> dict[str, tuple[Path, str, str | None]]:
    """Random checkpoints without dropout: folder, pooling, folder of the dense layer."""
    root = tmp_path_factory.mktemp('shapes')
    small = small_backbone(balanced_texts(corpus), vocab_size=300, dimension=16, layers=2, heads=2, max_length=64)
    small.save_pretrained(str(root / 'small'), create_model_card=False)
    sizes = {
        'vocab_size': len(small.tokenizer), 'hidden_size': 16, 'num_hidden_layers': 2, 'num_attention_heads': 2,
        'intermediate_size': 32, 'hidden_dropout_prob': 0.0, 'attention_probs_dropout_prob': 0.0,
        'initializer_range': 0.3,
    }  # fmt: skip
    torch.manual_seed(5)
    xlmr = XLMRobertaModel(XLMRobertaConfig(**sizes, max_position_embeddings=66, pad_token_id=0))
    bert = BertModel(BertConfig(**sizes, max_position_embeddings=64), add_pooling_layer=False)
    for name, model in (('xlm-r', xlmr), ('bert', bert)):
        model.save_pretrained(root / name)
        small.tokenizer.save_pretrained(root / name)
    labse = [Transformer(str(root / 'bert')), Pooling(16, 'cls'), Dense(16, 12, activation_function=torch.nn.Tanh()),
             Normalize()]  # fmt: skip
    SentenceTransformer(modules=labse, device='cpu').save_pretrained(str(root / 'labse'), create_model_card=False)
    return {
        'xlm-r': (root / 'xlm-r', 'mean', None),
        'labse': (root / 'labse', 'cls', '2_Dense'),
        'small': (root / 'small', 'mean', None),
    }


@pytest.fixture
def losses(monkeypatch) -> list[float]:
    """The loss of every step of the run that follows, unrounded."""
    seen = []

    class Spy(loop.BatchTrainer):
        def training_step(self, *args, **kwargs):
            loss = super().training_step(*args, **kwargs)
            seen.append(loss.item())
            return loss

    monkeypatch.setattr(loop, 'BatchTrainer', Spy)
    return seen


def columns(corpus, negatives: int) -> list[dict]:
    batches = HybridBatches(corpus, batch_size=BATCH, mix=MIX, source_temperature=0.0)
    return [batch_texts(batches, step, negatives) for step in range(STEPS)]


@pytest.mark.parametrize(('shape', 'negatives', 'options'), [
    ('xlm-r', 0, {}), ('xlm-r', 2, {}), ('labse', 0, {}), ('labse', 2, {}), ('small', 0, {}), ('small', 2, {}),
    ('small', 2, {'mini_batch_size': 3}), ('small', 0, {'gradient_checkpointing': True}),
    ('small', 1, {'mini_batch_size': 4, 'gradient_checkpointing': True}),
    ('labse', 2, {'mini_batch_size': 5, 'gradient_checkpointing': True}),
])  # fmt: skip
def test_every_step_is_the_plain_computation(corpus, shapes, losses, tmp_path, shape, negatives, options, watched):
    folder, pooling, dense = shapes[shape]
    model = HybridEncoder(folder, normalize=True, device='cpu').model.double()
    start = {name: weight.clone() for name, weight in model.state_dict().items()}
    calls = watched(model)
    train(
        corpus, tmp_path / 'run', backbone=model, mix=MIX, batch_size=BATCH, source_temperature=0.0, steps=STEPS,
        learning_rate=RATE, warmup=WARMUP / STEPS, weight_decay=DECAY, temperature=TEMPERATURE, max_length=LENGTH,
        negatives=negatives, device='cpu', verbose=False, **PREFIXES, **options,
    )  # fmt: skip
    plain = Plain(folder, pooling, dense)
    plain.train(columns(corpus, negatives), RATE, WARMUP, DECAY, TEMPERATURE, LENGTH, PREFIXES)

    # GradCache encodes a text for its vector and for its gradient, and what is not kept is computed again
    passes = 1 + ('mini_batch_size' in options) + ('gradient_checkpointing' in options)
    calls = [texts for texts, _ in calls]
    assert sum(calls) == passes * STEPS * BATCH * (2 + negatives)
    assert max(calls) <= options.get('mini_batch_size', float('inf'))
    assert plain.cut  # texts were long enough for the length to matter
    assert losses == pytest.approx(plain.losses, rel=1e-9) and len(losses) == STEPS
    trained = dict(model.named_parameters())
    assert trained.keys() == plain.weights.keys()
    for name, weight in plain.weights.items():
        torch.testing.assert_close(trained[name], weight.detach(), rtol=0, atol=1e-9, msg=lambda m, n=name: f'{n}: {m}')
    still = {name for name in trained if torch.dist(trained[name], start[name]) < 1e-3}
    # nothing reads a pooler, and what a key's bias adds to all scores of a query cancels in the softmax
    assert still == {name for name in trained if 'pooler' in name or name.endswith('key.bias')}


def test_small_by_name_is_the_plain_computation(corpus, losses, tmp_path):
    """With every default of its own: tokenizer, sizes, prefixes, learning rate."""
    train(corpus, tmp_path / 'run', backbone='small', mix=MIX, batch_size=BATCH, source_temperature=0.0, steps=STEPS,
          warmup=WARMUP / STEPS, negatives=2, seed=0, device='cpu', verbose=False)  # fmt: skip
    small_backbone(balanced_texts(corpus), seed=0).save_pretrained(str(tmp_path / 'start'), create_model_card=False)
    plain = Plain(tmp_path / 'start', 'mean', None, torch.float32)
    plain.train(columns(corpus, 2), SMALL.learning_rate, WARMUP, 1e-2, 0.05, 512,
                {'query_prefix': 'Query: ', 'passage_prefix': 'Passage: '})  # fmt: skip
    assert losses == pytest.approx(plain.losses, abs=1e-3) and losses[-1] < losses[0]
    trained = HybridEncoder(tmp_path / 'run', device='cpu').model.state_dict()
    start = SentenceTransformer(str(tmp_path / 'start'), device='cpu').state_dict()
    for name, weight in plain.weights.items():
        assert torch.dist(trained[name], weight.detach()) < 0.02 * torch.dist(trained[name], start[name]), name

"""The gradients of a step: those of plain transformers, and the same but for rounding where options save memory."""
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.training import loop
from pyterrier_hybrid.training.feed import batch_texts
from pyterrier_hybrid.training.trainer import train

HALF = {'monolingual': 0.5, 'crosslingual': 0.5}
TINY = {'mix': HALF, 'batch_size': 8, 'source_temperature': 0.0, 'device': 'cpu', 'verbose': False}


@pytest.mark.parametrize('negatives', [0, 2])
def test_a_step_against_plain_transformers(corpus, tiny_folder, tmp_path, monkeypatch, negatives):
    """Loss and gradients of the first step, with nothing but transformers and torch; dropout off, float64."""
    seen = {}

    class Spy(loop.BatchTrainer):
        def training_step(self, model, inputs, num_items_in_batch=None):
            model.train()
            for module in model.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
            loss = super().training_step(model, inputs, num_items_in_batch)
            if not seen:
                seen.update(loss=loss.item(), grads={n: p.grad.clone() for n, p in model.named_parameters()
                                                     if p.grad is not None})  # fmt: skip
            return loss

    monkeypatch.setattr(loop, 'BatchTrainer', Spy)
    model = HybridEncoder(tiny_folder, normalize=True, device='cpu').model.double()
    model[0].model.config.attention_probs_dropout_prob = 0.0
    prefixes = {'query_prefix': 'question topic1 ', 'passage_prefix': 'sentence of '}  # words that the tokenizer knows
    train(corpus, tmp_path / 'run', backbone=model, steps=1, negatives=negatives, **prefixes, **TINY)

    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    plain = AutoModel.from_pretrained(tiny_folder, dtype=torch.float64).eval()
    plain.config.attention_probs_dropout_prob = 0.0
    columns = batch_texts(HybridBatches(corpus, batch_size=8, mix=HALF, source_temperature=0.0), 0, negatives)
    vectors = []
    for name, texts in columns.items():
        prefix = prefixes['query_prefix' if name == 'query' else 'passage_prefix']
        tokens = tokenizer([prefix + text for text in texts], padding=True, truncation=True, return_tensors='pt')
        states, mask = plain(**tokens).last_hidden_state, tokens['attention_mask'][..., None]
        vectors.append(torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1))
    scores = vectors[0] @ torch.cat(vectors[1:]).T / 0.05
    loss = torch.nn.functional.cross_entropy(scores, torch.arange(8))
    loss.backward()
    assert abs(loss.item() - seen['loss']) < 1e-9
    grads = {name: p.grad for name, p in plain.named_parameters() if p.grad is not None}
    trained = {name.split('.', 2)[-1]: grad for name, grad in seen['grads'].items()}
    assert grads.keys() == trained.keys() and len(grads) > 20
    for name, grad in grads.items():
        torch.testing.assert_close(trained[name], grad, rtol=1e-9, atol=1e-9)


#: Options that save memory.
SAVERS = [
    {'mini_batch_size': 4}, {'gradient_checkpointing': True}, {'mini_batch_size': 3, 'gradient_checkpointing': True},
]  # fmt: skip


def without_dropout(folder: Path) -> SentenceTransformer:
    """A model to train; dropout would draw other masks where a text is encoded in another call."""
    model = HybridEncoder(folder, normalize=True, device='cpu').model
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model[0].model.config.attention_probs_dropout_prob = 0.0
    return model


def check_calls(calls: list[tuple[int, torch.dtype]], texts: int, dtype: torch.dtype, *,
                mini_batch_size: float = float('inf'), gradient_checkpointing: bool = False) -> None:  # fmt: skip
    """GradCache encodes a text for its vector and for its gradient, and what is not kept is computed again."""
    passes = 1 + (mini_batch_size < float('inf')) + gradient_checkpointing
    sizes, dtypes = zip(*calls)
    assert sum(sizes) == passes * texts and max(sizes) <= mini_batch_size
    assert set(dtypes) == {dtype}


@pytest.mark.parametrize('options', SAVERS)
def test_memory_savers_change_no_weight_but_by_rounding(corpus, tiny_folder, tmp_path, watched, options):
    """AdamW divides a gradient by its own size, so that rounding in an entry near zero becomes a step like any other.

    What is compared is how far two runs end from each other, against how far they went, and all but one entry in a
    thousand.
    """
    start = HybridEncoder(tiny_folder, normalize=True, device='cpu').model.state_dict()
    states = []
    for i, given in enumerate(({}, options)):
        model = without_dropout(tiny_folder)
        calls = watched(model)
        train(
            corpus, tmp_path / f'{i}', backbone=model, steps=3, warmup=0.0, learning_rate=1e-3, bf16=False, **given,
            **TINY,
        )  # fmt: skip
        check_calls(calls, 3 * 2 * 8, torch.float32, **given)
        states.append(model.state_dict())
    # a key's bias has no gradient but rounding, which AdamW makes steps of
    equal = []
    for name, value in ((name, value) for name, value in states[0].items() if not name.endswith('key.bias')):
        equal.append(torch.isclose(states[1][name], value, rtol=1e-3, atol=2e-5).flatten())
        moved = torch.dist(value.float(), start[name].float())
        apart = torch.dist(states[1][name].float(), value.float())
        assert apart <= 0.03 * moved, name
    assert torch.cat(equal).float().mean() > 0.999


@pytest.mark.parametrize('options', [{}, *SAVERS])
def test_bf16_trains_and_saves_float32(corpus, tiny_folder, tmp_path, watched, options):
    vectors, losses = [], []
    for bf16, given in ((True, options), (False, {})):
        model = without_dropout(tiny_folder)
        calls = watched(model)
        encoder = train(corpus, tmp_path / f'{bf16}', backbone=model, steps=2, bf16=bf16, **given, **TINY)
        check_calls(calls, 2 * 2 * 8, torch.bfloat16 if bf16 else torch.float32, **given)
        assert {p.dtype for p in encoder.model.parameters()} == {torch.float32}
        vectors.append(encoder.encode_docs(['de passage']))
        losses.append([loss for _, loss in json.loads((tmp_path / f'{bf16}' / 'training.json').read_text())['losses']])
    assert 0 < np.abs(vectors[0] - vectors[1]).max() < 0.05
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=0.01)

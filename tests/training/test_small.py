"""Training a compact transformer from nothing, by the name ``'small'``; its sizes are cut down for the tests."""
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from pyterrier_dr import SBertBiEncoder
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.compact import small_backbone
from pyterrier_hybrid.pairs.balanced import balanced_texts
from pyterrier_hybrid.training import loop
from pyterrier_hybrid.training.backbones import FROM_SCRATCH, PRETRAINED, SMALL
from pyterrier_hybrid.training.trainer import train

TINY = {
    'backbone': 'small', 'mix': {'monolingual': 0.5, 'crosslingual': 0.5}, 'batch_size': 8, 'source_temperature': 0.0,
    'device': 'cpu', 'verbose': False,
}  # fmt: skip


@pytest.fixture(autouse=True)
def cut_down(monkeypatch):
    tiny = partial(small_backbone, vocab_size=300, dimension=32, layers=2)
    monkeypatch.setitem(FROM_SCRATCH, 'small', replace(SMALL, make=tiny))


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a run but its record, which holds the time it took."""
    found = [path for path in folder.rglob('*') if path.is_file() and path.name != 'training.json']
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def record(folder: Path) -> dict:
    return json.loads((folder / 'training.json').read_text(encoding='utf-8'))


def own_passage_first(encoder: HybridEncoder, corpus) -> float:
    """The share of German questions whose English passage is the nearest."""
    faq = corpus['faq']
    queries = encoder.encode_queries(faq.texts('query', range(0, 40, 2), ['de'] * 20))
    passages = encoder.encode_docs(faq.texts('passage', range(0, 40, 2), ['en'] * 20))
    return (np.argmax(queries @ passages.T, axis=1) == np.arange(20)).mean()


def test_it_learns_and_loads_everywhere_with_equal_vectors(corpus, tmp_path):
    folder = tmp_path / 'run'
    encoder = train(corpus, folder, steps=40, **TINY)
    losses = [loss for _, loss in record(folder)['losses']]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])
    assert own_passage_first(encoder, corpus) > 0.8

    queries = corpus['faq'].texts('query', range(6), ['en'] * 6)
    expected, passages = encoder.encode_queries(queries), encoder.encode_docs(queries)
    prefixed = [f'Query: {text}' for text in queries]
    plain = SentenceTransformer(str(folder), device='cpu')
    assert plain.prompts == {'query': 'Query: ', 'document': 'Passage: '}
    assert np.abs(expected - passages).max() > 1e-3
    np.testing.assert_allclose(plain.encode_query(queries), expected, atol=1e-6)
    np.testing.assert_allclose(plain.encode_document(queries), passages, atol=1e-6)
    np.testing.assert_allclose(SBertBiEncoder(str(folder), device='cpu').encode_queries(prefixed), expected, atol=1e-6)
    tokens = AutoTokenizer.from_pretrained(folder)(prefixed, padding=True, return_tensors='pt')
    with torch.no_grad():
        states = AutoModel.from_pretrained(folder)(**tokens).last_hidden_state
    means = np.stack([row[used.bool()].mean(0) for row, used in zip(states, tokens['attention_mask'])])
    np.testing.assert_allclose(means / np.linalg.norm(means, axis=1, keepdims=True), expected, atol=1e-6)


def test_what_it_is_by_default(corpus, tmp_path):
    encoder = train(corpus, tmp_path / 'run', steps=1, **TINY)
    told = record(tmp_path / 'run')
    assert (told['backbone'], told['learning_rate']) == ('small', SMALL.learning_rate)
    assert (told['query_prefix'], told['passage_prefix']) == ('Query: ', 'Passage: ')
    assert encoder.model.max_seq_length == 512 and encoder.dimension == 32
    assert SMALL.learning_rate > PRETRAINED.learning_rate
    assert 'backbone: small' in (tmp_path / 'run' / 'README.md').read_text(encoding='utf-8')


def test_one_of_another_size_is_trained_as_it_is_by_its_name(corpus, tmp_path, monkeypatch, recwarn):
    monkeypatch.setattr('pyterrier_hybrid.training.prepared.is_fast', lambda dtype, device: True)  # for bfloat16
    model = small_backbone(balanced_texts(corpus), vocab_size=300, dimension=48, layers=1)
    for name, backbone in {'named': 'small', 'other': model, 'further': model}.items():
        train(corpus, tmp_path / name, steps=1, **{**TINY, 'backbone': backbone})
    assert not [warning for warning in recwarn if 'prefixes' in str(warning.message)]
    names = ('learning_rate', 'query_prefix', 'passage_prefix', 'bf16')
    named, *others = ([record(tmp_path / run)[name] for name in names] for run in ('named', 'other', 'further'))
    assert others == [named, named] and named == [SMALL.learning_rate, 'Query: ', 'Passage: ', False]
    train(corpus, tmp_path / 'read', steps=1, **{**TINY, 'backbone': tmp_path / 'other'})
    assert record(tmp_path / 'read')['learning_rate'] == PRETRAINED.learning_rate
    with pytest.raises(ValueError, match='dimension is 8, but does not apply to a small_backbone in memory; leave it'):
        train(corpus, tmp_path / 'new', dimension=8, **{**TINY, 'backbone': model})


def test_same_seed_same_bytes(corpus, tmp_path):
    for name, seed in (('a', 4), ('b', 4), ('c', 5)):
        train(corpus, tmp_path / name / 'run', steps=2, seed=seed, **TINY)
    one, same, other = (files(tmp_path / name / 'run') for name in 'abc')
    assert one == same
    assert one['tokenizer.json'] == other['tokenizer.json'] and one['model.safetensors'] != other['model.safetensors']


def test_resumed_equals_uninterrupted(corpus, tmp_path, monkeypatch):
    """Bit for bit, and the tokenizer comes out of the checkpoint."""
    train(corpus, tmp_path / 'whole' / 'run', steps=7, negatives=1, **TINY)
    folder = tmp_path / 'parts' / 'run'
    with monkeypatch.context() as patch:
        step = loop.BatchTrainer.training_step

        def stopping(self, *args, **kwargs):
            if self.state.global_step == 5:
                raise InterruptedError
            return step(self, *args, **kwargs)

        patch.setattr(loop.BatchTrainer, 'training_step', stopping)
        with pytest.raises(InterruptedError):
            train(corpus, folder, steps=7, negatives=1, checkpoint_steps=3, **TINY)
    monkeypatch.setitem(FROM_SCRATCH, 'small', replace(SMALL, make=pytest.fail))
    train(corpus, folder, steps=7, negatives=1, checkpoint_steps=3, resume=True, **TINY)
    assert files(folder) == files(tmp_path / 'whole' / 'run')
    assert record(folder)['losses'] == record(tmp_path / 'whole' / 'run')['losses']


def test_bf16_trains_and_saves_float32(corpus, tmp_path):
    half, whole = (train(corpus, tmp_path / f'{bf16}', steps=2, bf16=bf16, **TINY) for bf16 in (True, False))
    assert {weight.dtype for weight in half.model.parameters()} == {torch.float32}
    vectors = [encoder.encode_docs(['de passage']) for encoder in (half, whole)]
    assert 0 < np.abs(vectors[0] - vectors[1]).max() < 0.05


def test_max_length_cuts(corpus, tmp_path):
    encoder = train(corpus, tmp_path / 'run', steps=1, max_length=7, **TINY)
    assert encoder.model.max_seq_length == 7
    one, two = encoder.encode_docs(['de passage on topic2 ' * 5, 'de passage on topic2 ' * 9])
    np.testing.assert_allclose(one, two, atol=1e-6)

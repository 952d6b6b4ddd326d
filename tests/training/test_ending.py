"""The end of a run: it is read back before its checkpoints go, and can be killed in between."""
import json

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Router
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.training import train, trainer
from pyterrier_hybrid.training.checkpoints import Checkpoints
from pyterrier_hybrid.training.validation import ValidationSet

TINY = {'mix': {'monolingual': 0.5, 'crosslingual': 0.5}, 'batch_size': 8, 'steps': 4, 'checkpoint_steps': 2,
        'device': 'cpu', 'verbose': False}  # fmt: skip


class Killed(BaseException):
    pass


def test_killed_before_its_checkpoints_are_gone(corpus, tmp_path, monkeypatch):
    def kill(self):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Checkpoints, 'remove', kill)
        train(corpus, tmp_path / 'run', backbone='static', **TINY)
    assert {path.name for path in tmp_path.glob('[!.]*')} == {'run', 'run.checkpoints'}
    with pytest.raises(FileExistsError, match='run exists already; give another folder'):
        train(corpus, tmp_path / 'run', backbone='static', **TINY)
    with pytest.raises(ValueError, match='seed was 0, is 1'):
        train(corpus, tmp_path / 'run', backbone='static', resume=True, seed=1, **TINY)
    monkeypatch.setattr(trainer, 'fit', None)  # nothing is trained
    encoder = train(corpus, tmp_path / 'run', backbone='static', resume=True, **TINY)
    assert encoder.model_name == HybridEncoder(tmp_path / 'run', device='cpu').model_name
    assert [path.name for path in tmp_path.glob('[!.]*')] == ['run']


def test_checkpoints_stay_where_the_encoder_cannot_be_read_back(corpus, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError('unreadable')

    monkeypatch.setattr(trainer, 'HybridEncoder', fail)
    with pytest.raises(OSError, match='unreadable'):
        train(corpus, tmp_path / 'run', backbone='static', **TINY)
    assert [path.name for path in (tmp_path / 'run.checkpoints').glob('[!.]*')] == ['checkpoint-4']


def test_a_backbones_default_prompt_is_gone_with_its_prompts(corpus, tiny_folder, tmp_path):
    """A folder whose default prompt is not among its prompts could not be opened."""
    model = HybridEncoder(tiny_folder, normalize=True, device='cpu').model
    model.prompts, model.default_prompt_name = {'passage': 'passage: '}, 'passage'
    encoder = train(corpus, tmp_path / 'run', backbone=model, **TINY)
    assert encoder.model.default_prompt_name is None and encoder.model.prompts['document'] == 'passage: '


def test_queries_and_passages_of_different_lengths(corpus, tiny_folder, tmp_path, monkeypatch):
    seen = []
    forward = SentenceTransformer.forward

    def spy(self, features, **kwargs):
        if self.training:
            seen.append(features['input_ids'].shape[1])
        return forward(self, features, **kwargs)

    monkeypatch.setattr(SentenceTransformer, 'forward', spy)
    encoder = train(corpus, tmp_path / 'run', backbone=str(tiny_folder), max_length=(5, 8), negatives=1, **TINY)
    assert seen == [5, 8] * TINY['steps']  # passages and negatives at once
    assert (encoder.query.max_length, encoder.passage.max_length) == (5, 8)
    assert json.loads((tmp_path / 'run' / 'training.json').read_text())['max_length'] == [5, 8]


def test_the_trained_encoder_cuts_elsewhere_than_training(corpus, tiny_folder, tmp_path, monkeypatch):
    trained, validated = [], []
    forward, figures = SentenceTransformer.forward, ValidationSet.figures

    def spy(self, features, **kwargs):
        if self.training:
            trained.append(features['input_ids'].shape[1])
        return forward(self, features, **kwargs)

    def validating(self, encoder, **kwargs):
        validated.append((encoder.query.max_length, encoder.passage.max_length))
        return figures(self, encoder, **kwargs)

    monkeypatch.setattr(SentenceTransformer, 'forward', spy)
    monkeypatch.setattr(ValidationSet, 'figures', validating)
    given = {'backbone': str(tiny_folder), 'max_length': (5, 8), 'validation': 20, 'eval_steps': 1, **TINY}
    encoder = train(corpus, tmp_path / 'run', encode_length=(9, 16), **given)
    assert set(trained) == {5, 8}
    assert set(validated) == {(9, 16)}
    assert (encoder.query.max_length, encoder.passage.max_length) == (9, 16)
    cut = train(corpus, tmp_path / 'cut', **given)
    texts = ['de passage on topic2 and topic3 ' * 3]
    assert not np.allclose(encoder.encode_docs(texts), cut.encode_docs(texts))
    longer = HybridEncoder(tmp_path / 'cut', max_query_length=9, max_passage_length=16, device='cpu')
    np.testing.assert_array_equal(encoder.encode_docs(texts), longer.encode_docs(texts))  # one training, read otherwise


def test_a_model_in_memory_goes_on_cutting_as_in_training(corpus, tiny_folder, tmp_path):
    model = HybridEncoder(tiny_folder, normalize=True, device='cpu').model
    given = {'backbone': model, 'encode_length': (9, 16), 'resume': True, 'query_prefix': '', 'passage_prefix': ''}
    encoder = train(corpus, tmp_path / 'run', **given, **TINY)
    first = model[0]
    assert (model.max_seq_length, first.query_length, first.document_length) == (64, None, None)
    assert train(corpus, tmp_path / 'run', **given, **TINY).model_name == encoder.model_name


def test_two_lengths_for_a_model_that_takes_one_are_refused_before_training(corpus, tiny_folder, tmp_path):
    sides = [HybridEncoder(tiny_folder, normalize=True, device='cpu').model for _ in range(2)]
    router = Router.for_query_document([sides[0][0]], [sides[1][0]])
    model = SentenceTransformer(modules=[router, sides[0][1], Normalize()], device='cpu')
    for name in ('max_length', 'encode_length'):
        with pytest.raises(ValueError, match=rf'{name} is \(9, 16\); this model takes one length'):
            train(corpus, tmp_path / 'run', backbone=model, **{name: (9, 16)}, **TINY)
    assert not list(tmp_path.glob('[!.]*'))


@pytest.mark.parametrize(('max_length', 'message'), [
    ((5, 8, 9), r'max_length is \(5, 8, 9\); give a number of tokens, or two'),
    ('5', "max_length is '5'; give a number"),
    (0, 'max_length is 0; give a number of tokens, or two'),
    ((5, 9999), r'max_length is \(5, 9999\), but the model has positions for 64 tokens only'),
])  # fmt: skip
def test_lengths_that_cannot_be(corpus, tiny_folder, tmp_path, max_length, message):
    with pytest.raises(ValueError, match=message):
        train(corpus, tmp_path / 'run', backbone=str(tiny_folder), max_length=max_length, **TINY)
    with pytest.raises(ValueError, match=message.replace('max_length', 'encode_length')):
        train(corpus, tmp_path / 'run', backbone=str(tiny_folder), encode_length=max_length, **TINY)
    assert not list(tmp_path.glob('[!.]*'))


def test_a_static_embedding_with_a_dense_layer_trains_as_other_encoders_do(corpus, tmp_path):
    plain = static_backbone(corpus['faq'].texts('query', range(40), ['en'] * 40), vocab_size=80, dimension=8)
    table = StaticEmbedding(plain.tokenizer, embedding_weights=plain[0].embedding.weight.detach())
    model = SentenceTransformer(modules=[table, Dense(8, 6), Normalize()], device='cpu')
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    encoder = train(corpus, tmp_path / 'run', backbone=model, learning_rate=0.01, **TINY)
    assert encoder.encode_queries(['a question']).shape == (1, 6)
    assert all(torch.dist(weight, before[name]) > 1e-3 for name, weight in encoder.model.state_dict().items())
    with pytest.raises(ValueError, match=r'token_dropout is 0\.1, .* with further layers; leave it out'):
        train(corpus, tmp_path / 'other', backbone=model, token_dropout=0.1, **TINY)
    assert [path.name for path in tmp_path.glob('[!.]*')] == ['run']


def test_a_ramp_that_ends_with_the_run(corpus, tmp_path, capsys):
    """It is asked about the steps of the run alone, by what is told beforehand too."""
    ramp = {**TINY, 'mix': lambda step: {'monolingual': 1 - step / 4, 'crosslingual': step / 4}, 'verbose': True}
    train(corpus, tmp_path / 'run', backbone='static', **ramp)
    composition = json.loads((tmp_path / 'run' / 'training.json').read_text())['composition']
    assert composition and 'never drawn from the pairs' in capsys.readouterr().out

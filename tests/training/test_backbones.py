"""A new backbone: a function that makes it, and one entry that holds what training has to know of it."""
import json

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.backbones import subword_tokenizer
from pyterrier_hybrid.encoding.precision import reduce_precision
from pyterrier_hybrid.training import seen_rows, train
from pyterrier_hybrid.training.backbones import FROM_SCRATCH, Backbone

TINY = {'mix': {'monolingual': 0.5, 'crosslingual': 0.5}, 'batch_size': 8, 'steps': 2, 'device': 'cpu',
        'verbose': False}  # fmt: skip


def plain_backbone(texts, *, seed: int, dimension: int = 12) -> SentenceTransformer:
    """A table of random vectors, without the lengths of :func:`static_backbone`; in a file beside encoding/compact.py.

    Args:
        texts: to train its tokenizer on.
        seed: of the vectors.
        dimension: of the vectors.
    """
    tokenizer = subword_tokenizer(texts, 200)
    table = torch.randn(tokenizer.get_vocab_size(), dimension, generator=torch.Generator().manual_seed(seed))
    return SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table), Normalize()], device='cpu')


@pytest.fixture
def plain(monkeypatch):
    """The entry."""
    kind = Backbone('a plain table', 0.02, ('dimension',), query_prefix='q: ', passage_prefix='', make=plain_backbone)
    monkeypatch.setitem(FROM_SCRATCH, 'plain', kind)


def test_it_is_trained_by_its_name_with_its_defaults(corpus, tmp_path, plain):
    encoder = train(corpus, tmp_path / 'run', backbone='plain', dimension=10, seed=3, **TINY)
    record = json.loads((tmp_path / 'run' / 'training.json').read_text())
    assert (record['backbone'], record['learning_rate'], record['query_prefix']) == ('plain', 0.02, 'q: ')
    assert encoder.encode_docs(['de passage']).shape == (1, 10)
    again = HybridEncoder(tmp_path / 'run', device='cpu')
    np.testing.assert_array_equal(again.encode_queries(['x']), encoder.encode_queries(['x']))


def test_options_that_it_lacks_are_refused(corpus, tmp_path, plain):
    with pytest.raises(ValueError, match='vocab_size is 90, but does not apply to a plain table; leave it out'):
        train(corpus, tmp_path / 'run', backbone='plain', vocab_size=90, **TINY)


def test_without_its_entry_the_name_is_that_of_a_checkpoint(corpus, tmp_path):
    with pytest.raises(FileNotFoundError, match='plain'):
        train(corpus, tmp_path / 'run', backbone='plain', **TINY)


def prefixes(run) -> tuple[str, str]:
    record = json.loads((run / 'training.json').read_text())
    return record['query_prefix'], record['passage_prefix']


def test_a_checkpoint_that_says_its_prefixes_is_trained_with_them(corpus, tmp_path, tiny_transformer, recwarn):
    tiny_transformer.prompts = {'query': 'query: ', 'passage': 'passage: ', 'document': ''}  # as multilingual-e5 does
    tiny_transformer.save(str(tmp_path / 'e5'))
    train(corpus, tmp_path / 'own', backbone=tmp_path / 'e5', **TINY)
    assert prefixes(tmp_path / 'own') == ('query: ', 'passage: ')
    train(corpus, tmp_path / 'given', backbone=tmp_path / 'e5', query_prefix='', **TINY)
    assert prefixes(tmp_path / 'given') == ('', 'passage: ')
    train(corpus, tmp_path / 'further', backbone=tmp_path / 'own', **TINY)
    assert prefixes(tmp_path / 'further') == ('query: ', 'passage: ')
    assert not [warning for warning in recwarn if 'prefixes' in str(warning.message)]


def test_a_checkpoint_that_does_not_say_them_gets_the_papers_with_a_warning(corpus, tmp_path, tiny_folder, recwarn):
    with pytest.warns(UserWarning, match='tiny does not say which prefixes .* Give query_prefix='):
        train(corpus, tmp_path / 'run', backbone=tiny_folder, **TINY)
    assert prefixes(tmp_path / 'run') == ('Query: ', 'Passage: ')
    recwarn.clear()
    train(corpus, tmp_path / 'told', backbone=tiny_folder, query_prefix='', passage_prefix='', **TINY)
    train(corpus, tmp_path / 'further', backbone=tmp_path / 'told', **TINY)  # a run's folder says that it has none
    assert prefixes(tmp_path / 'further') == ('', '')
    assert not [warning for warning in recwarn if 'prefixes' in str(warning.message)]


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_a_model_in_half_precision_is_trained_in_float32(corpus, tmp_path, tiny_transformer, monkeypatch, dtype):
    """As that of an encoder which dtype='auto' has cast; in half, steps of this size would change no weight."""
    reduce_precision(tiny_transformer, dtype)
    monkeypatch.setattr(seen_rows, '_LEAST_SIZE', 1)  # with sparse gradients, too
    before = {name: weight.float().clone() for name, weight in tiny_transformer.named_parameters()}
    given = {'query_prefix': '', 'passage_prefix': '', 'bf16': False, 'learning_rate': 1e-6, 'warmup': 0.0}
    name = str(dtype).removeprefix('torch.')
    with pytest.warns(UserWarning, match=f"has weights in {name}; they are trained in float32, .* dtype='float32'"):
        train(corpus, tmp_path / 'run', backbone=tiny_transformer, **given, **TINY)
    assert {weight.dtype for weight in tiny_transformer.parameters()} == {torch.float32}
    moved = max((weight - before[name]).abs().max() for name, weight in tiny_transformer.named_parameters())
    assert 1e-7 < moved < 1e-5
    saved = SentenceTransformer(str(tmp_path / 'run'), device='cpu')
    assert {weight.dtype for weight in saved.parameters()} == {torch.float32}


def test_a_model_in_int8_is_refused(corpus, tmp_path, tiny_folder):
    model = HybridEncoder(tiny_folder, device='cpu', dtype='int8').model
    with pytest.raises(ValueError, match="is in int8, which is not trained; open it with dtype='float32'"):
        train(corpus, tmp_path / 'run', backbone=model, **TINY)


def test_a_model_in_memory_is_normalised_as_a_folder_is(corpus, tmp_path, tiny_folder):
    """It is trained by cosines, and so are validation, the saved encoder and searches by dot product."""
    model = HybridEncoder(tiny_folder, device='cpu').model
    assert not isinstance(model[-1], Normalize)
    model.save(str(tmp_path / 'folder'))
    given = {'query_prefix': '', 'passage_prefix': '', 'validation': 12, 'eval_steps': 1, 'bf16': False, **TINY}
    vectors, figures = [], []
    for name, backbone in {'memory': model, 'read': tmp_path / 'folder'}.items():
        encoder = train(corpus, tmp_path / name, backbone=backbone, **given)
        vectors.append(encoder.encode_docs(['de passage', 'de passage on topic2']))
        record = json.loads((tmp_path / name / 'training.json').read_text())
        figures.append(record['validation']['figures'])
    assert isinstance(model[-1], Normalize) and len(model) == 3
    np.testing.assert_allclose(np.linalg.norm(vectors[0], axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(*vectors)
    assert figures[0] == figures[1]

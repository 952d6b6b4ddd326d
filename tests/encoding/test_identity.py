"""Two encoders are equal exactly where they give the same vectors."""
import itertools
import shutil

import numpy as np
import pytest
import torch
from pyterrier_dr.biencoder import _model_eq_key
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import BoW, Pooling, WordEmbeddings
from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer
from tokenizers import Tokenizer

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.checkpoint import load_checkpoint

VARIANTS = [
    {},
    {'pooling': 'cls'},
    {'pooling': 'max'},
    {'normalize': True},
    {'query_prefix': 'Query: '},
    {'passage_prefix': 'Query: '},
    {'max_query_length': 10},
    {'max_passage_length': 10},
    {'dtype': 'bfloat16'},
]


def _same(one, two) -> bool:
    return _model_eq_key(one) == _model_eq_key(two)


def test_every_parameter_that_changes_a_vector_tells_encoders_apart(xlmr):
    encoders = [HybridEncoder(xlmr, device='cpu', **variant) for variant in VARIANTS]
    assert len({encoder.model_name for encoder in encoders}) == len(VARIANTS)
    for one, two in itertools.combinations(encoders, 2):
        assert one.query_encoder() != two.query_encoder()
        assert one.doc_encoder() != two.doc_encoder()


@pytest.mark.parametrize('variant', VARIANTS)
def test_equal_parameters_are_equal(xlmr, tmp_path, variant):
    one = HybridEncoder(xlmr, device='cpu', **variant)
    two = HybridEncoder(shutil.copytree(xlmr, tmp_path / 'copy'), device='cpu', **variant)
    assert _same(one, two)
    assert one.query_encoder() == two.query_encoder()
    assert hash(one.doc_encoder()) == hash(two.doc_encoder())


def test_what_says_the_same_in_other_words_is_equal(labse):
    """Explicit values that are the checkpoint's own change no vector."""
    plain = HybridEncoder(labse, device='cpu')
    said = HybridEncoder(labse, device='cpu', pooling='cls', normalize=True, query_prefix='', max_passage_length=256)
    assert _same(plain, said)
    assert not _same(plain, HybridEncoder(labse, device='cpu', normalize=False))


def test_one_weight_more_or_less_is_another_encoder(static, tmp_path):
    model = load_checkpoint(static)
    encoder = HybridEncoder.from_model(model)
    assert _same(encoder, HybridEncoder(static, device='cpu'))
    before = encoder.model_name
    assert encoder.model_name == before
    with torch.no_grad():
        model[0].embedding.weight[3, 1] += 1
    assert encoder.model_name != before  # computed again after a step of training
    assert not _same(encoder, HybridEncoder(static, device='cpu'))


def test_the_tokenizer_counts_and_its_last_call_does_not(static):
    one, two = HybridEncoder(static, device='cpu'), HybridEncoder(static, device='cpu')
    two.model[0].tokenizer.enable_truncation(3)
    assert one.model_name == two.model_name
    other = load_checkpoint(static)
    changed = other[0].tokenizer.to_str().replace('"Faust"', '"Tsuaf"').replace('NFKC', 'NFC')
    other[0].tokenizer = Tokenizer.from_str(changed)
    assert HybridEncoder.from_model(other).model_name != one.model_name


def test_the_architecture_counts(xlmr):
    one, two = load_checkpoint(xlmr), load_checkpoint(xlmr)
    two[0].config.layer_norm_eps = 0.1
    assert HybridEncoder.from_model(one).model_name != HybridEncoder.from_model(two).model_name


def test_a_cut_of_the_vectors_counts(xlmr):
    one, two = load_checkpoint(xlmr), load_checkpoint(xlmr)
    two.truncate_dim = 5
    assert HybridEncoder.from_model(one).model_name != HybridEncoder.from_model(two).model_name


def test_batch_size_and_verbosity_change_no_vector(xlmr):
    one, two = (HybridEncoder(xlmr, device='cpu', batch_size=size, verbose=size > 1) for size in (1, 32))
    assert one.model_name == two.model_name


def test_a_shorter_vector_is_another(xlmr):
    encoder = HybridEncoder(xlmr, device='cpu')
    before = encoder.model_name
    encoder.model.truncate_dim = 4
    assert encoder.model_name != before


def test_word_vectors_have_a_name():
    """Their tokenizer has a list of words."""
    names = []
    for words in (['haus', 'maus', 'x'], ['haus', 'maus', 'y']):
        tokenizer = WhitespaceTokenizer(vocab=words)
        modules = [WordEmbeddings(tokenizer, np.eye(3, dtype=np.float32)), Pooling(3, 'mean')]
        encoder = HybridEncoder.from_model(SentenceTransformer(modules=modules, device='cpu'))
        assert encoder.encode_docs(['haus maus']).tolist() == [[0.5, 0.5, 0]]
        names.append(encoder.model_name)
    assert names[0] != names[1]


def test_a_bag_of_words_encodes():
    model = SentenceTransformer(modules=[BoW(['a', 'b'])], device='cpu')
    encoder = HybridEncoder.from_model(model)
    assert np.array_equal(encoder.encode_docs(['a b a', 'b']), model.encode(['a b a', 'b']))
    assert encoder.model_name

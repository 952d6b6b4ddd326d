"""Encoders built from nothing."""
import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.backbones import INITIAL_SCALE, is_static, static_backbone, subword_tokenizer

MORE = [f'Das {word}haus steht in Weimar, sagte Goethe.' for word in ('Rat', 'Kranken', 'Schul', 'Hoch')]


def test_tokenizer(texts):
    tokenizer = subword_tokenizer(iter(texts + MORE), 400)
    assert 100 < tokenizer.get_vocab_size() <= 400
    assert (tokenizer.token_to_id('[PAD]'), tokenizer.token_to_id('[UNK]')) == (0, 1)
    assert tokenizer.encode('ＦＡＵＳＴ').ids == tokenizer.encode('faust').ids  # NFKC, lower case
    assert tokenizer.encode('faust1749').tokens[-1] == '1749'  # numbers are cut off from words
    assert tokenizer.token_to_id('[UNK]') in tokenizer.encode('ж').ids
    assert '[UNK]' not in tokenizer.encode('谁写了浮士德').tokens


def test_tokenizer_needs_texts():
    with pytest.raises(ValueError, match='no texts to train a tokenizer on'):
        subword_tokenizer([], 100)
    with pytest.raises(ValueError, match='no texts to train a tokenizer on'):
        static_backbone(iter([]))


def test_a_text_is_the_mean_of_its_subwords_scaled_to_length_one(texts):
    model = static_backbone(texts + MORE, vocab_size=300, dimension=32, seed=3)
    assert is_static(model) and model.get_embedding_dimension() == 32
    tokenizer, table = model[0].tokenizer, model[0].embedding.weight.detach().numpy()
    for text in texts:
        mean = table[tokenizer.encode(text, add_special_tokens=False).ids].mean(axis=0)
        np.testing.assert_allclose(model.encode(text), mean / np.linalg.norm(mean), rtol=1e-5, atol=1e-6)


def test_the_seed_decides_and_the_initial_vectors_have_their_scale(texts):
    one, same, other = (static_backbone(texts, dimension=64, seed=seed)[0].embedding.weight for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert abs(one.std().item() / INITIAL_SCALE - 1) < 0.05
    state = torch.random.get_rng_state()
    static_backbone(texts, seed=9)
    assert torch.equal(state, torch.random.get_rng_state())


def test_frequent_subwords_begin_short():
    texts = ['a ' * 600 + 'b ' * 399 + 'c'] * 3  # probabilities .6, .399, .001
    model = static_backbone(texts, vocab_size=40, dimension=20_000)
    tokenizer, lengths = model[0].tokenizer, model[0].embedding.weight.norm(dim=1)
    a, b, c = (lengths[tokenizer.encode(f'{letter} x').ids[0]].item() for letter in 'abc')
    assert [a / c, b / c] == pytest.approx([0.001 / 0.601 * 2, 0.001 / 0.4 * 2], rel=0.02)


def test_saved_and_loaded(texts, tmp_path):
    model = static_backbone(texts, dimension=16)
    model.save_pretrained(str(tmp_path / 'static'))
    expected = model.encode(texts)
    np.testing.assert_array_equal(SentenceTransformer(str(tmp_path / 'static'), device='cpu').encode(texts), expected)
    np.testing.assert_allclose(HybridEncoder(tmp_path / 'static').encode_docs(texts), expected, atol=1e-6)


def test_is_static(xlmr):
    assert not is_static(SentenceTransformer(str(xlmr), device='cpu'))


def test_dimensions_that_no_memory_holds(texts):
    with pytest.raises(ValueError, match=f'dimension is {10**12}: its weights take'):
        static_backbone(texts, dimension=10**12)

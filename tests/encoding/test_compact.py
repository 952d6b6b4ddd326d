"""A compact transformer built from nothing."""
import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from pyterrier_dr import SBertBiEncoder
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.checkpoint import load_checkpoint, save_checkpoint
from pyterrier_hybrid.encoding.compact import small_backbone

WORDS = ('Rat', 'Kranken', 'Schul', 'Hoch', 'Gast', 'Wirts', 'Land', 'Stadt', 'Kaffee', 'Vogel', 'Schau', 'Opern')
MORE = [f'Das {word}haus steht in Weimar, sagte Goethe.' for word in WORDS]
SIZES = {'vocab_size': 400, 'dimension': 32, 'layers': 2, 'heads': 2, 'max_length': 24}


@pytest.fixture(scope='module')
def small(texts) -> SentenceTransformer:
    return small_backbone(texts + MORE, **SIZES)


@pytest.fixture(scope='module')
def saved(small, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('small') / 'checkpoint'
    small.save_pretrained(str(folder), create_model_card=False)
    return folder


def token_vectors(folder: Path, texts: list[str], **options) -> tuple[torch.Tensor, torch.Tensor]:
    """transformers' own, and the attention mask."""
    tokens = AutoTokenizer.from_pretrained(folder)(texts, padding=True, truncation=True, return_tensors='pt', **options)
    with torch.no_grad():
        return AutoModel.from_pretrained(folder)(**tokens).last_hidden_state, tokens['attention_mask'].bool()


def mean_cosine(vectors: torch.Tensor) -> float:
    """Over all pairs of different texts."""
    vectors = torch.nn.functional.normalize(vectors, dim=1)
    return (vectors @ vectors.T)[~torch.eye(len(vectors), dtype=bool)].mean().item()


def test_sizes(small):
    config = small[0].model.config
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (32, 2, 2)
    assert 100 < len(small.tokenizer) == config.vocab_size <= 400
    assert (small.get_embedding_dimension(), small.max_seq_length, small.device.type) == (32, 24, 'cpu')
    assert {weight.dtype for weight in small.parameters()} == {torch.float32}


def test_default_sizes(texts):
    """The figures of the docstring."""
    model = small_backbone(texts)
    embeddings = 256 * len(model.tokenizer)
    assert sum(weight.numel() for weight in model.parameters()) - embeddings == pytest.approx(2.6e6, rel=0.02)
    assert model.max_seq_length == 512


def test_tokenizer(small):
    tokenizer = small.tokenizer
    special = [tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id,
               tokenizer.mask_token_id]  # fmt: skip
    assert len(set(special)) == 5 and set(special) == set(tokenizer.all_special_ids)
    tokens = tokenizer('FAUST in 谁')
    assert tokens.keys() == {'input_ids', 'attention_mask'}
    ids = tokens['input_ids']
    assert ids == tokenizer('faust in 谁')['input_ids'] and len(ids) > 4
    assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    assert not set(ids[1:-1]) & set(special) and tokenizer.unk_token_id in tokenizer('ж')['input_ids']
    assert len(tokenizer('Faust ' * 100, truncation=True)['input_ids']) == 24


def test_equal_vectors_wherever_it_is_loaded(small, saved, texts):
    expected = small.encode(texts)
    assert expected.shape == (len(texts), 32)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(HybridEncoder(saved, device='cpu').encode_docs(texts), expected, atol=1e-6)
    np.testing.assert_allclose(HybridEncoder.from_model(small).encode_queries(texts), expected, atol=1e-6)
    np.testing.assert_array_equal(SentenceTransformer(str(saved), device='cpu').encode(texts), expected)
    np.testing.assert_allclose(SBertBiEncoder(str(saved), device='cpu').encode_docs(texts), expected, atol=1e-6)
    states, used = token_vectors(saved, texts)
    means = np.stack([row[mask].mean(0) for row, mask in zip(states.numpy(), used.numpy())])
    np.testing.assert_allclose(means / np.linalg.norm(means, axis=1, keepdims=True), expected, atol=1e-6)


def test_a_vector_does_not_depend_on_the_batch(small, texts):
    """Neither on the number of texts, nor on the longest of them, nor on what stands for padding."""
    alone = np.concatenate([small.encode([text]) for text in texts])
    np.testing.assert_allclose(small.encode([*texts, 'Faust ' * 100])[:-1], alone, atol=1e-6)
    np.testing.assert_allclose(HybridEncoder.from_model(small).encode_docs([*texts, 'Faust ' * 100])[:-1], alone,
                               atol=1e-6)  # fmt: skip
    with torch.no_grad():
        row = small[0].model.embeddings.tok_embeddings.weight[small.tokenizer.pad_token_id]
        before = row.clone()
        row += 10 * torch.randn(32, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(small.encode([*texts, 'Faust ' * 100])[:-1], alone, atol=1e-6)
    with torch.no_grad():
        row.copy_(before)


def test_padding_on_either_side(saved, texts):
    """Positions are relative, so that even the padding's side is nothing to a token."""
    (right, used), (left, used_left) = (token_vectors(saved, texts, padding_side=side) for side in ('right', 'left'))
    assert not torch.equal(used, used_left)
    torch.testing.assert_close(right[used], left[used_left], rtol=0, atol=1e-5)


def test_longer_texts_are_cut(small):
    one, two = small.encode(['Faust ' * 60 + 'Weimar', 'Faust ' * 60 + 'Goethe'])
    np.testing.assert_array_equal(one, two)


def test_word_order_counts(small):
    """Hardly so at the start, where rounding in float32 is about as large."""
    one, two = copy.deepcopy(small).double().encode(['Goethe wrote Faust', 'Faust wrote Goethe'])
    assert one.dtype == np.float64 and np.abs(one - two).max() > 1e-7


def test_texts_are_apart_at_the_start(texts):
    """Texts without a common word; those of BERT's shape, with the same tokens, point all the same way.

    Every text of n tokens has the two marks in common with every other, hence about 2 / n.
    """
    model = small_backbone(texts + MORE, vocab_size=400, dimension=128)
    different = ['Wer schrieb den Faust?', '谁写了浮士德', 'Πού γεννήθηκε ο Γκαίτε;', 'was born where Robbers']
    lengths = [len(ids) for ids in model.tokenizer(different)['input_ids']]
    assert mean_cosine(model.encode(different, convert_to_tensor=True)) == pytest.approx(2 / np.mean(lengths), abs=0.1)
    torch.manual_seed(0)
    bert = BertModel(BertConfig(vocab_size=len(model.tokenizer), hidden_size=128, num_hidden_layers=4,
                                num_attention_heads=4, intermediate_size=512)).eval()  # fmt: skip
    with torch.no_grad():
        means = [bert(**model.tokenizer(t, return_tensors='pt')).last_hidden_state[0].mean(0) for t in different]
    assert mean_cosine(torch.stack(means)) > 0.85


def test_the_seed_decides(texts, tmp_path):
    for name, seed in (('one', 1), ('same', 1), ('other', 2)):
        state = torch.random.get_rng_state()
        model = small_backbone(iter(texts), **SIZES, seed=seed)
        assert torch.equal(state, torch.random.get_rng_state())
        model.save_pretrained(str(tmp_path / name), create_model_card=False)
    one, same, other = ({path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob('*')
                         if path.is_file()} for name in ('one', 'same', 'other'))  # fmt: skip
    assert one == same
    assert [path.name for path in one if one[path] != other[path]] == ['model.safetensors']


def test_the_checkpoint_names_no_folder(saved):
    """It went through a temporary one."""
    texts = [path.read_text(encoding='utf-8') for path in saved.rglob('*.json')]
    assert len(texts) > 4 and not any('pyterrier-hybrid-' in text for text in texts)


def test_used_and_saved_again_it_is_the_same_files(saved, texts, tmp_path):
    """A tokenizer keeps the truncation and padding of its last call, which would be read back as settings."""
    once, twice = tmp_path / 'once', tmp_path / 'twice'
    for before, after in ((saved, once), (once, twice)):
        model = load_checkpoint(before)
        model.encode([*texts, 'Faust ' * 100])
        save_checkpoint(model, after)
    one, two = ({path.relative_to(folder): path.read_bytes() for path in folder.rglob('*') if path.is_file()}
                for folder in (once, twice))  # fmt: skip
    assert one == two and len(one) > 6


def test_nothing_is_printed(texts, capfd):
    small_backbone(texts, **SIZES)
    assert capfd.readouterr() == ('', '')


def test_in_bfloat16(saved, texts):
    dtypes = ('float32', 'bfloat16')
    whole, half = (HybridEncoder(saved, device='cpu', dtype=dtype).encode_docs(texts) for dtype in dtypes)
    assert half.dtype == np.float32
    assert 0 < np.abs(whole - half).max() < 0.02


@pytest.mark.parametrize(('given', 'message'), [
    ({'dimension': 100, 'heads': 8}, 'dimension is 100 with 8 heads; it must be a multiple of 16'),
    ({'dimension': 12, 'heads': 4}, 'dimension is 12 with 4 heads; it must be a multiple of 8'),
    ({'vocab_size': 5}, 'vocab_size is 5; it must be more than 5, the special tokens'),
    ({'layers': 0}, 'layers must be a whole number of at least 1, not 0'),
    ({'heads': 0}, 'heads must be a whole number of at least 1, not 0'),
    ({'max_length': 2}, 'max_length is 2; it must be more than 2, the marks of beginning and end'),
])  # fmt: skip
def test_refused(texts, given, message):
    with pytest.raises(ValueError, match=message):
        small_backbone(texts, **given)


def test_needs_texts():
    with pytest.raises(ValueError, match='no texts to train a tokenizer on'):
        small_backbone([])


def test_dimensions_that_no_memory_holds(texts):
    with pytest.raises(ValueError, match=f'dimension is {10**9}: its weights take'):
        small_backbone(texts, dimension=10**9)

"""Vectors against plain transformers and torch, computed here text by text."""
import functools
import inspect

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding import encoder as encoder_module
from pyterrier_hybrid.encoding.checkpoint import load_checkpoint


@functools.cache
def _plain(folder):
    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()


def _hidden(folder, text, max_length=512) -> torch.Tensor:
    """Token vectors of one text, (tokens, d): no batch, no padding, no sentence-transformers."""
    tokenizer, model = _plain(folder)
    inputs = tokenizer(text, truncation=True, max_length=max_length, return_tensors='pt')
    with torch.no_grad():
        return model(**inputs).last_hidden_state[0]


def _rows(function, folder, texts, **kwargs) -> np.ndarray:
    return np.stack([function(_hidden(folder, text, **kwargs)).numpy() for text in texts])


POOLINGS = {
    'mean': lambda hidden: hidden.mean(0),
    'cls': lambda hidden: hidden[0],
    'max': lambda hidden: hidden.max(0).values,
    'lasttoken': lambda hidden: hidden[-1],
    'mean_sqrt_len_tokens': lambda hidden: hidden.sum(0) / len(hidden) ** 0.5,
    'weightedmean': lambda hidden: (hidden * torch.arange(1.0, len(hidden) + 1)[:, None]).sum(0)
    / (len(hidden) * (len(hidden) + 1) / 2),
}


@pytest.mark.parametrize('pooling', POOLINGS)
def test_a_plain_checkpoint(xlmr, texts, pooling):
    encoder = HybridEncoder(xlmr, device='cpu', pooling=pooling)
    expected = _rows(POOLINGS[pooling], xlmr, texts)
    for vectors in (encoder.encode_docs(texts), encoder.encode_queries(texts)):
        assert vectors.dtype == np.float32
        assert np.abs(vectors - expected).max() < 2e-6


def test_the_default_is_the_mean_as_it_comes(xlmr, texts):
    expected = _rows(POOLINGS['mean'], xlmr, texts)
    assert np.abs(HybridEncoder(xlmr, device='cpu').encode_docs(texts) - expected).max() < 1e-6


def test_the_xlmr_preset_is_the_papers(xlmr, texts):
    encoder = HybridEncoder(xlmr, preset='xlm-r', device='cpu')
    for encode, prefix in ((encoder.encode_queries, 'Query: '), (encoder.encode_docs, 'Passage: ')):
        expected = _rows(POOLINGS['mean'], xlmr, [prefix + text for text in texts])
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        assert np.abs(encode(texts) - expected).max() < 1e-6


def test_the_mdpr_preset_is_one_bert_its_cls_and_the_dot_product(mdpr, texts):
    """As Pyserini encodes for castorini/mdpr-tied-pft-msmarco; passages end at 256 tokens, queries at 512."""
    encoder = HybridEncoder(mdpr, preset='mdpr', device='cpu')
    texts = [*texts, ' '.join(texts * 8)]
    passages = _rows(POOLINGS['cls'], mdpr, texts, max_length=256)
    queries = _rows(POOLINGS['cls'], mdpr, texts, max_length=512)
    rounding = 1e-6 * np.linalg.norm(queries, axis=1).max()  # vectors here are not of length 1
    assert np.abs(encoder.encode_docs(texts) - passages).max() < rounding
    assert np.abs(encoder.encode_queries(texts) - queries).max() < rounding
    assert np.abs(queries[:-1] - passages[:-1]).max() < rounding  # tied: one BERT for both sides
    assert np.abs(queries[-1] - passages[-1]).max() > 1e-3
    assert np.linalg.norm(passages, axis=1).min() > 2  # not scaled to 1

    import pandas as pd

    pairs = pd.DataFrame([('q', texts[0], f'd{i}', text) for i, text in enumerate(texts)])
    scored = encoder.scorer()(pairs.set_axis(['qid', 'query', 'docno', 'text'], axis=1)).sort_values('docno')
    assert np.abs(scored['score'] - passages @ queries[0]).max() < 1e-5


def test_labse_applies_the_dense_layer_and_the_normalisation(labse, mdpr, texts):
    encoder = HybridEncoder(labse, device='cpu')
    dense = load_checkpoint(labse)[2].linear
    with torch.no_grad():
        hidden = torch.tanh(dense(torch.from_numpy(_rows(POOLINGS['cls'], mdpr, texts))))
    expected = (hidden / hidden.norm(dim=1, keepdim=True)).numpy()
    assert encoder.dimension == 12
    assert np.abs(encoder.encode_docs(texts) - expected).max() < 1e-6
    unscaled = HybridEncoder(labse, preset='labse', device='cpu', normalize=False)
    assert np.abs(unscaled.encode_queries(texts) - hidden.numpy()).max() < 1e-6


def test_a_bag_of_subwords_with_the_prompts_that_training_saved(static, texts):
    encoder = HybridEncoder(static, device='cpu')
    tokenizer, table = Tokenizer.from_file(str(static / 'tokenizer.json')), load_checkpoint(static)[0].embedding.weight
    tokenizer.no_truncation()

    def expected(prefix, cut=None):
        ids = [tokenizer.encode(prefix + text, add_special_tokens=False).ids[:cut] for text in texts]
        return np.stack([table[torch.tensor(row)].mean(0).detach().numpy() for row in ids])

    assert np.abs(encoder.encode_queries(texts) - expected('Query: ')).max() < 1e-6
    assert np.abs(encoder.encode_docs(texts) - expected('Passage: ')).max() < 1e-6
    cut = HybridEncoder(static, device='cpu', passage_prefix='', max_passage_length=4)
    assert np.abs(cut.encode_docs(texts) - expected('', cut=4)).max() < 1e-6
    assert np.abs(cut.encode_queries(texts) - expected('Query: ')).max() < 1e-6  # the other side is not cut


def test_texts_are_cut_at_each_sides_length(xlmr, texts):
    encoder = HybridEncoder(xlmr, device='cpu', max_query_length=6, max_passage_length=12)
    assert np.abs(encoder.encode_queries(texts) - _rows(POOLINGS['mean'], xlmr, texts, max_length=6)).max() < 1e-6
    assert np.abs(encoder.encode_docs(texts) - _rows(POOLINGS['mean'], xlmr, texts, max_length=12)).max() < 1e-6


@pytest.mark.parametrize('folder', ['xlmr', 'labse', 'static'])
def test_order_and_batches_change_nothing(request, folder, texts, monkeypatch):
    encoder = HybridEncoder(request.getfixturevalue(folder), device='cpu')
    many = [f'{texts[i % len(texts)]} {i}' for i in range(60)]
    expected = encoder.encode_docs(many)
    shuffled = np.random.default_rng(0).permutation(60)
    assert np.abs(encoder.encode_docs([many[i] for i in shuffled]) - expected[shuffled]).max() < 1e-6
    assert np.abs(encoder.encode_docs(many, batch_size=1) - expected).max() < 1e-6
    monkeypatch.setattr('pyterrier_hybrid.encoding.inference.WINDOW', 7)  # several windows, the last one short
    assert np.abs(encoder.encode_docs(iter(many)) - expected).max() < 1e-6


@pytest.mark.parametrize('folder', ['xlmr', 'static'])
def test_no_texts(request, folder):
    encoder = HybridEncoder(request.getfixturevalue(folder), device='cpu')
    for vectors in (encoder.encode_queries([]), encoder.encode_docs(iter([]))):
        assert vectors.shape == (0, encoder.dimension)
        assert vectors.dtype == np.float32
    assert encoder.encode_queries_torch([]).shape == (0, encoder.dimension)


def test_an_empty_passage_is_a_vector(xlmr, static):
    assert np.isfinite(HybridEncoder(xlmr, device='cpu').encode_docs(['', 'a'])).all()
    bag = HybridEncoder(static, device='cpu', passage_prefix='', normalize=True).encode_docs(['', 'a', ''])
    assert np.array_equal(bag[[0, 2]], np.zeros((2, 8)))


def test_torch_vectors_carry_gradients(labse, texts):
    encoder = HybridEncoder(labse, device='cpu')
    vectors = encoder.encode_queries_torch(texts)
    assert np.abs(vectors.detach().numpy() - encoder.encode_queries(texts)).max() < 1e-6
    vectors[:, 0].sum().backward()
    assert encoder.model[2].linear.weight.grad.abs().max() > 0


def test_a_truncated_checkpoint_stays_truncated(xlmr, texts):
    model = load_checkpoint(xlmr)
    model.truncate_dim = 5
    encoder = HybridEncoder.from_model(model, normalize=True)
    vectors = encoder.encode_docs(texts)
    assert vectors.shape == (len(texts), encoder.dimension) == (len(texts), 5)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_model_in_memory_is_used_as_it_is(labse, texts):
    model = load_checkpoint(labse)
    model.prompts = {'query': 'Query: ', 'passage': 'Passage: '}
    model.train()
    before = [type(module) for module in model.children()]
    encoder = HybridEncoder.from_model(model, normalize=False)
    vectors = encoder.encode_docs(texts)
    assert np.array_equal(vectors, encoder.encode_docs(texts))  # no dropout
    assert model.training and model[0].training  # and training goes on as before
    assert [type(module) for module in model.children()] == before
    with torch.no_grad():
        model[2].linear.weight.zero_()
        model[2].linear.bias.zero_()
    assert np.array_equal(encoder.encode_docs(texts), np.zeros((len(texts), 12)))  # the weights are shared


def test_what_is_saved_is_what_is_loaded(labse, texts, tmp_path):
    model = load_checkpoint(labse)
    model.prompts = {'query': 'Query: ', 'passage': 'Passage: '}
    model.save(str(tmp_path / 'run'))
    memory, disk = HybridEncoder.from_model(model), HybridEncoder(tmp_path / 'run', device='cpu')
    assert (disk.query.prefix, disk.passage.prefix) == ('Query: ', 'Passage: ')
    assert np.array_equal(memory.encode_docs(texts), disk.encode_docs(texts))
    assert not np.array_equal(disk.encode_docs(texts), disk.encode_queries(texts))


def test_a_hub_name_brings_its_preset(mdpr, monkeypatch):
    monkeypatch.setattr(encoder_module, 'load_checkpoint', lambda name, verbose: load_checkpoint(mdpr))
    encoder = HybridEncoder('castorini/mdpr-tied-pft-msmarco', device='cpu')
    assert (encoder.model[1].pooling_mode, encoder.normalize) == ('cls', False)
    assert (encoder.query.max_length, encoder.passage.max_length) == (512, 256)
    assert HybridEncoder('someone/else', device='cpu').model[1].pooling_mode == 'mean'


def test_the_folder_is_known(static, monkeypatch):
    monkeypatch.chdir(static.parent)
    encoder = HybridEncoder(static.name)
    assert encoder.folder == static
    assert HybridEncoder.from_model(encoder.model).folder is None


def test_repr_is_what_was_asked_for(xlmr):
    assert repr(HybridEncoder(str(xlmr), device='cpu')) == f'HybridEncoder({str(xlmr)!r})'
    told = HybridEncoder(str(xlmr), device='cpu', pooling='cls', query_prefix='q: ')
    assert repr(told) == f"HybridEncoder({str(xlmr)!r}, pooling='cls', query_prefix='q: ')"
    assert repr(HybridEncoder.from_model(load_checkpoint(xlmr))) == 'HybridEncoder(<Transformer in memory>)'


def test_the_signature_is_the_designs():
    parameters = list(inspect.signature(HybridEncoder).parameters.values())
    assert [p.name for p in parameters] == [
        'path_or_name', 'preset', 'pooling', 'normalize', 'query_prefix', 'passage_prefix', 'max_query_length',
        'max_passage_length', 'batch_size', 'text_field', 'device', 'dtype', 'library', 'verbose',
    ]  # fmt: skip
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters[1:])


@pytest.mark.parametrize(('texts', 'message'), [
    (['a', ''], 'query 1 is empty'),
    (['a', '   '], 'query 1 is empty'),
    (['a', None], 'query 1 is not a string but NoneType'),
    ('a question', 'several strings, not one'),
])  # fmt: skip
def test_bad_queries(static, texts, message):
    encoder = HybridEncoder(static, device='cpu')
    with pytest.raises(ValueError, match=message):
        encoder.encode_queries(texts)
    with pytest.raises(ValueError, match=message):
        encoder.encode_queries_torch(texts)


def test_bad_passages_and_batches(static):
    encoder = HybridEncoder(static, device='cpu')
    with pytest.raises(ValueError, match='document 0 is not a string but int: 3'):
        encoder.encode_docs([3])
    with pytest.raises(ValueError, match='batch_size must be a whole number of at least 1, not 0'):
        encoder.encode_docs(['a'], batch_size=0)
    with pytest.raises(ValueError, match='batch_size must be'):
        HybridEncoder(static, batch_size=None)


def test_a_preset_for_another_checkpoint(xlmr):
    with pytest.raises(ValueError, match='lacks the dense layer that its preset calls for'):
        HybridEncoder(xlmr, preset='labse')


@pytest.mark.parametrize('verbose', [True, False])
def test_progress_is_shown_only_when_asked_for(static, capfd, verbose):
    HybridEncoder(static, device='cpu', verbose=verbose).encode_docs(['a'] * 3)
    shown = capfd.readouterr().err
    assert ('Encoding (document)' in shown and '3/3' in shown) == verbose
    assert bool(shown) == verbose


def test_a_plain_checkpoint_of_unknown_pooling_warns_and_one_that_is_told_does_not(xlmr, static, recwarn):
    HybridEncoder(xlmr, device='cpu', pooling='mean')
    HybridEncoder(xlmr, device='cpu', preset='xlm-r')
    HybridEncoder(static, device='cpu')
    assert not [w for w in recwarn if 'pooling' in str(w.message)]
    with pytest.warns(UserWarning, match=r"plain transformers checkpoint.*pooling='mean'"):
        HybridEncoder(xlmr, device='cpu')


def test_a_device_that_is_not_there_is_refused_before_the_checkpoint_is_read(tmp_path):
    with pytest.raises(ValueError, match="the device 'warp' cannot be used"):
        HybridEncoder(tmp_path / 'nothing', device='warp')


def test_an_empty_text_without_special_tokens_is_the_vector_0_beside_any_other(xlmr, tmp_path):
    """BLOOM's and Qwen2's tokenizers make no token of an empty text."""
    import json
    import shutil

    folder = shutil.copytree(xlmr, tmp_path / 'bare')
    tokenizer = json.loads((folder / 'tokenizer.json').read_text())
    (folder / 'tokenizer.json').write_text(json.dumps(tokenizer | {'post_processor': None}))
    encoder = HybridEncoder(folder, device='cpu', pooling='mean')
    alone, beside = encoder.encode_docs(['']), encoder.encode_docs(['Faust', '', 'Faust ' * 30, ''])
    assert not alone.any() and not beside[[1, 3]].any()
    assert np.abs(beside[[0, 2]] - encoder.encode_docs(['Faust', 'Faust ' * 30])).max() < 1e-6
    assert not HybridEncoder(folder, device='cpu', pooling='cls', normalize=True).encode_docs(['', 'a'])[0].any()

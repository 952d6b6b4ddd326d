"""Partial whitening, against a matrix power by scipy."""
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from scipy.linalg import fractional_matrix_power
from sentence_transformers import SentenceTransformer

from pyterrier_hybrid.encoding import HybridEncoder, static_backbone
from pyterrier_hybrid.training import derived, train, whiten
from pyterrier_hybrid.training.static import is_row_sparse

QUERIES = ['de question 1 about topic1', 'sentence 3 of the talk', 'passage on topic4']
NOWHERE = np.full((16, 16), 1 / 16)


@pytest.fixture(scope='module')
def static_run(corpus, tmp_path_factory):
    """A short run of a static embedding in 16 dimensions."""
    return train(
        corpus, tmp_path_factory.mktemp('static') / 'run', backbone='static', dimension=16, batch_size=8, steps=5,
        mix={'monolingual': 0.5, 'crosslingual': 0.5}, device='cpu', verbose=False,
    )  # fmt: skip


def passages(corpus):
    """All texts; the corpus is far smaller than the sample may be."""
    return [text for _, text in corpus.iter_texts()]


def scaled(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize('power', [0.25, 1])
@pytest.mark.parametrize('kind', ['static', 'transformer'])
def test_vectors_are_multiplied_by_a_power_of_the_second_moment(
    corpus, static_run, tiny_folder, tmp_path, kind, power
):
    encoder = static_run
    if kind == 'transformer':
        encoder = HybridEncoder(tiny_folder, normalize=True, query_prefix='q: ', passage_prefix='p: ', device='cpu')
    before, vectors = encoder.model_name, encoder.encode_docs(passages(corpus)).astype(np.float64)
    # the transformer ends with a layer normalisation, so its vectors have no part in NOWHERE
    moment = vectors.T @ vectors / len(vectors) + (NOWHERE if kind == 'transformer' else 0)
    matrix = fractional_matrix_power(moment, -power / 2)
    whitened = whiten(encoder, corpus, tmp_path / 'whitened', power=power, verbose=False)
    expected = scaled(encoder.encode_queries(QUERIES) @ matrix)
    np.testing.assert_allclose(whitened.encode_queries(QUERIES), expected, atol=2e-5)
    expected = scaled(encoder.encode_docs(QUERIES) @ matrix)
    np.testing.assert_allclose(whitened.encode_docs(QUERIES), expected, atol=2e-5)
    plain = SentenceTransformer(str(tmp_path / 'whitened'), device='cpu')
    np.testing.assert_allclose(plain.encode_query(QUERIES), whitened.encode_queries(QUERIES), atol=1e-6)
    assert encoder.model_name == before != whitened.model_name
    assert is_row_sparse(whitened.model) == (kind == 'static')
    assert sorted(path.name for path in tmp_path.glob('[!.]*')) == ['whitened']


def test_whitening_in_full_makes_all_directions_alike(corpus, tiny_folder, tmp_path):
    encoder = HybridEncoder(tiny_folder, normalize=False, device='cpu')
    vectors = whiten(encoder, corpus, tmp_path / 'white', power=1, verbose=False).encode_docs(passages(corpus))
    moment = vectors.T @ vectors / len(vectors)
    np.testing.assert_allclose(moment / (moment[0, 0] - moment[0, 1]), np.eye(16) - NOWHERE, atol=1e-3)


def test_a_run_says_that_it_was_whitened(corpus, static_run, tmp_path, monkeypatch):
    monkeypatch.setattr('pyterrier_hybrid.training.record.version', lambda name: 'of another day')
    whitened = whiten(static_run, corpus, tmp_path / 'whitened', verbose=False)
    record, own = (json.loads((e.folder / 'training.json').read_text()) for e in (whitened, static_run))
    texts = len(passages(corpus))
    done = {'power': 0.25, 'texts': texts, 'pairs': corpus.fingerprint}
    assert record == {**own, 'whitening': [done], 'derived': ['whitening'], 'files': record['files']}
    card, plain = ((e.folder / 'README.md').read_text() for e in (whitened, static_run))
    line = f'- then vectors whitened in part: power 0.25, over {texts} texts of pairs'
    assert line in card and line not in plain and card.startswith('---')
    twice = whiten(whitened, corpus, tmp_path / 'twice', power=0.5, verbose=False)
    assert json.loads((twice.folder / 'training.json').read_text())['whitening'] == [done, {**done, 'power': 0.5}]
    assert (twice.folder / 'README.md').read_text().count('- then vectors whitened in part') == 2


def test_lengths_and_prefixes_are_those_of_the_encoder(corpus, tiny_folder, static_run, tmp_path):
    given = {'query_prefix': 'ask: ', 'passage_prefix': 'tell: ', 'max_query_length': 5, 'max_passage_length': 9}
    encoder = HybridEncoder(tiny_folder, normalize=True, device='cpu', **given)
    whiten(encoder, corpus, tmp_path / 'whitened', verbose=False)
    opened = HybridEncoder(tmp_path / 'whitened', device='cpu')
    assert (opened.query, opened.passage) == (encoder.query, encoder.passage)
    assert encoder.model[0].query_length is None
    encoder = HybridEncoder(static_run.folder, device='cpu', max_passage_length=9)
    with pytest.raises(ValueError, match='after None and 9 tokens, and its checkpoint can only say None and None'):
        whiten(encoder, corpus, tmp_path / 'cut', verbose=False)


def test_settings_of_the_encoder_stay(corpus, static_run, tmp_path):
    encoder = HybridEncoder(static_run.folder, device='cpu', batch_size=7, text_field='body')
    whitened = whiten(encoder, corpus, tmp_path / 'whitened', verbose=False)
    assert (whitened.batch_size, whitened.text_field, whitened.dtype) == (7, 'body', torch.float32)


@pytest.mark.parametrize('content', ['{"learning_rate": 1}', '[]'])
def test_a_record_of_other_software_stays_out(corpus, static_run, tmp_path, content):
    folder = shutil.copytree(static_run.folder, tmp_path / 'other')
    (folder / 'training.json').write_text(content)
    whitened = whiten(HybridEncoder(folder, device='cpu'), corpus, tmp_path / 'whitened', verbose=False)
    assert not (whitened.folder / 'training.json').exists() and not (whitened.folder / 'README.md').exists()


def test_vectors_that_are_not_finite(corpus, static_run, tmp_path):
    encoder = HybridEncoder(static_run.folder, device='cpu')
    with torch.no_grad():
        encoder.model[0].embedding.weight[:] = float('nan')
    with pytest.raises(ValueError, match='gives vectors that are not finite'):
        whiten(encoder, corpus, tmp_path / 'whitened', verbose=False)


def test_one_process_whitens(corpus, static_run, tmp_path, monkeypatch):
    monkeypatch.setenv('WORLD_SIZE', '2')
    with pytest.raises(ValueError, match='2 processes were started, and whiten runs in one'):
        whiten(static_run, corpus, tmp_path / 'whitened', verbose=False)


def test_it_is_opened_and_trained_on(corpus, static_run, tmp_path):
    whitened = whiten(static_run, corpus, tmp_path / 'whitened', verbose=False)
    again = train(corpus, tmp_path / 'more', backbone=whitened.folder, batch_size=8, steps=2, verbose=False,
                  mix={'crosslingual': 1}, device='cpu')  # fmt: skip
    assert again.encode_queries(QUERIES).shape == (3, 16)
    assert 'whitening' not in json.loads((tmp_path / 'more' / 'training.json').read_text())


def test_nothing_is_left_of_a_failure(corpus, static_run, tmp_path, monkeypatch):
    def full(model, folder):
        raise SafetensorError('Error while serializing: I/O error: No space left on device (os error 28)')

    monkeypatch.setattr(derived, 'save_checkpoint', full)
    with pytest.raises(OSError, match=r'whitened cannot be written, .* full .*: free .* The encoder itself is'):
        whiten(static_run, corpus, tmp_path / 'whitened', verbose=False)
    assert list(tmp_path.glob('[!.]*')) == []


@pytest.mark.parametrize(('options', 'error', 'message'), [
    ({'power': 0}, ValueError, 'power is 0; it must be above 0'),
    ({'power': 1.5}, ValueError, 'power is 1.5; .* at most 1'),
    ({'characters': 0}, ValueError, 'characters is 0; it must be at least 1'),
    ({'power': float('nan')}, ValueError, 'power is nan'),
    ({'folder': '.'}, FileExistsError, 'exists already'),
    ({'dimension': 512}, ValueError, r'the pairs give \d+ texts, fewer than the vectors have components \(512\)'),
    ({'dtype': torch.bfloat16}, ValueError, r'in memory>\) computes in torch\.bfloat16; .* from a model in float32'),
    ({'truncate_dim': 8}, ValueError, 'cuts its vectors to 8 components'),
])  # fmt: skip
def test_what_cannot_be_whitened(corpus, static_run, tiny_folder, tmp_path, options, error, message):
    encoder = static_run
    if 'dimension' in options:
        encoder = HybridEncoder.from_model(static_backbone(passages(corpus), dimension=options.pop('dimension')))
    if 'dtype' in options:
        encoder = HybridEncoder.from_model(SentenceTransformer(str(tiny_folder), device='cpu').to(options.pop('dtype')))
    if 'truncate_dim' in options:
        model = SentenceTransformer(str(static_run.folder), device='cpu', truncate_dim=options.pop('truncate_dim'))
        encoder = HybridEncoder.from_model(model)
    with pytest.raises(error, match=message), torch.random.fork_rng():
        whiten(encoder, corpus, tmp_path / options.pop('folder', 'new'), verbose=False, **options)
    assert list(tmp_path.glob('[!.]*')) == []

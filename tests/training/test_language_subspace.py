"""The removal of the language subspace, against scipy's orthonormal bases."""
import json

import numpy as np
import pytest
import torch
from scipy.linalg import orth
from sentence_transformers import SentenceTransformer

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.pairs.source import Source
from pyterrier_hybrid.training import language_subspace, remove_language_subspace, train, verify_run, whiten

LANGS = ['de', 'en', 'fr']
TEXTS = ['de question 1 about topic1', 'sentence 3 of the talk', 'passage on topic4']


@pytest.fixture(scope='module')
def parallel(tmp_path_factory):
    """30 sentences in three languages; 20 are there in Turkish too."""
    folder = tmp_path_factory.mktemp('parallel')
    rows = [
        {'id': str(i), 'source': 'talks', 'text': {
            lang: f'{lang} sentence {i} of the talk on topic{i % 7}' for lang in [*LANGS, *['tr'] * (i < 20)]
        }} for i in range(30)
    ]  # fmt: skip
    (folder / 'talks.bitext.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    return ParallelPairs.from_jsonl(folder / 'talks.bitext.jsonl', folder / 'pairs', verbose=False)


@pytest.fixture(scope='module')
def static_run(parallel, tmp_path_factory):
    """A short run of a static embedding in 16 dimensions."""
    return train(
        parallel, tmp_path_factory.mktemp('static') / 'run', backbone='static', dimension=16, batch_size=8, steps=5,
        mix={'crosslingual': 1.0}, device='cpu', verbose=False,
    )  # fmt: skip


def sentences(lang):
    return [f'{lang} sentence {i} of the talk on topic{i % 7}' for i in range(30)]


def scaled(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def basis(*sides):
    """An orthonormal basis (d, r) of the differences of languages' means; a side has one (n, d) a language."""
    means = [np.stack([vectors.astype(np.float64).mean(0) for vectors in side]) for side in sides]
    return orth(np.concatenate([mean - mean.mean(0) for mean in means]).T, rcond=1e-5)


@pytest.mark.parametrize('kind', ['static', 'transformer'])
def test_vectors_lose_the_directions_in_which_means_differ(parallel, static_run, tiny_folder, tmp_path, kind):
    encoder, ranks = static_run, 2
    if kind == 'transformer':
        encoder, ranks = HybridEncoder(tiny_folder, query_prefix='q: ', passage_prefix='p: ', device='cpu'), 4
    before = encoder.model_name
    sides = [[encode(sentences(lang)) for lang in LANGS] for encode in (encoder.encode_docs, encoder.encode_queries)]
    directions = basis(*sides)
    assert directions.shape == (16, ranks)
    new = remove_language_subspace(encoder, parallel, tmp_path / 'new', languages=LANGS, verbose=False)
    for old, encode in ((encoder.encode_docs, new.encode_docs), (encoder.encode_queries, new.encode_queries)):
        vectors = old(TEXTS).astype(np.float64)
        expected = vectors - vectors @ directions @ directions.T
        expected = scaled(expected) if new.normalize else expected
        np.testing.assert_allclose(encode(TEXTS), expected, atol=1e-5)
        np.testing.assert_allclose(encode(TEXTS) @ directions, 0, atol=1e-5)
    plain = SentenceTransformer(str(new.folder), device='cpu')
    np.testing.assert_allclose(plain.encode_query(TEXTS), new.encode_queries(TEXTS), atol=1e-6)
    assert encoder.model_name == before != new.model_name
    assert (new.query, new.passage) == (encoder.query, encoder.passage)


def test_languages_are_closer_afterwards(parallel, tiny_folder, tmp_path):
    encoder = HybridEncoder(tiny_folder, normalize=False, device='cpu')
    new = remove_language_subspace(encoder, parallel, tmp_path / 'new', languages=LANGS, verbose=False)
    means = {e: np.stack([e.encode_docs(sentences(lang)).mean(0) for lang in LANGS]) for e in (encoder, new)}
    spread = {e: np.abs(mean - mean.mean(0)).max() for e, mean in means.items()}
    assert spread[new] < 1e-5 < 1e-3 < spread[encoder]


def test_a_run_says_what_was_removed(parallel, static_run, tmp_path):
    new = remove_language_subspace(static_run, parallel, tmp_path / 'new', texts=12, verbose=False)
    record, own = (json.loads((e.folder / 'training.json').read_text()) for e in (new, static_run))
    done = {'languages': [*LANGS, 'tr'], 'directions': 3, 'texts': 12, 'pairs': parallel.fingerprint}
    assert (record.pop('language_subspaces'), record.pop('derived')) == ([done], ['language_subspaces'])
    assert {**record, 'files': own['files']} == own
    line = '- then 3 directions removed in which the mean vectors of de en fr tr differ, over 12 parallel texts'
    assert line in (new.folder / 'README.md').read_text()
    verify_run(new.folder)
    white = whiten(new, parallel, tmp_path / 'white', characters=500, verbose=False)
    record = json.loads((white.folder / 'training.json').read_text())
    assert record['language_subspaces'] == [done] and record['whitening'][0]['texts'] < 110


@pytest.mark.parametrize('most', [10, 17, 60, 200])
@pytest.mark.parametrize('langs', [['de'], ['ar', 'de', 'en']])
def test_texts_are_evenly_spaced_and_read_by_one_call_a_source(corpus, monkeypatch, most, langs):
    places = [(source, row) for source in corpus.sources for stratum in source.strata
              if {*langs} <= {*stratum.passage_langs} for row in range(stratum.start, stratum.stop)]  # fmt: skip
    assert len(places) == (60 if langs == ['de'] else 52)
    chosen = [places[i] for i in np.unique(np.linspace(0, len(places) - 1, most).astype(int))]
    expected = [[source.texts('passage', [row], [lang])[0] for source, row in chosen] for lang in langs]
    calls, read = [], Source.texts
    monkeypatch.setattr(Source, 'texts', lambda self, *args: calls.append(self.name) or read(self, *args))
    assert language_subspace._parallel_texts(corpus, langs, most) == expected
    assert calls == list(dict.fromkeys(source.name for source, _ in chosen))


@pytest.mark.parametrize(('options', 'error', 'message'), [
    ({'languages': ['de']}, ValueError, r"the languages are \['de'\]; give two or more"),
    ({'texts': 0}, ValueError, 'texts is 0; a mean needs at least 10 of each language'),
    ({'languages': ['xx', 'yy']}, ValueError, '0 rows of .* give languages= that rows have together$'),
    ({'languages': ['de', 'xx']}, ValueError, '0 rows of .* have a text in all of de xx, .* have together$'),
    ({'languages': 'de'}, ValueError, r"the languages are \['de'\]; give two or more"),
    ({'folder': '.'}, FileExistsError, 'exists already'),
    ({'dtype': torch.bfloat16}, ValueError, r'in memory>\) computes in torch\.bfloat16; .* from a model in float32'),
    ({'truncate_dim': 8}, ValueError, 'cuts its vectors to 8 components'),
    ({'dimension': 3}, ValueError, '4 languages differ in 3 directions, and vectors have 3 components'),
    ({'weights': float('nan')}, ValueError, 'gives vectors that are not finite'),
])  # fmt: skip
def test_what_cannot_be_removed(parallel, static_run, tiny_folder, tmp_path, options, error, message):
    if 'dtype' in options:
        encoder = HybridEncoder.from_model(SentenceTransformer(str(tiny_folder), device='cpu').to(options.pop('dtype')))
    elif 'dimension' in options:
        encoder = train(
            parallel, tmp_path / 'small', backbone='static', dimension=options.pop('dimension'), batch_size=8, steps=1,
            mix={'crosslingual': 1.0}, device='cpu', verbose=False,
        )  # fmt: skip
    else:
        encoder = HybridEncoder(static_run.folder, device='cpu')
    encoder.model.truncate_dim = options.pop('truncate_dim', None)
    if weights := options.pop('weights', None):
        with torch.no_grad():
            encoder.model[0].embedding.weight[:] = weights
    with pytest.raises(error, match=message):
        remove_language_subspace(encoder, parallel, tmp_path / options.pop('folder', 'new'), verbose=False, **options)
    assert not (tmp_path / 'new').exists()


def test_one_process_removes(parallel, static_run, tmp_path, monkeypatch):
    monkeypatch.setenv('WORLD_SIZE', '2')
    with pytest.raises(ValueError, match='2 processes were started, and remove_language_subspace runs in one'):
        remove_language_subspace(static_run, parallel, tmp_path / 'new', verbose=False)

"""Averages of weights, against numpy's."""
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from sentence_transformers import SentenceTransformer

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.training import average_weights, train, verify_run, whiten

TEXTS = ['de question 1 about topic1', 'sentence 3 of the talk', 'passage on topic4']


@pytest.fixture(scope='module')
def runs(corpus, tiny_folder, tmp_path_factory):
    """Two short runs from one transformer."""
    folder = tmp_path_factory.mktemp('runs')
    return [
        train(
            corpus, folder / mix, backbone=str(tiny_folder), mix={mix: 1.0}, batch_size=8, steps=3, learning_rate=0.01,
            query_prefix='ask: ', passage_prefix='tell: ', max_length=(9, 12), device='cpu', verbose=False,
        )
        for mix in ('monolingual', 'crosslingual')
    ]  # fmt: skip


def weights(folder):
    return load_file(folder / 'model.safetensors')


@pytest.mark.parametrize('shares', [None, (0.25, 0.75)])
def test_every_weight_is_the_mean(runs, tmp_path, shares):
    before = [weights(run.folder) for run in runs]
    average = average_weights(runs, tmp_path / 'average', shares=shares)
    own, other = shares or (0.5, 0.5)
    found, moved = weights(average.folder), 0
    for name, weight in before[0].items():
        expected = own * weight.astype(np.float64) + other * before[1][name].astype(np.float64)
        np.testing.assert_allclose(found[name], expected, rtol=1e-6, atol=1e-9)
        moved += not np.array_equal(weight, before[1][name])
    assert moved > 5
    assert [weights(run.folder).keys() for run in runs] == [each.keys() for each in before]
    plain = SentenceTransformer(str(average.folder), device='cpu')
    np.testing.assert_allclose(plain.encode_query(TEXTS), average.encode_queries(TEXTS), atol=1e-6)
    assert (average.query, average.passage) == (runs[0].query, runs[0].passage)
    assert len({average.model_name, *(run.model_name for run in runs)}) == 3


def test_the_average_of_one_encoder_is_that_encoder(runs, tmp_path):
    average = average_weights([runs[0], runs[0].folder, str(runs[0].folder)], tmp_path / 'average')
    assert average.model_name == runs[0].model_name


def test_a_run_is_averaged_with_its_backbone(runs, tiny_folder, tmp_path):
    average = average_weights([runs[0], tiny_folder], tmp_path / 'average', shares=[0.8, 0.2])
    assert average.query.prefix == 'ask: '
    record = json.loads((average.folder / 'training.json').read_text())
    assert [each['share'] for each in record['averages'][0]] == [0.8, 0.2]
    assert record['averages'][0][1] == {'share': 0.2, 'encoder': HybridEncoder(tiny_folder, device='cpu').model_name}


def test_a_run_says_that_it_was_averaged(runs, tmp_path):
    average = average_weights(runs, tmp_path / 'average', shares=[0.75, 0.25])
    record, own = (json.loads((each.folder / 'training.json').read_text()) for each in (average, runs[0]))
    parts = [
        {'share': share, 'encoder': run.model_name, 'mix': {mix: 1.0}, 'seed': 0, 'steps_done': 3,
         'pairs': own['pairs']}
        for share, run, mix in zip((0.75, 0.25), runs, ('monolingual', 'crosslingual'))
    ]  # fmt: skip
    assert (record.pop('averages'), record.pop('derived')) == ([parts], ['averages'])
    assert {**record, 'files': own['files']} == {**own, 'encode_length': [9, 12]}
    line = '- then weights averaged: 0.75 of them, 0.25 of a run with the mix crosslingual 1, 3 steps, '
    assert line in (average.folder / 'README.md').read_text()
    verify_run(average.folder)


def test_what_was_done_after_training_is_told_in_order(runs, corpus, tmp_path):
    first = average_weights(runs, tmp_path / 'first')
    white = whiten(first, corpus, tmp_path / 'white', verbose=False)
    second = average_weights([white, whiten(runs[1], corpus, tmp_path / 'other', verbose=False)], tmp_path / 'second')
    record = json.loads((second.folder / 'training.json').read_text())
    assert record['derived'] == ['averages', 'whitening', 'averages']
    assert record['averages'][1][1]['whitening'] == json.loads(
        (tmp_path / 'other' / 'training.json').read_text())['whitening']  # fmt: skip
    told = [line for line in (second.folder / 'README.md').read_text().splitlines() if line.startswith('- then ')]
    assert [line.split()[2] for line in told] == ['weights', 'vectors', 'weights']
    assert '0.5 of what a run with the mix crosslingual 1, 3 steps, seed 0, became after it (whitening; ' in told[2]


def test_the_record_has_the_reading_of_the_new_encoder(runs, tmp_path):
    given = {'query_prefix': 'other: ', 'max_query_length': 7, 'max_passage_length': 8, 'device': 'cpu'}
    encoders = [HybridEncoder(run.folder, dtype='float32', **given) for run in runs]
    average = average_weights(encoders, tmp_path / 'average')
    record = json.loads((average.folder / 'training.json').read_text())
    assert (record['query_prefix'], record['passage_prefix']) == ('other: ', 'tell: ')
    assert record['encode_length'] == [7, 8] == [average.query.max_length, average.passage.max_length]
    assert "- prefixes: query `'other: '`, passage `'tell: '`" in (average.folder / 'README.md').read_text()


def test_encoders_that_cannot_be_averaged(runs, corpus, tiny_folder, tmp_path):
    new = tmp_path / 'average'
    with pytest.raises(ValueError, match='1 encoders to average; give two or more, in a list'):
        average_weights(runs[0], new)
    for shares, message in [([1], '1 shares for 2 encoders'), ([0.5, 0.6], '1 in sum'), ([2, -1], 'positive')]:
        with pytest.raises(ValueError, match=message):
            average_weights(runs, new, shares=shares)
    with pytest.raises(FileNotFoundError, match='there is no folder'):
        average_weights([runs[0], tmp_path / 'nothing'], new)
    with pytest.raises(FileExistsError, match='exists already'):
        average_weights(runs, tmp_path)
    static = train(
        corpus, tmp_path / 'static', backbone='static', mix={'monolingual': 1.0}, dimension=16, batch_size=8, steps=1,
        device='cpu', verbose=False,
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"encoder 1 .* has the weight '.*' in the shape"):
        average_weights([runs[0], static], new)
    half = HybridEncoder.from_model(SentenceTransformer(str(runs[1].folder), device='cpu').to(torch.bfloat16))
    with pytest.raises(ValueError, match=r'computes in torch\.bfloat16; make the encoder from a model in float32'):
        average_weights([runs[0], half], new)
    assert not new.exists()


def test_another_vocabulary_and_weights_that_are_not_finite(runs, tmp_path):
    other = shutil.copytree(runs[1].folder, tmp_path / 'other')
    tokenizer = json.loads((other / 'tokenizer.json').read_text())
    vocabulary = tokenizer['model']['vocab']
    vocabulary[10], vocabulary[11] = vocabulary[11], vocabulary[10]
    (other / 'tokenizer.json').write_text(json.dumps(tokenizer))
    with pytest.raises(ValueError, match='has another vocabulary than the first'):
        average_weights([runs[0], other], tmp_path / 'average')
    broken = shutil.copytree(runs[1].folder, tmp_path / 'broken')
    tensors = weights(broken)
    name = next(iter(tensors))
    tensors[name].flat[0] = np.nan
    save_file(tensors, broken / 'model.safetensors', metadata={'format': 'pt'})
    with pytest.raises(ValueError, match='is not finite'):
        average_weights([runs[0], broken], tmp_path / 'average')
    assert not (tmp_path / 'average').exists()


def test_one_process_averages(runs, tmp_path, monkeypatch):
    monkeypatch.setenv('WORLD_SIZE', '2')
    with pytest.raises(ValueError, match='2 processes were started, and average_weights runs in one'):
        average_weights(runs, tmp_path / 'average')


def test_weights_stay_in_float32(runs, tmp_path):
    average = average_weights(runs, tmp_path / 'average')
    assert {weight.dtype for weight in average.model.state_dict().values() if weight.is_floating_point()} == {
        torch.float32
    }

"""How an encoder was trained, in results, runs and reports."""
import json
from types import SimpleNamespace

import pytest
import yaml
from ir_measures import AP

from pyterrier_hybrid.experiment import MultilingualExperiment, write_runs
from pyterrier_hybrid.experiment.exports import templates
from pyterrier_hybrid.experiment.provenance import training
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.training import train

RECORD = {
    'backbone': 'static', 'mix': {'mixed': 1.0}, 'pairs': 'f00d', 'seed': 3, 'steps': 10, 'batch_size': 4,
    'seconds': 12.5, 'tokens': 99, 'losses': [[1, 2.5]], 'versions': {'torch': '2'},
}  # fmt: skip
KEPT = {name: value for name, value in RECORD.items() if name not in ('seconds', 'tokens', 'losses')}


@pytest.fixture
def encoder(tmp_path):
    """Stands for an encoder whose folder holds a record."""

    def make(record) -> SimpleNamespace:
        text = record if isinstance(record, str) else json.dumps(record)
        (tmp_path / 'training.json').write_text(text)
        return SimpleNamespace(folder=tmp_path)

    return make


@pytest.mark.parametrize(('change', 'expected'), [
    ({}, {}),
    ({'backbone': '/home/me/xlm-r'}, {'backbone': 'xlm-r'}),
    ({'backbone': 'FacebookAI/xlm-roberta-base'}, {'backbone': 'FacebookAI/xlm-roberta-base'}),
    ({'mix': [[0, {'mixed': 1.0}]], 'validation': None, 'later': 1}, {'mix': [[0, {'mixed': 1.0}]], 'later': 1}),
    ({'validation': {'name': 'v', 'fingerprint': 'a', 'best_step': 5, 'figures': [{'step': 5, 'seconds': 1}]}},
     {'validation': {'name': 'v', 'fingerprint': 'a', 'best_step': 5}}),
])  # fmt: skip
def test_what_decides_the_weights_is_kept(encoder, change, expected):
    assert training(encoder({**RECORD, **change})) == {**KEPT, **expected}


@pytest.mark.parametrize('record', [{}, [1], {'seed': 1, 'epochs': 3}])
def test_a_record_of_other_software_is_none_of_ours(encoder, record):
    assert training(encoder(record)) is None


def test_no_folder_or_no_record(tmp_path):
    assert training(object()) is None
    assert training(SimpleNamespace(folder=None)) is None
    assert training(SimpleNamespace(folder=tmp_path)) is None


def test_a_damaged_record(encoder):
    with pytest.raises(ValueError, match=r'training\.json is not JSON .*; train again, or remove it'):
        training(encoder('{"mix": '))


def test_a_trained_encoder_brings_its_seed_into_results_runs_and_reports(tmp_path, collection):
    rows = [
        {'id': str(i), 'source': 's', 'query': {'de': f'Frage {i}'}, 'positive': {'de': f'Absatz {i}'}}
        for i in range(20)
    ]  # fmt: skip
    pairs = ParallelPairs.from_rows(rows, tmp_path / 'pairs', verbose=False)
    saved = []
    for name in ('one', 'two'):  # two trainings alike
        arguments = {'backbone': 'static', 'mix': {'monolingual': 1}, 'batch_size': 4, 'steps': 2, 'seed': 7}
        encoder = train(pairs, tmp_path / name, verbose=False, **arguments)
        index = MultilingualIndex(tmp_path / f'{name}.flex', verbose=False)
        (encoder.doc_encoder() >> index).index(collection.docs())
        result = MultilingualExperiment({'system': (encoder, index)}, collection, [AP], verbose=False)
        saved.append(result.save(tmp_path / f'{name}.result'))
    found = result.provenance['systems']['system']['training']
    assert (found['seed'], found['pairs'], found['steps'], found['mix']) == (
        7, pairs.fingerprint, 2, {'monolingual': 1.0},
    )  # fmt: skip
    assert found['versions']['torch'] and 'seconds' not in found
    texts = [(folder / 'result.json').read_text() for folder in saved]
    assert texts[0] == texts[1] and str(tmp_path) not in texts[0]

    write_runs({'system': (encoder, index)}, collection, tmp_path / 'runs', verbose=False)
    record = yaml.safe_load((tmp_path / 'runs' / 'system' / 'ir_metadata.yaml').read_text(encoding='utf-8'))
    assert record['method']['retrieval'][0]['training'] == found
    page = templates().get_template('macros.html').module.value(result.provenance)
    assert '<dt>training</dt>' in page and pairs.fingerprint in page and '<dt>seed</dt><dd>7</dd>' in page

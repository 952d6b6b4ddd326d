"""Shipped counts: equal to what the data say, and known without them."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

import datasets_ext
from datasets_ext import counts
from datasets_ext.shape import REGISTERED

FOLDER = Path(datasets_ext.__file__).parent / 'data' / 'counts'


@pytest.mark.parametrize('name', ['xquad-r', 'mlqa-r', 'worldfacts'])
def test_shipped_counts_are_those_of_the_data(data_root, name, tmp_path):
    counts.write(name, tmp_path)
    assert json.loads((tmp_path / f'{name}.json').read_text()) == json.loads((FOLDER / f'{name}.json').read_text())
    assert (tmp_path / f'{name}.json').read_bytes() == (FOLDER / f'{name}.json').read_bytes()


def test_every_id_has_counts_of_all_it_has():
    for dataset_id, dataset in REGISTERED.items():
        if dataset_id.split('/')[0] in ('xquad-r', 'mlqa-r', 'worldfacts', 'miracl-multi'):
            assert dataset.metadata().keys() == {e for e in ('docs', 'queries', 'qrels') if dataset.has(e)}
            assert all(entry['count'] > 0 for entry in dataset.metadata().values()), dataset_id


def test_counting_needs_no_data(tmp_path):
    """A fresh process with an empty home and no network knows the counts; importing loads nothing heavy."""
    code = '''if True:
        import sys, ir_datasets, datasets_ext
        assert not {'torch', 'pyterrier', 'pandas', 'scipy'} & set(sys.modules)
        for dataset_id in ('xquad-r/de/en', 'mlqa-r/de/en', 'miracl-multi/de/dev', 'miracl-multi/judged/dev'):
            dataset = ir_datasets.load(dataset_id)
            print(dataset_id, dataset.docs_count(), dataset.queries_count(), dataset.qrels_count())
    '''
    env = {'IR_DATASETS_HOME': str(tmp_path), 'PYTHONPATH': str(Path(datasets_ext.__file__).parent.parent)}
    shown = subprocess.run([sys.executable, '-c', code], env=env, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == [
        'xquad-r/de/en 1180 1190 1190', 'mlqa-r/de/en 6264 512 512',
        'miracl-multi/de/dev 106332152 305 3144', 'miracl-multi/judged/dev 119924 13495 130408']
    assert not [path for path in tmp_path.rglob('*') if path.is_file()]

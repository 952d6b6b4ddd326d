"""What importing the package does: every id is there, once, and registering again is harmless."""
import subprocess
import sys
from pathlib import Path

import ir_datasets
import pytest

import datasets_ext
from datasets_ext.shape import REGISTERED

SIZES = {'xquad-r': 1 + 11 + 121, 'mlqa-r': 1 + 7 + 49, 'worldfacts': 1 + 11 + 121, 'miracl-multi': 104}


@pytest.mark.parametrize('name, ids', SIZES.items())
def test_ids_after_import(name, ids):
    mine = [known for known in REGISTERED if known.split('/')[0] == name]
    assert len(mine) == ids
    assert [known for known in ir_datasets.registry if known.split('/')[0] == name] == mine
    assert all(ir_datasets.load(known) is REGISTERED[known] for known in mine)


def test_again():
    before = dict(ir_datasets.registry._registered)
    datasets_ext.register()
    assert dict(ir_datasets.registry._registered) == before


@pytest.mark.usefixtures('data_root')
def test_on_the_command_line(irds_home):
    """ir_datasets' own command with our ids, which writes the four columns that every tool reads."""
    env = {'IR_DATASETS_HOME': str(irds_home), 'PYTHONPATH': str(Path(datasets_ext.__file__).parents[1])}
    command = [sys.executable, '-m', 'datasets_ext', 'export', 'xquad-r/en', 'qrels']
    for more in ([], ['--format', 'trec']):
        done = subprocess.run([*command, *more], env=env, capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        assert len(lines) == 13090 and done.stderr == ''
        assert lines[0] == '56beb4343aeaaa14008c925b ar ar/0.0 1'
    tsv = subprocess.run([*command, '--format', 'tsv'], env=env, capture_output=True, text=True, check=True)
    assert tsv.stdout.splitlines()[0].split('\t') == ['56beb4343aeaaa14008c925b', 'ar/0.0', '1', 'ar']


def test_public_names():
    assert dir(datasets_ext) == ['beir_folder', 'pooled_miracl', 'register', 'squad_files', 'worldfacts']
    for name in datasets_ext.__all__:
        assert callable(getattr(datasets_ext, name)) and getattr(datasets_ext, name).__doc__
    with pytest.raises(AttributeError, match="module 'datasets_ext' has no attribute 'xquad'"):
        _ = datasets_ext.xquad

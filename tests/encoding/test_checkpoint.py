"""Loading, and what is said where there is nothing to load."""
import json
import logging
import re
import shutil

import pytest
import torch
from transformers.utils import logging as transformers_logging

from pyterrier_hybrid.encoding.checkpoint import load_checkpoint


def test_loads_float32_for_encoding_on_the_cpu(xlmr):
    model = load_checkpoint(xlmr)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert model.device.type == 'cpu'
    assert not model.training


def test_weights_that_are_missing_are_the_same_each_time(mdpr):
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    one = load_checkpoint(mdpr).state_dict()
    assert torch.rand(1) == expected  # the caller's random numbers are untouched
    two = load_checkpoint(mdpr).state_dict()
    assert any('pooler' in name for name in one)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_checkpoint_of_bin_files_loads(xlmr, tmp_path):
    from safetensors.torch import load_file

    folder = shutil.copytree(xlmr, tmp_path / 'bin')
    torch.save(load_file(folder / 'model.safetensors'), folder / 'pytorch_model.bin')
    (folder / 'model.safetensors').unlink()
    one, two = load_checkpoint(folder).state_dict(), load_checkpoint(xlmr).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in two)


def test_a_bin_file_that_is_more_than_tensors_is_refused(xlmr, tmp_path):
    folder = shutil.copytree(xlmr, tmp_path / 'evil')
    (folder / 'model.safetensors').unlink()
    torch.save({'x': re.compile('code')}, folder / 'pytorch_model.bin')
    with pytest.raises(ValueError, match=r'the checkpoint in .*evil cannot be loaded'):
        load_checkpoint(folder)


def test_code_in_a_checkpoint_is_never_run(xlmr, tmp_path):
    folder = shutil.copytree(xlmr, tmp_path / 'remote')
    config = json.loads((folder / 'config.json').read_text())
    config |= {'model_type': 'unheard-of', 'auto_map': {'AutoConfig': 'mine.Config', 'AutoModel': 'mine.Model'}}
    (folder / 'config.json').write_text(json.dumps(config))
    (folder / 'mine.py').write_text(f'open({str(tmp_path / "ran")!r}, "w")\nclass Config: pass\nclass Model: pass\n')
    with pytest.raises(ValueError, match=r'the checkpoint in .*remote cannot be loaded'):
        load_checkpoint(folder)
    assert not (tmp_path / 'ran').exists()


def test_a_folder_that_is_no_checkpoint_says_what_was_looked_for(tmp_path):
    (tmp_path / 'notes.txt').write_text('x')
    with pytest.raises(FileNotFoundError, match=r'neither modules.json .* nor config.json .*; it holds notes.txt'):
        load_checkpoint(tmp_path)


def test_a_folder_above_a_checkpoint_is_helped_on(static, tmp_path):
    shutil.copytree(static, tmp_path / 'run' / 'model')
    with pytest.raises(FileNotFoundError, match=r'did you mean .*run/model\?'):
        load_checkpoint(tmp_path / 'run')


def test_no_weights(xlmr, tmp_path):
    shutil.copy(xlmr / 'config.json', tmp_path)
    with pytest.raises(FileNotFoundError, match=r'neither model\.safetensors nor pytorch_model\.bin'):
        load_checkpoint(tmp_path)


def test_broken_weights_name_the_folder(xlmr, tmp_path):
    folder = shutil.copytree(xlmr, tmp_path / 'broken')
    (folder / 'model.safetensors').write_bytes(b'junk')
    with pytest.raises(ValueError, match=r'the checkpoint in .*broken cannot be loaded: .*header'):
        load_checkpoint(folder)


def test_a_file(tmp_path):
    (tmp_path / 'weights.bin').write_text('x')
    with pytest.raises(FileNotFoundError, match='is a file; give the folder'):
        load_checkpoint(tmp_path / 'weights.bin')


@pytest.mark.parametrize('path', ['/no/such/folder', './nothing', '~/nothing/here', 'a/b/c'])
def test_what_can_only_be_a_path_is_not_looked_up(path):
    with pytest.raises(FileNotFoundError, match='there is no folder'):
        load_checkpoint(path)


@pytest.mark.parametrize('name', ['nobody/nothing', 'xlm-roberta-base'])
def test_offline_and_not_in_the_cache_says_how_to_get_it(name, monkeypatch, tmp_path):
    monkeypatch.setenv('SENTENCE_TRANSFORMERS_HOME', str(tmp_path))  # an empty cache
    with pytest.raises(FileNotFoundError, match=f'{name}.* is not a folder here.*hf download {name}'):
        load_checkpoint(name)


@pytest.mark.parametrize('shown', [True, False])
def test_silent_about_a_missing_pooler_and_leaves_the_progress_bar_as_it_was(mdpr, capfd, shown):
    before = transformers_logging.is_progress_bar_enabled()
    (transformers_logging.enable_progress_bar if shown else transformers_logging.disable_progress_bar)()
    try:
        load_checkpoint(mdpr)
        assert transformers_logging.is_progress_bar_enabled() == shown
        assert capfd.readouterr() == ('', '')
    finally:
        (transformers_logging.enable_progress_bar if before else transformers_logging.disable_progress_bar)()


def test_other_missing_weights_are_reported(mdpr, tmp_path, caplog):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(mdpr, tmp_path / 'incomplete')
    weights = load_file(folder / 'model.safetensors')
    del weights['encoder.layer.1.output.dense.weight']
    save_file(weights, folder / 'model.safetensors', metadata={'format': 'pt'})
    logger = logging.getLogger('transformers')
    logger.addHandler(caplog.handler)
    try:
        load_checkpoint(folder)
    finally:
        logger.removeHandler(caplog.handler)
    assert 'encoder.layer.1.output.dense.weight' in caplog.text


def test_a_path_into_a_folder_that_is_there_is_not_a_hub_name(tmp_path, monkeypatch):
    (tmp_path / 'runs' / 'hybrid').mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'there is no folder runs/hybird; did you mean runs/hybrid\?'):
        load_checkpoint('runs/hybird')


@pytest.mark.parametrize('activation', ['my_package.Identity', 'pylate.models.Dense.Identity'])
def test_an_activation_outside_torch_is_refused_by_name(labse, tmp_path, activation):
    folder = shutil.copytree(labse, tmp_path / 'labse')
    config = folder / '2_Dense' / 'config.json'
    config.write_text(json.dumps(json.loads(config.read_text()) | {'activation_function': activation}))
    with pytest.raises(ValueError, match=f"'2_Dense' has the activation '{activation}'.*torch.nn"):
        load_checkpoint(folder)

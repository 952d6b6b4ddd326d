"""Checkpoints: complete or absent, and a resumed run is the run that was never interrupted."""
import copy
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pyterrier_hybrid.files import only_one
from pyterrier_hybrid.pairs.corpus import ParallelPairs
from pyterrier_hybrid.training import checkpoints as module
from pyterrier_hybrid.training import loop
from pyterrier_hybrid.training.backbones import FROM_SCRATCH, STATIC
from pyterrier_hybrid.training.checkpoints import Checkpoints, differences
from pyterrier_hybrid.training.trainer import train

HALF = {'monolingual': 0.5, 'crosslingual': 0.5}
OPTIONS = {'mix': HALF, 'batch_size': 8, 'steps': 10, 'device': 'cpu', 'verbose': False, 'negatives': 1}
SAVING = {**OPTIONS, 'checkpoint_steps': 3}


class Stopped(Exception):
    pass


def made_again(*_, **__):
    raise AssertionError('its tokenizer is in the checkpoint')


@pytest.fixture
def stop_at(monkeypatch):
    """Makes training fail before the step that is set in the mapping it gives; every run begins anew with it."""
    steps = {}

    class Stopping(loop.BatchTrainer):
        def training_step(self, *args, **kwargs):
            if self.state.global_step == steps.get('stop'):
                raise Stopped
            return super().training_step(*args, **kwargs)

    monkeypatch.setattr(loop, 'BatchTrainer', Stopping)
    return steps


def weights(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob('*') if path.is_file() and path.name != 'training.json']
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob('[!.]*'))


@pytest.fixture(params=['static', 'transformer'])
def backbone(request, tiny_folder):
    return 'static' if request.param == 'static' else str(tiny_folder)


def test_resumed_equals_uninterrupted(corpus, backbone, tmp_path, stop_at):
    """Bit for bit, with dropout, interrupted twice; the learning rate goes on where it was."""
    whole, run = tmp_path / 'whole' / 'run', tmp_path / 'parts' / 'run'
    train(corpus, whole, backbone=backbone, **OPTIONS)
    for stop, kept in ((5, 'checkpoint-3'), (9, 'checkpoint-9')):
        stop_at['stop'] = stop
        with pytest.raises(Stopped):
            train(corpus, run, backbone=backbone, resume=True, **SAVING)
        assert names(run.parent) == ['run.checkpoints'] and names(run.parent / 'run.checkpoints') == [kept]
    stop_at.clear()
    train(corpus, run, backbone=backbone, resume=True, **SAVING)
    assert weights(run) == weights(whole)
    records = [json.loads((folder / 'training.json').read_text()) for folder in (run, whole)]
    for record in records:
        del record['seconds']
    assert records[0] == records[1]  # the losses of all steps too
    assert names(run.parent) == ['run']


def test_it_resumes_and_does_not_begin_anew(corpus, tmp_path, stop_at, monkeypatch):
    stop_at['stop'] = 7
    with pytest.raises(Stopped):
        train(corpus, tmp_path / 'run', backbone='static', **SAVING)
    seen, step = [], loop.BatchTrainer.training_step
    stop_at.clear()
    monkeypatch.setattr(loop.BatchTrainer, 'training_step', lambda self, *args: seen.append(self.state.global_step)
                        or step(self, *args))  # fmt: skip
    monkeypatch.setitem(FROM_SCRATCH, 'static', replace(STATIC, make=made_again))
    train(corpus, tmp_path / 'run', backbone='static', resume=True, **SAVING)
    assert seen == [6, 7, 8, 9]


def test_killed_while_a_checkpoint_is_being_written(corpus, tmp_path):
    """kill -9 in the middle of writing the second checkpoint: the first is whole, and the result the same."""
    code = (
        'import os, signal, sys\n'
        'from pyterrier_hybrid.pairs import ParallelPairs\n'
        'from pyterrier_hybrid.training import train, checkpoints\n'
        'write = checkpoints.sync_tree\n'
        'def killed(folder):\n'
        '    if folder.name == "checkpoint-6": os.kill(os.getpid(), signal.SIGKILL)\n'
        '    write(folder)\n'
        'checkpoints.sync_tree = killed\n'
        f'train(ParallelPairs({str(corpus.folder)!r}), {str(tmp_path / "run")!r}, backbone="static", **{SAVING!r})\n'
    )
    run = subprocess.run([sys.executable, '-c', code], env=os.environ, capture_output=True)
    assert run.returncode == -signal.SIGKILL
    left = names(tmp_path / 'run.checkpoints')
    assert left == ['checkpoint-3', 'partial-6']
    assert (tmp_path / 'run.checkpoints' / left[1] / 'checkpoint-6' / 'model.safetensors').exists()
    train(corpus, tmp_path / 'run', backbone='static', resume=True, **SAVING)
    train(corpus, tmp_path / 'whole' / 'run', backbone='static', **OPTIONS)
    assert weights(tmp_path / 'run') == weights(tmp_path / 'whole' / 'run')
    assert not (tmp_path / 'run.checkpoints').exists()


@pytest.mark.parametrize('where', ['_save_optimizer_and_scheduler', '_save_rng_state', 'sync_tree'])
def test_a_full_disk_leaves_the_last_checkpoint_whole(corpus, tmp_path, monkeypatch, where):
    target = module if where == 'sync_tree' else loop.BatchTrainer
    original, calls = getattr(target, where), []

    def full(*args):
        calls.append(args)
        if len(calls) == 2:
            raise OSError(28, 'No space left on device')
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(target, where, full)
        with pytest.raises(OSError, match='No space left on device'):
            train(corpus, tmp_path / 'run', backbone='static', **SAVING)
    assert names(tmp_path) == ['run.checkpoints'] and names(tmp_path / 'run.checkpoints') == ['checkpoint-3']
    train(corpus, tmp_path / 'run', backbone='static', resume=True, **SAVING)
    assert names(tmp_path) == ['run']


def test_an_unfinished_run_is_not_overwritten(corpus, tmp_path, stop_at):
    stop_at['stop'] = 4
    with pytest.raises(Stopped):
        train(corpus, tmp_path / 'run', backbone='static', **SAVING)
    with pytest.raises(FileExistsError, match='holds checkpoints of an unfinished run; use resume=True'):
        train(corpus, tmp_path / 'run', backbone='static', **OPTIONS)


@pytest.mark.parametrize(('change', 'message'), [
    ({'seed': 1}, 'seed was 0, is 1'),
    ({'mix': {'monolingual': 1.0}}, "mix was {'monolingual': 0.5, 'crosslingual': 0.5}, is {'monolingual': 1.0}"),
    ({'batch_size': 4}, 'batch_size was 8, is 4'),
    ({'steps': 20}, 'steps was 10, is 20'),
    ({'learning_rate': 0.1, 'temperature': 0.1}, 'learning_rate was 0.05, is 0.1; temperature was 0.05, is 0.1'),
    ({'pairs': 'other'}, "pairs was '[0-9a-f]{32}', is '[0-9a-f]{32}'"),
])  # fmt: skip
def test_a_run_with_other_settings_is_refused(corpus, tmp_path, stop_at, change, message):
    stop_at['stop'] = 4
    with pytest.raises(Stopped):
        train(corpus, tmp_path / 'run', backbone='static', **SAVING)
    pairs = corpus
    if change.pop('pairs', None):
        texts = [{'de': f'der {i}', 'en': f'the {i}'} for i in range(20)]
        rows = [{'id': f'{i}', 'source': 's', 'query': text, 'positive': text} for i, text in enumerate(texts)]
        pairs = ParallelPairs.from_rows(rows, tmp_path / 'pairs', verbose=False)
    before = weights(tmp_path / 'run.checkpoints')
    with pytest.raises(ValueError, match=f'checkpoint-3 is of a run with other settings: {message}. Resume with the'):
        train(pairs, tmp_path / 'run', backbone='static', resume=True, **{**SAVING, **change})
    assert weights(tmp_path / 'run.checkpoints') == before


def test_checkpoints_more_or_less_often_are_the_same_run(corpus, tmp_path, stop_at):
    stop_at['stop'] = 4
    with pytest.raises(Stopped):
        train(corpus, tmp_path / 'run', backbone='static', **SAVING)
    stop_at.clear()
    train(corpus, tmp_path / 'run', backbone='static', resume=True, **{**SAVING, 'checkpoint_steps': 7})
    train(corpus, tmp_path / 'whole' / 'run', backbone='static', **OPTIONS)
    assert weights(tmp_path / 'run') == weights(tmp_path / 'whole' / 'run')


def test_resume_with_nothing_there_begins_anew(corpus, tmp_path):
    train(corpus, tmp_path / 'run', backbone='static', resume=True, **SAVING)
    train(corpus, tmp_path / 'whole' / 'run', backbone='static', **OPTIONS)
    assert weights(tmp_path / 'run') == weights(tmp_path / 'whole' / 'run')
    assert names(tmp_path) == ['run', 'whole']


def test_the_newest_is_that_of_the_latest_step(tmp_path):
    checkpoints = Checkpoints(tmp_path / 'run', {'seed': 0})
    assert checkpoints.newest() is None
    checkpoints.check_none()
    with checkpoints.at_work(saving=True):
        for step in (9, 10):
            with checkpoints.writing(step) as folder:
                (folder / f'checkpoint-{step}').mkdir()
            assert checkpoints.newest().name == f'checkpoint-{step}'
            assert [path.name for path in checkpoints.folder.glob('check*')] == [f'checkpoint-{step}']
        (checkpoints.folder / 'checkpoint-9').mkdir()  # as a crash before the removal leaves it
        assert checkpoints.newest().name == 'checkpoint-10'
        with checkpoints.writing(10) as folder:  # written anew
            (folder / 'checkpoint-10').mkdir()
            (folder / 'checkpoint-10' / 'new').touch()
    assert names(checkpoints.folder) == ['checkpoint-10']
    assert (checkpoints.newest() / 'new').exists()
    checkpoints.remove()
    assert not checkpoints.folder.exists()


@pytest.fixture
def interrupted(corpus, tmp_path, stop_at):
    """The newest checkpoint of a run that has stopped, at step 6."""
    stop_at['stop'] = 7
    with pytest.raises(Stopped):
        train(corpus, tmp_path / 'run', backbone='static', **SAVING)
    stop_at.clear()
    return tmp_path / 'run.checkpoints' / 'checkpoint-6'


def lose(path: Path) -> None:
    path.unlink()


def flip(path: Path) -> None:
    """One bit."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 + 3] ^= 64
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b'')


@pytest.mark.parametrize('damage', [lose, flip, empty])
@pytest.mark.parametrize('name', ['optimizer.pt', 'scheduler.pt', 'model.safetensors', 'progress.json', 'run.json'])
def test_a_damaged_checkpoint_is_refused(corpus, interrupted, name, damage):
    damage(interrupted / name)
    told = r'checkpoint-6/.*' if name == 'run.json' else rf'checkpoint-6/{name} .*'  # a digest there may be the damage
    with pytest.raises(ValueError, match=f'{told}remove .*run.checkpoints to begin anew'):
        train(corpus, interrupted.parents[1] / 'run', backbone='static', resume=True, **SAVING)
    assert names(interrupted.parents[1]) == ['run.checkpoints'] and interrupted.exists()


def test_an_older_checkpoint_takes_the_place_of_a_damaged_one(corpus, tmp_path, interrupted):
    newer = shutil.copytree(interrupted, interrupted.with_name('checkpoint-9'))  # as a kill leaves two
    flip(newer / 'model.safetensors')
    with pytest.warns(UserWarning, match=r'checkpoint-9/model.safetensors has changed .* resumes from .*checkpoint-6'):
        train(corpus, tmp_path / 'run', backbone='static', resume=True, **SAVING)
    train(corpus, tmp_path / 'whole' / 'run', backbone='static', **OPTIONS)
    assert weights(tmp_path / 'run') == weights(tmp_path / 'whole' / 'run')


def test_nothing_is_unpickled(corpus, tmp_path, interrupted, monkeypatch):
    """Neither the optimiser's state nor the random numbers'."""
    load, seen = torch.load, []
    monkeypatch.setattr(torch, 'load', lambda *a, **given: seen.append(given.get('weights_only')) or load(*a, **given))
    train(corpus, tmp_path / 'run', backbone='static', resume=True, **SAVING)
    assert len(seen) >= 3 and all(seen)


@pytest.mark.parametrize('name', ['run.partial', 'run.checkpoints'])
def test_folders_of_others_are_left_alone(corpus, tmp_path, name):
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos' / 'checkpoint-1').mkdir()
    for folder in (tmp_path / name, tmp_path / 'link' / name):
        folder.parent.mkdir(exist_ok=True)
        if folder.parent == tmp_path:
            shutil.copytree(tmp_path / 'photos', folder)
        else:
            folder.symlink_to(tmp_path / 'photos')
        if name == 'run.checkpoints':
            with pytest.raises(FileExistsError, match='checkpoints is needed to work in, and holds something else'):
                train(corpus, folder.with_name('run'), backbone='static', **SAVING)
            assert not folder.with_name('run').exists()
        given = SAVING if name == 'run.partial' else OPTIONS  # without checkpoints the folder is not needed
        train(corpus, folder.with_name('run'), backbone='static', **given)
        assert names(folder) == names(tmp_path / 'photos') == ['checkpoint-1']


def test_one_training_at_a_time(corpus, tmp_path):
    with only_one(tmp_path / 'run'), pytest.raises(ValueError, match=r'another process .* is writing .*run; wait'):
        train(corpus, tmp_path / 'run', backbone='static', **SAVING)
    train(corpus, tmp_path / 'run', backbone='static', **SAVING)


@pytest.fixture
def folders(corpus, tmp_path, stop_at):
    """A backbone's folder, and a run that began with it and stopped."""
    train(corpus, tmp_path / 'model', backbone='small', steps=1, dimension=16, vocab_size=200, mix=HALF, batch_size=8,
          device='cpu', verbose=False)  # fmt: skip
    stop_at['stop'] = 4
    with pytest.raises(Stopped):
        train(corpus, tmp_path / 'run', backbone=str(tmp_path / 'model'), **SAVING)
    stop_at.clear()
    return tmp_path / 'model', tmp_path / 'run'


def test_the_same_backbone_by_another_path(corpus, folders, monkeypatch):
    model, run = folders
    shutil.move(model, model.with_name('moved'))
    monkeypatch.chdir(run.parent)
    train(corpus, run, backbone='moved', resume=True, **SAVING)
    assert json.loads((run / 'training.json').read_text())['backbone'] == 'moved'


@pytest.mark.parametrize('change', ['weights', 'pooling'])
def test_another_backbone_at_the_same_path(corpus, folders, change):
    model, run = folders
    if change == 'weights':
        state = load_file(model / 'model.safetensors')
        next(iter(state.values()))[0] += 1
        save_file(state, model / 'model.safetensors', metadata={'format': 'pt'})
    else:
        config = next(model.glob('1_Pooling/config.json'))
        config.write_text(config.read_text().replace('"mean"', '"cls"'))
    with pytest.raises(ValueError, match=f"settings: backbone was '{model}' .*, is '{model}' .*. Resume with"):
        train(corpus, run, backbone=str(model), resume=True, **SAVING)


@pytest.mark.parametrize('given', [{}, {'gradient_checkpointing': True}, {'max_length': (9, 12)}])
def test_a_model_in_memory_resumes_in_the_same_program(corpus, tmp_path, tiny_transformer, stop_at, given):
    """The interrupted run has changed its weights, and the checkpoint's take their place."""
    start = copy.deepcopy(tiny_transformer)
    stop_at['stop'] = 5
    with pytest.raises(Stopped):
        train(corpus, tmp_path / 'run', backbone=tiny_transformer, **SAVING, **given)
    stop_at.clear()
    train(corpus, tmp_path / 'run', backbone=tiny_transformer, resume=True, **SAVING, **given)
    train(corpus, tmp_path / 'whole' / 'run', backbone=start, **OPTIONS, **given)
    assert weights(tmp_path / 'run') == weights(tmp_path / 'whole' / 'run')


@pytest.mark.parametrize(('was', 'now', 'told'), [
    ({'seed': 0}, {'seed': 0}, ''),
    ({'seed': 0}, {'seed': 1}, 'seed was 0, is 1'),
    ({'max_length': [5, 8], 'losses': [1]}, {'max_length': (5, 8)}, ''),
    ({'backbone': 'a', 'backbone_fingerprint': 'f'}, {'backbone': 'b', 'backbone_fingerprint': 'f'}, ''),
    ({'backbone': 'a', 'backbone_fingerprint': 'f'}, {'backbone': 'a', 'backbone_fingerprint': 'g'},
     "backbone was 'a' (f), is 'a' (g)"),
    ({'backbone': 'a', 'backbone_fingerprint': 'f'}, {'backbone': 'static'}, "backbone was 'a' (f), is 'static'"),
    ({'validation': {'name': 'x', 'fingerprint': 'f'}}, {'validation': {'name': 'y', 'fingerprint': 'f'}}, ''),
    ({'validation': {'name': 'x', 'fingerprint': 'f'}}, {},
     "validation was {'name': 'x', 'fingerprint': 'f'}, is None"),
])  # fmt: skip
def test_differences_by_hand(was, now, told):
    assert differences(was, now) == told

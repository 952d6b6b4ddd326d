"""Checkpoints: complete or absent, and a resumed run is the run that was never interrupted."""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pyterrier_hybrid.pairs.corpus import ParallelPairs
from pyterrier_hybrid.training import checkpoints as module
from pyterrier_hybrid.training import loop
from pyterrier_hybrid.training.checkpoints import Checkpoints
from pyterrier_hybrid.training.trainer import train

HALF = {'monolingual': 0.5, 'crosslingual': 0.5}
OPTIONS = {'mix': HALF, 'batch_size': 8, 'steps': 10, 'device': 'cpu', 'verbose': False, 'negatives': 1}
SAVING = {**OPTIONS, 'checkpoint_steps': 3}


class Stopped(Exception):
    pass


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
    return sorted(path.name for path in folder.iterdir())


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
    monkeypatch.setattr('pyterrier_hybrid.training.starts.static_backbone', None)  # no tokenizer is trained again
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
    assert left[0] == 'checkpoint-3' and len(left) == 2 and left[1].startswith('partial-')
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
    with pytest.raises(FileExistsError, match='holds checkpoints of an unfinished run; go on with resume=True'):
        train(corpus, tmp_path / 'run', backbone='static', **OPTIONS)


@pytest.mark.parametrize(('change', 'message'), [
    ({'seed': 1}, 'seed was 0, is 1'),
    ({'mix': {'monolingual': 1.0}}, "mix was {'monolingual': 0.5, 'crosslingual': 0.5}, is {'monolingual': 1.0}"),
    ({'batch_size': 4}, 'batch_size was 8, is 4'),
    ({'steps': 20}, 'steps was 10, is 20'),
    ({'learning_rate': 0.1, 'temperature': 0.1}, 'learning_rate was None, is 0.1; temperature was 0.05, is 0.1'),
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
    for step in (9, 10):
        with checkpoints.writing(step) as folder:
            (folder / f'checkpoint-{step}').mkdir()
        assert checkpoints.newest().name == f'checkpoint-{step}'
        assert names(checkpoints.folder) == [f'checkpoint-{step}']
    (checkpoints.folder / 'checkpoint-9').mkdir()  # as a crash before the removal leaves it
    assert checkpoints.newest().name == 'checkpoint-10'
    with checkpoints.writing(10) as folder:  # written anew
        (folder / 'checkpoint-10').mkdir()
        (folder / 'checkpoint-10' / 'new').touch()
    assert names(checkpoints.folder) == ['checkpoint-10'] and (checkpoints.newest() / 'new').exists()
    checkpoints.remove()
    assert not checkpoints.folder.exists()

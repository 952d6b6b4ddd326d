"""Training with validation: the same weights as without, early stopping, its resumption, and what loggers are given."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from pyterrier_hybrid.batches import HybridBatches
from pyterrier_hybrid.pairs.views import hold_out
from pyterrier_hybrid.training import backbones, loop, prepared, trainer
from pyterrier_hybrid.training.monitor import Monitor
from pyterrier_hybrid.training.trainer import train
from pyterrier_hybrid.training.validation_sources import from_pairs

HALF = {'monolingual': 0.5, 'crosslingual': 0.5}
TINY = {'mix': HALF, 'batch_size': 4, 'source_temperature': 0.0, 'device': 'cpu', 'verbose': False}
#: The figure at each step of a run: best at 4, better again at 14, if there are as many.
SCRIPT = {2: 0.1, 4: 0.5, 6: 0.4, 8: 0.5, 10: 0.3, 12: 0.45, 14: 0.6, 16: 0.2}
EARLY = {**TINY, 'backbone': 'static', 'validation': 12, 'eval_steps': 2, 'patience': 2, 'steps': 16}


class Stopped(Exception):
    pass


class Recorder(TrainerCallback):
    """A logger: keeps what it is given."""

    def __init__(self):
        self.logs: list[tuple[int, dict]] = []
        self.weights: dict[int, dict] = {}

    def on_log(self, args, state, control, logs=None, **_):
        self.logs.append((state.global_step, dict(logs)))

    def on_evaluate(self, args, state, control, model=None, **_):
        self.weights[state.global_step] = {name: value.clone() for name, value in model.state_dict().items()}


@pytest.fixture
def scripted(monkeypatch):
    """Makes the figures of ``SCRIPT``, and training fail before the step that is set in the mapping it gives."""
    steps = {}

    class Scripted(Monitor):
        def on_step_end(self, args, state, control, **_):
            self.step = state.global_step
            super().on_step_end(args, state, control)

        def evaluate(self, model):
            return {'AP': SCRIPT[self.step]}

    class Stopping(loop.BatchTrainer):
        def training_step(self, *args, **kwargs):
            if self.state.global_step == steps.get('stop'):
                raise Stopped
            return super().training_step(*args, **kwargs)

    monkeypatch.setattr(prepared, 'Monitor', Scripted)
    monkeypatch.setattr(loop, 'BatchTrainer', Stopping)
    return steps


def record(folder: Path) -> dict:
    return json.loads((folder / 'training.json').read_text())


def weights(folder: Path) -> dict[str, bytes]:
    """Every file of a run but its record, which holds the time it took."""
    files = [path for path in folder.rglob('*') if path.is_file() and path.name != 'training.json']
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def model_file(folder: Path) -> Path:
    return next(folder.rglob('model.safetensors'))


def saved(folder: Path) -> torch.Tensor:
    """The only tensor of a static run."""
    (tensor,) = load_file(model_file(folder)).values()
    return tensor


@pytest.mark.parametrize('kind', [{'token_dropout': 0.2}, {}], ids=['static', 'transformer'])
def test_validation_changes_no_weight(corpus, tiny_folder, tmp_path, kind):
    """Bit for bit, with dropout: encoding for validation draws no random number, and leaves no mode behind."""
    logger, options = Recorder(), {**TINY, 'backbone': 'static' if kind else str(tiny_folder), 'steps': 4, **kind}
    train(corpus, tmp_path / 'plain', **options)
    train(corpus, tmp_path / 'validated', validation=corpus, eval_steps=1, report_to=logger, **options)
    assert model_file(tmp_path / 'plain').read_bytes() == model_file(tmp_path / 'validated').read_bytes()
    records = [record(tmp_path / name) for name in ('plain', 'validated')]
    assert records[0]['losses'] == records[1]['losses'] and 'validation' not in records[0]
    found = records[1]['validation']
    assert [each['step'] for each in found['figures']] == [1, 2, 3, 4]
    assert (found['saved'], found['stopped']) == ('the last, of step 4', 'all steps were done')
    assert set(found['figures'][0]) == {'step', *from_pairs(corpus, 'all').figure_names}
    # what the loggers are given: loss and learning rate at each step, and the figures of the record
    logged = {step: {} for step in range(5)}
    for step, logs in logger.logs:
        logged[step].update(logs)
    for each in found['figures']:
        at = logged[each['step']]
        assert at['loss'] > 0 and 0 <= at['learning_rate'] <= records[1]['learning_rate']
        assert {f'eval_{name}': value for name, value in each.items() if name != 'step'}.items() <= at.items()


def test_held_out_pairs_are_not_trained_on(corpus, tmp_path, monkeypatch):
    seen, texts = [], []
    draw, balanced = prepared.HybridBatches, backbones.balanced_texts
    monkeypatch.setattr(prepared, 'HybridBatches', lambda pairs, **how: seen.append(pairs) or draw(pairs, **how))
    monkeypatch.setattr(backbones, 'balanced_texts', lambda pairs: texts.extend(balanced(pairs)) or iter(texts))
    train(corpus, tmp_path / 'run', backbone='static', validation=12, steps=2, **TINY)
    _, held = hold_out(corpus, 12)
    forbidden = {text for _, text in held.iter_texts()}
    assert {source.name for source in seen[0].sources} <= {'faq', 'talks', 'german'} and len(held) >= 12
    assert len(seen[0]) == len(corpus) - len(held) and not forbidden & set(texts)
    done = record(tmp_path / 'run')
    assert done['pairs'] == corpus.fingerprint and done['validation']['name'] == f'{len(held)} rows held out'
    assert {'monolingual_AP', 'crosslingual_R@1'} <= set(done['validation']['figures'][0])
    assert done['eval_steps'] == 1 and [each['step'] for each in done['validation']['figures']] == [1, 2]


def test_stops_early_and_saves_the_best(corpus, tmp_path, scripted):
    logger = Recorder()
    encoder = train(corpus, tmp_path / 'run', report_to=[logger], **EARLY)
    assert list(logger.weights) == [2, 4, 6, 8]  # 8 is as good as 4, not better
    (best,) = logger.weights[4].values()
    assert torch.equal(saved(tmp_path / 'run'), best)
    assert torch.equal(encoder.model[0].embedding.weight, best)
    (last,) = logger.weights[8].values()
    assert not torch.equal(best, last)
    done = record(tmp_path / 'run')
    assert (done['steps'], done['steps_done'], done['patience']) == (16, 8, 2)
    rest, _ = hold_out(corpus, 12)
    assert done['epochs'] == 8 / len(HybridBatches(rest, batch_size=4, mix=HALF, source_temperature=0.0))
    assert done['load_best_model_at_end'] is True
    assert done['validation']['figures'] == [{'step': step, 'AP': SCRIPT[step]} for step in (2, 4, 6, 8)]
    assert done['validation']['stopped'] == 'no better AP in the 2 evaluations up to step 8'
    card = (tmp_path / 'run' / 'README.md').read_text()
    assert '8 steps of 4 pairs' in card and 'best AP 0.5000 at step 4; no better AP in the 2 evaluations' in card
    assert 'the weights are the best, of step 4' in card


def test_the_last_weights_on_request_and_the_best_without_patience(corpus, tmp_path, scripted):
    logger = Recorder()
    train(corpus, tmp_path / 'last', report_to=logger, load_best_model_at_end=False, **EARLY)
    (last,) = logger.weights[8].values()
    assert torch.equal(saved(tmp_path / 'last'), last)
    train(corpus, tmp_path / 'best', report_to=logger, load_best_model_at_end=True, **{**EARLY, 'patience': None})
    (best,) = logger.weights[14].values()
    assert torch.equal(saved(tmp_path / 'best'), best)
    assert record(tmp_path / 'best')['validation']['stopped'] == 'all steps were done'


@pytest.mark.parametrize(('patience', 'stops'), [(2, (7,)), (5, (5, 11, 15))])
def test_resumed_equals_uninterrupted(corpus, tmp_path, scripted, patience, stops):
    """Best weights from before the interruption, and from after it, and training that went on past the best."""
    options = {**EARLY, 'patience': patience}
    train(corpus, tmp_path / 'whole', **options)
    run = tmp_path / 'parts' / 'whole'
    for stop in stops:
        scripted['stop'] = stop
        with pytest.raises(Stopped):
            train(corpus, run, resume=True, checkpoint_steps=3, **options)
    scripted.clear()
    train(corpus, run, resume=True, checkpoint_steps=3, **options)
    assert weights(run) == weights(tmp_path / 'whole')
    records = [record(folder) for folder in (run, tmp_path / 'whole')]
    assert records[0]['validation']['best_step'] == (4 if patience == 2 else 14)
    for each in records:
        del each['seconds']
    assert records[0] == records[1]
    assert sorted(path.name for path in tmp_path.rglob('*.checkpoints')) == []


def test_stopped_and_killed_before_it_was_saved(corpus, tmp_path, scripted, monkeypatch):
    """The step at which it stopped has no checkpoint, from which a resumed run would go on past it."""
    def full(*_):
        raise OSError('no space left')

    with monkeypatch.context() as patch:
        patch.setattr(trainer, 'write_training_record', full)
        with pytest.raises(OSError, match='no space left'):
            train(corpus, tmp_path / 'run', checkpoint_steps=4, **EARLY)
    assert [path.name for path in (tmp_path / 'run.checkpoints').glob('[!.]*')] == ['checkpoint-4']
    train(corpus, tmp_path / 'run', resume=True, checkpoint_steps=4, **EARLY)
    train(corpus, tmp_path / 'whole' / 'run', **EARLY)
    assert weights(tmp_path / 'run') == weights(tmp_path / 'whole' / 'run')


def test_another_validation_is_another_run(corpus, tmp_path, scripted):
    scripted['stop'] = 5
    with pytest.raises(Stopped):
        train(corpus, tmp_path / 'run', checkpoint_steps=3, **EARLY)
    for change, message in [
        ({'patience': 3}, 'patience was 2, is 3'), ({'eval_steps': 4}, 'eval_steps was 2, is 4'),
        ({'validation': 10}, 'validation was {.*held out.*is {'), ({'validation': None, 'patience': None,
         'eval_steps': None}, 'validation was {.*, is None'),
        ({'metric_for_best_model': 'loss'}, "metric_for_best_model was 'AP', is 'loss'"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            train(corpus, tmp_path / 'run', checkpoint_steps=3, resume=True, **{**EARLY, **change})


@pytest.mark.parametrize(('arguments', 'message'), [
    ({'patience': 2}, 'patience is 2, but there is no validation to go by; give validation= as well'),
    ({'eval_steps': 2}, 'eval_steps is 2, but there is no validation'),
    ({'load_best_model_at_end': True}, 'load_best_model_at_end is True, but there is no validation'),
    ({'validation': 12, 'patience': 0}, 'patience is 0; it must be .* at least 1'),
    ({'validation': 12, 'eval_steps': 0}, 'eval_steps is 0; it must be .* at least 1'),
    ({'validation': 12, 'eval_steps': 5}, 'eval_steps is 5; it must be at most the 4 steps of the run'),
    ({'validation': 12, 'metric_for_best_model': 'mAP'}, "metric_for_best_model is 'mAP'; the figures of .* are AP"),
    ({'validation': 0}, 'validation is 0; to hold out some of 48 rows'),
    ({'validation': 47}, 'no source can fill a monolingual batch of 4'),
    ({'validation': 'nowhere'}, "no data set 'nowhere'"),
    ({'report_to': 'tensorbord'}, 'tensorbord is not supported'),
])  # fmt: skip
def test_refused(corpus, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        train(corpus, tmp_path / 'run', **{'backbone': 'static', 'steps': 4, **TINY, **arguments})
    assert list(tmp_path.glob('[!.]*')) == []


def test_shared_texts_are_warned_of(corpus, tmp_path):
    """Of pairs that are validated on themselves all are; pairs that are held out are not searched."""
    with pytest.warns(UserWarning, match='^128 of 128 questions and 68 of 68 passages of pairs occur in the training'):
        train(corpus, tmp_path / 'run', backbone='static', validation=corpus, steps=1, **TINY)


def test_two_processes_stop_together(corpus, tmp_path):
    """The first one evaluates; both go by its figures, and the run is that of one of them."""
    options = {**EARLY, 'pairs': str(corpus.folder), 'folder': str(tmp_path / 'run'), 'learning_rate': 0.5}
    (tmp_path / 'cases.json').write_text(json.dumps({'early': {'options': options}}))
    script = Path(__file__).with_name('run_processes.py')
    launch = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2', str(script)]
    done = subprocess.run([*launch, str(tmp_path / 'cases.json'), str(tmp_path)], capture_output=True, text=True,
                          env={**os.environ, 'OMP_NUM_THREADS': '1'}, cwd=tmp_path, timeout=900)  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = [torch.load(tmp_path / f'early.{rank}.pt') for rank in (0, 1)]
    assert [one['error'] for one in seen] == [None, None]
    found = record(tmp_path / 'run')
    assert found['steps_done'] < 16 and found['validation']['stopped'].startswith('no better AP in the 2 evaluations')
    assert [len(one['steps']) for one in seen] == [found['steps_done']] * 2
    assert torch.equal(seen[0]['vectors'], seen[1]['vectors'])

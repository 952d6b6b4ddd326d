"""What users' callbacks ask of training: to stop, to evaluate, to save, where there is something and where not."""
import pytest
from transformers import TrainerCallback

from pyterrier_hybrid.training.record import read_training_record
from pyterrier_hybrid.training.trainer import train

TINY = {'backbone': 'static', 'mix': {'monolingual': 0.5, 'crosslingual': 0.5}, 'batch_size': 4, 'device': 'cpu',
        'source_temperature': 0.0, 'steps': 9, 'verbose': False}  # fmt: skip


class Asking(TrainerCallback):
    """Sets an attribute of the trainer's control at a step, when an event occurs."""

    def __init__(self, event: str, asked: str, step: int = 3):
        self.asked, self.step, self.logged = asked, step, []
        setattr(self, event, self._ask)

    def _ask(self, args, state, control, **_):
        if state.global_step == self.step:
            setattr(control, self.asked, True)

    def on_evaluate(self, args, state, control, metrics=None, **_):
        self.logged.append(state.global_step)


@pytest.mark.parametrize(('event', 'done'), [('on_step_end', 3), ('on_log', 3), ('on_step_begin', 4)])
@pytest.mark.parametrize('eval_steps', [9, 2, 1])
def test_stopped_by_a_callback(corpus, tmp_path, event, done, eval_steps):
    """The weights that are saved have figures, and the record says who stopped."""
    callback = Asking(event, 'should_training_stop')
    given = {'validation': 12, 'eval_steps': eval_steps, 'load_best_model_at_end': True}
    train(corpus, tmp_path / 'run', report_to=callback, **given, **TINY)
    record = read_training_record(tmp_path / 'run')
    expected = sorted({*range(eval_steps, done + 1, eval_steps), done})
    assert [each['step'] for each in record['validation']['figures']] == callback.logged == expected
    assert (record['steps'], record['steps_done']) == (9, done)
    assert record['validation']['stopped'] == f'a callback stopped it after {done} of 9 steps'
    assert f'a callback stopped it after {done} of 9' in (tmp_path / 'run' / 'README.md').read_text()


def test_stopped_without_validation(corpus, tmp_path):
    train(corpus, tmp_path / 'run', report_to=Asking('on_step_end', 'should_training_stop'), **TINY)
    assert read_training_record(tmp_path / 'run')['steps_done'] == 3


@pytest.mark.parametrize('asked', ['should_save', 'should_evaluate'])
def test_what_there_is_no_place_for_is_not_done(corpus, tmp_path, asked):
    encoder = train(corpus, tmp_path / 'run', report_to=Asking('on_step_end', asked), **TINY)
    assert read_training_record(tmp_path / 'run')['steps_done'] == 9
    assert [path.name for path in tmp_path.glob('[!.]*')] == ['run']
    assert encoder.model_name == train(corpus, tmp_path / 'plain' / 'run', **TINY).model_name


def test_an_evaluation_that_is_asked_for(corpus, tmp_path):
    callback = Asking('on_step_end', 'should_evaluate')
    train(corpus, tmp_path / 'run', report_to=callback, validation=12, eval_steps=4, **TINY)
    record = read_training_record(tmp_path / 'run')
    assert [each['step'] for each in record['validation']['figures']] == callback.logged == [3, 4, 8, 9]
    assert record['validation']['stopped'] == 'all steps were done'

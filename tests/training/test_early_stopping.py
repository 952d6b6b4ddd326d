"""When to stop, and which weights were best: by hand, and across an interruption."""
import pytest
import torch

from pyterrier_hybrid.training.early_stopping import EarlyStopping


def model(value: float) -> torch.nn.Module:
    """A model whose weights are one number."""
    linear = torch.nn.Linear(2, 3, bias=False)
    torch.nn.init.constant_(linear.weight, value)
    return linear


def run(stopping: EarlyStopping, values: list[float], first: int = 1) -> list[bool]:
    """Evaluates at steps 10, 20, ... with weights that are the step; returns whether it said to stop."""
    steps = range(10 * first, 10 * (first + len(values)), 10)
    return [stopping.update(step, {stopping.metric: v}, model(step)) for step, v in zip(steps, values)]


def best(stopping: EarlyStopping) -> float:
    """The weight that is restored, -1 if none is."""
    target = model(-1)
    stopping.restore(target)
    (value,) = set(target.weight.flatten().tolist())
    return value


@pytest.mark.parametrize(('metric', 'patience', 'values', 'stops', 'best_step'), [
    ('AP', 1, [.1, .2, .2], [False, False, True], 20),            # an equal figure is no better one
    ('AP', 2, [.3, .2, .1], [False, False, True], 10),
    ('AP', 2, [.1, .0, .2, .1, .1], [False, False, False, False, True], 30),
    ('AP', 2, [.3, .1, .2, .4], [False, False, True, False], 40),  # in a row: what it says depends on the past alone
    ('AP', None, [.3, .2, .1], [False] * 3, 10),
    ('loss', 1, [.3, .2, .25], [False, False, True], 20),
    ('crosslingual_loss', 1, [.3, .4], [False, True], 10),
])  # fmt: skip
def test_by_hand(metric, patience, values, stops, best_step):
    stopping = EarlyStopping(metric, patience=patience, keep_best=True)
    assert run(stopping, values) == stops
    assert stopping.best_step == best_step and best(stopping) == best_step


def test_weights_are_kept_on_request_only():
    stopping = EarlyStopping('AP', patience=1)
    run(stopping, [.2, .1])
    assert best(stopping) == -1
    assert stopping.record() == {
        'figures': [{'step': 10, 'AP': .2}, {'step': 20, 'AP': .1}], 'best_step': 10,
        'saved': 'the last, of step 20', 'stopped': 'no better AP in the 1 evaluations up to step 20',
    }  # fmt: skip


def test_the_copy_does_not_change_with_the_model():
    stopping, one = EarlyStopping('AP', keep_best=True), model(1)
    stopping.update(10, {'AP': .5}, one)
    torch.nn.init.constant_(one.weight, 2)
    stopping.restore(one)
    assert one.weight[0, 0] == 1


@pytest.mark.parametrize('interrupted', [1, 2, 3])
def test_going_on_from_a_checkpoint(tmp_path, interrupted):
    """The best weights may be of before the interruption or of after it."""
    values = [.1, .5, .3, .2]
    whole, before, after = (EarlyStopping('AP', patience=2, keep_best=True) for _ in range(3))
    told = run(whole, values)
    run(before, values[:interrupted])
    before.save(tmp_path)
    after.load(tmp_path)
    assert run(after, values[interrupted:], first=interrupted + 1) == told[interrupted:]
    assert after.record() == whole.record() and best(after) == best(whole) == 20
    assert whole.record()['stopped'] == 'no better AP in the 2 evaluations up to step 40'
    assert whole.record()['saved'] == 'the best, of step 20'


def test_a_checkpoint_before_the_first_evaluation(tmp_path):
    EarlyStopping('AP', keep_best=True).save(tmp_path)
    stopping = EarlyStopping('AP', keep_best=True)
    stopping.load(tmp_path)
    assert stopping.figures == [] and best(stopping) == -1
    assert run(stopping, [.2]) == [False] and stopping.record()['stopped'] == 'all steps were done'

"""Loggers by name and by callback, with what is said of one that is not installed."""
import pytest
from transformers import TrainerCallback
from transformers.integrations import integration_utils

from pyterrier_hybrid.training import loggers as module
from pyterrier_hybrid.training.loggers import loggers


class Own(TrainerCallback):
    pass


class FakeTensorBoard(TrainerCallback):
    """In the place of transformers' own, whose package need not be there."""

    def __init__(self):
        self.logging_dir = None


@pytest.fixture(autouse=True)
def fake(monkeypatch):
    """TensorBoard as if it were installed, and nothing else."""
    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, 'tensorboard', FakeTensorBoard)
    monkeypatch.setattr(module, 'TensorBoardCallback', FakeTensorBoard)
    monkeypatch.setattr(module, 'get_available_reporting_integrations', lambda: ['tensorboard'])
    monkeypatch.setattr(integration_utils, 'is_wandb_available', lambda: False)


def kinds(report_to, folder) -> list[type]:
    return [type(callback) for callback in loggers(report_to, folder)]


def test_names_callbacks_and_both(tmp_path):
    own = Own()
    assert kinds('none', tmp_path) == kinds([], tmp_path) == []
    assert kinds('tensorboard', tmp_path) == kinds('all', tmp_path) == [FakeTensorBoard]
    assert loggers(own, tmp_path) == [own]
    assert kinds(['tensorboard', own], tmp_path) == kinds(('all', own), tmp_path) == [FakeTensorBoard, Own]


def test_tensorboard_writes_beside_the_run(tmp_path):
    """In the run's folder its files would be gone when the run is complete."""
    (callback,) = loggers('tensorboard', tmp_path / 'run')
    assert callback.logging_dir == str(tmp_path / 'run.logs')


def test_unless_it_is_told_where(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeTensorBoard, '__init__', lambda self: setattr(self, 'logging_dir', 'there'))
    assert loggers('tensorboard', tmp_path / 'run')[0].logging_dir == 'there'


def test_an_unknown_name(tmp_path):
    with pytest.raises(ValueError, match=r"report_to is 'tensorbord'; tensorbord is not supported, only .*wandb"):
        loggers(['tensorbord'], tmp_path)


def test_a_package_that_is_not_there(tmp_path, monkeypatch):
    with pytest.raises(ModuleNotFoundError, match="'wandb', whose package is not installed: pip install wandb"):
        loggers('wandb', tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(integration_utils, 'is_tensorboard_available', lambda: False)
    with pytest.raises(ModuleNotFoundError, match='whose package is not installed: pip install tensorboard'):
        loggers('tensorboard', tmp_path)


@pytest.mark.parametrize('wrong', [None, 3, Own, [None]])
def test_neither_name_nor_callback(tmp_path, wrong):
    with pytest.raises(TypeError, match="give a logger's name, such as 'tensorboard', or a TrainerCallback object"):
        loggers(wrong, tmp_path)

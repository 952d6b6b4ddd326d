"""What one process makes of what a launcher told it, with no second process there; test_processes.py has two."""
import pytest
import torch

from pyterrier_hybrid.cli import main
from pyterrier_hybrid.training import processes
from pyterrier_hybrid.training.trainer import train


@pytest.mark.parametrize(('variable', 'value', 'message'), [
    ('ACCELERATE_MIXED_PRECISION', 'bf16', 'has --mixed_precision bf16, and train has bf16=False; give train bf16'),
    ('ACCELERATE_USE_FSDP', 'true', 'would use FSDP, which spreads one model over the processes'),
    ('ACCELERATE_USE_DEEPSPEED', 'true', 'would use DEEPSPEED'),
    ('ACCELERATE_DYNAMO_BACKEND', 'INDUCTOR', 'would compile the model; give it --dynamo_backend no'),
])  # fmt: skip
def test_a_launcher_does_not_change_the_training(corpus, tmp_path, monkeypatch, variable, value, message):
    """The trainer would follow these variables, and the record would not know."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=f'accelerate launch {message}'):
        train(corpus, tmp_path / 'run', backbone='static', mix={'crosslingual': 1}, verbose=False)
    assert not list(tmp_path.glob('[!.]*'))


@pytest.mark.parametrize(('variable', 'value'), [
    ('PMI_SIZE', '2'), ('OMPI_COMM_WORLD_SIZE', '4'), ('MV2_COMM_WORLD_SIZE', '3'), ('LOCAL_RANK', '0'),
])  # fmt: skip
def test_processes_of_another_launcher_are_refused(corpus, tmp_path, monkeypatch, capsys, variable, value):
    """accelerate would join them, and each would be the first one here."""
    monkeypatch.setenv(variable, value)
    message = f'{variable} is {value} without WORLD_SIZE; start several processes of one run with torchrun, or unset it'
    with pytest.raises(ValueError, match=message):
        train(corpus, tmp_path / 'run', backbone='static', mix={'crosslingual': 1}, verbose=False)
    monkeypatch.setattr('pyterrier_hybrid.cli.options._import_pairs', None)
    for command in (['train'], ['study', '--dataset', 'worldfacts', '--batch-size', '8']):
        assert main([*command, '--out', str(tmp_path / 'out')]) == 1
        assert message in capsys.readouterr().err
    assert not list(tmp_path.glob('[!.]*'))
    for alone in ({'WORLD_SIZE': '1'}, {variable: '1' if 'SIZE' in variable else '-1'}):
        with monkeypatch.context() as patch:
            for name, number in alone.items():
                patch.setenv(name, number)
            processes.check_launcher(bf16=False)


def test_a_precision_that_both_are_told(monkeypatch):
    monkeypatch.setenv('ACCELERATE_MIXED_PRECISION', 'bf16')
    processes.check_launcher(bf16=True)


def test_other_commands_are_one_process(monkeypatch, capsys):
    monkeypatch.setenv('WORLD_SIZE', '2')
    monkeypatch.setenv('RANK', '0')
    assert main(['demo']) == 2
    assert 'torchrun started 2 processes, but demo runs in one; start it without torchrun' in capsys.readouterr().err
    monkeypatch.setenv('RANK', '1')
    monkeypatch.setattr('pyterrier_hybrid.cli.LINGERING', 0)
    assert main(['demo']) == 2 and main(['demo', '--nonsense']) == 2 and main(['--help']) == 0
    assert capsys.readouterr() == ('', '')


@pytest.mark.parametrize(('environment', 'device', 'message'), [
    ({'WORLD_SIZE': '2'}, None, 'WORLD_SIZE is 2 without RANK and LOCAL_RANK; start several processes with torchrun'),
    ({'WORLD_SIZE': '2', 'RANK': '1', 'LOCAL_RANK': '1'}, 'cuda:0', "device is 'cuda:0' in each of 2 processes; give"),
    ({'WORLD_SIZE': '2', 'RANK': '1', 'LOCAL_RANK': '1'}, 'cuda', 'process 1 is number 1 on its machine, which'),
])  # fmt: skip
def test_joining_is_refused(monkeypatch, environment, device, message):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message):
        processes.join(device)


def test_alone_nothing_is_asked_of_anybody():
    assert processes.join() is None and processes.join('cuda:3') == 'cuda:3'
    assert (processes.count(), processes.rank(), processes.is_first()) == (1, 0, True)
    assert processes.gather('here') == ['here']
    loss = torch.tensor(2.0)
    assert processes.mean(loss) is loss
    processes.check_same(seed=1)
    with pytest.raises(KeyError, match='mine'), processes.together():
        raise KeyError('mine')


@pytest.mark.parametrize(('error', 'processes_there', 'expected'), [
    (RuntimeError('[gloo/transport/tcp/pair.cc:547] Connection closed by peer [10.0.0.1]:1234'), '2', OSError),
    (torch.distributed.DistBackendError('NCCL error: remote process exited'), '2', OSError),
    (RuntimeError('gloo'), '1', RuntimeError),
    (RuntimeError('out of memory'), '2', RuntimeError),
])  # fmt: skip
def test_a_process_that_is_gone(monkeypatch, error, processes_there, expected):
    monkeypatch.setenv('WORLD_SIZE', processes_there)
    monkeypatch.setenv('RANK', '1')
    with pytest.raises(expected) as caught, processes.watching_the_others():
        raise error
    if expected is OSError:
        assert str(caught.value).startswith('another process of this run is gone (process 1 of 2 had ')
        assert str(caught.value).endswith('start the run again with resume=True')
    else:
        assert caught.value is error

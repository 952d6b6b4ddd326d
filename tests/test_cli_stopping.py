"""SIGTERM ends a command as Ctrl-C does."""
import os
import signal
import subprocess
import sys
import time

import pytest

from pyterrier_hybrid import cli
from pyterrier_hybrid.cli.stopping import ended_by_sigterm


@pytest.mark.parametrize(('command', 'begun'), [
    (['train'], 'temporary/pyterrier-hybrid-*/pairs/manifest.json'),
    (['study', '--dataset', 'worldfacts', '--alphas', '0', '1', '--processes', '2'], 'out/models/.*.lock'),
], ids=lambda given: given[0])  # fmt: skip
def test_an_import_is_removed_and_processes_end(tmp_path, command, begun):
    """By a batch system that ends a job; nothing else would ever remove it."""
    temporary = tmp_path / 'temporary'
    temporary.mkdir()
    sizes = ['--steps', '1000000', '--batch-size', '4', '--dimension', '8', '--vocab-size', '300', '--quiet']
    job = subprocess.Popen(
        [sys.executable, '-m', 'pyterrier_hybrid', *command, *sizes, '--out', str(tmp_path / 'out')], cwd=tmp_path,
        env={**os.environ, 'TMPDIR': str(temporary)},
    )  # fmt: skip
    try:
        until = time.monotonic() + 120
        while not list(tmp_path.glob(begun)):
            assert job.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        job.terminate()
        assert job.wait(60) == 143
    finally:
        job.kill()
    assert not list(temporary.glob('pyterrier-hybrid-*')) and not list(tmp_path.glob('out/training.json'))


@pytest.fixture
def no_handler():
    """The process has no handler, though Ray may have left one in it."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def test_the_handler_is_there_while_a_command_runs(monkeypatch, no_handler):
    seen = []

    def run(argv):
        seen.append(signal.getsignal(signal.SIGTERM))
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(cli, '_run', run)
    for rank in ('0', '1'):
        monkeypatch.setattr(cli, 'is_first', lambda rank=rank: rank == '0')
        monkeypatch.setattr(cli, 'LINGERING', 600)  # which SIGTERM does not wait for
        if rank == '0':
            with pytest.raises(SystemExit, match='143'):
                cli.main([])
        else:
            assert cli.main([]) == 143
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert all(callable(handler) for handler in seen) and len(seen) == 2


def test_a_handler_that_is_there_stays(no_handler):
    calls = []
    signal.signal(signal.SIGTERM, lambda *_: calls.append(1))
    with ended_by_sigterm():
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert calls == [1, 1]

"""SIGTERM ends a command as Ctrl-C does."""
import os
import subprocess
import sys
import time

import pytest


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


HANDLED = """
import signal
from pyterrier_hybrid import cli
from pyterrier_hybrid.cli.stopping import ended_by_sigterm

cli._run = lambda argv: signal.raise_signal(signal.SIGTERM)
cli.LINGERING = 600  # which SIGTERM does not wait for
for first in (True, False):
    cli.is_first = lambda: first
    try:
        print(cli.main([]))
    except SystemExit as ended:
        print('exit', ended.code)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
calls = []
signal.signal(signal.SIGTERM, lambda *_: calls.append(1))  # a handler that is there stays
with ended_by_sigterm():
    signal.raise_signal(signal.SIGTERM)
signal.raise_signal(signal.SIGTERM)
print(calls)
"""


def test_the_handler_is_there_while_a_command_runs():
    """In a process of its own, which has no other handler and may end."""
    run = subprocess.run([sys.executable, '-c', HANDLED], capture_output=True, text=True, timeout=200)
    assert run.stdout.split('\n') == ['exit 143', '143', '[1, 1]', ''], run.stderr

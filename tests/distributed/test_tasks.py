import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from pyterrier_hybrid.distributed import on_ray

# Functions are local to their tests, so that they are sent as they are: no other process can import a test.


def test_every_item_once_with_its_result_where_the_caller_is(ray, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')

    def look(item):
        return os.getcwd(), os.environ['OMP_NUM_THREADS'], os.environ['CUDA_VISIBLE_DEVICES'], os.getpid()

    found = dict(on_ray(look, range(5), folders=[tmp_path]))
    assert sorted(found) == list(range(5)) and os.getpid() not in {place[3] for place in found.values()}
    assert {place[:3] for place in found.values()} == {(str(tmp_path), '1', '')}
    assert ray.is_initialized()  # the cluster was there before


def test_no_items_need_no_ray(monkeypatch):
    monkeypatch.setattr('pyterrier_hybrid.distributed.tasks.cluster', None)
    assert list(on_ray(str, [])) == []


def test_a_folder_that_a_machine_does_not_see(ray, tmp_path):
    def work(item):
        (tmp_path / 'begun').touch()

    message = f'a machine of the Ray cluster, does not see {tmp_path}/nowhere; every machine has to'
    with pytest.raises(FileNotFoundError, match=message):
        list(on_ray(work, [1], folders=[tmp_path, tmp_path / 'nowhere']))
    assert not (tmp_path / 'begun').exists()


def test_an_error_drops_what_waits_and_lets_the_rest_come_to_its_end(ray, tmp_path):
    def work(item):
        if item == 0:
            while not (tmp_path / '1').exists():  # the other processor has its task
                time.sleep(0.01)
            raise KeyError('zero is bad')
        (tmp_path / str(item)).touch()
        time.sleep(1)
        return item

    tasks, done = on_ray(work, range(20)), []
    with pytest.raises(KeyError, match='zero is bad') as caught:
        done.extend(tasks)
    assert type(caught.value) is KeyError and 'in work' in str(caught.value.__cause__)  # the worker's traceback
    assert (1, 1) in done and not (tmp_path / '19').exists()


def test_a_task_whose_process_is_killed_is_begun_again(ray, tmp_path):
    def dies_once(item):
        with open(tmp_path / str(item), 'a') as file:
            file.write('x')
        if item == 1 and (tmp_path / '1').read_text() == 'x':
            os.kill(os.getpid(), signal.SIGKILL)
        return item * 10

    assert dict(on_ray(dies_once, range(3))) == {0: 0, 1: 10, 2: 20}
    assert [(tmp_path / str(item)).read_text() for item in range(3)] == ['x', 'xx', 'x']


def test_a_task_that_dies_too_often_is_given_up(ray):
    def dies(item):
        os.kill(os.getpid(), signal.SIGKILL)

    message = r'task 7 was given up \(WorkerCrashedError: .*\); a process that dies is replaced 0 times'
    with pytest.raises(ChildProcessError, match=message):
        list(on_ray(dies, [7], name=lambda item: f'task {item}', max_retries=0))


INTERRUPTED = """
import os, signal, sys, threading, time
from pathlib import Path
from pyterrier_hybrid.distributed.tasks import on_ray

folder = Path(sys.argv[1])

def work(item):
    (folder / 'partial').write_text(str(os.getpid()))
    (folder / 'partial').rename(folder / 'begun')
    time.sleep(600)

def press():
    while not (folder / 'begun').exists():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=press).start()
try:
    list(on_ray(work, [1]))
except KeyboardInterrupt:
    print('stopped')
"""


def test_ctrl_c_ends_the_tasks(tmp_path):
    """In a process of its own, with a cluster of its own: the signal is for the whole process."""
    pytest.importorskip('ray', reason='Ray is not installed: pip install pyterrier-hybrid[ray]')
    command = [sys.executable, '-c', INTERRUPTED, str(tmp_path)]
    alone = {name: value for name, value in os.environ.items() if name != 'RAY_ADDRESS'}
    run = subprocess.run(command, capture_output=True, text=True, timeout=200, env=alone)
    assert run.stdout.strip() == 'stopped', run.stderr
    _, alive = psutil.wait_procs(workers((tmp_path / 'begun').read_text()), timeout=30)
    assert not alive


def workers(pid: str) -> list[psutil.Process]:
    """The process, if it is still there."""
    return [psutil.Process(int(pid))] if psutil.pid_exists(int(pid)) else []


def test_items_are_read_as_they_are_needed(ray, tmp_path):
    def work(item):
        while not (tmp_path / f'go {item}').exists():
            time.sleep(0.01)
        return item

    def items():
        for item in range(6):
            (tmp_path / f'read {item}').touch()
            yield item

    tasks = on_ray(work, items(), at_once=2)
    for item in range(6):
        (tmp_path / f'go {item}').touch()
        assert next(tasks) == (item, item)
        read = [int(path.name[5:]) for path in tmp_path.glob('read *')]
        assert max(read) <= item + 3  # two under way, and one more
    assert list(tasks) == []


def test_an_error_of_the_items_lets_what_is_under_way_come_to_its_end(ray):
    def items():
        yield from range(3)
        raise KeyError('the third')

    tasks = on_ray(lambda item: item, items(), at_once=2)
    assert {next(tasks)[0] for _ in range(3)} == {0, 1, 2}
    with pytest.raises(KeyError, match='the third'):
        next(tasks)


def test_a_process_gets_the_function_once(ray):
    class Counting:
        """Counts its calls."""

        def __init__(self):
            self.calls = 0

        def __call__(self, item):
            self.calls += 1
            return os.getpid(), self.calls

    found = [result for _, result in on_ray(Counting(), range(6), at_once=1)]
    last = {pid: max(calls for other, calls in found if other == pid) for pid, _ in found}
    assert sum(last.values()) == 6


def test_a_function_that_cannot_be_sent(ray):
    lock = threading.Lock()
    with pytest.raises(TypeError, match='cannot be sent to the machines of a Ray cluster'):
        list(on_ray(lambda item: lock, [1]))

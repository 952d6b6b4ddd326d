"""Which cluster is taken, with a Ray that only notes what it is asked."""
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest

from pyterrier_hybrid.distributed.cluster import capacity, cluster, import_ray
from pyterrier_hybrid.distributed.resources import Resources


class NotedRay:
    """What is used of the module."""

    def __init__(self, connected: bool = False, error: Exception | None = None, nodes=({'CPU': 4.0},)):
        self.connected, self.error, self.calls = connected, error, []
        self._nodes = [{'Alive': True, 'Resources': node} for node in nodes]
        self._nodes.append({'Alive': False, 'Resources': {'CPU': 100.0}})

    def is_initialized(self) -> bool:
        return self.connected

    def init(self, **arguments) -> None:
        self.calls.append(arguments)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.statistics = os.environ.get('RAY_USAGE_STATS_ENABLED')
        if self.error:
            raise self.error

    def shutdown(self) -> None:
        self.calls.append('shutdown')

    def nodes(self) -> list[dict]:
        return self._nodes


@pytest.fixture
def noted(monkeypatch):
    """Puts a Ray in place of the real one."""
    monkeypatch.delenv('RAY_ADDRESS', raising=False)
    monkeypatch.delenv('RAY_USAGE_STATS_ENABLED', raising=False)
    monkeypatch.setattr('pyterrier_hybrid.distributed.cluster.processors', lambda: 4)

    def make(**arguments) -> NotedRay:
        ray = NotedRay(**arguments)
        monkeypatch.setitem(sys.modules, 'ray', ray)
        return ray

    return make


def test_a_connected_process_stays_connected(noted, monkeypatch):
    monkeypatch.setenv('RAY_ADDRESS', 'head:6379')
    ray = noted(connected=True)
    with cluster(Resources()) as found:
        assert found is ray
    assert ray.calls == []


def test_the_last_of_several_blocks_ends_the_connection(noted):
    ray = noted()
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(cluster(Resources()))
        ray.connected = True
        second.enter_context(cluster(Resources()))
        first.close()
        assert len(ray.calls) == 1
        second.close()
        assert ray.calls[1:] == ['shutdown']


@pytest.mark.parametrize('address', ['auto', 'ray://head:10001'])
def test_the_address_of_the_environment(noted, monkeypatch, address):
    monkeypatch.setenv('RAY_ADDRESS', address)
    ray = noted()
    with cluster(Resources()):
        (call,) = ray.calls
        assert call['address'] == address and 'num_cpus' not in call and call['log_to_driver'] is False
    assert ray.calls[1:] == ['shutdown']


@pytest.mark.parametrize('address', [None, '', 'local'])
def test_otherwise_this_machine_which_reports_to_nobody(noted, monkeypatch, address):
    if address is not None:
        monkeypatch.setenv('RAY_ADDRESS', address)
    ray, before = noted(), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyError, match='in the block'), cluster(Resources(4)):
        (call,) = ray.calls
        assert (call['address'], call['num_cpus'], call['include_dashboard']) == ('local', 4, False)
        assert ray.statistics == '0'
        raise KeyError('in the block')
    assert ray.calls[1:] == ['shutdown'] and signal.getsignal(signal.SIGTERM) is before
    assert 'RAY_USAGE_STATS_ENABLED' not in os.environ


def test_a_setting_of_the_user_is_put_back(noted, monkeypatch):
    monkeypatch.setenv('RAY_USAGE_STATS_ENABLED', '1')
    ray = noted()
    with cluster(Resources()):
        assert ray.statistics == '0'
    assert os.environ['RAY_USAGE_STATS_ENABLED'] == '1'


@pytest.mark.parametrize('host', ['127.0.0.1', 'localhost'])
def test_nobody_at_the_address(noted, monkeypatch, host):
    with socket.socket() as taken:  # bound, but it does not listen
        taken.bind(('127.0.0.1', 0))
        address = f'{host}:{taken.getsockname()[1]}'
        monkeypatch.setenv('RAY_ADDRESS', address)
        ray = noted()
        message = f'no Ray cluster at RAY_ADDRESS={address} .*"ray start --head"'
        with pytest.raises(ConnectionError, match=message), cluster(Resources()):
            pass
    assert ray.calls == ['shutdown']


@pytest.mark.parametrize(('address', 'error', 'message'), [
    ('auto', ConnectionError('Could not find any\nmore'), r'at RAY_ADDRESS=auto \(Could not find any\);'),
    (None, Exception('The current node timed out'), 'cannot be started on this machine: The current node timed out'),
])  # fmt: skip
def test_a_cluster_that_fails(noted, monkeypatch, address, error, message):
    if address:
        monkeypatch.setenv('RAY_ADDRESS', address)
    ray = noted(error=error)
    with pytest.raises(ConnectionError, match=message), cluster(Resources()):
        pass
    assert ray.calls[1:] == ['shutdown'] and 'RAY_USAGE_STATS_ENABLED' not in os.environ


def test_more_than_this_machine_has(noted):
    ray = noted()
    message = 'asks for 8 processors and 1 GPUs on one machine, this one has 4 processors and 0 GPUs; ask for less'
    with pytest.raises(ValueError, match=message), cluster(Resources(8, 1)):
        pass
    assert ray.calls[1:] == ['shutdown']


def test_more_than_any_machine_of_another_cluster_has_may_come(noted):
    noted(connected=True, nodes=[{'CPU': 8.0}, {'CPU': 1.0, 'GPU': 4.0}])
    message = '8 processors and 0 GPUs; 1 processors and 4 GPUs.*it waits for such a machine'
    with pytest.warns(UserWarning, match=message), cluster(Resources(8, 1)):
        pass
    with cluster(Resources(1, 2)):  # the second has them
        pass


def test_capacity():
    nodes = [{'CPU': 8.0}, {'CPU': 5.0, 'GPU': 4.0}]
    assert capacity(NotedRay(nodes=nodes), Resources(2)) == 6
    assert capacity(NotedRay(nodes=nodes), Resources(2, 1)) == 2
    assert capacity(NotedRay(nodes=nodes), Resources(16)) == 1  # a machine may come


def test_ray_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(ModuleNotFoundError, match=r'Ray is not installed; run: pip install pyterrier-hybrid\[ray\]'):
        import_ray()


def test_nothing_imports_ray_before_it_is_needed():
    code = (
        'import sys, pyterrier_hybrid.distributed as d, pyterrier_hybrid.experiment.study; d.on_ray, d.Resources; '
        'assert "ray" not in sys.modules'
    )
    subprocess.run([sys.executable, '-c', code], check=True)

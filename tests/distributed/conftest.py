"""A Ray cluster of two processors on this machine, for all tests of this folder that need one."""
import os
from contextlib import contextmanager
from unittest import mock

import psutil
import pytest

from pyterrier_hybrid.distributed import Resources
from pyterrier_hybrid.distributed.cluster import cluster


@contextmanager
def _two_processors():
    """The cluster that this package starts where there is none, and a look at what it leaves behind."""
    with mock.patch('pyterrier_hybrid.distributed.cluster.processors', lambda: 2), mock.patch.dict(os.environ):
        os.environ.pop('RAY_ADDRESS', None)
        with cluster(Resources()) as ray:
            yield ray
    assert not ray.is_initialized()
    _, alive = psutil.wait_procs(filter(_is_rays, psutil.Process().children(recursive=True)), timeout=10)
    assert not alive, 'processes of Ray go on'


def _is_rays(process: psutil.Process) -> bool:
    """Whether a process is one of Ray's, and not one that another test has begun meanwhile."""
    try:
        command = ' '.join(process.cmdline())
    except psutil.NoSuchProcess:
        return False
    return '/ray/' in command or command.startswith('ray::')


@pytest.fixture(scope='package')
def ray():
    """The module, connected to the cluster."""
    pytest.importorskip('ray', reason='Ray is not installed: pip install pyterrier-hybrid[ray]')
    with _two_processors() as module:
        yield module

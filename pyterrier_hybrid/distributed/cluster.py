"""The Ray cluster that work is given to: the one that is there, or one on this machine for as long as it is needed."""
import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import ModuleType

from .resources import Resources, processors

#: Bytes of shared memory of a cluster of our own: what is sent is small, and a container may have little.
OBJECT_STORE = 100_000_000
#: The blocks of :func:`cluster` that use the connection that the first of them has made.
_blocks: list[object] = []


def import_ray() -> ModuleType:
    """Returns the module ``ray``; raises ModuleNotFoundError, which says what to install."""
    try:
        import ray
    except ModuleNotFoundError as error:
        if error.name != 'ray':
            raise
        raise ModuleNotFoundError('Ray is not installed; run: pip install pyterrier-hybrid[ray]', name='ray') from None
    return ray


@contextmanager
def cluster(resources: Resources) -> Iterator[ModuleType]:
    """Connects to a cluster on which such tasks can run; yields ``ray``, and ends the connection that it has made.

    The cluster is the one that this process is connected to (``ray.init``); else the one at the address in the
    environment variable ``RAY_ADDRESS`` (``auto`` for the one on this machine); else one of this machine's processors
    and GPUs, which ends with the block. Of several blocks at a time, which need not be nested, the last one ends it.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        ConnectionError: there is no cluster at ``RAY_ADDRESS``, or none can be started here.
        ValueError: a task asks for more than this machine has. Of another cluster, to which machines may be added, this
            is a warning.
    """
    global _blocks
    ray = import_ray()
    there = ray.is_initialized()
    if there and not _blocks:  # it is not ours
        _check_room(ray, resources, elastic=True)
        yield ray
        return
    if not there:
        _blocks = []
    blocks, block = _blocks, object()
    blocks.append(block)
    address = os.environ.get('RAY_ADDRESS', '')
    address = '' if address == 'local' else address
    with nullcontext() if there else _own_sigterm():
        try:
            if not there and address:
                _connect(ray, address)
            elif not there:
                _start(ray)
            _check_room(ray, resources, elastic=there or bool(address))
            yield ray
        finally:
            blocks.remove(block)
            if not blocks:
                ray.shutdown()


def capacity(ray: ModuleType, resources: Resources) -> int:
    """How many such tasks run at a time on the machines that the cluster has now; at least 1."""
    nodes = [node['Resources'] for node in ray.nodes() if node['Alive']]
    return max(1, sum(map(resources.count, nodes)))


def _connect(ray: ModuleType, address: str) -> None:
    host, _, port = address.rpartition(':')
    try:
        if port.isdigit() and '/' not in host:  # Ray itself would try for a quarter of an hour
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address=address, log_to_driver=False, logging_level='ERROR')
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).partition('\n')[0]
        raise ConnectionError(
            f'there is no Ray cluster at RAY_ADDRESS={address} ({reason}); start one with "ray start --head", or unset '
            'RAY_ADDRESS to use this machine alone'
        ) from error


def _start(ray: ModuleType) -> None:
    """Starts a cluster on this machine that reports to nobody."""
    before = os.environ.get('RAY_USAGE_STATS_ENABLED')
    os.environ['RAY_USAGE_STATS_ENABLED'] = '0'
    try:
        ray.init(
            address='local', num_cpus=processors(), include_dashboard=False, log_to_driver=False,
            logging_level='ERROR', object_store_memory=OBJECT_STORE,
        )  # fmt: skip
    except Exception as error:  # of no class of its own
        raise ConnectionError(f'Ray cannot be started on this machine: {error}') from error
    finally:
        if before is None:
            del os.environ['RAY_USAGE_STATS_ENABLED']
        else:
            os.environ['RAY_USAGE_STATS_ENABLED'] = before


def _check_room(ray: ModuleType, resources: Resources, elastic: bool) -> None:
    """Says so if no machine of the cluster can run a task, which would wait without a word."""
    nodes = [node['Resources'] for node in ray.nodes() if node['Alive']]
    if any(resources.fit(node) for node in nodes):
        return
    there = '; '.join(f'{node.get("CPU", 0):g} processors and {node.get("GPU", 0):g} GPUs' for node in nodes)
    asked = f'a task asks for {resources.num_cpus} processors and {resources.num_gpus:g} GPUs on one machine'
    if not elastic:
        raise ValueError(f'{asked}, this one has {there}; ask for less')
    warnings.warn(f'{asked}, which the cluster has nowhere ({there}): it waits for such a machine', stacklevel=2)


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Puts back this process's way with SIGTERM, which Ray replaces when it connects."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

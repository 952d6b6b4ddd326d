"""A function over many items, each of them a task of a Ray cluster."""
import math
import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar
from uuid import uuid4

from .cluster import cluster
from .resources import Resources

Item = TypeVar('Item')
Result = TypeVar('Result')
_NONE = object()
#: In a worker: the last function that it was sent.
_held: dict[str, Callable] = {}


def on_ray(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    resources: Resources | None = None,
    folders: Iterable[str | os.PathLike] = (),
    name: Callable[[Item], str] = str,
    max_retries: int = 3,
    at_once: int | None = None,
) -> Iterator[tuple[Item, Result]]:
    """Calls a function with every item, on the machines of a cluster (:func:`cluster`), and yields in order of finish.

    A task whose process or machine dies is started again automatically: the function should resume from what it has
    saved. After the first error, waiting tasks are dropped; running tasks finish and are yielded before the error is
    raised. Ctrl-C, or closing the iterator, ends them at once. Relative paths mean the same in a task as here, on
    machines that have this process's working directory.

    Args:
        function: must be importable on every machine; a local function is sent itself. A process gets it once, so an
            object keeps its state from one call to the next.
        items: any number; the cluster runs as many at a time as it has resources for. This process reads all of them
            before the first task starts, unless ``at_once`` is given.
        resources: what each task asks for; one processor by default.
        folders: these must be visible on every machine at the same path, as on a shared file system; this is checked
            before the function is sent.
        name: what an item is called in messages.
        max_retries: how often a task is started again.
        at_once: how many tasks are started before the first of them has ended; one more item is read ahead. Give it if
            memory cannot hold all items.

    Yields:
        (item, result).

    Raises:
        ModuleNotFoundError, ConnectionError, ValueError: there is no cluster for the tasks, see :func:`cluster`.
        FileNotFoundError: a machine does not see one of the folders, named with it.
        ChildProcessError: a task died more than ``max_retries`` times.
        TypeError: the function cannot be sent.
        Exception: whatever the function raises.
    """
    resources = resources or Resources()
    waiting = iter(items if at_once else list(items))
    following = next(waiting, _NONE)
    if following is _NONE:
        return
    folders = [os.path.abspath(folder) for folder in folders]
    with cluster(resources) as ray:
        from ray.experimental import internal_kv

        task = ray.remote(_in_worker)
        options = {
            'num_cpus': resources.num_cpus, 'num_gpus': resources.num_gpus, 'max_retries': max_retries,
            'runtime_env': {'env_vars': resources.environment()},
        }  # fmt: skip
        # In a list, a reference is passed on as it is: what it refers to is read after the folders were looked for.
        sent, here, under_way = [_send(ray, function)], (os.getcwd(), folders), {}
        failure, over = None, f'pyterrier-hybrid-{uuid4()}'
        try:
            while under_way or following is not _NONE:
                while following is not _NONE and len(under_way) < (at_once or math.inf):
                    begun = task.options(name=name(following), **options).remote(sent, following, here, over)
                    under_way[begun] = following
                    try:
                        following = next(waiting, _NONE)
                    except Exception as error:
                        following, failure = _NONE, error
                (done,), _ = ray.wait(list(under_way))
                item = under_way.pop(done)
                try:
                    result = ray.get(done)
                except ray.exceptions.RayError as error:
                    if failure is None:  # and not one of those that were dropped after it
                        following, failure = _NONE, _failure(ray, error, name(item), max_retries)
                        # tasks that wait end when they see it: ray.cancel can abort this process when it meets the end
                        # of a task (Ray's check "Tried to complete task that was not pending")
                        internal_kv._internal_kv_put(over, b'')
                else:
                    if result is not None:
                        yield item, result[0]
        finally:
            for other in under_way:
                ray.cancel(other, force=True)
            if under_way:
                ray.wait(list(under_way), num_returns=len(under_way), timeout=10)
            if failure is not None:
                internal_kv._internal_kv_del(over)
        if failure is not None:
            raise failure


def _in_worker(sent: list, item, here: tuple[str, list[str]], over: str) -> tuple | None:
    """Calls the function with an item, in a process of the cluster, and returns its result in a tuple.

    Returns None, and does nothing, if the cluster has the key ``over``.
    """
    import ray
    from ray.experimental import internal_kv

    if internal_kv._internal_kv_exists(over):
        return None
    working, folders = here
    for folder in folders:
        if not os.path.isdir(folder):
            raise FileNotFoundError(
                f'{socket.gethostname()}, a machine of the Ray cluster, does not see {folder}; every machine has to '
                'see it at this path, so put it on a file system that they share'
            )
    if os.path.isdir(working):
        os.chdir(working)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that has begun the tasks
    try:
        return (_received(ray, sent[0])(item),)
    finally:
        signal.signal(signal.SIGINT, before)


def _send(ray, function: Callable):
    """A reference to the function."""
    try:
        return ray.put(function)
    except Exception as error:  # of any class, by what fails in pickling
        reason = str(error).strip().partition('\n')[0]
        raise TypeError(f'{function!r:.200} cannot be sent to the machines of a Ray cluster: {reason}') from error


def _received(ray, reference) -> Callable:
    """The function of a reference, read once in a process."""
    if reference.hex() not in _held:
        _held.clear()
        try:
            _held[reference.hex()] = ray.get(reference)
        except Exception as error:
            raise ValueError(
                f'{socket.gethostname()}, a machine of the Ray cluster, cannot read the work it is given '
                f'({type(error).__name__}: {error!s:.300}); it needs the same packages as this one'
            ) from error
    return _held[reference.hex()]


def _failure(ray, error: Exception, name: str, max_retries: int) -> Exception:
    """What is to be raised for an error of Ray: the function's own, if it is one."""
    if isinstance(error, ray.exceptions.RayTaskError):
        failure = error.cause if isinstance(error.cause, Exception) else error
        failure.__cause__ = error if failure is not error else None  # has the traceback in the worker
        return failure
    reason = str(error).strip().partition('\n')[0]
    failure = ChildProcessError(
        f'{name} was given up ({type(error).__name__}: {reason}); a process that dies is replaced {max_retries} times. '
        'If memory was short, ask for more processors, so that fewer tasks share a machine. What was finished is kept'
    )
    failure.__cause__ = error
    return failure

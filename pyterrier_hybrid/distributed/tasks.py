"""A function over many items, each of them a task of a Ray cluster."""
import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from .cluster import cluster
from .resources import Resources

Item = TypeVar('Item')
Result = TypeVar('Result')


def on_ray(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    resources: Resources | None = None,
    folders: Iterable[str | os.PathLike] = (),
    name: Callable[[Item], str] = str,
    max_retries: int = 3,
) -> Iterator[tuple[Item, Result]]:
    """Calls a function with every item, on the machines of a cluster (:func:`cluster`), and yields in order of finish.

    A task whose process or machine dies is begun again, by itself: the function should go on from what it has left.
    After the first error the tasks that wait are dropped; those under way are brought to their end, and yielded, before
    it is raised. Ctrl-C, or closing the iterator, ends them at once. Relative paths mean the same in a task as here, on
    machines that have this process's working directory.

    Args:
        function: must be importable on every machine, or is sent as it is if it is local.
        items: their number is not limited, the cluster runs as many at a time as it has resources for.
        resources: what each task asks for; one processor by default.
        folders: which every machine has to see at the same path, as on a shared file system; looked for before the
            function is sent.
        name: what an item is called in messages.
        max_retries: how often a task is begun again.

    Yields:
        (item, result).

    Raises:
        ModuleNotFoundError, ConnectionError, ValueError: there is no cluster for the tasks, see :func:`cluster`.
        FileNotFoundError: a machine does not see one of the folders, named with it.
        ChildProcessError: a task died more often than it is begun again.
        Exception: what the function has raised.
    """
    items, resources = list(items), resources or Resources()
    if not items:
        return
    folders = [os.path.abspath(folder) for folder in folders]
    with cluster(resources) as ray:
        task = ray.remote(_in_worker)
        options = {
            'num_cpus': resources.num_cpus, 'num_gpus': resources.num_gpus, 'max_retries': max_retries,
            'runtime_env': {'env_vars': resources.environment()},
        }  # fmt: skip
        # In a list, a reference is passed on as it is: what it refers to is read after the folders were looked for.
        sent, here = [ray.put(function)], (os.getcwd(), folders)
        under_way = {task.options(name=name(item), **options).remote(sent, item, here): item for item in items}
        failure = None
        try:
            while under_way:
                (done,), _ = ray.wait(list(under_way))
                item = under_way.pop(done)
                try:
                    result = ray.get(done)
                except ray.exceptions.RayError as error:
                    if failure is None:  # and not one of those that were dropped after it
                        failure = _failure(ray, error, name(item), max_retries)
                        for other in under_way:
                            ray.cancel(other)  # drops it if it waits; see _in_worker
                else:
                    yield item, result
        finally:
            for other in under_way:
                ray.cancel(other, force=True)
            if under_way:
                ray.wait(list(under_way), num_returns=len(under_way), timeout=10)
        if failure is not None:
            raise failure


def _in_worker(sent: list, item, here: tuple[str, list[str]]):
    """Calls the function with an item, in a process of the cluster."""
    import ray

    working, folders = here
    for folder in folders:
        if not os.path.isdir(folder):
            raise FileNotFoundError(
                f'{socket.gethostname()}, a machine of the Ray cluster, does not see {folder}; every machine has to '
                'see it at this path, so put it on a file system that they share'
            )
    if os.path.isdir(working):
        os.chdir(working)
    # What Ray sends to cancel a task drops one that waits and interrupts one that runs, which shall come to its end.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return ray.get(sent[0])(item)
    finally:
        signal.signal(signal.SIGINT, before)


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

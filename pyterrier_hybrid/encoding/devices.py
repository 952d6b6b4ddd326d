"""Checks of devices and of memory, and torch's threads in forked processes."""
import os
from functools import cache


def check_device(device: object) -> None:
    """Raises ValueError, with torch's reason, for a device that torch cannot use here; None is accepted."""
    if device is None:
        return
    import torch

    try:
        torch.empty(0, device=device).sum().item()  # the device 'meta' holds no values
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f'the device {str(device)!r:.80} cannot be used ({reason}); give another one, such as cpu'
        ) from None


def resolve_devices(device: object) -> tuple:
    """Returns one or several devices as ``torch.device``; for None, CUDA if there is one, else the CPU.

    Raises ValueError for a device that torch cannot use here, and for an empty list.
    """
    import torch

    if device is None:
        return (torch.device('cuda' if torch.cuda.is_available() else 'cpu'),)
    devices = [device] if isinstance(device, str | torch.device | int) else list(device)
    if not devices:
        raise ValueError('device is an empty list; give at least one device, such as cpu, or leave it out')
    for one in devices:
        check_device(one)
    return tuple(torch.device(one) for one in devices)


@cache
def survive_forks() -> None:
    """Lets forked processes compute with torch, with one thread each.

    Once torch has computed on several threads, a forked process would wait for ever for threads that exist only in its
    parent (GNU OpenMP does not survive a fork). The same holds for the threads of tokenizers.
    """
    import torch

    def in_child() -> None:
        torch.set_num_threads(1)
        os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')

    os.register_at_fork(after_in_child=in_child)


def check_memory(components: int, what: str) -> None:
    """Refuses more float32 weights than this machine's memory can hold.

    Raises ValueError with both sizes; ``what`` is for the message, such as ``'dimension is 1024'``.
    """
    memory = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') if hasattr(os, 'sysconf') else float('inf')
    if 4 * components > memory:
        raise ValueError(
            f'{what}: its weights take {4 * components / 1e9:,.0f} GB or more, and this machine has '
            f'{memory / 1e9:,.0f} GB of memory; give a smaller size'
        )

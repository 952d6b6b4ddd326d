"""Devices by their names in torch, and torch's threads in forked processes."""
import os
from functools import cache


def check_device(device: object) -> None:
    """Refuses a device that does not exist or is not there.

    Args:
        device: ``'cpu'``, ``'cuda'``, ``'cuda:1'``, ... or a ``torch.device``; None is any.

    Raises:
        ValueError: with torch's reason.
    """
    if device is None:
        return
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f'the device {str(device)!r:.80} cannot be used ({reason}); give another one, such as cpu'
        ) from None


@cache
def survive_forks() -> None:
    """Lets forked processes compute with torch, with one thread each.

    A process that is forked after torch has computed on several threads would wait for ever for threads that exist in
    its parent alone (GNU OpenMP does not survive a fork), and so would the tokenizers' threads.
    """
    import torch

    def in_child() -> None:
        torch.set_num_threads(1)
        os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')

    os.register_at_fork(after_in_child=in_child)

"""Devices by their names in torch."""


def check_device(device: str | None) -> None:
    """Refuses a device that does not exist or is not there.

    Args:
        device: ``'cpu'``, ``'cuda'``, ``'cuda:1'``, ...; None is any.

    Raises:
        ValueError: with torch's reason.
    """
    if device is None:
        return
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f'the device {device!r} cannot be used ({reason}); give another one, such as cpu') from None

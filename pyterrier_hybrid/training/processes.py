"""The processes of one training run, as ``torchrun`` or ``accelerate launch`` starts them.

A launcher gives each process its place in environment variables: ``RANK`` of ``WORLD_SIZE``, and ``LOCAL_RANK`` on its
machine. Without them a run is one process, and the functions here do nothing. The first process (rank 0) works for all
of them: it writes files and shows progress.
"""
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

#: The time that a process waits for the others, since the first one may import pairs or train a tokenizer.
PATIENCE = timedelta(hours=1)
#: Variables beside WORLD_SIZE in which accelerate finds the number of processes: MPICH's, Open MPI's and MVAPICH's.
_SIZES_OF_MPI = ('PMI_SIZE', 'OMPI_COMM_WORLD_SIZE', 'MV2_COMM_WORLD_SIZE')
_ENGINES = ('FSDP', 'DEEPSPEED', 'MEGATRON_LM')


def count() -> int:
    """The number of processes; 1 without a launcher."""
    return int(os.environ.get('WORLD_SIZE', '1'))


def rank() -> int:
    """This process's number, from 0 to ``count() - 1``."""
    return int(os.environ.get('RANK', '0')) if count() > 1 else 0


def is_first() -> bool:
    """Whether this is the process that works for all of them."""
    return rank() == 0


def join(device: str | None = None) -> str | None:
    """Connects this process with the others, if there are any and it is not connected yet.

    All of them compute on ``device``, 'cuda' or 'cpu'; None is CUDA if there is one. Returns this process's own device,
    such as ``'cuda:1'``; for a single process the given one.

    Raises:
        ValueError: another device, such as one GPU for all processes; more processes on a machine than it has GPUs;
            processes that no launcher has started, or one that does not set WORLD_SIZE.
    """
    _check_started_alone()
    if count() == 1:
        return device
    import torch
    import torch.distributed as dist

    missing = [name for name in ('RANK', 'LOCAL_RANK') if name not in os.environ]
    if missing:
        raise ValueError(
            f'WORLD_SIZE is {count()} without {" and ".join(missing)}; start several processes with torchrun, or unset '
            'it for one'
        )
    kind = str(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
    if kind not in ('cuda', 'cpu'):
        raise ValueError(
            f'device is {kind!r} in each of {count()} processes; give cuda, where each takes a GPU of its own, or cpu'
        )
    local = int(os.environ['LOCAL_RANK'])
    if kind == 'cuda':
        if local >= torch.cuda.device_count():
            raise ValueError(
                f'process {rank()} is number {local} on its machine, which shows {torch.cuda.device_count()} GPUs; '
                'start one process for each GPU'
            )
        torch.cuda.set_device(local)
    if not dist.is_initialized():
        dist.init_process_group('nccl' if kind == 'cuda' else 'gloo', timeout=PATIENCE)
    return f'cuda:{local}' if kind == 'cuda' else kind


def check_launcher(bf16: bool | None) -> None:
    """Refuses settings of ``accelerate launch`` that would change the training without a trace in the run's record.

    Raises ValueError for another precision than ``bf16`` (None if it is not known yet), an engine that spreads a model
    over processes, and processes that accelerate would join but this module does not know of.
    """
    _check_started_alone()
    asked, own = os.environ.get('ACCELERATE_MIXED_PRECISION', 'no'), 'bf16' if bf16 else 'no'
    if bf16 is not None and asked not in ('no', own):
        raise ValueError(
            f'accelerate launch has --mixed_precision {asked}, and train has bf16={bf16}; give train bf16=True or '
            'bf16=False, and accelerate launch --mixed_precision no'
        )
    if os.environ.get('ACCELERATE_DYNAMO_BACKEND', 'no').lower() != 'no':
        raise ValueError('accelerate launch would compile the model; give it --dynamo_backend no')
    for name in _ENGINES:
        if os.environ.get(f'ACCELERATE_USE_{name}', 'false').lower() in ('true', '1'):
            raise ValueError(
                f'accelerate launch would use {name}, which spreads one model over the processes; here each process '
                'has the whole model: run accelerate launch --multi_gpu, or torchrun'
            )


def _check_started_alone() -> None:
    """Refuses processes of another launcher: accelerate would join them, and each of them would write the run."""
    if 'WORLD_SIZE' in os.environ:
        return
    sizes = [name for name in _SIZES_OF_MPI if (os.environ.get(name) or '1') not in ('0', '1')]
    told = sizes or ['LOCAL_RANK'] * (os.environ.get('LOCAL_RANK', '-1') != '-1')
    if told:
        raise ValueError(
            f'{told[0]} is {os.environ[told[0]]} without WORLD_SIZE; start several processes of one run with torchrun, '
            'or unset it in each process for runs of their own'
        )


@contextmanager
def together() -> Iterator[None]:
    """A block that all processes leave together: an error in one of them is raised in all.

    A process with an error of its own raises that one; the others raise an OSError with its rank and error.
    """
    own = None
    try:
        yield
    except Exception as error:
        own = error
    told = gather(None if own is None else f'{type(own).__name__}: {own}')
    if own is not None:
        raise own
    for number, error in enumerate(told):
        if error is not None:
            raise OSError(f'process {number} of {count()} stopped with {error}')


def is_of_another_process(error: Exception) -> bool:
    """Whether an error comes from a collective operation that has lost another process."""
    return count() > 1 and (type(error).__name__.startswith('Dist') or 'gloo' in str(error))


@contextmanager
def watching_the_others() -> Iterator[None]:
    """A block whose collective operations raise an OSError that says what to do if another process has died."""
    try:
        yield
    except RuntimeError as error:
        if not is_of_another_process(error):
            raise
        raise OSError(
            f'another process of this run is gone (process {rank()} of {count()} had {type(error).__name__}: '
            f'{error!s:.200}); look at its output and for what has killed it, and start the run again with resume=True'
        ) from error


def gather(value) -> list:
    """The values of all processes, by rank; values are pickled on the way."""
    if count() == 1:
        return [value]
    import torch.distributed as dist

    values = [None] * count()
    dist.all_gather_object(values, value)
    return values


def mean(value):
    """The mean of a tensor over the processes, the same bits in each of them, without a gradient."""
    if count() == 1:
        return value
    import torch.distributed as dist

    total = value.detach().clone()
    dist.all_reduce(total)
    return total / count()


def check_same(**arguments) -> None:
    """Refuses arguments that differ between processes, which would then train different models.

    Raises ValueError in every process, with one argument and two of its values.
    """
    for number, given in enumerate(gather(arguments)):
        for name, value in given.items():
            if value != arguments[name]:
                raise ValueError(
                    f'{name} is {value!r:.80} in process {number} and {arguments[name]!r:.80} in process {rank()}; '
                    'give every process the same arguments'
                )


def built_once(build: Callable, scratch: Path):
    """A ``SentenceTransformer`` on the CPU, which the first process builds and the others read from ``scratch``.

    So all have the same weights and tokenizer. All processes must see the folder, which is emptied and removed.
    """
    if count() == 1:
        return build()
    import shutil

    from pyterrier_hybrid.encoding.checkpoint import load_checkpoint, progress_bar, save_checkpoint

    model = None
    try:
        with together(), progress_bar(False):
            if is_first():
                model = build()
                shutil.rmtree(scratch, ignore_errors=True)
                save_checkpoint(model, scratch)
        with together():
            if not is_first():
                model = load_checkpoint(scratch)
    finally:
        if is_first():
            shutil.rmtree(scratch, ignore_errors=True)
    return model

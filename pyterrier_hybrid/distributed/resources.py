"""What a task has for itself on the machine where it runs."""
import os
from collections.abc import Mapping
from dataclasses import dataclass

#: What says where data and models are, whether they may be fetched, and which precision is 'auto': the same for a task
#: as for whoever gives it.
ENVIRONMENT = (
    'IR_DATASETS_HOME', 'IR_DATASETS_DL_TRIES', 'HF_HOME', 'HF_HUB_CACHE', 'HF_HUB_OFFLINE',
    'SENTENCE_TRANSFORMERS_HOME', 'TOKENIZERS_PARALLELISM', 'PYTERRIER_HYBRID_DTYPE',
)  # fmt: skip
_FOLDERS = ('IR_DATASETS_HOME', 'HF_HOME', 'HF_HUB_CACHE', 'SENTENCE_TRANSFORMERS_HOME')


def processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


@dataclass(frozen=True)
class Resources:
    """What a task asks of a machine.

    Args:
        num_cpus: processors, and threads of numpy and torch: the number of threads changes the order of float32 sums.
        num_gpus: GPUs; 0.5 lets two tasks share one. A task sees those that it asked for, and none for 0.

    Raises:
        ValueError: not a number of this kind.
    """

    num_cpus: int = 1
    num_gpus: float = 0

    def __post_init__(self):
        if isinstance(self.num_cpus, bool) or not isinstance(self.num_cpus, int) or self.num_cpus < 1:
            raise ValueError(f'num_cpus is {self.num_cpus!r}; it is a whole number of processors, at least 1')
        gpus = self.num_gpus
        if isinstance(gpus, bool) or not isinstance(gpus, int | float) or not gpus >= 0 or (gpus > 1 and gpus % 1):
            raise ValueError(f'num_gpus is {gpus!r}; it is a whole number of GPUs, or a part of one between 0 and 1')

    def fit(self, node: Mapping[str, float]) -> bool:
        """Whether a machine with these resources, by Ray's names, can ever run the task."""
        return node.get('CPU', 0) >= self.num_cpus and node.get('GPU', 0) >= self.num_gpus

    def count(self, node: Mapping[str, float]) -> int:
        """How many tasks a machine with these resources, by Ray's names, can run at a time."""
        by_gpus = [node.get('GPU', 0) // self.num_gpus] if self.num_gpus else []
        return int(min([node.get('CPU', 0) // self.num_cpus, *by_gpus]))

    def environment(self) -> dict[str, str]:
        """The environment variables of a task, those of :data:`ENVIRONMENT` as they are here.

        They have to be there before a process loads numpy or torch, whose thread pools read them then.
        """
        kept = {name: os.environ[name] for name in ENVIRONMENT if os.environ.get(name)}
        kept |= {name: os.path.abspath(os.path.expanduser(kept[name])) for name in _FOLDERS if name in kept}
        # Ray hides no GPU from a task that asks for none.
        hidden = {} if self.num_gpus else {'CUDA_VISIBLE_DEVICES': ''}
        return {**kept, **hidden, 'OMP_NUM_THREADS': str(self.num_cpus)}

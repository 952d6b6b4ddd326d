"""Training runs for test_processes.py, in one process or as ``torchrun run_processes.py cases.json results``.

Each case is a set of arguments of ``train``, and what is to go wrong on the way. Every process writes what it saw of
every case to ``results/<case>.<rank>.pt``.
"""
import json
import sys
from pathlib import Path

import torch

from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.training import loop
from pyterrier_hybrid.training.processes import rank
from pyterrier_hybrid.training.trainer import train


class Stopped(Exception):
    pass


def watch(model: torch.nn.Module, calls: list[tuple[int, torch.dtype]]) -> None:
    """Notes of each call of a transformer's first attention how many texts it has, and the type that it computes in."""

    def note(module, given, named, out):
        calls.append((sum(texts for texts, _ in named['blocks'].shapes), out[0].dtype))

    attentions = ('BertSelfAttention', 'XLMRobertaSelfAttention', 'ModernBertAttention')
    for first in [module for module in model.modules() if type(module).__name__ in attentions][:1]:
        first.register_forward_hook(note, with_kwargs=True)


def run(case: dict) -> dict:
    """Trains; returns the error if there is one, the loss and the gradients of every step, and vectors.

    Of a transformer also the calls of :func:`watch`.

    Args:
        case: ``options`` of ``train``, with the folder of the pairs; ``of_rank``, further ones of one process;
            ``fail``, ``{'stop' | 'nan' | 'disk full': [step, rank]}``.
    """
    seen = {'error': None, 'steps': [], 'calls': [], 'vectors': None}
    fail = case.get('fail', {})

    class Watched(loop.BatchTrainer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            watch(self.model, seen['calls'])

        def _fails(self, what: str) -> bool:
            return fail.get(what) in ([self.state.global_step, rank()], [self.state.global_step, 'every'])

        def training_step(self, model, inputs, num_items_in_batch=None):
            if self._fails('stop'):
                raise Stopped
            seen['torch seed'] = torch.initial_seed()
            loss = super().training_step(model, inputs, num_items_in_batch)
            named = [(name, p.grad) for name, p in self.model.named_parameters() if p.grad is not None]
            seen['steps'].append((loss.item(), {name: grad.to_dense().clone() for name, grad in named}))
            return loss

        def compute_loss(self, *args, **kwargs):
            loss = super().compute_loss(*args, **kwargs)
            return loss * float('nan') if self._fails('nan') else loss

        def _save_rng_state(self, output_dir):
            if self._fails('disk full'):
                raise OSError(28, 'No space left on device')
            super()._save_rng_state(output_dir)

    plain, loop.BatchTrainer = loop.BatchTrainer, Watched
    options = {**case['options'], **case.get('of_rank', {}).get(str(rank()), {})}
    try:
        encoder = train(ParallelPairs(options.pop('pairs')), **options)
        seen['vectors'] = torch.from_numpy(encoder.encode_queries(['de question 1 about topic1', 'sentence 3']))
    except Exception as error:
        seen['error'] = f'{type(error).__name__}: {error}'
    finally:
        loop.BatchTrainer = plain
    return seen


if __name__ == '__main__':
    for name, case in json.loads(Path(sys.argv[1]).read_text()).items():
        torch.save(run(case), Path(sys.argv[2]) / f'{name}.{rank()}.pt')

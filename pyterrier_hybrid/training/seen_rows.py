"""AdamW for a transformer whose training uses few rows of its table of word embeddings.

A multilingual vocabulary has 250,000 rows, and a batch uses a thousandth of them. A dense gradient and AdamW over all
rows take as much time as half of the layers, and three times the table in memory. Here the table's gradient is sparse,
and AdamW only moves the rows that have occurred since training began. The others have no gradient and would only decay.
"""
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.optim.adamw import adamw

#: A table with fewer components is trained with dense gradients, which cost little then.
_LEAST_SIZE = 4_000_000


def large_table(model) -> nn.Embedding | None:
    """The word embeddings of a ``SentenceTransformer``'s transformer, if they are trained, large and not shared.

    None otherwise.
    """
    get = getattr(getattr(model[0], 'model', None), 'get_input_embeddings', lambda: None)
    table = get()
    if not isinstance(table, nn.Embedding) or not table.weight.requires_grad or table.weight.numel() < _LEAST_SIZE:
        return None
    users = [each for each in model.modules() for weight in each.parameters(recurse=False) if weight is table.weight]
    return table if users == [table] else None


@contextmanager
def sparse_gradient(table: nn.Embedding) -> Iterator[None]:
    """A block in which the table's gradient is sparse."""
    table.sparse = True
    try:
        yield
    finally:
        table.sparse = False


class SeenRowsAdamW(torch.optim.AdamW):
    """AdamW (Loshchilov and Hutter, ICLR 2019), whose sparse gradients move every row that has had a gradient so far.

    Moments, momentum and bias correction of a row are those of the dense AdamW; its weight decay begins with its first
    gradient. A row that never had one stays as it is.

    Args:
        params: as for ``torch.optim.AdamW``; a parameter whose gradient is sparse is a matrix.
        The others are those of ``torch.optim.AdamW``.
    """

    @torch.no_grad()
    def step(self, closure=None):
        """Takes a step with the weights that have a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        sparse = []
        for group in self.param_groups:
            for weight in group['params']:
                if weight.grad is not None and weight.grad.is_sparse:
                    self._step_rows(weight, group)
                    sparse.append((weight, weight.grad))
                    weight.grad = None
        try:
            super().step()
        finally:
            for weight, gradient in sparse:
                weight.grad = gradient
        return loss

    def _step_rows(self, weight: torch.Tensor, group: dict) -> None:
        """Takes a step with all seen rows. The moments are in the order in which the rows were first seen."""
        gradient, state = weight.grad.coalesce(), self.state[weight]
        occurring, values = gradient.indices()[0], gradient.values()
        if not state:
            none = weight.new_empty((0, weight.shape[1]))
            state.update(
                step=torch.zeros((), dtype=torch.float32), rows=occurring[:0], exp_avg=none, exp_avg_sq=none.clone()
            )
        rows = state['rows'].long()  # a loaded state has them as floats, which are exact below 2**24
        place = torch.full((len(weight),), -1, device=weight.device)
        place[rows] = torch.arange(len(rows), device=weight.device)
        new = occurring[place[occurring] < 0]
        if len(new):
            place[new] = torch.arange(len(rows), len(rows) + len(new), device=weight.device)
            rows = torch.cat([rows, new])
            for name in ('exp_avg', 'exp_avg_sq'):
                state[name] = torch.cat([state[name], state[name].new_zeros((len(new), weight.shape[1]))])
        state['rows'] = rows
        moved = weight.index_select(0, rows)
        dense = torch.zeros_like(moved).index_copy_(0, place[occurring], values)
        beta1, beta2 = group['betas']
        adamw(
            [moved], [dense], [state['exp_avg']], [state['exp_avg_sq']], [], [state['step']], fused=True, amsgrad=False,
            beta1=beta1, beta2=beta2, lr=group['lr'], weight_decay=group['weight_decay'], eps=group['eps'],
            maximize=False,
        )  # fmt: skip
        weight.index_copy_(0, rows, moved)


def clip_grad_norm(weights: Iterable[nn.Parameter], max_norm: float) -> torch.Tensor:
    """``torch.nn.utils.clip_grad_norm_`` for dense and sparse gradients; coalesces the sparse ones."""
    values = []
    for weight in weights:
        if weight.grad is not None and weight.grad.is_sparse:
            weight.grad = weight.grad.coalesce()
            values.append(weight.grad.values())
        elif weight.grad is not None:
            values.append(weight.grad)
    norm = nn.utils.get_total_norm(values)
    scale = torch.clamp(max_norm / (norm + 1e-6), max=1.0)
    for each in values:
        each.mul_(scale)
    return norm

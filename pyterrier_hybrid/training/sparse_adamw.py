"""The optimiser of a bag of subwords."""
import torch

#: Components that are updated at a time on a CPU, so that all that is computed of them stays in its cache.
_AT_A_TIME = 1 << 17
#: A row's part of the learning rate, at least: a row of zeros must be able to leave zero.
_LEAST_PART = 0.01


class SparseAdamW(torch.optim.Optimizer):
    """AdamW (Loshchilov and Hutter, ICLR 2019) over the rows of a sparse gradient: the others, and their moments, wait.

    Adam moves every component by about the learning rate, so that a short row would turn faster than a long one, and
    frequent subwords, which begin short (see :func:`static_backbone`), would soon be as long as rare ones. A row's
    learning rate is therefore ``lr`` times its length when training began, relative to the root mean square over rows.

    Args:
        params: matrices whose gradients are sparse.
        lr: the learning rate.
        weight_decay: a row that occurs is shrunk by its learning rate times this before its step.
        betas: decay rates of the moments.
        eps: added to the root of the second moment.
    """

    def __init__(self, params, lr: float, weight_decay: float = 0.0, betas=(0.9, 0.999), eps: float = 1e-8):
        super().__init__(params, {'lr': lr, 'weight_decay': weight_decay, 'betas': betas, 'eps': eps})

    @torch.no_grad()
    def step(self, closure=None):
        """One step on the gradients that are there."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for weight in group['params']:
                if weight.grad is not None:
                    self._step(weight, group)
        return loss

    def _step(self, weight: torch.Tensor, group: dict) -> None:
        state = self.state[weight]
        if not state:
            lengths = weight.norm(dim=1, keepdim=True)
            part = lengths / lengths.square().mean().sqrt().clamp(min=torch.finfo(weight.dtype).tiny)
            state.update(
                step=torch.zeros(()), part=part.clamp(min=_LEAST_PART), exp_avg=torch.zeros_like(weight),
                exp_avg_sq=torch.zeros_like(weight),
            )  # fmt: skip
        state['step'] += 1
        gradient = weight.grad.coalesce()
        rows, values = gradient.indices()[0], gradient.values()
        at_a_time = max(1, _AT_A_TIME // weight.shape[1] if weight.device.type == 'cpu' else len(rows))
        for some in zip(rows.split(at_a_time), values.split(at_a_time)):
            self._step_rows(weight, *some, state, **group)

    @staticmethod
    def _step_rows(weight, rows, values, state, *, lr: float, weight_decay: float, betas, eps: float, **_) -> None:
        """A step on some of the rows, float32 (rows, d); each is told once."""
        step, (beta1, beta2) = state['step'].item(), betas
        first = state['exp_avg'].index_select(0, rows).mul_(beta1).add_(values, alpha=1 - beta1)
        second = state['exp_avg_sq'].index_select(0, rows).mul_(beta2).addcmul_(values, values, value=1 - beta2)
        state['exp_avg'].index_copy_(0, rows, first)
        state['exp_avg_sq'].index_copy_(0, rows, second)
        update = first.div_(1 - beta1**step).div_(second.div_(1 - beta2**step).sqrt_().add_(eps))
        update.add_(weight.index_select(0, rows), alpha=weight_decay)
        weight.index_add_(0, rows, update.mul_(state['part'].index_select(0, rows)), alpha=-lr)

"""Training a bag of subwords in time that follows the batch, not the vocabulary.

A step touches a few thousand rows of the table of vectors. A dense gradient costs the whole table every time, and
torch's own sparse gradient holds a row for each token of the batch. Here a step costs the rows that occur.
"""
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from pyterrier_hybrid.encoding.backbones import is_static


def is_bag(model) -> bool:
    """Whether a ``SentenceTransformer`` is a bag of subwords with nothing to train but its table."""
    return is_static(model) and len([weight for weight in model.parameters() if weight.requires_grad]) == 1


@contextmanager
def row_sparse(model, token_dropout: float = 0.0) -> Iterator[None]:
    """Gives a ``SentenceTransformer`` that is a bag of subwords a :class:`RowSparseBag`, until the block ends."""
    bag = model[0].embedding
    model[0].embedding = RowSparseBag(bag, token_dropout)
    try:
        yield
    finally:
        model[0].embedding = bag


class RowSparseBag(nn.EmbeddingBag):
    """An ``EmbeddingBag`` of means whose gradient is sparse, with one entry for each row that occurs.

    Args:
        bag: the one whose table it shares.
        token_dropout: while training, leave out a token of a text with this probability, its first token excepted.
    """

    def __init__(self, bag: nn.EmbeddingBag, token_dropout: float = 0.0):
        super().__init__(*bag.weight.shape, mode='mean', sparse=True, _weight=bag.weight.detach())
        self.weight, self.token_dropout = bag.weight, token_dropout

    def forward(self, input: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        """The mean vectors, float32 (texts, d), of token ids int64 (tokens,) cut at ``offsets``, int64 (texts,)."""
        if self.training and self.token_dropout:
            input, offsets = self._thinned(input, offsets)
        if not torch.is_grad_enabled():
            return super().forward(input, offsets)
        return _RowSparseMean.apply(self.weight, input, offsets)

    def _thinned(self, tokens: torch.Tensor, offsets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The tokens that are kept, and where each text begins among them."""
        keep = torch.rand(len(tokens), device=tokens.device) >= self.token_dropout
        keep[offsets[offsets < len(tokens)]] = True
        before = nn.functional.pad(keep.cumsum(0), (1, 0))
        return tokens[keep], before[offsets]


class _RowSparseMean(torch.autograd.Function):
    """The mean over a copy of the rows that occur, whose dense gradient becomes those rows of a sparse one."""

    @staticmethod
    def forward(ctx, weight, tokens, offsets):
        occurs = torch.zeros(len(weight), dtype=torch.bool, device=weight.device)
        occurs[tokens] = True
        ctx.shape, ctx.rows = weight.shape, occurs.nonzero()[:, 0]
        place = torch.empty(len(weight), dtype=torch.long, device=weight.device)
        place[ctx.rows] = torch.arange(len(ctx.rows), device=weight.device)
        with torch.enable_grad():
            ctx.vectors = weight.index_select(0, ctx.rows).requires_grad_()
            ctx.means = nn.functional.embedding_bag(place[tokens], ctx.vectors, offsets, mode='mean')
        return ctx.means.detach()

    @staticmethod
    def backward(ctx, gradient):
        (values,) = torch.autograd.grad(ctx.means, ctx.vectors, gradient)
        rows = torch.sparse_coo_tensor(ctx.rows[None], values, ctx.shape, is_coalesced=True, check_invariants=False)
        return rows, None, None


def clip_sparse_grad_norm(weights: Iterable[nn.Parameter], max_norm: float) -> torch.Tensor:
    """``torch.nn.utils.clip_grad_norm_`` for gradients that are all sparse; leaves them coalesced."""
    weights = [weight for weight in weights if weight.grad is not None]
    for weight in weights:
        weight.grad = weight.grad.coalesce()
    values = [weight.grad.values() for weight in weights]
    norm = nn.utils.get_total_norm(values)
    scale = torch.clamp(max_norm / (norm + 1e-6), max=1.0)
    for each in values:
        each.mul_(scale)
    return norm

"""Training a static embedding in time that grows with the batch, not with the vocabulary.

A step uses a few thousand rows of the table of vectors. With a dense gradient, every step would compute the whole
table; torch's own sparse gradient holds a row for each token of the batch. Here a step only computes the rows that
occur in the batch: :class:`RowSparseEmbedding` computes their gradients, and :class:`SparseAdamW` moves them.
:class:`CachedTokens` keeps the token ids of texts, because tokenising a batch takes longer than a step.
"""
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from pyterrier_hybrid.encoding.backbones import is_static
from pyterrier_hybrid.encoding.kitoken_ids import TokenIds
from pyterrier_hybrid.encoding.words import ID

#: The number of texts whose token ids are kept, about 300 bytes each. If there are more, all are dropped.
MOST_TEXTS = 2_000_000
#: Components updated at a time on a CPU, so that intermediate results stay in its cache.
_AT_A_TIME = 1 << 17
#: The least factor of a row's learning rate: a row of zeros must be able to leave zero.
_LEAST_PART = 0.01


def is_row_sparse(model) -> bool:
    """Whether a ``SentenceTransformer`` is a static embedding with nothing to train but its table."""
    return is_static(model) and len([weight for weight in model.parameters() if weight.requires_grad]) == 1


@contextmanager
def row_sparse(model, token_dropout: float = 0.0) -> Iterator[None]:
    """A block in which a static embedding has the gradients of :class:`RowSparseEmbedding`."""
    plain = model[0].embedding
    model[0].embedding = RowSparseEmbedding(plain, token_dropout)
    try:
        yield
    finally:
        model[0].embedding = plain


class RowSparseEmbedding(nn.EmbeddingBag):
    """An ``EmbeddingBag`` of means whose gradient is sparse, with one entry for each row that occurs.

    It shares the table of ``plain``. In training it leaves out tokens with the probability ``token_dropout``, except
    the first token of a text.
    """

    def __init__(self, plain: nn.EmbeddingBag, token_dropout: float = 0.0):
        super().__init__(*plain.weight.shape, mode='mean', sparse=True, _weight=plain.weight.detach())
        self.weight, self.token_dropout = plain.weight, token_dropout

    def forward(self, input: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        """The mean vectors, float32 (texts, d), of token ids int64 (tokens,) cut at ``offsets``, int64 (texts,)."""
        if self.training and self.token_dropout:
            input, offsets = self._thinned(input, offsets)
        if not torch.is_grad_enabled():
            return super().forward(input, offsets)
        return _RowSparseMean.apply(self.weight, input, offsets)

    def _thinned(self, tokens: torch.Tensor, offsets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Drops tokens at random; returns those that are kept, and where each text begins among them."""
        keep = torch.rand(len(tokens), device=tokens.device) >= self.token_dropout
        keep[offsets[offsets < len(tokens)]] = True
        before = nn.functional.pad(keep.cumsum(0), (1, 0))
        return tokens[keep], before[offsets]


class _RowSparseMean(torch.autograd.Function):
    """Means over a copy of the rows that occur. The copy's dense gradient becomes a sparse gradient of the table."""

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


class SparseAdamW(torch.optim.Optimizer):
    """AdamW (Loshchilov and Hutter, ICLR 2019) over the rows of a sparse gradient; other rows and their moments stay.

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
        """Takes a step with the weights that have a gradient."""
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
        """Takes a step with some of the rows, each of them once; ``values`` are their gradients, float32 (rows, d)."""
        step, (beta1, beta2) = state['step'].item(), betas
        first = state['exp_avg'].index_select(0, rows).mul_(beta1).add_(values, alpha=1 - beta1)
        second = state['exp_avg_sq'].index_select(0, rows).mul_(beta2).addcmul_(values, values, value=1 - beta2)
        state['exp_avg'].index_copy_(0, rows, first)
        state['exp_avg_sq'].index_copy_(0, rows, second)
        update = first.div_(1 - beta1**step).div_(second.div_(1 - beta2**step).sqrt_().add_(eps))
        update.add_(weight.index_select(0, rows), alpha=weight_decay)
        weight.index_add_(0, rows, update.mul_(state['part'].index_select(0, rows)), alpha=-lr)


class CachedTokens:
    """Tokenises for a static embedding, and keeps each text's ids for the next time that the text is drawn."""

    def __init__(self, tokenizer):
        self._tokenizer, self._ids = tokenizer, TokenIds(tokenizer)
        self._known: dict[bytes, bytes] = {}

    def __call__(self, texts: Sequence[str], prompt: str | None = None, task: str | None = None) -> dict:
        """The input of ``StaticEmbedding``: token ids, int64 (tokens,), and where each text begins, int64 (texts,).

        ``prompt`` is put before every text. ``task``, which sentence-transformers passes, has no effect.
        """
        texts = [f'{prompt}{text}' for text in texts] if prompt else texts
        keys = [blake2b(text.encode(), digest_size=16).digest() for text in texts]
        new = {key: text for key, text in zip(keys, texts) if key not in self._known}
        found = dict(zip(new, self._tokenized([*new.values()])))
        ids = [found[key] if key in found else self._known[key] for key in keys]
        if len(self._known) + len(found) > MOST_TEXTS:
            self._known.clear()
        self._known.update(found)
        ends = np.cumsum([len(each) for each in ids]) // ID.itemsize
        return {
            'input_ids': torch.from_numpy(np.frombuffer(b''.join(ids), ID).astype(np.int64)),
            'offsets': torch.from_numpy(np.concatenate([[0], ends[:-1]])),
        }

    def _tokenized(self, texts: list[str]) -> list[bytes]:
        self._ids.expect(texts)
        cut = self._tokenizer.truncation
        if cut and cut['direction'] == 'left':
            encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
            return [np.array(encoding.ids, ID).tobytes() for encoding in encodings]
        ids, lengths = self._ids(texts, cut and cut['max_length'])
        bounds = [0, *(np.cumsum(lengths) * ID.itemsize).tolist()]
        together = ids.tobytes()
        return [together[a:b] for a, b in pairwise(bounds)]

"""Texts of a batch packed into blocks of equal length, so that a transformer computes little that is padding.

A batch is padded to its longest text, and on batches of several languages a third of what a transformer then computes
is padding. Here the texts of a batch lie one after another, ordered by length and cut into blocks, each padded to its
own longest text. Linear layers, activations and normalisations see one long row of tokens; attention looks at one
block at a time. On a CPU the attention is written out in matrix products, whose backward pass is faster there than
that of torch's fused attention.
"""
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from sentence_transformers.base.modules import Transformer
from transformers import AttentionInterface, AttentionMaskInterface

#: Families whose tokens know their place by the positions that the model is given, and by nothing else.
FAMILIES = ('bert', 'roberta', 'xlm-roberta', 'modernbert')
#: Of these, those whose positions begin behind that of padding.
_AFTER_PADDING = ('roberta', 'xlm-roberta')
_NAME = 'pyterrier_hybrid_blocks'
#: A block ends where its next text would be shorter than this part of its longest.
_LEAST_PART = 0.85


@dataclass(frozen=True, eq=False)
class Blocks:
    """Where the texts of a batch lie.

    Attributes:
        order: int64 (texts,), the texts by length, longest first.
        shapes: of each block (texts, length).
        masks: of each block, bool (texts, 1, 1, length), True at tokens; None where no text is padded.
    """

    order: torch.Tensor
    shapes: list[tuple[int, int]]
    masks: list[torch.Tensor | None]

    @classmethod
    def of(cls, attention_mask: torch.Tensor) -> 'Blocks':
        """The blocks of a batch with this mask, (texts, tokens), padded on the right."""
        lengths = attention_mask.sum(1)
        order = torch.argsort(lengths, descending=True, stable=True)
        shapes: list[tuple[int, int]] = []
        masks: list[torch.Tensor | None] = []
        ordered, start = lengths[order].tolist(), 0
        for end in range(1, len(ordered) + 1):
            if end == len(ordered) or ordered[end] < _LEAST_PART * ordered[start]:
                longest = max(1, ordered[start])
                shapes.append((end - start, longest))
                mask = attention_mask[order[start:end], None, None, :longest].bool()
                masks.append(None if mask.all() else mask)
                start = end
        return cls(order, shapes, masks)

    def pack(self, values: torch.Tensor) -> torch.Tensor:
        """Values of tokens, (texts, tokens, ...), in blocks, (1, packed tokens, ...)."""
        parts = [rows[:, :length].flatten(0, 1) for rows, (_, length) in zip(self._rows(values), self.shapes)]
        return torch.cat(parts)[None]

    def unpack(self, packed: torch.Tensor, tokens: int) -> torch.Tensor:
        """The reverse of :meth:`pack`: (texts, tokens, d) of (1, packed tokens, d); what is in no block is 0."""
        parts = [
            torch.nn.functional.pad(part.view(*shape, -1), (0, 0, 0, tokens - shape[1]))
            for part, shape in zip(self.split(packed[0], 0), self.shapes)
        ]
        return torch.cat(parts)[torch.argsort(self.order)]

    def split(self, packed: torch.Tensor, dim: int) -> tuple[torch.Tensor, ...]:
        """The blocks' parts of packed values."""
        return packed.split([texts * length for texts, length in self.shapes], dim)

    def _rows(self, values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return values[self.order].split([texts for texts, _ in self.shapes])


@contextmanager
def packed(model) -> Iterator[None]:
    """Packs what a ``SentenceTransformer`` computes, until the block ends; see :func:`can_be_packed`."""
    inner = model[0].model
    plain, attention = inner.forward, inner.config._attn_implementation
    first = inner.config.pad_token_id + 1 if inner.config.model_type in _AFTER_PADDING else 0

    def forward(input_ids, attention_mask, **kwargs):
        blocks = Blocks.of(attention_mask)
        positions = torch.arange(first, first + input_ids.shape[1], device=input_ids.device).expand_as(input_ids)
        found = plain(
            input_ids=blocks.pack(input_ids), position_ids=blocks.pack(positions), attention_mask=None, blocks=blocks,
            **{name: value for name, value in kwargs.items() if name not in ('token_type_ids', 'position_ids')},
        )  # fmt: skip
        found.last_hidden_state = blocks.unpack(found.last_hidden_state, input_ids.shape[1])
        return found

    AttentionInterface.register(_NAME, _attention)
    AttentionMaskInterface.register(_NAME, _no_mask)
    inner.set_attn_implementation(_NAME)
    inner.forward = forward
    try:
        yield
    finally:
        del inner.forward
        inner.set_attn_implementation(attention)


def can_be_packed(model) -> bool:
    """Whether a ``SentenceTransformer`` is on a CPU and begins with one of :data:`FAMILIES`, padded on the right."""
    return (
        isinstance(model[0], Transformer)
        and model[0].model.config.model_type in FAMILIES
        and model.device.type == 'cpu'
        and model[0].tokenizer.padding_side == 'right'
    )


def _no_mask(*_, **__) -> None:
    """No mask for the whole row of tokens."""


def _attention(
    module, query, key, value, attention_mask, *, blocks: Blocks, scaling=None, dropout=0.0, sliding_window=None, **_
):
    """Attention within each text: (1, heads, packed tokens, d) to (1, packed tokens, heads, d), and no weights.

    In a layer with a ``sliding_window``, a token attends to those that are fewer places away.
    """
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    parts = []
    for (texts, length), mask, q, k, v in zip(
        blocks.shapes, blocks.masks, *(blocks.split(states[0], 1) for states in (query, key, value))
    ):
        q, k, v = (states.view(-1, texts, length, states.shape[-1]).transpose(0, 1) for states in (q, k, v))
        weights = torch.matmul(q * scaling, k.transpose(-1, -2))
        if sliding_window is not None and sliding_window < length:
            places = torch.arange(length, device=q.device)
            near = (places - places[:, None]).abs() < sliding_window
            mask = near if mask is None else mask & near
        if mask is not None:
            weights = weights.masked_fill(~mask, torch.finfo(weights.dtype).min)
        weights = weights.softmax(-1, torch.promote_types(weights.dtype, torch.float32)).to(v.dtype)
        weights = torch.nn.functional.dropout(weights, dropout, module.training)
        parts.append(torch.matmul(weights, v).transpose(1, 2).flatten(0, 1))
    return torch.cat(parts)[None], None

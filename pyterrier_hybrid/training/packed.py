"""Packs the texts of a batch into blocks of about equal length, so that a transformer computes little padding.

A batch is padded to its longest text, and in batches of several languages a third of what a transformer then computes
is padding. Here the texts of a batch are ordered by length and cut into blocks, each padded to its own longest text.
Linear layers, activations and normalisations see one long row of tokens; attention works on one block at a time. The
attention is written out in matrix products, whose backward pass is faster on a CPU than that of torch's fused
attention.
"""
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from sentence_transformers.base.modules import Transformer
from transformers import AttentionInterface, AttentionMaskInterface

#: Families of models in which a token's place only enters through the positions that the model is given.
FAMILIES = ('bert', 'roberta', 'xlm-roberta', 'modernbert')
#: Those of these families whose positions begin after that of padding.
_AFTER_PADDING = ('roberta', 'xlm-roberta')
_NAME = 'pyterrier_hybrid_blocks'
#: A block ends before a text that is shorter than this share of the block's longest text.
_LEAST_PART = 0.85


@dataclass(frozen=True, eq=False)
class Blocks:
    """The places of a batch's texts in packed values.

    Attributes:
        order: int64 (texts,), the texts by length, longest first.
        shapes: (texts, length) of each block.
        masks: the mask of each block, bool (texts, 1, 1, length), True at tokens; None if no text is padded.
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
        """Packs values of tokens, (texts, tokens, ...), into blocks, (1, packed tokens, ...)."""
        parts = [rows[:, :length].flatten(0, 1) for rows, (_, length) in zip(self._rows(values), self.shapes)]
        return torch.cat(parts)[None]

    def unpack(self, packed: torch.Tensor, tokens: int) -> torch.Tensor:
        """Reverses :meth:`pack`: (texts, tokens, d) from (1, packed tokens, d), 0 for tokens outside of the blocks."""
        parts = [
            torch.nn.functional.pad(part.view(*shape, -1), (0, 0, 0, tokens - shape[1]))
            for part, shape in zip(self.split(packed[0], 0), self.shapes)
        ]
        return torch.cat(parts)[torch.argsort(self.order)]

    def split(self, packed: torch.Tensor, dim: int) -> tuple[torch.Tensor, ...]:
        """Splits packed values into those of the blocks."""
        return packed.split([texts * length for texts, length in self.shapes], dim)

    def _rows(self, values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return values[self.order].split([texts for texts, _ in self.shapes])


@contextmanager
def packed(model) -> Iterator[None]:
    """A block in which a ``SentenceTransformer`` computes packed; see :func:`can_be_packed`."""
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
    """Returns None: the whole row of tokens has no mask, because each block has its own."""


def _attention(
    module, query, key, value, attention_mask, *, blocks: Blocks, scaling=None, dropout=0.0, sliding_window=None, **_
):
    """Computes attention within each text. Maps (1, heads, packed tokens, d) to (1, packed tokens, heads, d), and None.

    In a layer with a ``sliding_window``, a token attends to tokens that are fewer places away than that.
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

"""Faster implementations of the layers of BERT and XLM-R than transformers': in torch with fewer steps, or in OpenVINO.

Only the layers are replaced. The embeddings, which are a lookup, and what follows the transformer (pooling, dense
layers, normalisation) stay the model's own, in float32. So layers are made directly from the weights, without tracing
or a cache.
"""
import copy
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from torch.nn import functional

from pyterrier_hybrid.encoding.identity import weights_version
from pyterrier_hybrid.encoding.processors import multiplies

#: Architectures whose layers are BERT's (Devlin et al., NAACL 2019), by the names of their classes in transformers.
ARCHITECTURES = ('BertModel', 'RobertaModel', 'XLMRobertaModel', 'CamembertModel')
#: Tokens in a batch for OpenVINO. Larger batches are no faster, and more of their tokens are padding.
BUDGET = 1024

#: Maps the output of the embeddings, float32 (texts, tokens, d), and the mask, (texts, tokens), to token vectors.
Layers = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def has_known_layers(model: SentenceTransformer) -> bool:
    """Whether a model's layers are those of BERT, as implemented in transformers."""
    if not isinstance(model[0], Transformer):
        return False
    inner = model[0].model
    config = inner.config
    return (
        type(inner).__name__ in ARCHITECTURES
        and type(inner).__module__.startswith('transformers.')
        and config.hidden_act == 'gelu'
        and not config.is_decoder
        and getattr(config, 'position_embedding_type', 'absolute') in ('absolute', None)
    )


class ModelByLayers:
    """A model that computes with other layers than its own.

    The model is shared; it is in float32, on the CPU, and passes :func:`has_known_layers`. The layers have a copy of
    its weights at the :func:`weights_version` ``version``, and were made in the process with the id ``process``. They
    compute ``threads`` batches at a time.
    """

    def __init__(self, model: SentenceTransformer, layers: Layers, threads: int = 1):
        self.model, self.layers, self.threads = model, layers, threads
        self.version, self.process = weights_version(model), os.getpid()
        self._rest = copy.copy(model)
        self._rest._modules = OrderedDict(list(model.named_children())[1:])

    def budget(self, tokens: int) -> int | None:
        """The size of a batch, in tokens, that keeps all threads busy with ``tokens`` in all; None for no limit."""
        return None if self.threads == 1 else min(BUDGET, max(1, -(-tokens // self.threads)))

    def map(self, batches: Iterable[dict], task: str) -> Iterator[torch.Tensor]:
        """Yields the vectors of batches of features, in order."""

        def vectors(batch: dict) -> torch.Tensor:
            with torch.inference_mode():
                return self._vectors(batch, task)

        if self.threads == 1:
            yield from map(vectors, batches)
            return
        with ThreadPoolExecutor(self.threads) as executor:
            yield from _ahead(executor, vectors, batches, 2 * self.threads)

    def _vectors(self, batch: dict, task: str) -> torch.Tensor:
        ids, mask = batch['input_ids'], batch['attention_mask']
        hidden = self.model[0].model.embeddings(input_ids=ids, token_type_ids=batch.get('token_type_ids'))
        return self._rest({**batch, 'token_embeddings': self.layers(hidden, mask)}, task=task)['sentence_embedding']


def _ahead(executor: ThreadPoolExecutor, function: Callable, items: Iterable, count: int) -> Iterator:
    """Yields the results in order; at most ``count`` items are under way at a time."""
    items = iter(items)
    under_way = [executor.submit(function, item) for item in islice(items, count)]
    while under_way:
        yield under_way.pop(0).result()
        under_way += [executor.submit(function, item) for item in islice(items, 1)]


def torch_layers(inner: torch.nn.Module, dtype: torch.dtype) -> Layers:
    """Layers whose matrix products are in one precision, and everything else between the layers in float32.

    Queries, keys and values are one product, and the activation is part of its product if oneDNN has this operation.
    That is faster than transformers' layers, and rounds less, because residual sums and layer normalisation stay in
    float32.
    """
    heads, made = inner.config.num_attention_heads, []
    fused = dtype == torch.bfloat16 and multiplies(dtype) and hasattr(torch.ops.mkldnn, '_linear_pointwise')
    gelu = _fused_linear_gelu if fused else _linear_gelu

    def linear(*layers: torch.nn.Linear) -> tuple[torch.Tensor, torch.Tensor]:
        return tuple(torch.cat([getattr(layer, name).detach() for layer in layers]).to(dtype)
                     for name in ('weight', 'bias'))  # fmt: skip

    def norm(layer: torch.nn.LayerNorm) -> tuple:
        return layer.normalized_shape, layer.weight.detach().clone(), layer.bias.detach().clone(), layer.eps

    for layer in inner.encoder.layer:
        own, output = layer.attention.self, layer.attention.output
        made.append((
            linear(own.query, own.key, own.value), linear(output.dense), norm(output.LayerNorm),
            linear(layer.intermediate.dense), linear(layer.output.dense), norm(layer.output.LayerNorm),
        ))  # fmt: skip

    def run(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        texts, tokens, width = hidden.shape
        seen = None if mask.all() else mask[:, None, None, :].bool()
        for three, out, first, inside, outside, second in made:
            q, k, v = functional.linear(hidden.to(dtype), *three).view(
                texts, tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4)  # fmt: skip
            attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2)
            hidden = functional.layer_norm(hidden + functional.linear(attended.flatten(2), *out), *first)
            expanded = gelu(hidden.to(dtype), *inside)
            hidden = functional.layer_norm(hidden + functional.linear(expanded, *outside), *second)
        return hidden

    return run


def _linear_gelu(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """A linear layer and its activation."""
    return functional.gelu(functional.linear(x, weight, bias))


def _fused_linear_gelu(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The same as one operation of oneDNN, for bfloat16 on a processor that has instructions for it."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, 'gelu', [], 'none')

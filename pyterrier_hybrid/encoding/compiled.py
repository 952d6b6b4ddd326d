"""A transformer's layers compiled by OpenVINO, which fuses what lies between matrix products: an optional extra.

The layers alone are compiled: embeddings, which are a lookup, and what follows the transformer (pooling, dense layers,
normalisation) stay with torch. So the graph is built from the weights at once, without tracing, and needs no cache.
"""
import copy
import importlib.util
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer

from pyterrier_hybrid.encoding.identity import weights_version

#: Architectures whose layers are BERT's (Devlin et al., NAACL 2019), by the names of their classes in transformers.
ARCHITECTURES = ('BertModel', 'RobertaModel', 'XLMRobertaModel', 'CamembertModel')
#: Tokens in a batch: as fast as larger ones, and less padding is computed.
BUDGET = 1024
#: What is added to the attention scores of padding, before softmax.
_MASKED = -1e9


def compilable(model: SentenceTransformer) -> bool:
    """Whether OpenVINO is installed, and the model's layers are known here."""
    if importlib.util.find_spec('openvino') is None or not isinstance(model[0], Transformer):
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


class CompiledModel:
    """A model whose layers are compiled for this processor.

    Several batches are computed at a time, each by one of the threads that torch has.

    Args:
        model: in float32, on the CPU, :func:`compilable`; shared. The compiled weights are a copy.
        precision: 'bf16', or 'f32', OpenVINO's names.

    Attributes:
        version: the process that it was compiled in, and :func:`weights_version` of the weights.
    """

    def __init__(self, model: SentenceTransformer, precision: str = 'bf16'):
        import openvino

        self.model, self.threads = model, torch.get_num_threads()
        self.version = os.getpid(), weights_version(model)
        self._rest = copy.copy(model)
        self._rest._modules = OrderedDict(list(model.named_children())[1:])
        options = {
            'INFERENCE_PRECISION_HINT': precision, 'INFERENCE_NUM_THREADS': self.threads,
            'NUM_STREAMS': self.threads, 'ENABLE_CPU_PINNING': False,
        }  # fmt: skip
        self._compiled = openvino.Core().compile_model(_layers(model[0].model), 'CPU', options)
        self._requests = threading.local()

    def budget(self, tokens: int) -> int:
        """The tokens of a batch, out of all these, that keep all threads at work."""
        return min(BUDGET, max(1, -(-tokens // self.threads)))

    def map(self, batches: Iterable[dict], task: str) -> Iterator[torch.Tensor]:
        """Yields the vectors of batches of features, in order."""

        def vectors(batch: dict) -> torch.Tensor:
            with torch.inference_mode():
                return self._vectors(batch, task)

        with ThreadPoolExecutor(self.threads) as executor:
            yield from _ahead(executor, vectors, batches, 2 * self.threads)

    def _vectors(self, batch: dict, task: str) -> torch.Tensor:
        if not hasattr(self._requests, 'own'):
            self._requests.own = self._compiled.create_infer_request()
        ids, mask = batch['input_ids'], batch['attention_mask']
        hidden = self.model[0].model.embeddings(input_ids=ids, token_type_ids=batch.get('token_type_ids'))
        penalty = (1 - mask[:, None, None, :].float()) * _MASKED
        found = self._requests.own.infer([hidden.numpy(), penalty.numpy()], share_inputs=True)
        states = torch.from_numpy(found[0].copy())
        return self._rest({**batch, 'token_embeddings': states}, task=task)['sentence_embedding']


def _ahead(executor: ThreadPoolExecutor, function: Callable, items: Iterable, count: int) -> Iterator:
    """Results in order, of at most ``count`` items that are taken ahead."""
    items = iter(items)
    under_way = [executor.submit(function, item) for item in islice(items, count)]
    while under_way:
        yield under_way.pop(0).result()
        under_way += [executor.submit(function, item) for item in islice(items, 1)]


def _layers(inner: torch.nn.Module):
    """The layers as OpenVINO's graph, from (texts, tokens, d) and what is added to scores, (texts, 1, 1, tokens)."""
    import openvino
    from openvino import opset13 as ops

    config = inner.config
    heads, width = config.num_attention_heads, config.hidden_size
    scale = ops.constant((width // heads) ** -0.5, dtype=openvino.Type.f32)
    split = ops.constant([0, 0, heads, width // heads], dtype=openvino.Type.i64)
    joined = ops.constant([0, 0, width], dtype=openvino.Type.i64)
    swapped = ops.constant([0, 2, 1, 3], dtype=openvino.Type.i64)

    def constant(tensor: torch.Tensor):
        return ops.constant(tensor.detach().float().numpy())

    def linear(x, *layers: torch.nn.Linear):
        weight, bias = (torch.cat([getattr(layer, name) for layer in layers]) for name in ('weight', 'bias'))
        return ops.add(ops.matmul(x, constant(weight), False, True), constant(bias))

    def norm(x, layer: torch.nn.LayerNorm):
        centred = ops.mvn(x, ops.constant([-1], dtype=openvino.Type.i64), True, layer.eps, 'inside_sqrt')
        return ops.add(ops.multiply(centred, constant(layer.weight)), constant(layer.bias))

    hidden = ops.parameter([-1, -1, width], openvino.Type.f32)
    penalty = ops.parameter([-1, 1, 1, -1], openvino.Type.f32)
    x = hidden
    for layer in inner.encoder.layer:
        own, output = layer.attention.self, layer.attention.output
        three = ops.split(linear(x, own.query, own.key, own.value), ops.constant(2, dtype=openvino.Type.i64), 3)
        q, k, v = (ops.transpose(ops.reshape(part, split, True), swapped) for part in three.outputs())
        attended = ops.scaled_dot_product_attention(q, k, v, penalty, scale)
        attended = ops.reshape(ops.transpose(attended, swapped), joined, True)
        x = norm(ops.add(linear(attended, output.dense), x), output.LayerNorm)
        inside = ops.gelu(linear(x, layer.intermediate.dense), 'erf')
        x = norm(ops.add(linear(inside, layer.output.dense), x), layer.output.LayerNorm)
    return openvino.Model([ops.result(x)], [hidden, penalty], 'layers')

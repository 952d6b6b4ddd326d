"""A transformer's layers compiled by OpenVINO (an optional extra), which fuses what is between matrix products."""
import ctypes
import importlib.util
import os
import weakref

import torch

from pyterrier_hybrid.encoding.layers import Layers

#: Added to the attention scores of padding, before softmax.
_MASKED = -1e9
#: The layers that this process has compiled.
_made: weakref.WeakSet = weakref.WeakSet()


def is_installed() -> bool:
    """Whether OpenVINO is installed."""
    return importlib.util.find_spec('openvino') is not None


def openvino_layers(inner: torch.nn.Module, precision: str, threads: int) -> Layers:
    """Compiles a float32 transformer's layers for this processor, in the precision 'bf16' or 'f32' (OpenVINO's names).

    Several threads can call them at a time; each of OpenVINO's ``threads`` computes one batch at a time.
    """
    import openvino

    options = {
        'INFERENCE_PRECISION_HINT': precision, 'INFERENCE_NUM_THREADS': threads, 'NUM_STREAMS': threads,
        'ENABLE_CPU_PINNING': False,
    }  # fmt: skip
    compiled, idle = openvino.Core().compile_model(_graph(inner), 'CPU', options), []

    def run(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        try:
            request = idle.pop()
        except IndexError:
            request = compiled.create_infer_request()
        penalty = (1 - mask[:, None, None, :].float()) * _MASKED
        found = torch.from_numpy(request.infer([hidden.numpy(), penalty.numpy()], share_inputs=True)[0].copy())
        idle.append(request)
        return found

    _made.add(run)
    return run


def _keep() -> None:
    """Keeps compiled layers alive in a forked process. Freeing them would wait for ever for threads of the parent."""
    for run in _made:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(run))


def _graph(inner: torch.nn.Module):
    """OpenVINO's graph. Inputs: embeddings (texts, tokens, d), and the mask's penalties (texts, 1, 1, tokens)."""
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


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_keep)

"""Precision: which, and what it does to vectors."""
import numpy as np
import pytest
import torch

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.precision import resolve_dtype


@pytest.mark.parametrize(('capability', 'expected'), [
    ((9, 0), torch.bfloat16), ((8, 0), torch.bfloat16), ((7, 5), torch.float32),
])  # fmt: skip
def test_auto_asks_the_device(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda device: capability)
    assert resolve_dtype('auto', torch.device('cuda')) == expected
    assert resolve_dtype('auto', torch.device('cpu')) == torch.float32


def test_explicit_and_unknown():
    assert resolve_dtype('float16', torch.device('cpu')) == torch.float16
    with pytest.raises(ValueError, match="unknown dtype 'fp16'; give one of auto, float32, bfloat16, float16"):
        resolve_dtype('fp16', torch.device('cpu'))


@pytest.mark.parametrize('folder', ['xlmr', 'labse'])
@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_half_precision_is_close_and_comes_out_as_float32(request, folder, dtype, texts):
    path = request.getfixturevalue(folder)
    full = HybridEncoder(path, normalize=True, device='cpu').encode_docs(texts)
    encoder = HybridEncoder(path, normalize=True, device='cpu', dtype=dtype)
    half = encoder.encode_docs(texts)
    assert half.dtype == np.float32
    assert (full * half).sum(axis=1).min() > 0.999
    assert not np.array_equal(full, half)
    assert np.allclose(np.linalg.norm(half, axis=1), 1, atol=1e-6)  # the scaling itself is done in float32
    others = [p.dtype for module in list(encoder.model.children())[1:] for p in module.parameters()]
    assert set(others) <= {torch.float32}


def test_a_bag_of_subwords_stays_in_float32(static, texts):
    half, full = (HybridEncoder(static, device='cpu', dtype=d) for d in ('bfloat16', 'float32'))
    assert half.dtype == torch.float32
    assert np.array_equal(half.encode_docs(texts), full.encode_docs(texts))

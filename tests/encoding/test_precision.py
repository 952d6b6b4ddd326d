"""Precision: which, and what it does to vectors."""
import os

import numpy as np
import pytest
import torch

from pyterrier_hybrid.encoding import HybridEncoder, engine, precision
from pyterrier_hybrid.encoding.precision import VARIABLE, least_cosine, one_precision, resolve_dtype, spread_sample

CPU, CUDA = torch.device('cpu'), torch.device('cuda')


@pytest.fixture
def cpu_multiplies(monkeypatch):
    """Makes this a processor with hardware for bfloat16, or one without."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(engine, 'is_installed', lambda: False)

    def multiplies(bfloat16: bool) -> None:
        for module in (precision, engine):
            monkeypatch.setattr(module, 'multiplies', lambda dtype: dtype == torch.float32 or (
                bfloat16 and dtype == torch.bfloat16))  # fmt: skip

    return multiplies


@pytest.fixture(params=['layers of torch', 'layers of transformers'])
def both_layers(request, monkeypatch):
    """Once with torch's layers, beside which weights stay in float32, and once with transformers', which are cast."""
    if 'transformers' in request.param:
        monkeypatch.setattr(engine, 'has_known_layers', lambda model: False)
    return request.param.rpartition(' ')[2]


@pytest.mark.parametrize(('capability', 'expected'), [
    ((9, 0), torch.bfloat16), ((8, 0), torch.bfloat16), ((7, 5), torch.float32),
])  # fmt: skip
def test_auto_asks_the_devices(monkeypatch, cpu_multiplies, capability, expected):
    cpu_multiplies(bfloat16=False)
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda device: capability)
    assert resolve_dtype('auto', [CUDA]) == expected
    assert resolve_dtype('auto', [CPU]) == torch.float32
    assert resolve_dtype('auto', [CUDA, CPU]) == torch.float32  # all have the same
    cpu_multiplies(bfloat16=True)
    assert resolve_dtype('auto', [CPU]) == torch.bfloat16
    assert resolve_dtype('auto', [CUDA, CPU]) == expected


def test_explicit_and_unknown(cpu_multiplies, monkeypatch):
    cpu_multiplies(bfloat16=True)
    assert resolve_dtype('float32', [CPU]) == torch.float32
    assert resolve_dtype('bfloat16', [CPU]) == torch.bfloat16
    with pytest.raises(ValueError, match="unknown dtype 'fp16'; give one of auto, float32, bfloat16, float16, int8"):
        resolve_dtype('fp16', [CPU])
    monkeypatch.setenv(VARIABLE, 'fp16')
    with pytest.raises(ValueError, match="unknown dtype 'fp16' in the environment variable PYTERRIER_HYBRID_DTYPE"):
        resolve_dtype('auto', [CPU])
    assert resolve_dtype('float32', [CPU]) == torch.float32


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_a_precision_without_hardware_is_slow_and_says_so_before_anything_is_read(cpu_multiplies, tmp_path, dtype):
    cpu_multiplies(bfloat16=False)
    slow = f"dtype='{dtype}' is slow on the device 'cpu'.*Give dtype=auto or float32"
    with pytest.warns(UserWarning, match=slow), pytest.raises(FileNotFoundError):
        HybridEncoder(tmp_path / 'nothing', device='cpu', dtype=dtype)


def test_a_job_has_one_precision(cpu_multiplies, monkeypatch):
    cpu_multiplies(bfloat16=True)
    with one_precision():
        assert os.environ[VARIABLE] == 'bfloat16'
        cpu_multiplies_not = precision.multiplies
        monkeypatch.setattr(precision, 'multiplies', lambda dtype: dtype == torch.float32)  # a process elsewhere
        with pytest.warns(UserWarning, match='bfloat16.*in the environment variable PYTERRIER_HYBRID_DTYPE is slow'):
            assert resolve_dtype('auto', [CPU]) == torch.bfloat16
        monkeypatch.setattr(precision, 'multiplies', cpu_multiplies_not)
    assert VARIABLE not in os.environ
    monkeypatch.setenv(VARIABLE, 'float32')
    with one_precision():
        assert os.environ[VARIABLE] == 'float32'
    assert os.environ[VARIABLE] == 'float32'


@pytest.mark.parametrize('folder', ['xlmr', 'labse'])
@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
@pytest.mark.filterwarnings('ignore:.*is slow on the device')
def test_half_precision_is_close_and_comes_out_as_float32(request, folder, dtype, texts):
    path = request.getfixturevalue(folder)
    full = HybridEncoder(path, normalize=True, device='cpu', dtype='float32').encode_docs(texts)
    encoder = HybridEncoder(path, normalize=True, device='cpu', dtype=dtype)
    half = encoder.encode_docs(texts)
    assert half.dtype == np.float32
    assert (full * half).sum(axis=1).min() > 0.999
    assert not np.array_equal(full, half)
    assert np.allclose(np.linalg.norm(half, axis=1), 1, atol=1e-6)  # the scaling itself is done in float32
    others = [p.dtype for module in list(encoder.model.children())[1:] for p in module.parameters()]
    assert set(others) <= {torch.float32}


@pytest.mark.filterwarnings('ignore:.*is slow on the device')
def test_a_bag_of_subwords_stays_in_float32(static, texts, cpu_multiplies):
    cpu_multiplies(bfloat16=True)
    half, full, auto = (HybridEncoder(static, device='cpu', dtype=d) for d in ('bfloat16', 'float32', 'auto'))
    assert half.dtype == auto.dtype == torch.float32
    assert np.array_equal(half.encode_docs(texts), full.encode_docs(texts))
    assert np.array_equal(auto.encode_docs(texts), full.encode_docs(texts))
    assert auto.model_name == full.model_name


def weights(encoder) -> set:
    """The precisions of the transformer's weights."""
    return {parameter.dtype for parameter in encoder.model[0].parameters()}


def test_auto_is_settled_at_the_first_texts_and_named_before(mild, cpu_multiplies, both_layers, texts, recwarn):
    cpu_multiplies(bfloat16=True)
    told, auto = (HybridEncoder(mild, device='cpu', dtype=dtype) for dtype in ('bfloat16', 'auto'))
    assert (auto.dtype, weights(auto)) == (torch.bfloat16, {torch.float32})  # a model to train on is whole
    before = auto.model_name
    vectors = auto.encode_docs(texts)
    cast = torch.bfloat16 if both_layers == 'transformers' else torch.float32
    assert (auto.dtype, weights(auto)) == (torch.bfloat16, {cast})
    assert auto.model_name == before == told.model_name
    assert np.array_equal(vectors, told.encode_docs(texts))
    assert not np.array_equal(vectors, HybridEncoder(mild, device='cpu', dtype='float32').encode_docs(texts))
    assert not [w for w in recwarn if 'other vectors' in str(w.message)]


def test_auto_is_float32_where_the_processor_says_nothing(mild, cpu_multiplies, texts):
    cpu_multiplies(bfloat16=False)
    full, auto = (HybridEncoder(mild, device='cpu', dtype=dtype) for dtype in ('float32', 'auto'))
    assert auto.dtype == torch.float32 and auto.model_name == full.model_name
    assert np.array_equal(auto.encode_docs(texts), full.encode_docs(texts))


@pytest.mark.parametrize('first', ['encode_docs', 'encode_queries', 'encode_queries_torch'])
def test_a_model_that_bfloat16_harms_stays_in_float32_with_a_warning(harmed, cpu_multiplies, both_layers, texts, first):
    cpu_multiplies(bfloat16=True)
    full, auto = (HybridEncoder(harmed, device='cpu', dtype=dtype) for dtype in ('float32', 'auto'))
    hoped = auto.model_name
    with pytest.warns(UserWarning, match=r"this model gives other vectors.*cosine -?0\.\d+.*dtype='float32'"):
        vectors = getattr(auto, first)(texts)
    assert np.array_equal(np.asarray(vectors.detach() if first.endswith('torch') else vectors),
                          full.encode_docs(texts))  # fmt: skip
    assert (auto.dtype, weights(auto)) == (torch.float32, {torch.float32})
    assert auto.model_name == full.model_name != hoped
    auto.encode_docs(texts)  # and asks no second time


def test_int8_is_for_processors_and_only_by_request(mild, texts, monkeypatch):
    full, small = (HybridEncoder(mild, device='cpu', dtype=dtype) for dtype in ('float32', 'int8'))
    assert small.dtype == torch.qint8
    vectors, expected = small.encode_docs(texts), full.encode_docs(texts)
    cosines = (vectors * expected).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(expected, axis=1)
    assert vectors.dtype == np.float32 and cosines.min() > 0.9 and not np.array_equal(vectors, expected)
    assert HybridEncoder(mild, device='cpu', dtype='int8').model_name == small.model_name != full.model_name
    with pytest.raises(ValueError, match="dtype='int8' is for processors, and the device is 'cuda'"):
        resolve_dtype('int8', [CUDA])


def test_vectors_that_are_not_finite_are_other_vectors():
    one = torch.tensor([[1.0, 0.0]])
    assert least_cosine(one, one) == 1
    assert least_cosine(one, 2 * one) == 1
    assert least_cosine(torch.zeros(1, 2), torch.zeros(1, 2)) == 1  # a text without tokens
    assert least_cosine(torch.cat([one, one]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])) == 0
    assert not least_cosine(one, torch.tensor([[torch.nan, 0.0]])) >= precision.LEAST_COSINE
    assert not least_cosine(one, torch.tensor([[torch.inf, 0.0]])) >= precision.LEAST_COSINE


def test_a_sample_is_spread_over_the_lengths():
    assert spread_sample(['ccc', 'a', 'bb'], 5) == ['a', 'bb', 'ccc']
    assert spread_sample(['x' * n for n in range(9, 0, -1)], 3) == ['x', 'x' * 5, 'x' * 9]


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
@pytest.mark.parametrize('opened_within', [False, True])
def test_within_inference_mode(mild, dtype, opened_within, recwarn):
    """Weights that are read or cast in it can be trained on, and have a name."""
    with torch.inference_mode(opened_within):
        encoder = HybridEncoder(mild, device='cpu', dtype=dtype)
    with torch.inference_mode():
        vectors = encoder.encode_docs(['a'])
        assert encoder.model_name
    again = encoder.encode_queries_torch(['a'])
    again.sum().backward()
    assert vectors.shape == again.shape

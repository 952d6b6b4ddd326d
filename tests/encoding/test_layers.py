"""Layers by torch and by OpenVINO: in float32 equal to transformers', in bfloat16 near them."""
import copy
import importlib.util

import numpy as np
import pytest
import torch

from pyterrier_hybrid.encoding import HybridEncoder, engine, precision, small_backbone
from pyterrier_hybrid.encoding.checkpoint import load_checkpoint
from pyterrier_hybrid.encoding.layers import ModelByLayers, has_known_layers, torch_layers
from pyterrier_hybrid.encoding.openvino_layers import openvino_layers
from pyterrier_hybrid.encoding.precision import VARIABLE
from pyterrier_hybrid.encoding.processors import multiplies

needs_openvino = pytest.mark.skipif(importlib.util.find_spec('openvino') is None, reason='OpenVINO is not installed')
needs_bfloat16 = pytest.mark.skipif(not multiplies(torch.bfloat16), reason='the processor multiplies no bfloat16')


@pytest.fixture
def auto(monkeypatch):
    """Leaves precision to 'auto', on a processor with bfloat16."""
    monkeypatch.delenv(VARIABLE)
    for module in (engine, precision):
        monkeypatch.setattr(module, 'multiplies', lambda dtype: dtype != torch.float16)


@pytest.mark.parametrize('library', ['torch', pytest.param('openvino', marks=needs_openvino)])
@pytest.mark.parametrize('folder', ['xlmr', 'mdpr', 'labse'])
def test_in_float32_vectors_are_those_of_transformers(request, folder, library, texts):
    encoder = HybridEncoder(request.getfixturevalue(folder), device='cpu', dtype='float32')
    texts = [*texts, '', ' '.join(texts)]
    expected, inner = encoder.encode_docs(texts), encoder.model[0].model
    layers = torch_layers(inner, torch.float32) if library == 'torch' else openvino_layers(inner, 'f32', 2)
    for threads in (1, 2):
        encoder._engine._by_layers = ModelByLayers(encoder.model, layers, threads)
        for size in (1, 100):  # the larger is padded
            assert np.abs(encoder.encode_docs(texts, batch_size=size) - expected).max() < 1e-5
    encoder._engine._by_layers = ModelByLayers(encoder.model, lambda hidden, mask: 2 * hidden)
    assert np.abs(encoder.encode_docs(texts) - expected).max() > 0.01  # they were asked


@needs_bfloat16
def test_in_bfloat16_torchs_layers_round_less_than_transformers(mild, texts, monkeypatch):
    full = HybridEncoder(mild, device='cpu', normalize=True, dtype='float32').encode_docs(texts)
    ours = HybridEncoder(mild, device='cpu', normalize=True, dtype='bfloat16')
    near = (ours.encode_docs(texts) * full).sum(1)
    assert {parameter.dtype for parameter in ours.model.parameters()} == {torch.float32}
    monkeypatch.setattr(engine, 'has_known_layers', lambda model: False)
    theirs = HybridEncoder(mild, device='cpu', normalize=True, dtype='bfloat16')
    assert 1 - near.mean() < 1 - (theirs.encode_docs(texts) * full).sum(1).mean()
    assert theirs.model_name != ours.model_name


@needs_openvino
@needs_bfloat16
def test_auto_takes_it_and_is_named_after_it(mild, auto, texts, recwarn):
    full, half = (HybridEncoder(mild, device='cpu', dtype=dtype) for dtype in ('float32', 'bfloat16'))
    encoder = HybridEncoder(mild, device='cpu')
    before = encoder.model_name
    vectors, expected = encoder.encode_docs(texts), full.encode_docs(texts)
    assert (encoder.library, encoder.dtype, encoder.model.dtype) == ('openvino', torch.bfloat16, torch.float32)
    assert encoder._engine._by_layers is not None
    assert len({before, encoder.model_name, half.model_name, full.model_name}) == 3
    cosines = (vectors * expected).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosines.min() > 0.9995 and not np.array_equal(vectors, expected)
    assert np.array_equal(encoder.encode_docs(texts), vectors)
    assert np.array_equal(copy.deepcopy(encoder).encode_docs(texts), vectors)
    assert not [w for w in recwarn if 'OpenVINO' in str(w.message)]
    gradients = encoder.encode_queries_torch(texts)
    assert gradients.requires_grad and np.abs(gradients.detach().numpy() - expected).max() < 1e-6


@needs_openvino
@needs_bfloat16
def test_changed_weights_are_compiled_anew(mild, auto, texts):
    encoder = HybridEncoder(mild, device='cpu')
    encoder.encode_docs(texts)
    with torch.no_grad():
        for layer in encoder.model[0].model.encoder.layer:
            layer.output.dense.weight *= -3
    changed = HybridEncoder.from_model(copy.deepcopy(encoder.model)).encode_docs(texts)
    vectors = encoder.encode_docs(texts)
    cosines = (vectors * changed).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(changed, axis=1)
    assert cosines.min() > 0.9995


@pytest.mark.parametrize('reason', ['cannot be compiled', 'gives other vectors'])
def test_torch_computes_what_openvino_cannot(mild, auto, texts, monkeypatch, reason):
    def broken(inner, precision, threads):
        if reason == 'cannot be compiled':
            raise RuntimeError('no such operation')
        return lambda hidden, mask: hidden * torch.nan

    monkeypatch.setattr(engine, 'openvino_layers', broken)
    monkeypatch.setattr(engine, 'is_installed', lambda: True)
    encoder, half = HybridEncoder(mild, device='cpu'), HybridEncoder(mild, device='cpu', dtype='bfloat16')
    with pytest.warns(UserWarning, match=f'by OpenVINO this model {reason}.*so torch computes it'):
        vectors = encoder.encode_docs(texts)
    assert np.array_equal(vectors, half.encode_docs(texts))
    assert (encoder.library, encoder.model_name) == ('torch', half.model_name)


@needs_openvino
@needs_bfloat16
def test_another_process_makes_the_same(mild, auto, texts, monkeypatch):
    encoder = HybridEncoder(mild, device='cpu')
    make = encoder.recipe()  # before any text
    assert encoder._engine._by_layers is not None
    monkeypatch.setenv(VARIABLE, 'float32')
    other = make()
    assert (other.model_name, other.library) == (encoder.model_name, 'openvino')
    assert np.array_equal(other.encode_docs(texts), encoder.encode_docs(texts))


def test_openvino_by_request(xlmr, static, monkeypatch):
    monkeypatch.setattr(engine, 'is_installed', lambda: True)
    encoder = HybridEncoder(xlmr, device='cpu', dtype='bfloat16', library='openvino')
    assert (encoder.library, repr(encoder).endswith("dtype='bfloat16', library='openvino')")) == ('openvino', True)
    for folder, options in ((xlmr, {'dtype': 'float32'}), (static, {'dtype': 'bfloat16'}),
                            (xlmr, {'dtype': 'bfloat16', 'device': ['cpu', 'cpu']})):  # fmt: skip
        with pytest.raises(ValueError, match="library='openvino' needs layers like BERT's, dtype bfloat16"):
            HybridEncoder(folder, **{'device': 'cpu', 'library': 'openvino', **options})
    monkeypatch.setattr(engine, 'is_installed', lambda: False)
    with pytest.raises(ValueError, match=r'and OpenVINO \(pip install pyterrier-hybrid\[openvino\]\)'):
        HybridEncoder(xlmr, device='cpu', dtype='bfloat16', library='openvino')
    with pytest.raises(ValueError, match="unknown library 'onnx'; give one of auto, torch, openvino"):
        HybridEncoder(xlmr, library='onnx')


def test_where_openvino_is_not_taken_by_itself(xlmr, static, monkeypatch, auto):
    monkeypatch.setattr(engine, 'is_installed', lambda: True)
    assert HybridEncoder(xlmr, device='cpu').library == 'openvino'
    assert HybridEncoder(xlmr, device='cpu', library='torch').library == 'torch'
    assert HybridEncoder(static, device='cpu').library == 'torch'
    assert HybridEncoder(xlmr, device='cpu', dtype='bfloat16').library == 'torch'
    assert HybridEncoder(xlmr, device=['cpu', 'cpu']).library == 'torch'
    monkeypatch.setenv(VARIABLE, 'bfloat16')  # a job's processes may differ in what is installed
    assert HybridEncoder(xlmr, device='cpu').library == 'torch'


def test_whose_layers_are_known(xlmr, mdpr, labse, static):
    assert all(has_known_layers(load_checkpoint(folder)) for folder in (xlmr, mdpr, labse))
    assert not has_known_layers(load_checkpoint(static))
    assert not has_known_layers(small_backbone(['a b c'] * 9, vocab_size=99))
    model = load_checkpoint(xlmr)
    model[0].model.config.hidden_act = 'relu'
    assert not has_known_layers(model)

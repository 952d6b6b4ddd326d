"""What an argument may replace in a checkpoint."""
import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

from pyterrier_hybrid.encoding.checkpoint import load_checkpoint
from pyterrier_hybrid.encoding.modules import adapt, ends_normalized, has_dense, position_limit


def _kinds(model) -> list[str]:
    return [type(module).__name__ for module in model.children()]


def test_nothing_asked_nothing_changed(labse):
    model = load_checkpoint(labse)
    assert adapt(model) is model
    assert adapt(model, normalize=True) is model
    assert adapt(model, pooling='cls') is model  # what it has already


def test_pooling_is_replaced_beside_the_model(xlmr):
    model = load_checkpoint(xlmr)
    adapted = adapt(model, pooling='cls')
    assert adapted[1].pooling_mode == 'cls'
    assert model[1].pooling_mode == 'mean'
    assert adapted[0] is model[0]  # the weights are shared


def test_normalisation_is_dropped_beside_the_model(labse):
    model = load_checkpoint(labse)
    adapted = adapt(model, normalize=False)
    assert _kinds(adapted) == ['Transformer', 'Pooling', 'Dense']
    assert _kinds(model) == ['Transformer', 'Pooling', 'Dense', 'Normalize']
    assert ends_normalized(model)
    assert not ends_normalized(adapted)


def test_normalisation_is_added_where_there_is_none_and_saved(xlmr, tmp_path):
    model = load_checkpoint(xlmr)
    adapted = adapt(model, normalize=True)
    assert _kinds(adapted) == ['Transformer', 'Pooling', 'Normalize']
    assert _kinds(model) == ['Transformer', 'Pooling']
    adapted.save(str(tmp_path / 'scaled'))
    loaded = load_checkpoint(tmp_path / 'scaled')
    assert _kinds(loaded) == _kinds(adapted)
    assert np.array_equal(loaded.encode(['a']), adapted.encode(['a']))


def test_pooling_may_change_before_a_module_without_weights(xlmr):
    model = SentenceTransformer(modules=[Transformer(str(xlmr)), Pooling(16, 'mean'), Normalize()], device='cpu')
    assert adapt(model, pooling='max')[1].pooling_mode == 'max'


def test_pooling_under_a_trained_layer_is_refused(labse):
    with pytest.raises(ValueError, match="contradicts this checkpoint: its Dense layer was trained on pooling='cls'"):
        adapt(load_checkpoint(labse), pooling='mean')


def test_pooling_without_token_vectors_is_refused(static):
    with pytest.raises(ValueError, match='its StaticEmbedding gives one vector a text'):
        adapt(load_checkpoint(static), pooling='mean')


def test_unknown_pooling(xlmr):
    with pytest.raises(ValueError, match="unknown pooling 'average'; give one of cls, max, mean"):
        adapt(load_checkpoint(xlmr), pooling='average')


def test_has_dense(labse, xlmr):
    assert has_dense(load_checkpoint(labse))
    assert not has_dense(load_checkpoint(xlmr))


@pytest.mark.parametrize(('folder', 'limit'), [('xlmr', 512), ('mdpr', 512), ('static', None)])
def test_position_limit(request, folder, limit):
    """XLM-R's first two positions are never used: 514 of them take 512 tokens."""
    assert position_limit(load_checkpoint(request.getfixturevalue(folder))) == limit

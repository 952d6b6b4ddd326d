"""Encoders that are derived without training from encoders in half precision."""
import numpy as np
import pytest
import torch

from pyterrier_hybrid.encoding import HybridEncoder, engine
from pyterrier_hybrid.encoding.precision import VARIABLE
from pyterrier_hybrid.training import average_weights, remove_language_subspace, train, whiten

TEXTS = ['de question 1 about topic1', 'sentence 3 of the talk', 'passage on topic4']

pytestmark = pytest.mark.filterwarnings('ignore:.*is slow on the device')


@pytest.fixture(scope='module')
def trained(corpus, tiny_folder, tmp_path_factory):
    """What train returns of a transformer where dtype='auto' is bfloat16."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, 'bfloat16')
        return train(
            corpus, tmp_path_factory.mktemp('runs') / 'run', backbone=str(tiny_folder), mix={'crosslingual': 1.0},
            batch_size=8, steps=2, query_prefix='ask: ', passage_prefix='tell: ', device='cpu', verbose=False,
        )  # fmt: skip


def derive(encoder, corpus, folder):
    """All derivations of an encoder."""
    folder.mkdir()
    without = remove_language_subspace(encoder, corpus, folder / 'without', verbose=False)
    return [
        without, whiten(without, corpus, folder / 'neutral', verbose=False),
        whiten(encoder, corpus, folder / 'white', verbose=False),
        average_weights([encoder, encoder.folder], folder / 'average'),
    ]  # fmt: skip


@pytest.mark.parametrize('given', ['as trained', 'layers of torch', 'layers of transformers'])
def test_an_encoder_in_bfloat16_is_derived_from_in_float32(corpus, trained, tmp_path, monkeypatch, given):
    encoder = trained
    if given != 'as trained':  # weights stay in float32 beside torch's layers; transformers' layers are cast
        monkeypatch.setattr(engine, 'has_known_layers', lambda model: given.endswith('torch'))
        monkeypatch.setattr(engine, 'multiplies', lambda dtype: True)
        encoder = HybridEncoder(trained.folder, dtype='bfloat16', device='cpu')
        encoder.encode_docs(TEXTS)
        assert (next(encoder.model.parameters()).dtype == torch.bfloat16) == given.endswith('transformers')
    assert encoder.dtype == torch.bfloat16
    found = derive(encoder, corpus, tmp_path / 'found')
    expected = derive(HybridEncoder(trained.folder, dtype='float32', device='cpu'), corpus, tmp_path / 'expected')
    for new, full in zip(found, expected):
        assert new.dtype == torch.float32 and new.model_name == full.model_name
        assert np.array_equal(new.encode_queries(TEXTS), full.encode_queries(TEXTS))
    assert encoder.dtype == torch.bfloat16


@pytest.mark.parametrize('dtype', ['bfloat16', 'int8'])
def test_it_keeps_its_settings(corpus, trained, tmp_path, dtype):
    given = {'query_prefix': 'q: ', 'passage_prefix': '', 'max_query_length': 7, 'max_passage_length': 9,
             'batch_size': 7, 'text_field': 'body'}  # fmt: skip
    encoder = HybridEncoder(trained.folder, device='cpu', dtype=dtype, **given)
    new = whiten(encoder, corpus, tmp_path / 'white', verbose=False)
    assert (new.query, new.passage) == (encoder.query, encoder.passage)
    assert (new.batch_size, new.text_field, new.query.prefix) == (7, 'body', 'q: ')
    encoder.model.truncate_dim = 8
    with pytest.raises(ValueError, match='cuts its vectors to 8 components'):
        whiten(encoder, corpus, tmp_path / 'cut', verbose=False)


def test_weights_that_are_not_those_of_the_checkpoint(corpus, trained, tmp_path):
    encoder = HybridEncoder(trained.folder, device='cpu', dtype='bfloat16')
    with torch.no_grad():
        next(encoder.model.parameters())[5] += 1
    with pytest.raises(ValueError, match='its weights have changed since its checkpoint was read; save the model'):
        whiten(encoder, corpus, tmp_path / 'white', verbose=False)
    assert not (tmp_path / 'white').exists()


@pytest.mark.parametrize('form', [str, lambda folder: folder])
@pytest.mark.parametrize('function', [whiten, remove_language_subspace])
def test_a_folder_is_taken_for_its_encoder(corpus, trained, tmp_path, function, form):
    new = function(form(trained.folder), corpus, tmp_path / 'new', verbose=False)
    assert new.model_name == function(trained, corpus, tmp_path / 'same', verbose=False).model_name
    with pytest.raises(FileNotFoundError, match='there is no folder'):
        function(form(tmp_path / 'nothing'), corpus, tmp_path / 'other', verbose=False)

"""Prefixes and lengths: given, or the model's."""
import numpy as np
import pytest

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.checkpoint import load_checkpoint
from pyterrier_hybrid.encoding.sides import passage_side, query_side


@pytest.mark.parametrize(('prompts', 'query', 'passage'), [
    ({}, '', ''),
    ({'query': 'q: ', 'document': 'd: '}, 'q: ', 'd: '),
    ({'query': 'q: ', 'document': '', 'passage': 'p: '}, 'q: ', 'p: '),
    ({'query': '', 'corpus': 'c: '}, '', 'c: '),
    ({'query': 'q: ', 'document': 'd: ', 'passage': 'p: '}, 'q: ', 'd: '),
])  # fmt: skip
def test_prompts_are_prefixes(xlmr, prompts, query, passage):
    model = load_checkpoint(xlmr)
    model.prompts = prompts
    assert (query_side(model, None, None).prefix, passage_side(model, None, None).prefix) == (query, passage)
    assert (query_side(model, 'x', None).prefix, passage_side(model, '', None).prefix) == ('x', '')


@pytest.mark.parametrize(('folder', 'expected'), [('xlmr', 512), ('labse', 256), ('static', None)])
def test_the_models_own_length(request, folder, expected):
    model = load_checkpoint(request.getfixturevalue(folder))
    assert query_side(model, None, None).max_length == expected
    assert passage_side(model, None, None).max_length == expected
    assert passage_side(model, None, 20).max_length == 20


def test_a_tokenizer_without_a_limit_is_cut_at_the_positions(xlmr):
    model = load_checkpoint(xlmr)
    model.max_seq_length = 514  # what sentence-transformers reads from a tokenizer that names none
    assert query_side(model, None, None).max_length == 512


def test_lengths_of_the_checkpoints_own_sides(xlmr):
    model = load_checkpoint(xlmr)
    model[0].query_length, model[0].document_length = 32, 180
    assert (query_side(model, None, None).max_length, passage_side(model, None, None).max_length) == (32, 180)


@pytest.mark.parametrize('length', [0, -1, 2.5, True, '20'])
def test_a_length_that_is_none(xlmr, length):
    with pytest.raises(ValueError, match='max_query_length must be a whole number of at least 1, not'):
        query_side(load_checkpoint(xlmr), None, length)


def test_numbers_of_numpy(xlmr):
    given = {'max_query_length': 7, 'max_passage_length': 9, 'batch_size': 8}
    plain = HybridEncoder(xlmr, device='cpu', **given)
    encoder = HybridEncoder(xlmr, device='cpu', **{name: np.int64(value) for name, value in given.items()})
    assert encoder.model_name == plain.model_name
    assert {type(n) for n in (encoder.batch_size, encoder.query.max_length, encoder.passage.max_length)} == {int}
    assert np.array_equal(encoder.encode_docs(['a', 'b'], batch_size=np.int32(1)), plain.encode_docs(['a', 'b'], 1))
    with pytest.raises(ValueError, match='batch_size must be a whole number'):
        HybridEncoder(xlmr, device='cpu', batch_size=np.bool_(True))


def test_a_length_beyond_the_model(xlmr):
    with pytest.raises(ValueError, match='max_passage_length=513, but the model has positions for 512 tokens only'):
        passage_side(load_checkpoint(xlmr), None, 513)

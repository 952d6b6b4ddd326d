"""The arguments of training: every right value passes, every wrong one is refused by name before anything is opened."""
import inspect
from dataclasses import fields, replace

import numpy as np
import pytest

from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.training import train
from pyterrier_hybrid.training.arguments import WITHOUT_EFFECT, TrainingArguments
from pyterrier_hybrid.training.backbones import PRETRAINED, SMALL, STATIC
from pyterrier_hybrid.training.record import read_training_record

GIVEN = {'backbone': 'static', 'mix': {'monolingual': 1.0}}
NAN, INFINITY = float('nan'), float('inf')


def test_they_are_those_of_train():
    """Names, order, defaults and types."""
    declared = {name: p for name, p in inspect.signature(train).parameters.items() if name not in ('pairs', 'folder')}
    own = inspect.signature(TrainingArguments).parameters
    assert [*declared] == [*own] == [field.name for field in fields(TrainingArguments)]
    for name, parameter in declared.items():
        assert parameter.default == own[name].default, name
    assert set(WITHOUT_EFFECT) < set(declared)


@pytest.mark.parametrize(('name', 'wrong', 'message'), [
    ('mix', {'monolingual': 0.5}, 'sums to 0.5'),
    ('batch_size', 1, 'at least 2'), ('batch_size', 2.5, 'a whole number'), ('batch_size', True, 'a whole number'),
    ('steps', 0, 'at least 1'), ('steps', '9', 'a whole number'),
    ('learning_rate', 0.0, 'must be positive'), ('learning_rate', NAN, 'must be positive'),
    ('learning_rate', '.1', 'must be positive'),
    ('weight_decay', -1, '0 or more'), ('weight_decay', NAN, '0 or more'), ('weight_decay', INFINITY, '0 or more'),
    ('warmup', 1.5, 'a share of the steps'), ('warmup', NAN, 'a share of the steps'),
    *(('temperature', value, 'must be positive') for value in (0, -1, NAN, INFINITY)),
    ('source_temperature', -0.1, '0 .sources alike. to 1'), ('source_temperature', NAN, '0 .sources alike. to 1'),
    ('negatives', -1, 'at least 0'), ('checkpoint_steps', 0, 'at least 1'),
    ('max_length', 0, 'a number of tokens, or two'), ('max_length', (5, 8, 9), 'a number of tokens, or two'),
    ('max_length', 16, 'leave it out'), ('mini_batch_size', 4, 'leave it out'), ('mini_batch_size', 0, 'at least 1'),
    ('gradient_checkpointing', True, 'leave it out'),
    ('vocab_size', 0, 'at least 1'), ('dimension', 0, 'at least 1'),
    ('token_dropout', 1.0, 'a probability, from 0 to below 1'), ('token_dropout', NAN, 'a probability'),
    ('eval_steps', 2, 'give validation='), ('patience', 2, 'give validation='),
    ('load_best_model_at_end', True, 'give validation='),
    ('query_prefix', 3, 'must be a text'), ('passage_prefix', 'a\ud800', 'without half a surrogate pair'),
    ('dimension', 10**12, 'GB of memory; give a smaller size'),
    ('seed', -1, 'at least 0'), ('seed', 1 << 32, 'below 4294967296'),
])  # fmt: skip
def test_wrong_values(name, wrong, message):
    with pytest.raises(ValueError, match=f'^{name} .*{message}'):
        TrainingArguments(**{**GIVEN, name: wrong})


@pytest.mark.parametrize('field', fields(TrainingArguments), ids=lambda field: field.name)
def test_none_is_for_what_has_no_number_as_its_default(field):
    given = {**GIVEN, field.name: None}
    if type(field.default) in (int, float):
        with pytest.raises(ValueError, match=f'^{field.name} is None; leave it out for the default, {field.default}$'):
            TrainingArguments(**given)
    elif field.name not in GIVEN:
        TrainingArguments(**given)


@pytest.mark.parametrize(('backbone', 'name', 'wrong'), [
    ('small', 'token_dropout', 0.1), ('some/checkpoint', 'dimension', 8), ('some/checkpoint', 'vocab_size', 9),
])  # fmt: skip
def test_options_of_other_backbones(backbone, name, wrong):
    with pytest.raises(ValueError, match=f'^{name} is {wrong}, but does not apply to .*; leave it out'):
        TrainingArguments(**{**GIVEN, 'backbone': backbone, name: wrong})


def test_a_backbone_that_is_none():
    with pytest.raises(TypeError, match="backbone is 3; give 'static', 'small', the folder"):
        TrainingArguments(**{**GIVEN, 'backbone': 3})


def test_wrong_together():
    given = {**GIVEN, 'validation': 12}
    with pytest.raises(ValueError, match='eval_steps is 5; it must be at most the 4 steps of the run'):
        TrainingArguments(**given, eval_steps=5, steps=4)
    with pytest.raises(ValueError, match='eval_steps is 5; it must be at most the 4 steps of the run'):
        TrainingArguments(**given, eval_steps=5).resolved(4, STATIC)
    with pytest.raises(ValueError, match=r'patience is 0; .* at least 1'):
        TrainingArguments(**given, patience=0)


def test_whole_numbers_of_numpy_are_made_plain():
    lengths = TrainingArguments(backbone='a/b', mix=GIVEN['mix'], max_length=np.int64(9), encode_length=[np.int8(5), 7])
    assert (lengths.max_length, lengths.encode_length) == (9, (5, 7))
    assert {type(n) for n in (lengths.max_length, *lengths.encode_length)} == {int}
    arguments = TrainingArguments(**GIVEN, steps=np.int64(7), seed=np.uint8(3))
    assert (type(arguments.steps), arguments.steps, type(arguments.seed)) == (int, 7, int)


@pytest.mark.parametrize(('kind', 'rate', 'prefixes', 'bf16'), [
    (STATIC, 0.05, ('', ''), False), (SMALL, 1e-3, ('Query: ', 'Passage: '), False),
    (PRETRAINED, 3e-5, ('Query: ', 'Passage: '), 'auto'),
])  # fmt: skip
def test_defaults_are_the_backbones(kind, rate, prefixes, bf16):
    found = TrainingArguments(**GIVEN).resolved(48, kind)
    assert (found.learning_rate, found.query_prefix, found.passage_prefix, found.bf16) == (rate, *prefixes, bf16)
    assert (found.steps, found.eval_steps, found.load_best_model_at_end) == (48, None, None)
    given = {'learning_rate': 0.2, 'query_prefix': '', 'passage_prefix': 'x', 'steps': 5, 'bf16': True}
    chosen = TrainingArguments(**GIVEN, **given)
    assert chosen.resolved(48, kind) == chosen


def test_defaults_of_validation():
    arguments = TrainingArguments(**GIVEN, validation=12)
    found = arguments.resolved(48, STATIC)
    assert (found.eval_steps, found.load_best_model_at_end) == (4, False)
    found = replace(arguments, patience=3, steps=7).resolved(48, STATIC)
    assert (found.eval_steps, found.load_best_model_at_end) == (1, True)


def test_settings_are_what_the_weights_depend_on():
    arguments = TrainingArguments(**GIVEN, resume=True, checkpoint_steps=5, device='cpu').resolved(48, STATIC)
    settings = arguments.settings(backbone='static', mix={'monolingual': 1.0}, pairs='f' * 32)
    assert settings['pairs'] == 'f' * 32 and settings['learning_rate'] == 0.05
    assert not {*WITHOUT_EFFECT, 'validation', 'patience', 'eval_steps', 'metric_for_best_model'} & settings.keys()
    validated = replace(arguments, validation=12).settings(validation={'name': 'x'})
    assert validated['validation'] == {'name': 'x'} and validated['metric_for_best_model'] == 'AP'


def test_a_model_in_memory_is_of_its_kind():
    model = static_backbone(['one text'], vocab_size=20, dimension=4)
    TrainingArguments(**{**GIVEN, 'backbone': model}, token_dropout=0.1)
    with pytest.raises(ValueError, match=r'max_length is 9, .* a static embedding from a checkpoint; leave it out'):
        TrainingArguments(**{**GIVEN, 'backbone': model}, max_length=9)


@pytest.mark.parametrize('hardware', [True, False])
def test_bf16_by_what_the_device_can_do(corpus, tmp_path, tiny_folder, monkeypatch, recwarn, hardware):
    monkeypatch.setattr('pyterrier_hybrid.training.prepared.is_fast', lambda dtype, device: hardware)
    options = {'backbone': tiny_folder, 'mix': {'monolingual': 1.0}, 'batch_size': 4, 'steps': 1, 'device': 'cpu',
               'query_prefix': '', 'passage_prefix': '', 'verbose': False}  # fmt: skip
    for name, given in {'auto': {'bf16': 'auto'}, 'default': {}}.items():
        train(corpus, tmp_path / name, **given, **options)
        assert read_training_record(tmp_path / name)['bf16'] is hardware
    slow = [str(warning.message) for warning in recwarn if 'slow' in str(warning.message)]
    assert not slow
    train(corpus, tmp_path / 'asked', bf16=True, **options)
    assert read_training_record(tmp_path / 'asked')['bf16'] is True
    slow = [str(warning.message) for warning in recwarn if 'bf16=True is slow' in str(warning.message)]
    assert len(slow) == (not hardware)
    with pytest.raises(ValueError, match="bf16 is 'yes'; it is True, False or 'auto'"):
        train(corpus, tmp_path / 'new', bf16='yes', **options)

"""Runs of one study, and runs that were moved in from another one."""
from dataclasses import replace

import pytest

from pyterrier_hybrid.experiment.study_result import StudyResult

MADE_WITH = {
    'backbone': '/models/base', 'backbone_fingerprint': 'b1', 'batch_size': 4, 'steps': None, 'learning_rate': None,
    'bf16': 'auto', 'pairs': 'p1', 'dataset': 'mine', 'languages': ['de', 'en'], 'questions and passages': 'd1',
    'measures': ['AP', 'RankDistance', 'LPR'], 'settings': ['monolingual', 'crosslingual', 'multilingual'],
}  # fmt: skip
RECORD = {'format': 2, 'made_with': MADE_WITH, 'mixes': {'a': {'mixed': 1.0}}}
TRAINING = {
    'backbone': 'base', 'backbone_fingerprint': 'b1', 'batch_size': 4, 'steps': 7, 'learning_rate': 0.05, 'bf16': True,
    'pairs': 'p1', 'seed': 0, 'mix': {'mixed': 1.0}, 'versions': {'torch': '2'}, 'steps_done': 7,
}  # fmt: skip


@pytest.fixture
def make_run(make_result):
    """A run's result; named values take the place of those of the run, the collection or the training."""

    def make(seed: int = 0, fraction: float = 1.0, without=(), **changes):
        result = replace(make_result(systems=('a', 'other')), systems=['a'])
        run = {'mix': 'a', 'shares': {'mixed': 1.0}, 'fraction': fraction, 'seed': seed}
        collection = {'name': 'mine', 'fingerprint': 'd1', 'languages': ['de', 'en']}
        training = {**TRAINING, 'seed': seed}
        for part in (run, collection, training):
            part.update({name: value for name, value in changes.items() if name in part})
        collection.update({name: value for name, value in changes.items() if name == 'ignore_identical_ids'})
        training.update({name: value for name, value in changes.items() if name == 'validation'})
        whole = {
            'dataset': collection, 'systems': {'a': {'training': training}}, 'run': run,
            'settings': changes.get('settings', {'monolingual': 2}),
        }  # fmt: skip
        provenance = {name: value for name, value in whole.items() if name not in without}
        return replace(result, measures=changes.get('measures', result.measures), provenance=provenance)

    return make


def test_runs_differ_in_seed_part_and_machine(make_run):
    runs = [
        make_run(), make_run(1, versions={'torch': '3'}, bf16=False), make_run(0, 0.5, pairs='p2', steps=3),
        make_run(2, backbone='moved/base'),
    ]  # fmt: skip
    assert len(StudyResult.of(runs, RECORD).results) == 4


@pytest.mark.parametrize(('changes', 'told'), [
    ({'fingerprint': 'd2'}, "its questions and passages is 'd2', and that of the study 'd1'"),
    ({'languages': ['de']}, r"its languages is \['de'\]"),
    ({'measures': ['AP']}, r"its measures is \['AP'\]"),
    ({'settings': {'multilingual': 2}}, "its settings is {'multilingual': 2}"),
    ({'batch_size': 8}, 'its batch_size is 8, and that of the study 4'),
    ({'learning_rate': 0.1}, 'its learning_rate is 0.1, and that of the study 0.05'),
    ({'backbone_fingerprint': 'b2'}, "its backbone is 'b2', and that of the study 'b1'"),
    ({'pairs': 'p2'}, "its pairs is 'p2'"),
    ({'shares': {'monolingual': 1.0}}, "its mix is {'monolingual': 1.0}"),
    ({'ignore_identical_ids': True}, 'its ignore_identical_ids is True, and that of the study False'),
    ({'validation': {'fingerprint': 'v1'}}, "its validation is 'v1', and that of the study None"),
])  # fmt: skip
def test_a_run_of_another_study_is_named(make_run, changes, told):
    with pytest.raises(ValueError, match=rf'the run a-seed1 is a run of another study: {told}.*Move it out'):
        StudyResult.of([make_run(), make_run(1, **changes)], RECORD)


def test_another_collection_is_named(make_run):
    with pytest.raises(ValueError, match=r"the run a-seed1 .* its dataset is 'other', and that of the study 'mine'"):
        StudyResult.of([make_run(), replace(make_run(1), dataset='other')], RECORD)


def test_steps_are_compared_where_the_study_says_them(make_run):
    record = {**RECORD, 'made_with': {**MADE_WITH, 'steps': 7, 'validation': {'name': 'v', 'fingerprint': 'v1'}}}
    runs = [make_run(0, validation={'fingerprint': 'v1'}), make_run(1, validation={'fingerprint': 'v1'}, steps=9)]
    with pytest.raises(ValueError, match=r'a-seed1 .* its steps is 9, and that of the study 7'):
        StudyResult.of(runs, record)


def test_what_is_held_out_is_of_each_run(make_run):
    record = {**RECORD, 'made_with': {**MADE_WITH, 'validation': 0.1}}
    runs = [make_run(seed, validation={'fingerprint': f'v{seed}'}) for seed in (0, 1)]
    assert len(StudyResult.of(runs, record).results) == 2


def test_what_earlier_versions_did_not_write_is_not_compared(make_run):
    old = make_run(1, without=('dataset', 'systems', 'settings'))
    assert len(StudyResult.of([make_run(), old], RECORD).results) == 2
    assert len(StudyResult.of([old, make_run()], {**RECORD, 'format': 1, 'made_with': {}}).results) == 2

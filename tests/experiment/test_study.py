import functools
import gc
import json
import os
import shutil
import sys
import weakref

import numpy as np
import pandas as pd
import pytest
import torch
from ir_measures import AP, R

from pyterrier_hybrid.distributed import Resources
from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment, study_runs
from pyterrier_hybrid.experiment.study import ratio_study
from pyterrier_hybrid.experiment.study_mixes import alphas
from pyterrier_hybrid.experiment.study_result import StudyResult
from pyterrier_hybrid.experiment.study_runs import Run
from pyterrier_hybrid.files import only_one
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.measures import RankDistance
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.publishing import claim

FEW = {'steps': 2, 'batch_size': 4, 'verbose': False}


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    langs = ('de', 'en', 'th')
    rows = [
        {
            'id': str(i), 'source': 'qa', 'query': {lang: f'{lang} question q{i}' for lang in langs},
            'positive': {lang: f'{lang} passage {i}' for lang in langs},
        }
        for i in range(40)
    ]  # fmt: skip
    return ParallelPairs.from_rows(rows, tmp_path_factory.mktemp('pairs') / 'pairs', verbose=False)


@pytest.fixture
def trained(monkeypatch):
    """The names of the run folders that were trained, in order."""
    import pyterrier_hybrid.training as training

    names, train = [], training.train

    @functools.wraps(train)
    def watched(pairs, folder, **arguments):
        if not folder.exists():
            names.append(folder.name)
        return train(pairs, folder, **arguments)

    monkeypatch.setattr(training, 'train', watched, raising=False)
    return names


def test_every_mix_seed_and_fraction(tmp_path, pairs, small):
    study = ratio_study(
        pairs, tmp_path / 'study', mixes=alphas([0, 1]), seeds=[0, 7], fractions=[1, 0.5], dataset=small,
        measures=[AP, RankDistance], **FEW,
    )  # fmt: skip
    runs = study.values[['mix', 'fraction', 'seed']].drop_duplicates()
    assert list(runs.itertuples(index=False, name=None)) == [
        (mix, fraction, seed) for mix in ('cross1', 'mono1') for fraction in (0.5, 1) for seed in (0, 7)
    ]
    assert sorted(path.name for path in (tmp_path / 'study' / 'models').glob('[!.]*')) == [
        f'{mix}{data}-seed{seed}' for mix in ('cross1', 'mono1') for data in ('-data0.5', '') for seed in (0, 7)
    ]
    assert len(study.values) == 8 * 4 and study.values['value'].notna().all()
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / 'study' / 'study.csv'), study.values)
    pd.testing.assert_frame_equal(StudyResult.load(tmp_path / 'study').values, study.values)
    record = json.loads((tmp_path / 'study' / 'models' / 'mono1-data0.5-seed7' / 'training.json').read_text())
    whole = json.loads((tmp_path / 'study' / 'models' / 'mono1-seed7' / 'training.json').read_text())
    assert record['seed'] == 7 and record['pairs'] != whole['pairs'] == pairs.fingerprint


def test_values_are_those_of_the_saved_encoder(tmp_path, pairs, small, collection):
    study = ratio_study(pairs, tmp_path / 's', mixes=[{'mixed': 1}], dataset=small, measures=[AP, R @ 2], **FEW)
    encoder = HybridEncoder(tmp_path / 's' / 'models' / 'mixed1-seed0')
    index = MultilingualIndex(tmp_path / 'again.flex', verbose=False)
    (encoder.doc_encoder() >> index).index(collection.docs())
    again = MultilingualExperiment({'mixed1': (encoder, index)}, collection, [AP, R @ 2], verbose=False)
    pd.testing.assert_frame_equal(study.results['mixed1', 1.0, 0].per_query, again.per_query)
    table = again.table().loc['mixed1']
    assert {(row.measure, row.setting): row.value for row in study.values.itertuples()} == pytest.approx(dict(table))


def test_a_stopped_study_goes_on_and_a_finished_one_is_read(tmp_path, pairs, small, trained, monkeypatch):
    arguments = {'mixes': alphas([0, 0.5, 1]), 'dataset': small, **FEW}
    folder = tmp_path / 'study'
    experiment, calls = MultilingualExperiment, []

    def stopped(*args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return experiment(*args, **kwargs)

    monkeypatch.setattr('pyterrier_hybrid.experiment.multilingual.MultilingualExperiment', stopped)
    with pytest.raises(KeyboardInterrupt):
        ratio_study(pairs, folder, **arguments)
    assert [path.name for path in (folder / 'results').glob('[!.]*')] == ['cross1-seed0']
    assert not list(folder.glob('.index*'))
    assert list(StudyResult.load(folder).results) == [('cross1', 1.0, 0)]

    study = ratio_study(pairs, folder, **arguments)
    assert trained == ['cross1-seed0', 'mono0.5-cross0.5-seed0', 'mono1-seed0']
    assert len(calls) == 4  # the second run was evaluated anew, not trained anew
    again = ratio_study(pairs, folder, **arguments)
    assert len(trained) == 3 and len(calls) == 4
    pd.testing.assert_frame_equal(study.values, again.values)
    monkeypatch.undo()
    whole = ratio_study(pairs, tmp_path / 'whole', **arguments)
    pd.testing.assert_frame_equal(study.values, whole.values)


def test_a_run_that_was_killed_before_it_tidied_up_is_done(tmp_path, pairs, small, trained):
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, 'checkpoint_steps': 1, **FEW}
    study = ratio_study(pairs, tmp_path / 's', **arguments)
    (tmp_path / 's' / 'results' / 'mixed1-seed0').rename(tmp_path / 'evaluated')
    claim(tmp_path / 's' / 'models' / 'mixed1-seed0.checkpoints')
    again = ratio_study(pairs, tmp_path / 's', **arguments)
    assert trained == ['mixed1-seed0']
    assert not (tmp_path / 's' / 'models' / 'mixed1-seed0.checkpoints').exists()
    pd.testing.assert_frame_equal(again.values, study.values)


def test_a_collection_is_read_once_and_forgotten(tmp_path, pairs, small, monkeypatch):
    made, init = [], EvaluationSet.__init__

    def counted(self, *args, **kwargs):
        made.append(weakref.ref(self))
        init(self, *args, **kwargs)

    monkeypatch.setattr(EvaluationSet, '__init__', counted)
    study = ratio_study(pairs, tmp_path / 's', mixes=alphas([0, 1]), dataset=small, **FEW)
    gc.collect()
    assert len(made) == 1 and made[0]() is None and len(study.results) == 2


def test_mixes_and_seeds_may_be_added(tmp_path, pairs, small, trained):
    ratio_study(pairs, tmp_path / 's', mixes={'one': {'mixed': 1}}, dataset=small, **FEW)
    study = ratio_study(pairs, tmp_path / 's', mixes={'two / 2': {'multilingual': 1}}, seeds=[1], dataset=small, **FEW)
    assert trained == ['one-seed0', 'two %2F 2-seed1']
    assert list(study.results) == [('two / 2', 1.0, 1)]
    assert list(StudyResult.load(tmp_path / 's').results) == [('one', 1.0, 0), ('two / 2', 1.0, 1)]


def test_what_killed_processes_have_left_is_removed(tmp_path, pairs, small, monkeypatch):
    """What they have left is made by killing: no name is written here that the code would have to agree with."""
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, **FEW}
    folder, empty = tmp_path / 's', []

    def killed(*_, **__):
        empty.append({path.name for path in folder.iterdir()})
        monkeypatch.setattr('pyterrier_hybrid.experiment.study_runs.discard', lambda _: None)  # nothing is tidied up
        raise KeyboardInterrupt

    monkeypatch.setattr('pyterrier_hybrid.experiment.multilingual.MultilingualExperiment', killed)
    with pytest.raises(KeyboardInterrupt):
        ratio_study(pairs, folder, **arguments)
    left = {path.name for path in folder.iterdir()}
    assert len(left - {'study.json', 'models'}) == 1
    (folder / '.index-of-mine').mkdir()
    monkeypatch.undo()
    ratio_study(pairs, folder, **arguments)
    assert {path.name for path in folder.iterdir()} == {
        'study.json', 'study.csv', 'models', 'results', '.index-of-mine'
    }  # fmt: skip


@pytest.mark.parametrize(('change', 'message'), [
    ({'steps': 3}, 'begun in another way: steps was 2, is 3. Give what it was, or another folder'),
    ({'learning_rate': 0.1}, 'learning_rate was None, is 0.1'),
    ({'languages': ['de', 'en']}, r"languages was \['de', 'en', 'th'\], is \['de', 'en'\]"),
    ({'measures': [AP]}, r"measures was \['AP', 'nDCG@10', 'R@10', 'RankDistance', 'LPR'\], is \['AP'\]"),
    ({'mixes': {'mix': {'crosslingual': 1}}}, r"mix was \{'mixed': 1.0\}, is \{'crosslingual': 1.0\}"),
])  # fmt: skip
def test_a_changed_configuration_is_refused(tmp_path, pairs, small, change, message, trained):
    arguments = {'mixes': {'mix': {'mixed': 1}}, 'dataset': small, **FEW}
    ratio_study(pairs, tmp_path / 's', **arguments)
    before = (tmp_path / 's' / 'study.json').read_bytes()
    with pytest.raises(ValueError, match=message):
        ratio_study(pairs, tmp_path / 's', **{**arguments, **change})
    assert (tmp_path / 's' / 'study.json').read_bytes() == before and len(trained) == 1


def test_a_study_without_the_questions_own_passages(tmp_path, pairs, small):
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, 'measures': [AP], **FEW}
    study = ratio_study(pairs, tmp_path / 's', ignore_identical_ids=True, **arguments)
    (result,) = study.results.values()
    assert result.provenance['dataset']['ignore_identical_ids'] is True
    with pytest.raises(ValueError, match='ignore_identical_ids was True, is None'):
        ratio_study(pairs, tmp_path / 's', **arguments)


def test_other_pairs_are_refused(tmp_path, pairs, small):
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, **FEW}
    ratio_study(pairs, tmp_path / 's', **arguments)
    rows = [{'id': str(i), 'source': 's', 'query': {'en': f'{i}'}, 'positive': {'en': f'p{i}'}} for i in range(20)]
    other = ParallelPairs.from_rows(rows, tmp_path / 'other', verbose=False)
    with pytest.raises(ValueError, match=f"pairs was '{pairs.fingerprint}', is '{other.fingerprint}'"):
        ratio_study(other, tmp_path / 's', **arguments)


def test_another_backbone_is_refused(tmp_path, pairs, small):
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, **FEW}
    ratio_study(pairs, tmp_path / 'first', seeds=[0, 1], **arguments)
    zero, one = (tmp_path / 'first' / 'models' / f'mixed1-seed{seed}' for seed in (0, 1))
    ratio_study(pairs, tmp_path / 's', backbone=zero, **arguments)
    record = json.loads((tmp_path / 's' / 'models' / 'mixed1-seed0' / 'training.json').read_text())
    assert record['backbone'] == str(zero)
    with pytest.raises(ValueError, match='begun in another way: backbone was '):
        ratio_study(pairs, tmp_path / 's', backbone=one, **arguments)


def test_a_backbone_is_its_content(tmp_path, pairs, small, trained, monkeypatch):
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, **FEW}
    ratio_study(pairs, tmp_path / 'first', **arguments)
    backbone = tmp_path / 'first' / 'models' / 'mixed1-seed0'
    ratio_study(pairs, tmp_path / 's', backbone=backbone, **arguments)
    shutil.copytree(backbone, tmp_path / 'copy')
    monkeypatch.chdir(tmp_path)
    for same in ('copy', 'first/models/../models/mixed1-seed0'):
        ratio_study(pairs, tmp_path / 's', backbone=same, **arguments)
    assert len(trained) == 2


def test_numpy_numbers_and_defaults_are_the_same_study(tmp_path, pairs, small, trained):
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, **FEW}
    ratio_study(pairs, tmp_path / 's', **arguments)
    again = {**arguments, 'steps': np.int64(2), 'batch_size': np.int32(4), 'weight_decay': np.float64(0.01)}
    ratio_study(pairs, tmp_path / 's', seeds=np.array([0]), fractions=[np.float32(1)], checkpoint_steps=1, **again)
    assert trained == ['mixed1-seed0']


def test_a_study_of_an_earlier_version_is_read_and_not_continued(tmp_path, pairs, small):
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, **FEW}
    study = ratio_study(pairs, tmp_path / 's', **arguments)
    record = json.loads((tmp_path / 's' / 'study.json').read_text())
    (tmp_path / 's' / 'study.json').write_text(json.dumps({**record, 'format': 1}))
    pd.testing.assert_frame_equal(StudyResult.load(tmp_path / 's').values, study.values)
    with pytest.raises(ValueError, match=r'begun by another version .* begin the study anew elsewhere'):
        ratio_study(pairs, tmp_path / 's', **arguments)


def test_damage_is_found_and_not_evaluated(tmp_path, pairs, small):
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, **FEW}
    ratio_study(pairs, tmp_path / 's', **arguments)
    StudyResult.verify(tmp_path / 's')
    (weights,) = (tmp_path / 's' / 'models' / 'mixed1-seed0').rglob('*.safetensors')
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ValueError, match=r'safetensors has changed since it was written'):
        StudyResult.verify(tmp_path / 's')
    shutil.rmtree(tmp_path / 's' / 'results' / 'mixed1-seed0')
    with pytest.raises(ValueError, match=r'run mixed1-seed0: .*safetensors has changed'):
        ratio_study(pairs, tmp_path / 's', **arguments)


def test_one_process_at_a_time(tmp_path, pairs, small):
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, **FEW}
    with only_one(tmp_path / 's'), pytest.raises(ValueError, match=r'another process or thread is writing .*s;'):
        ratio_study(pairs, tmp_path / 's', **arguments)
    ratio_study(pairs, tmp_path / 's', **arguments)


@pytest.mark.parametrize(('change', 'error', 'message'), [
    ({'mixes': {}}, ValueError, 'there are no mixes'),
    ({'mixes': {'monolingual': 1.0}}, ValueError, r'to study one, give mixes=\[mix\]'),
    ({'mixes': [{'mono': 1}]}, ValueError, "names the kind 'mono'"),
    ({'mixes': [{'mixed': 0.5}]}, ValueError, r'sums to 0\.5'),
    ({'mixes': {'a': {'mixed': 1}, 'A': {'mixed': 1}}}, ValueError, "'a' and 'A' differ in case alone"),
    ({'mixes': {'a' * 500: {'mixed': 1}}}, ValueError, 'too long a name for a folder; give it a shorter one'),
    ({'seeds': []}, ValueError, 'there are no seeds'),
    ({'fractions': []}, ValueError, 'there are no fractions'),
    ({'fractions': [2]}, ValueError, 'the fraction of the pairs is 2'),
    ({'processes': 0}, ValueError, 'processes is 0'),
    ({'processes': 2, 'ray': True}, ValueError, 'processes is 2, and ray is given'),
    ({'ray': {'cpus': 2}}, ValueError, "ray has 'cpus'; a run on a Ray cluster is given num_cpus and num_gpus"),
    ({'ray': {'num_cpus': 0}}, ValueError, 'num_cpus is 0'),
    ({'batch_size': 10_000}, ValueError, 'batch'),
    ({'dataset': 'nowhere'}, KeyError, 'nowhere'),
    ({'languages': ['xx']}, ValueError, 'xx'),
    ({'languages': 'xx'}, ValueError, "has no 'xx'"),
    ({'step': 3}, TypeError, 'step'),
    ({'backbone': object()}, TypeError, "backbone is a object; .* give 'static', or save the model"),
])  # fmt: skip
def test_bad_input_is_refused_before_anything_is_trained(tmp_path, pairs, small, change, error, message):
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, **FEW}
    with pytest.raises(error, match=message):
        ratio_study(pairs, tmp_path / 'study', **{**arguments, **change})
    assert not (tmp_path / 'study').exists()


@pytest.mark.parametrize('given', ['runs/pairs', None])
def test_pairs_that_are_not_opened(tmp_path, small, given):
    with pytest.raises(TypeError, match=rf'pairs is {given!r}; open the folder of an import with ParallelPairs'):
        ratio_study(given, tmp_path / 's', mixes=[{'mixed': 1}], dataset=small, **FEW)


def test_a_folder_that_is_a_file(tmp_path, pairs, small):
    (tmp_path / 's').write_text('mine')
    with pytest.raises(FileExistsError, match='s is a file; give a folder that is new, or that of a study'):
        ratio_study(pairs, tmp_path / 's', mixes=[{'mixed': 1}], dataset=small, **FEW)


def test_a_folder_of_something_else(tmp_path, pairs, small):
    (tmp_path / 'notes.txt').write_text('mine')
    with pytest.raises(FileExistsError, match='holds something that is not a study'):
        ratio_study(pairs, tmp_path, mixes=[{'mixed': 1}], dataset=small, **FEW)
    assert (tmp_path / 'notes.txt').read_text() == 'mine'


def test_names_of_runs():
    assert Run('mono0.5-cross0.5', {}, 1.0, 3).name == 'mono0.5-cross0.5-seed3'
    assert Run('../x', {}, 0.25, 0).name == '%2E.%2Fx-data0.25-seed0'
    assert [Run(mix, {}, 1.0, 0).name for mix in ('.a', 'a.b', '%2Ea')] == ['%2Ea-seed0', 'a.b-seed0', '%252Ea-seed0']
    runs = [
        *(Run(mix, {}, part, 0) for mix in ('half', 'half-data0.5', 'half-seed0', 'half%2D') for part in (1.0, 0.5)),
        *(Run('half', {}, part, seed) for part in (0.12345671, 0.12345672, 1 / 3) for seed in (0, 10)),
    ]
    assert len({run.name for run in runs}) == len(runs)


def test_threads_are_shared_out(monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '8')
    with study_runs._threads_shared(3):
        assert os.environ['OMP_NUM_THREADS'] == '2'
    assert os.environ['OMP_NUM_THREADS'] == '8'
    monkeypatch.delenv('OMP_NUM_THREADS')
    with study_runs._threads_shared(1000):
        assert os.environ['OMP_NUM_THREADS'] == '1'
    assert 'OMP_NUM_THREADS' not in os.environ


@pytest.fixture
def one_thread():
    """Another number of threads makes other sums, and AdamW whole steps of the difference."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_several_processes_give_the_same_table(tmp_path, pairs, monkeypatch, one_thread):
    monkeypatch.setenv('OMP_NUM_THREADS', '2')  # one for each
    arguments = {'mixes': alphas([0, 1]), 'dataset': 'worldfacts', 'languages': ['de'], 'settings': ['monolingual'],
                 'measures': [AP], **FEW}  # fmt: skip
    two = ratio_study(pairs, tmp_path / 'two', processes=2, **arguments)
    one = ratio_study(pairs, tmp_path / 'one', **arguments)
    pd.testing.assert_frame_equal(two.values, one.values, check_exact=True)


def test_an_error_names_its_run(tmp_path, pairs, small):
    with pytest.raises(ValueError, match=r'^run mixed1-seed0: .*nowhere'):
        ratio_study(pairs, tmp_path / 's', mixes=[{'mixed': 1}], dataset=small, device='nowhere', **FEW)


@pytest.mark.parametrize(('error', 'said'), [
    (KeyError('x'), "'run mixed1-seed4: x'"),
    (OSError(28, 'No space left on device', '/s/models/mixed1-seed4'), "'/s/models/mixed1-seed4'"),
    (ValueError(), ''),
    (ValueError('of', 2), "('of', 2)"),
])  # fmt: skip
def test_errors_stay_what_they_are(error, said):
    with pytest.raises(type(error)) as caught, study_runs._named(Run('mixed1', {}, 1.0, 4)):
        raise error
    assert caught.value is error and str(error).endswith(said)


def test_ray_is_asked_for_and_not_there(tmp_path, pairs, small, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install pyterrier-hybrid\[ray\]'):
        ratio_study(pairs, tmp_path / 's', mixes=[{'mixed': 1}], dataset=small, ray=True, **FEW)
    assert not (tmp_path / 's').exists()


def test_a_result_that_another_machine_has_elsewhere(tmp_path, pairs, small, monkeypatch):
    asked = {}

    def elsewhere(work, runs, **arguments):
        asked.update(arguments)
        yield runs[0], None

    monkeypatch.setitem(sys.modules, 'ray', study_runs)  # some module, so that there is one
    monkeypatch.setattr(study_runs, 'on_ray', elsewhere)
    monkeypatch.setattr(study_runs, 'SEEN_WITHIN', 0)
    with pytest.raises(FileNotFoundError, match=r'run mixed1-seed0 was finished .* its result is not in .*results;'):
        ratio_study(
            pairs, tmp_path / 's', mixes=[{'mixed': 1}], dataset=small, ray={'num_cpus': 3, 'num_gpus': 0.5}, **FEW
        )
    assert asked['resources'] == Resources(3, 0.5) and asked['folders'] == [tmp_path / 's', pairs.folder]
    assert asked['name'](Run('a', {}, 1.0, 0)) == 'run a-seed0'


def test_runs_of_several_folders_make_one_study(tmp_path, pairs, small, trained):
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, **FEW}
    studies = [ratio_study(pairs, tmp_path / f's{seed}', seeds=[seed], **arguments) for seed in (0, 1)]
    for part in ('models', 'results'):
        for run in (tmp_path / 's1' / part).glob('[!.]*'):
            shutil.move(run, tmp_path / 's0' / part / run.name)
    both = ratio_study(pairs, tmp_path / 's0', seeds=[0, 1], **arguments)
    assert len(trained) == 2
    pd.testing.assert_frame_equal(both.values, pd.concat([s.values for s in studies], ignore_index=True))


def test_runs_of_another_study_are_refused(tmp_path, pairs, small, trained):
    arguments = {'mixes': [{'mixed': 1}], 'dataset': small, **FEW}
    ratio_study(pairs, tmp_path / 's0', **arguments)
    ratio_study(pairs, tmp_path / 's1', seeds=[1], **{**arguments, 'steps': 3})
    for part in ('models', 'results'):
        (tmp_path / 's1' / part / 'mixed1-seed1').rename(tmp_path / 's0' / part / 'mixed1-seed1')
    with pytest.raises(ValueError, match=r'results/mixed1-seed1 is a run of another study: its steps is 3'):
        ratio_study(pairs, tmp_path / 's0', seeds=[0, 1, 2], **arguments)
    assert trained == ['mixed1-seed0', 'mixed1-seed1']


def test_an_error_of_another_process_says_how_it_knows_data_sets(tmp_path, pairs, small):
    with pytest.raises(ValueError, match=r"run mixed1-seed\d: there is no data set 'small'.* outside of the guard"):
        ratio_study(pairs, tmp_path / 's', mixes=[{'mixed': 1}], seeds=[0, 1], dataset=small, processes=2, **FEW)
    assert not (tmp_path / 's' / 'models').exists()

"""A study whose runs go to the workers of a cluster, and the same study in one process."""
import os
import signal
from contextlib import contextmanager

import pandas as pd
import pytest
import torch
from ir_measures import AP

from pyterrier_hybrid.cli import main
from pyterrier_hybrid.experiment import study_runs
from pyterrier_hybrid.experiment.study import ratio_study
from pyterrier_hybrid.experiment.study_mixes import alphas
from pyterrier_hybrid.experiment.study_result import StudyResult
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.training.checkpoints import Checkpoints

ARGUMENTS = {
    'mixes': alphas([0, 1]), 'dataset': 'worldfacts', 'languages': ['de'], 'settings': ['monolingual'],
    'measures': [AP], 'steps': 4, 'batch_size': 4, 'verbose': False,
}  # fmt: skip


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    rows = [
        {
            'id': str(i), 'source': 'qa', 'query': {lang: f'{lang} question q{i}' for lang in ('de', 'en')},
            'positive': {lang: f'{lang} passage {i}' for lang in ('de', 'en')},
        }
        for i in range(40)
    ]  # fmt: skip
    return ParallelPairs.from_rows(rows, tmp_path_factory.mktemp('pairs') / 'pairs', verbose=False)


@contextmanager
def torch_threads(number: int):
    """Another number of threads makes other sums, and AdamW whole steps of the difference."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope='module')
def one(tmp_path_factory, pairs):
    """The folder of the study in this process, on one thread."""
    folder = tmp_path_factory.mktemp('studies') / 'one'
    with torch_threads(1):
        ratio_study(pairs, folder, **ARGUMENTS)
    return folder


def check_same(folder, other) -> None:
    """Compares two studies: weights and figures, to the bit."""
    weights = [sorted(each.glob('models/*/**/*.safetensors')) for each in (folder, other)]
    assert [path.relative_to(folder) for path in weights[0]] == [path.relative_to(other) for path in weights[1]]
    assert len(weights[0]) == 2
    assert [path.read_bytes() for path in weights[0]] == [path.read_bytes() for path in weights[1]]
    values = [StudyResult.load(each).values for each in (folder, other)]
    pd.testing.assert_frame_equal(*values, check_exact=True)
    pd.testing.assert_frame_equal(pd.read_csv(folder / 'study.csv'), values[0])


def test_a_killed_worker_is_replaced_and_the_study_is_the_same(ray, tmp_path, pairs, one, monkeypatch):
    complete = study_runs.complete

    def dies_once(study, run, verbose):
        left = sorted(path.name for path in study.folder.glob('models/mono1-seed0.checkpoints/checkpoint-*'))
        with open(tmp_path / run.mix, 'a') as file:
            file.write(f'{left} {os.environ["OMP_NUM_THREADS"]}\n')
        if run.mix == 'mono1' and not left:
            writing = Checkpoints.writing

            @contextmanager
            def then_die(self, step):
                with writing(self, step) as folder:
                    yield folder
                os.kill(os.getpid(), signal.SIGKILL)

            Checkpoints.writing = then_die
        return complete(study, run, verbose)

    monkeypatch.setattr(study_runs, 'complete', dies_once)
    study = ratio_study(pairs, tmp_path / 's', ray=True, checkpoint_steps=2, **ARGUMENTS)
    assert (tmp_path / 'mono1').read_text() == "[] 1\n['checkpoint-2'] 1\n"
    assert (tmp_path / 'cross1').read_text().count('\n') == 1
    assert list(study.results) == [('cross1', 1.0, 0), ('mono1', 1.0, 0)]
    check_same(tmp_path / 's', one)


def test_one_process_goes_on_where_a_cluster_was_stopped(ray, tmp_path, pairs, monkeypatch):
    on_ray = study_runs.on_ray

    def stopped(*args, **kwargs):
        tasks = on_ray(*args, **kwargs)
        yield next(tasks)
        tasks.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(study_runs, 'on_ray', stopped)
    with pytest.raises(KeyboardInterrupt):
        ratio_study(pairs, tmp_path / 's', ray={'num_cpus': 2}, **ARGUMENTS)  # one run at a time
    (finished,) = (tmp_path / 's' / 'results').glob('[!.]*')
    before = (finished / 'result.json').stat().st_mtime_ns
    with torch_threads(2):  # as many as the run on the cluster had
        ratio_study(pairs, tmp_path / 's', **ARGUMENTS)
        ratio_study(pairs, tmp_path / 'alone', **ARGUMENTS)
    assert (finished / 'result.json').stat().st_mtime_ns == before
    assert len(list((tmp_path / 's' / 'results').glob('[!.]*'))) == 2
    check_same(tmp_path / 's', tmp_path / 'alone')


def test_an_error_names_its_run(ray, tmp_path, pairs):
    with pytest.raises(ValueError, match=r"^run cross1-seed0: the device 'nowhere' cannot be used") as caught:
        ratio_study(pairs, tmp_path / 's', ray=True, device='nowhere', **{**ARGUMENTS, 'mixes': alphas([0])})
    assert type(caught.value) is ValueError


def test_the_command(ray, tmp_path, pairs, capsys):
    argv = ['study', '--dataset', 'worldfacts', '--pairs', pairs.folder, '--out', tmp_path / 's', '--ray', '--steps', 2,
            '--ray-cpus', 1, '--ray-gpus', 0, '--batch-size', 4, '--languages', 'de', '--settings', 'monolingual',
            '--measures', 'AP', '--mix', 'mixed=1', '--quiet']  # fmt: skip
    assert main([str(arg) for arg in argv]) == 0
    assert list(StudyResult.load(tmp_path / 's').results) == [('mixed1', 1.0, 0)]
    assert 'the study is in' in capsys.readouterr().out
    assert 'ray: true\n' in (tmp_path / 's.config.yaml').read_text()

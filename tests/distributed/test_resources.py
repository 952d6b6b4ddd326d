import pytest

from pyterrier_hybrid.distributed.resources import ENVIRONMENT, Resources, processors


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(('resources', 'node', 'fits'), [
    (Resources(), {'CPU': 1.0}, True),
    (Resources(2), {'CPU': 1.0, 'GPU': 8.0}, False),
    (Resources(2, 1), {'CPU': 2.0}, False),
    (Resources(2, 0.5), {'CPU': 2.0, 'GPU': 1.0}, True),
    (Resources(1), {}, False),
])  # fmt: skip
def test_fit(resources, node, fits):
    assert resources.fit(node) is fits


@pytest.mark.parametrize(('resources', 'node', 'count'), [
    (Resources(), {'CPU': 3.0}, 3),
    (Resources(2), {'CPU': 5.0, 'GPU': 8.0}, 2),
    (Resources(1, 0.5), {'CPU': 8.0, 'GPU': 2.0}, 4),
    (Resources(1, 2), {'CPU': 8.0, 'GPU': 3.0}, 1),
    (Resources(1, 1), {'CPU': 8.0}, 0),
])  # fmt: skip
def test_count(resources, node, count):
    assert resources.count(node) == count


@pytest.mark.parametrize(('given', 'message'), [
    ({'num_cpus': 0}, 'num_cpus is 0; it is a whole number of processors, at least 1'),
    ({'num_cpus': 1.5}, 'num_cpus is 1.5'),
    ({'num_cpus': True}, 'num_cpus is True'),
    ({'num_gpus': -1}, 'num_gpus is -1; it is a whole number of GPUs, or a part of one'),
    ({'num_gpus': 1.5}, 'num_gpus is 1.5'),
    ({'num_gpus': float('nan')}, 'num_gpus is nan'),
    ({'num_gpus': float('inf')}, 'num_gpus is inf'),
    ({'num_gpus': '1'}, "num_gpus is '1'"),
])  # fmt: skip
def test_bad_resources(given, message):
    with pytest.raises(ValueError, match=message):
        Resources(**given)


def test_threads_are_processors_and_no_gpu_is_seen_that_was_not_asked_for():
    assert Resources(3).environment() == {'OMP_NUM_THREADS': '3', 'CUDA_VISIBLE_DEVICES': ''}
    assert Resources(1, 0.5).environment() == {'OMP_NUM_THREADS': '1'}


def test_where_the_data_is_goes_with_the_task(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('IR_DATASETS_HOME', 'irds')
    monkeypatch.setenv('HF_HOME', '~/hf')
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.setenv('HF_HUB_CACHE', '')
    monkeypatch.setenv('HF_TOKEN', 'secret')
    monkeypatch.setenv('HOME', '/home/me')
    found = Resources(1, 1).environment()
    assert found == {
        'IR_DATASETS_HOME': str(tmp_path / 'irds'), 'HF_HOME': '/home/me/hf', 'HF_HUB_OFFLINE': '1',
        'OMP_NUM_THREADS': '1',
    }  # fmt: skip


def test_processors(monkeypatch):
    monkeypatch.setattr('os.sched_getaffinity', lambda _: {0, 2, 5}, raising=False)
    assert processors() == 3
    monkeypatch.delattr('os.sched_getaffinity')
    monkeypatch.setattr('os.cpu_count', lambda: 7)
    assert processors() == 7

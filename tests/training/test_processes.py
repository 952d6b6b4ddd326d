"""One model over several processes: two that torchrun starts, over gloo on the CPU, against one."""
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import pyterrier_hybrid
from pyterrier_hybrid.training.trainer import train

SCRIPT = Path(__file__).with_name('run_processes.py')
HALF = {'monolingual': 0.5, 'crosslingual': 0.5}
TINY = {
    'mix': HALF, 'batch_size': 8, 'steps': 3, 'temperature': 0.5, 'bf16': False, 'device': 'cpu', 'verbose': False,
}  # fmt: skip
HALF_PRECISION = {'backbone': 'calm', 'negatives': 1, 'bf16': True, 'temperature': 0.05}
SAVING = {'backbone': 'static', 'steps': 6, 'checkpoint_steps': 2}
#: Runs of two processes that are compared with one, and what of their options one process leaves out.
COMPARED = {
    **{f'static {n}': ({'backbone': 'static', 'negatives': n}, {}) for n in (0, 1, 3)},
    **{f'transformer {n}': ({'backbone': 'calm', 'negatives': n}, {}) for n in (0, 1, 3)},
    **{f'mini-batches {n}': ({'backbone': 'calm', 'negatives': n}, {'mini_batch_size': 3}) for n in (0, 1, 3)},
    'activations computed again': ({'backbone': 'calm', 'negatives': 1}, {'gradient_checkpointing': True}),
    'bfloat16': (HALF_PRECISION, {}),
    'bfloat16, mini-batches': (HALF_PRECISION, {'mini_batch_size': 3}),
    'bfloat16, activations computed again': (HALF_PRECISION, {'gradient_checkpointing': True}),
}
#: Options, what is to go wrong, and the errors of the two processes.
REFUSED = {
    'nan': ({**SAVING, 'backbone': 'calm'}, {'fail': {'nan': [3, 1]}}, ['ValueError: the loss is nan at step 3'] * 2),
    'odd': ({'batch_size': 9}, {}, ['ValueError: batch_size is 9; 2 processes take equal shares of a batch, so'] * 2),
    'bad': ({'warmup': 2}, {}, ['ValueError: warmup is 2; it is a share of the steps'] * 2),
    'taken': ({}, {}, ['FileExistsError: '] * 2),
    'no backbone': ({'backbone': '/nowhere'}, {}, ['FileNotFoundError: there is no folder /nowhere'] * 2),
    'unlike': ({}, {'of_rank': {'1': {'seed': 7}}},
               ['ValueError: seed is 7 in process 1 and 0 in process 0; give every process the same arguments',
                'ValueError: seed is 0 in process 0 and 7 in process 1']),
    'one fails': ({}, {'of_rank': {'1': {'warmup': 2}}},
                  ['OSError: process 1 of 2 stopped with ValueError: warmup is 2', 'ValueError: warmup is 2']),
    'disk full': (SAVING, {'fail': {'disk full': [4, 1]}},
                  ['OSError: process 1 of 2 stopped with OSError: [Errno 28] /', 'OSError: [Errno 28] /']),
}  # fmt: skip


@pytest.fixture(scope='module')
def one_process():
    """Runs a case here."""
    spec = importlib.util.spec_from_file_location('run_processes', SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.run


@pytest.fixture(scope='module')
def calm_folder(tiny_folder, tmp_path_factory):
    """The tiny transformer without dropout."""
    folder = shutil.copytree(tiny_folder, tmp_path_factory.mktemp('checkpoints') / 'calm')
    config = json.loads((folder / 'config.json').read_text())
    config.update(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    (folder / 'config.json').write_text(json.dumps(config))
    return folder


TORCHRUN = ['torch.distributed.run', '--standalone', '--nproc-per-node', '2']
#: --multi_gpu is how accelerate spells several processes; they take CPUs where there is no GPU.
ACCELERATE = ['accelerate.commands.launch', '--multi_gpu', '--num_processes', '2', '--num_machines', '1',
              '--mixed_precision', 'no', '--dynamo_backend', 'no', '--main_process_port', '0']  # fmt: skip


def launch(*command, folder: Path, launcher: list[str] = TORCHRUN) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of two processes."""
    whole = [sys.executable, '-m', *launcher, *map(str, command)]
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(Path(pyterrier_hybrid.__file__).parents[1])}
    with subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
                          cwd=folder) as both:  # fmt: skip
        try:
            out, err = both.communicate(timeout=1800)
        finally:
            both.terminate()  # where it is still there; it ends its processes
    return both.returncode, out, err


@pytest.fixture(scope='module')
def options(corpus, calm_folder):
    """The arguments of a run."""

    def make(folder: Path, given: dict) -> dict:
        backbone = str(calm_folder) if given.get('backbone') == 'calm' else given.get('backbone', 'static')
        return {'pairs': str(corpus.folder), **TINY, **given, 'backbone': backbone, 'folder': str(folder)}

    return make


@pytest.fixture(scope='module')
def launched(options, tiny_folder, tmp_path_factory):
    """What two processes saw of every case, and the folder of their runs."""
    folder = tmp_path_factory.mktemp('launched')
    cases = {name: {'options': options(folder / name, {**given, **more})} for name, (given, more) in COMPARED.items()}
    for name, (given, more, _) in REFUSED.items():
        cases[name] = {'options': options(folder / name, given), **more}
    (folder / 'taken').mkdir()
    noisy = {**SAVING, 'backbone': str(tiny_folder), 'negatives': 1}  # with dropout
    cases['whole'] = {'options': options(folder / 'whole' / 'run', noisy)}
    cases['stopped'] = {'options': options(folder / 'parts' / 'run', noisy), 'fail': {'stop': [5, 'every']}}
    cases['resumed'] = {'options': options(folder / 'parts' / 'run', {**noisy, 'resume': True})}
    cases['left'] = {'options': options(folder / 'left', SAVING), 'fail': {'stop': [3, 'every']}}
    (folder / 'cases.json').write_text(json.dumps(cases))
    code, _, err = launch(SCRIPT, folder / 'cases.json', folder, folder=folder)
    assert code == 0, err
    return {name: [torch.load(folder / f'{name}.{r}.pt') for r in (0, 1)] for name in cases}, folder


@pytest.fixture(scope='module')
def alone(one_process, options, tmp_path_factory):
    """What one process sees, and the folder of its run; the same options are run once."""
    runs = {}

    def run(given: dict) -> tuple[dict, Path]:
        key = json.dumps(given)
        if key not in runs:
            folder = tmp_path_factory.mktemp('alone') / 'run'
            runs[key] = one_process({'options': options(folder, given)}), folder
        return runs[key]

    return run


def check_calls(calls: list[tuple[int, torch.dtype]], share: int, options: dict) -> None:
    """GradCache encodes a text for its vector and for its gradient, and what is not kept is computed again."""
    passes = 1 + ('mini_batch_size' in options) + ('gradient_checkpointing' in options)
    sizes, dtypes = zip(*calls)
    assert sum(sizes) == passes * TINY['steps'] * share * (2 + options['negatives'])
    assert max(sizes) <= options.get('mini_batch_size', float('inf'))
    assert set(dtypes) == {torch.bfloat16 if 'bf16' in options else torch.float32}


@pytest.mark.parametrize('name', COMPARED)
def test_loss_and_gradients_are_those_of_one_process(launched, alone, name):
    seen, folder = launched
    first, second = seen[name]
    assert first['error'] is None and second['error'] is None
    given, more = COMPARED[name]
    single, single_folder = alone(given)
    assert len(single['steps']) == TINY['steps']
    tolerance = 5e-3 if 'bf16' in given else 1e-5
    for one, two, other in zip(single['steps'], first['steps'], second['steps'], strict=True):
        assert two[0] == other[0] and abs(one[0] - two[0]) < tolerance
        assert one[1].keys() == two[1].keys() and any(grad.abs().max() > 1e-3 for grad in one[1].values())
        for parameter, grad in one[1].items():
            assert torch.equal(two[1][parameter], other[1][parameter])
            if 'bf16' not in given:
                torch.testing.assert_close(two[1][parameter], grad, rtol=tolerance, atol=tolerance)
        # bfloat16 keeps 8 bits and its errors add up: an entry may be far off where the whole gradient is not
        whole, same = (torch.cat([step[1][parameter].flatten() for parameter in one[1]]) for step in (one, two))
        assert (same - whole).norm() < (0.02 if 'bf16' in given else tolerance) * whole.norm()
    if given['backbone'] != 'static':
        check_calls(single['calls'], 8, given)
        check_calls(first['calls'], 4, {**given, **more})
        check_calls(second['calls'], 4, {**given, **more})
    assert torch.equal(first['vectors'], second['vectors'])  # both read the encoder back
    records = [json.loads((run / 'training.json').read_text()) for run in (single_folder, folder / name)]
    assert [record['processes'] for record in records] == [1, 2]
    for (step, loss), (same, mean) in zip(*(record['losses'] for record in records), strict=True):
        assert step == same and loss == pytest.approx(mean, abs=2 * tolerance)


def test_accelerate_launches_the_same_run(launched, options, tmp_path):
    """Bit for bit what torchrun's processes saw."""
    name = 'transformer 1'
    (tmp_path / 'cases.json').write_text(json.dumps({name: {'options': options(tmp_path / 'run', COMPARED[name][0])}}))
    code, _, err = launch(SCRIPT, tmp_path / 'cases.json', tmp_path, folder=tmp_path, launcher=ACCELERATE)
    assert code == 0, err
    for r in (0, 1):
        seen, expected = torch.load(tmp_path / f'{name}.{r}.pt'), launched[0][name][r]
        assert seen['error'] is None and [loss for loss, _ in seen['steps']] == [loss for loss, _ in expected['steps']]
        assert torch.equal(seen['vectors'], expected['vectors'])


def test_the_negatives_of_the_other_process_count(launched, alone):
    """With half the batch the loss is another one: the comparison above would not pass without sharing."""
    seen, _ = launched
    half, _ = alone({'batch_size': 4, 'steps': 1})
    assert seen['static 0'][0]['steps'][0][0] > half['steps'][0][0] + 0.01


@pytest.mark.parametrize('name', REFUSED)
def test_what_stops_one_process_stops_all(launched, name):
    seen, folder = launched
    for got, expected in zip(seen[name], REFUSED[name][2]):
        assert got['error'].startswith(expected)
    if name == 'nan':
        assert seen[name][0]['error'] == seen[name][1]['error'] and len(seen[name][0]['steps']) == 3
    kept = {'nan': 'checkpoint-2', 'disk full': 'checkpoint-2'}.get(name)
    left = folder / f'{name}.checkpoints'
    assert [path.name for path in left.glob('[!.]*')] == [kept] if kept else not left.exists()
    assert not (folder / name).exists() or name == 'taken'
    assert not (folder / f'{name}.partial').exists()


def test_resumed_equals_uninterrupted(launched):
    """Bit for bit, with dropout, whose random states are of each process."""
    seen, folder = launched
    assert seen['stopped'][0]['error'] == seen['stopped'][1]['error'] == 'Stopped: '
    assert len(seen['resumed'][0]['steps']) == 2  # from step 4 on
    for r in (0, 1):
        assert torch.equal(seen['resumed'][r]['vectors'], seen['whole'][r]['vectors'])
    whole, parts = folder / 'whole' / 'run', folder / 'parts' / 'run'
    assert (whole / 'model.safetensors').read_bytes() == (parts / 'model.safetensors').read_bytes()
    assert [path.name for path in parts.parent.glob('[!.]*')] == ['run']


def test_processes_draw_dropout_of_their_own(launched):
    seen, _ = launched
    assert [seen['resumed'][r]['torch seed'] for r in (0, 1)] == [0, 1]


def test_another_number_of_processes_does_not_go_on(launched, options, corpus):
    _, folder = launched
    given = options(folder / 'left', {**SAVING, 'resume': True})
    del given['pairs']
    with pytest.raises(ValueError, match='of a run with other settings: processes was 2, is 1'):
        train(corpus, **given)


def test_the_command_line(corpus, tmp_path):
    """Every message once, an import by the first process, and errors in one line."""
    rows = [{'id': str(i), 'source': 's', 'query': {x: f'{x} question {i}' for x in ('de', 'en')},
             'positive': {x: f'{x} passage {i}' for x in ('de', 'en')}} for i in range(20)]  # fmt: skip
    (tmp_path / 'rows.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    command = ['-m', 'pyterrier_hybrid.cli', 'train', '--pairs', tmp_path / 'rows.jsonl', '--keep-pairs',
               tmp_path / 'pairs', '--out', tmp_path / 'run', '--batch-size', '4', '--steps', '2', '--device', 'cpu',
               '--quiet']  # fmt: skip
    code, out, err = launch(*command, folder=tmp_path)
    assert code == 0, err
    assert out == f'the trained encoder is in {tmp_path / "run"}\n'
    assert json.loads((tmp_path / 'run' / 'training.json').read_text())['processes'] == 2
    assert sorted(path.name for path in tmp_path.glob('[!.]*')) == ['pairs', 'rows.jsonl', 'run', 'run.config.yaml']
    code, _, err = launch(*command, folder=tmp_path)
    assert code == 1 and err.count(f'pyterrier-hybrid: {tmp_path / "run"} exists already') == 1

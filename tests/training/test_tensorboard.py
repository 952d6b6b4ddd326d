"""A run logged by the real TensorBoard, read back with its own reader."""
import json

import pytest

from pyterrier_hybrid.training.trainer import train

accumulator = pytest.importorskip(
    'tensorboard.backend.event_processing.event_accumulator', reason='needs tensorboard, which [test] installs'
)


def test_losses_and_figures_are_logged(corpus, tmp_path):
    train(corpus, tmp_path / 'run', backbone='static', mix={'monolingual': 0.5, 'crosslingual': 0.5}, batch_size=4,
          steps=6, validation=12, eval_steps=3, report_to='tensorboard', device='cpu', verbose=False)  # fmt: skip
    assert sorted(path.name for path in tmp_path.glob('[!.]*')) == ['run', 'run.logs']
    logged = accumulator.EventAccumulator(str(tmp_path / 'run.logs'))
    logged.Reload()
    seen = {tag: {e.step: e.value for e in logged.Scalars(tag)} for tag in logged.Tags()['scalars']}
    record = json.loads((tmp_path / 'run' / 'training.json').read_text())
    assert seen['train/loss'] == pytest.approx(dict(record['losses']), abs=1e-5)
    assert {'train/learning_rate', 'train/grad_norm'} < seen.keys()
    for figures in record['validation']['figures']:
        for name, value in figures.items():
            if name != 'step':
                assert seen[f'eval/{name}'][figures['step']] == pytest.approx(value, rel=1e-6)
    assert seen['eval/AP'].keys() == {3, 6}

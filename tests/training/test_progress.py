"""The losses that are logged, and the time, over an interruption."""
import json

import pytest

from pyterrier_hybrid.training import loop, train

TINY = {'backbone': 'static', 'mix': {'monolingual': 0.5, 'crosslingual': 0.5}, 'batch_size': 4, 'steps': 300,
        'checkpoint_steps': 100, 'device': 'cpu', 'verbose': False}  # fmt: skip


class Stopped(Exception):
    pass


def test_they_are_those_of_the_uninterrupted_run(corpus, tmp_path, monkeypatch):
    """Every third step is logged, and checkpoints are written in between."""
    train(corpus, tmp_path / 'whole', **TINY)

    class Stopping(loop.BatchTrainer):
        def training_step(self, *args, **kwargs):
            if self.state.global_step == 150:
                raise Stopped
            return super().training_step(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(loop, 'BatchTrainer', Stopping)
        with pytest.raises(Stopped):
            train(corpus, tmp_path / 'run', **TINY)
    kept = tmp_path / 'run.checkpoints' / 'checkpoint-100' / 'progress.json'
    progress = json.loads(kept.read_text())
    assert 0 < progress['seconds'] < 1000
    kept.write_text(json.dumps({**progress, 'seconds': 1000}))
    train(corpus, tmp_path / 'run', resume=True, **TINY)
    records = [json.loads((tmp_path / name / 'training.json').read_text()) for name in ('whole', 'run')]
    whole, resumed = (record['losses'] for record in records)
    assert resumed == whole
    assert 1000 < records[1]['seconds'] < 2000 and records[0]['seconds'] < 1000
    assert [step for step, _ in whole] == list(range(3, 301, 3))

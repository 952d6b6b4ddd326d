"""The training loop: progress, and a gradient that is not finite."""
import json
import re

import pytest
import torch

from pyterrier_hybrid.batches import HybridBatches
from pyterrier_hybrid.digests import describe
from pyterrier_hybrid.training import loop, train
from pyterrier_hybrid.training.validation_sources import open_validation

TINY = {'mix': {'monolingual': 0.5, 'crosslingual': 0.5}, 'batch_size': 8, 'steps': 6, 'checkpoint_steps': 2,
        'device': 'cpu', 'verbose': False}  # fmt: skip
LONG = {'backbone': 'static', 'mix': {'monolingual': 0.5, 'crosslingual': 0.5}, 'batch_size': 4, 'steps': 300,
        'checkpoint_steps': 100, 'device': 'cpu', 'verbose': False}  # fmt: skip
BROKEN_STEP = 3


class Stopped(Exception):
    pass


def test_losses_and_time_are_those_of_the_uninterrupted_run(corpus, tmp_path, monkeypatch):
    """Every third step is logged, and checkpoints are written in between."""
    train(corpus, tmp_path / 'whole', **LONG)

    class Stopping(loop.BatchTrainer):
        def training_step(self, *args, **kwargs):
            if self.state.global_step == 150:
                raise Stopped
            return super().training_step(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(loop, 'BatchTrainer', Stopping)
        with pytest.raises(Stopped):
            train(corpus, tmp_path / 'run', **LONG)
    kept = tmp_path / 'run.checkpoints' / 'checkpoint-100' / 'progress.json'
    progress = json.loads(kept.read_text())
    assert 0 < progress['seconds'] < 1000
    kept.write_text(json.dumps({**progress, 'seconds': 1000}))
    record = json.loads(kept.with_name('run.json').read_text())
    record['files']['progress.json'] = describe(kept)
    kept.with_name('run.json').write_text(json.dumps(record))
    train(corpus, tmp_path / 'run', resume=True, **LONG)
    records = [json.loads((tmp_path / name / 'training.json').read_text()) for name in ('whole', 'run')]
    whole, resumed = (record['losses'] for record in records)
    assert resumed == whole
    assert 1000 < records[1]['seconds'] < 2000 and records[0]['seconds'] < 1000
    assert records[1]['tokens'] == records[0]['tokens'] > 300
    assert [step for step, _ in whole] == list(range(3, 301, 3))


def test_a_resumed_run_saves_as_often_as_it_is_told_now(corpus, tmp_path, monkeypatch):
    """And not as the checkpoint says that it resumes from."""
    for resume, often, stop, kept in ((False, 2, 3, 2), (True, 3, 5, 3), (True, 1, 5, 5)):

        class Stopping(loop.BatchTrainer):
            def training_step(self, *args, stop=stop, **kwargs):
                if self.state.global_step == stop:
                    raise Stopped
                return super().training_step(*args, **kwargs)

        with monkeypatch.context() as patch, pytest.raises(Stopped):
            patch.setattr(loop, 'BatchTrainer', Stopping)
            train(corpus, tmp_path / 'run', backbone='static', resume=resume, **{**TINY, 'checkpoint_steps': often})
        found = [path.name for path in (tmp_path / 'run.checkpoints').glob('[!.]*')]
        assert found == [f'checkpoint-{kept}']


@pytest.mark.parametrize('verbose', [True, False])
def test_a_bar_with_the_loss_and_no_line_for_every_log(corpus, tmp_path, capsys, verbose):
    train(corpus, tmp_path / 'run', backbone='static', mix={'crosslingual': 1}, batch_size=4, steps=5, validation=12,
          eval_steps=2, device='cpu', verbose=verbose)  # fmt: skip
    shown = capsys.readouterr()
    assert ('5/5' in shown.err and 'loss=' in shown.err and 'validation AP=' in shown.err) == verbose
    assert "{'" not in shown.out + shown.err
    summary = shown.out.splitlines()[-1:]
    assert bool(summary) == verbose
    for line in summary:
        assert line.startswith('trained 5 steps in 0:00:0') and '; best AP 0.' in line
        assert line.endswith('; all steps were done; the weights are the last, of step 5')


@pytest.fixture
def broken(monkeypatch):
    """A gradient of nan in one step, whose loss is finite."""

    class Broken(loop.BatchTrainer):
        def training_step(self, model, *args, **kwargs):
            loss = super().training_step(model, *args, **kwargs)
            if self.state.global_step == BROKEN_STEP:
                weight = next(weight for weight in model.parameters() if weight.grad is not None)
                weight.grad = weight.grad * float('nan')
            return loss

    monkeypatch.setattr(loop, 'BatchTrainer', Broken)


@pytest.mark.parametrize('kind', ['static', 'transformer'])
def test_it_stops_the_run_before_the_weights(corpus, tiny_folder, tmp_path, monkeypatch, broken, kind):
    backbone = 'static' if kind == 'static' else str(tiny_folder)
    with pytest.raises(ValueError, match=f'the norm of the gradient is nan at step {BROKEN_STEP}, a .* batch; lower'):
        train(corpus, tmp_path / 'run', backbone=backbone, **TINY)
    assert [path.name for path in (tmp_path / 'run.checkpoints').glob('[!.]*')] == ['checkpoint-2']
    monkeypatch.undo()
    resumed = train(corpus, tmp_path / 'run', backbone=backbone, resume=True, **TINY)
    whole = train(corpus, tmp_path / 'whole', backbone=backbone, **TINY)
    for (name, weight), other in zip(resumed.model.state_dict().items(), whole.model.state_dict().values()):
        assert torch.equal(weight, other), name


def test_the_rows_are_named_by_their_ids_where_some_are_held_out(corpus, tmp_path, broken):
    """The numbers of rows are positions among those that are left."""
    with pytest.raises(ValueError, match='the norm of the gradient') as caught:
        train(corpus, tmp_path / 'run', backbone='static', validation=12, **TINY)
    left, _ = open_validation(12, corpus)
    batch = HybridBatches(left, batch_size=8, mix=TINY['mix']).batch(BROKEN_STEP)
    rows = zip(batch.sources, batch.rows, batch.query_langs)
    texts = [left[source].texts('query', [row], [lang])[0] for source, row, lang in rows]
    named = re.findall(r'(?:faq|talks|german) (\w)(\d+)', str(caught.value))
    assert len(named) == 8
    for (source, number), text in zip(named, texts):
        assert re.search(rf' {number}$' if source == 'g' else rf' {number} ', text)

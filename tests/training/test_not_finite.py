"""A gradient that is not finite: nothing of it reaches a checkpoint, and the rows are named as users know them."""
import re

import pytest
import torch

from pyterrier_hybrid.batches import HybridBatches
from pyterrier_hybrid.training import loop, train
from pyterrier_hybrid.training.validation_sources import open_validation

TINY = {'mix': {'monolingual': 0.5, 'crosslingual': 0.5}, 'batch_size': 8, 'steps': 6, 'checkpoint_steps': 2,
        'device': 'cpu', 'verbose': False}  # fmt: skip
BROKEN_STEP = 3


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
    assert [path.name for path in (tmp_path / 'run.checkpoints').iterdir()] == ['checkpoint-2']
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

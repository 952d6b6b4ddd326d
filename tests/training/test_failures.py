"""Training that cannot start, or cannot go on, says why and leaves nothing behind."""
import warnings

import pytest
import torch

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.training import check_training, loop, trainer
from pyterrier_hybrid.training.trainer import train

HALF = {'monolingual': 0.5, 'crosslingual': 0.5}
TINY = {'mix': HALF, 'batch_size': 8, 'source_temperature': 0.0, 'device': 'cpu', 'verbose': False}


@pytest.mark.parametrize(('arguments', 'message'), [
    ({'mix': {'monolingual': 0.5}}, 'mix sums to 0.5'),
    ({'mix': {'mono': 1}}, "mix names the kind 'mono'"),
    ({'batch_size': 500}, 'no source can fill a monolingual batch of 500'),
    ({'temperature': 0}, 'temperature is 0; it divides cosines'),
])  # fmt: skip
def test_refused(corpus, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        train(corpus, tmp_path / 'run', **{'backbone': 'static', **TINY, **arguments})
    assert list(tmp_path.glob('[!.]*')) == []


def test_an_unknown_backbone(corpus, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no folder .*nowhere'):
        train(corpus, tmp_path / 'run', backbone=tmp_path / 'nowhere', **TINY)
    assert list(tmp_path.glob('[!.]*')) == []


@pytest.mark.parametrize(('arguments', 'error', 'message'), [
    ({'temperature': float('nan')}, ValueError, 'temperature is nan'),
    ({'device': 'cuda:99'}, ValueError, "the device 'cuda:99' cannot be used"),
    ({'device': 'meta'}, ValueError, "the device 'meta' cannot be used"),
    ({'device': 'nonsense'}, ValueError, "the device 'nonsense' cannot be used"),
    ({'report_to': 'tensorbord'}, ValueError, 'tensorbord is not supported'),
    ({'validation': 'no-such-set'}, ValueError, "no data set 'no-such-set'"),
    ({'validation': 'nowhere/dev.json'}, FileNotFoundError, r'there is nothing to validate on at nowhere/dev\.json'),
])  # fmt: skip
def test_checked_without_pairs(tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        check_training(tmp_path / 'run', **{'backbone': 'static', **TINY, **arguments})
    assert not any(tmp_path.iterdir())


def test_a_mistyped_backbone_is_refused_before_pairs_are_imported(tmp_path, tiny_folder):
    backbone = tiny_folder.with_name('tinny')
    with pytest.raises(FileNotFoundError, match=rf'there is no folder {backbone}; did you mean {tiny_folder}\?'):
        check_training(tmp_path / 'run', backbone=backbone, **TINY)
    check_training(tmp_path / 'run', backbone=tiny_folder, **TINY)


def test_nothing_but_slots_in_a_spread_batch(corpus, tmp_path, monkeypatch):
    """Several devices in one process would cut every batch in parts."""
    arguments = loop.SentenceTransformerTrainingArguments
    monkeypatch.setattr(arguments, 'train_batch_size', property(lambda self: 2 * self.per_device_train_batch_size))
    with pytest.raises(ValueError, match='over which the trainer would spread batches of 8; show it one with CUDA'):
        train(corpus, tmp_path / 'run', backbone='static', steps=1, **TINY)


@pytest.mark.parametrize('at', [0, 2])
def test_a_loss_that_is_not_finite_stops_with_the_step_and_its_rows(corpus, tmp_path, monkeypatch, at):
    class Broken(loop.BatchTrainer):
        def compute_loss(self, *args, **kwargs):
            loss = super().compute_loss(*args, **kwargs)
            return loss * float('nan') if self.state.global_step == at else loss

    monkeypatch.setattr(loop, 'BatchTrainer', Broken)
    batch = HybridBatches(corpus, batch_size=8, mix=HALF, source_temperature=0.0).batch(at)
    rows = ', '.join(f'{source} {corpus[source].ids([row])[0]}' for source, row in zip(batch.sources, batch.rows))
    with pytest.raises(ValueError, match=rf'the loss is nan at step {at}, a {batch.kind.value} batch; .*: {rows}$'):
        train(corpus, tmp_path / 'run', backbone='static', steps=4, **TINY)
    assert list(tmp_path.glob('[!.]*')) == []


def test_a_learning_rate_that_explodes_stops(corpus, tmp_path):
    with pytest.raises(ValueError, match=r'the loss is (nan|inf) at step \d+'), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        train(corpus, tmp_path / 'run', backbone='static', steps=30, warmup=0.0, learning_rate=1e38, **TINY)
    assert list(tmp_path.glob('[!.]*')) == []


@pytest.mark.parametrize('broken', ['fit', 'save_checkpoint', 'write_card', 'write_training_record'])
def test_a_failure_in_the_middle_leaves_nothing(corpus, tmp_path, monkeypatch, broken):
    def fail(*args, **kwargs):
        raise OSError('no space left')

    monkeypatch.setattr(trainer, broken, fail)
    with pytest.raises(OSError, match='no space left'):
        train(corpus, tmp_path / 'run', backbone='static', steps=2, **TINY)
    assert list(tmp_path.glob('[!.]*')) == []


@pytest.mark.parametrize(('error', 'worded'), [
    (torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB'), True),
    (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"), True),
    (MemoryError(), True),
    (RuntimeError('shapes do not match'), False),
])  # fmt: skip
def test_out_of_memory(corpus, tmp_path, monkeypatch, error, worded):
    class Full(loop.BatchTrainer):
        def compute_loss(self, *args, **kwargs):
            raise error

    monkeypatch.setattr(loop, 'BatchTrainer', Full)
    message = 'batches of 8 pairs do not fit into the memory of cpu .*; give a smaller batch_size or dimension$'
    with pytest.raises(ValueError if worded else RuntimeError, match=message if worded else 'shapes do not match'):
        train(corpus, tmp_path / 'run', backbone='static', steps=2, **TINY)
    assert not any(tmp_path.glob('[!.]*'))

"""A disk that is full for real: the system refuses to write further into a file."""
import resource

import pytest
from safetensors import SafetensorError

from pyterrier_hybrid.training import loop, trainer
from pyterrier_hybrid.training.trainer import train

OPTIONS = {
    'backbone': 'static', 'mix': {'monolingual': 0.5, 'crosslingual': 0.5}, 'batch_size': 8, 'steps': 5,
    'device': 'cpu', 'verbose': False,
}  # fmt: skip


def contents(folder):
    files = [path for path in folder.rglob('*') if path.is_file() and path.name != 'training.json']
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize(('fails', 'message'), [
    ('model.safetensors', r'.*I/O error: File too large \(os error 27\)'),
    ('optimizer.pt', r'.*unexpected pos \d+ vs \d+'),  # torch, of a file that ends too early
])  # fmt: skip
def test_the_last_checkpoint_stays_whole(corpus, tmp_path, monkeypatch, fails, message):
    class Limited(loop.BatchTrainer):
        def _save_checkpoint(self, *args, **kwargs):
            saved = list(tmp_path.rglob('model.safetensors'))
            if not saved:
                return super()._save_checkpoint(*args, **kwargs)
            before = contents(saved[0].parent)
            room = len(before['model.safetensors']) + 4096 if fails == 'optimizer.pt' else 10_000
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
            try:
                return super()._save_checkpoint(*args, **kwargs)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
                assert contents(saved[0].parent) == before

    with monkeypatch.context() as patch:
        patch.setattr(loop, 'BatchTrainer', Limited)
        with pytest.raises(OSError, match=rf'partial-4 cannot be written, .*\({message}\): free .*resume=True'):
            train(corpus, tmp_path / 'run', checkpoint_steps=2, **OPTIONS)
    assert [path.name for path in tmp_path.glob('[!.]*')] == ['run.checkpoints']
    assert [path.name for path in (tmp_path / 'run.checkpoints').glob('[!.]*')] == ['checkpoint-2']
    train(corpus, tmp_path / 'run', checkpoint_steps=2, resume=True, **OPTIONS)
    train(corpus, tmp_path / 'whole' / 'run', **OPTIONS)
    assert contents(tmp_path / 'run') == contents(tmp_path / 'whole' / 'run')


@pytest.mark.parametrize('kind', [SafetensorError, Exception, OSError], ids=['weights', 'tokenizer', 'other files'])
def test_the_checkpoint_stays_whole_where_the_run_cannot_be_saved(corpus, tmp_path, monkeypatch, kind):
    """Weights and tokenizers have errors of their own for it, without the system's number."""

    def full(model, folder):
        given = (28, 'No space left on device') if kind is OSError else ('No space left on device (os error 28)',)
        raise kind(*given)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, 'save_checkpoint', full)
        with pytest.raises(OSError, match=r'run cannot be written, the disk is full .*: free .* resume=True'):
            train(corpus, tmp_path / 'run', checkpoint_steps=2, **OPTIONS)
    assert [path.name for path in tmp_path.glob('[!.]*')] == ['run.checkpoints']
    assert [path.name for path in (tmp_path / 'run.checkpoints').glob('[!.]*')] == ['checkpoint-5']
    train(corpus, tmp_path / 'run', checkpoint_steps=2, resume=True, **OPTIONS)
    train(corpus, tmp_path / 'whole' / 'run', **OPTIONS)
    assert contents(tmp_path / 'run') == contents(tmp_path / 'whole' / 'run')

"""A run goes on with the pairs it was begun with, or not at all."""
import shutil

import pytest

from pyterrier_hybrid.pairs.corpus import ParallelPairs
from pyterrier_hybrid.pairs.views import PairsSubset
from pyterrier_hybrid.training import loop
from pyterrier_hybrid.training.trainer import train

OPTIONS = {
    'backbone': 'static', 'mix': {'monolingual': 1.0}, 'batch_size': 8, 'steps': 4, 'checkpoint_steps': 2,
    'device': 'cpu', 'verbose': False,
}  # fmt: skip


def whole(pairs):
    return pairs


def subset(pairs):
    return PairsSubset(pairs, 0.9)


@pytest.fixture(params=[whole, subset])
def begun(request, corpus, tmp_path, monkeypatch):
    """A copy of the corpus, what of it is trained on, and a run on that, stopped after its first checkpoint."""

    class Stopping(loop.BatchTrainer):
        def training_step(self, *args, **kwargs):
            if self.state.global_step == 3:
                raise InterruptedError
            return super().training_step(*args, **kwargs)

    pairs = ParallelPairs(shutil.copytree(corpus.folder, tmp_path / 'pairs'))
    with monkeypatch.context() as patch:
        patch.setattr(loop, 'BatchTrainer', Stopping)
        with pytest.raises(InterruptedError):
            train(request.param(pairs), tmp_path / 'run', **OPTIONS)
    return pairs, request.param, tmp_path / 'run'


def changed(path):
    """Changes a text in place, without changing the file's size."""
    before = path.read_bytes()
    assert before.count(b'de question 7 about') == 1
    path.write_bytes(before.replace(b'de question 7 about', b'de question 7 ABOUT'))
    return before


def test_texts_changed_in_place(begun):
    pairs, part, run = begun
    table = pairs.folder / 'faq.arrow'
    before = changed(table)
    with pytest.raises(ValueError, match=r'faq\.arrow has changed since'):
        train(part(ParallelPairs(pairs.folder)), run, resume=True, **OPTIONS)
    assert [path.name for path in run.with_name('run.checkpoints').glob('[!.]*')] == ['checkpoint-2']
    table.write_bytes(before)
    train(part(ParallelPairs(pairs.folder)), run, resume=True, **OPTIONS)
    assert run.is_dir()


def test_a_row_added_and_imported_anew(begun):
    pairs, part, run = begun
    before = part(pairs).fingerprint
    rows = [{'id': f'{i}', 'source': 'faq', 'query': {'de': f'q{i}'}, 'positive': {'de': f'p{i}'}} for i in range(20)]
    anew = ParallelPairs.from_rows(rows, pairs.folder, overwrite=True, verbose=False)
    message = f'is of a run with other settings: pairs was {before!r}, is {part(anew).fingerprint!r}'
    with pytest.raises(ValueError, match=message):
        train(part(anew), run, resume=True, **OPTIONS)


def test_a_new_run_reads_all_of_the_pairs(corpus, tmp_path):
    """Its record would say the fingerprint of the import."""
    pairs = ParallelPairs(shutil.copytree(corpus.folder, tmp_path / 'pairs'))
    changed(pairs.folder / 'faq.arrow')
    with pytest.raises(ValueError, match=r'faq\.arrow has changed since'):
        train(pairs, tmp_path / 'run', **OPTIONS)
    assert not (tmp_path / 'run').exists()

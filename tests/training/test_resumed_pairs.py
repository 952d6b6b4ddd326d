"""A run goes on with the pairs it was begun with, or not at all."""
import shutil

import pytest

from pyterrier_hybrid.training import loop
from pyterrier_hybrid.training.pairs import ParallelPairs
from pyterrier_hybrid.training.pairs_subset import PairsSubset
from pyterrier_hybrid.training.trainer import train

OPTIONS = {
    'backbone': 'static', 'mix': {'monolingual': 1.0}, 'batch_size': 8, 'steps': 4, 'checkpoint_steps': 2,
    'device': 'cpu', 'verbose': False,
}  # fmt: skip


@pytest.fixture
def begun(corpus, tmp_path, monkeypatch):
    """A copy of the corpus, and a run on it that was stopped after its first checkpoint."""

    class Stopping(loop.BatchTrainer):
        def training_step(self, *args, **kwargs):
            if self.state.global_step == 3:
                raise InterruptedError
            return super().training_step(*args, **kwargs)

    pairs = ParallelPairs(shutil.copytree(corpus.folder, tmp_path / 'pairs'))
    with monkeypatch.context() as patch:
        patch.setattr(loop, 'BatchTrainer', Stopping)
        with pytest.raises(InterruptedError):
            train(pairs, tmp_path / 'run', **OPTIONS)
    return pairs, tmp_path / 'run'


def changed(path):
    """Changes a text in place, without changing the file's size."""
    before = path.read_bytes()
    assert before.count(b'de question 7 about') == 1
    path.write_bytes(before.replace(b'de question 7 about', b'de question 7 ABOUT'))
    return before


def test_texts_changed_in_place(begun):
    pairs, run = begun
    table = pairs.folder / 'faq.arrow'
    before = changed(table)
    for view in (ParallelPairs(pairs.folder), PairsSubset(ParallelPairs(pairs.folder), 1.0)):
        message = 'faq.arrow has changed since the pairs were imported|is of a run with other settings: pairs'
        with pytest.raises(ValueError, match=message):
            train(view, run, resume=True, **OPTIONS)
    assert [path.name for path in run.with_name('run.checkpoints').iterdir()] == ['checkpoint-2']
    table.write_bytes(before)
    train(ParallelPairs(pairs.folder), run, resume=True, **OPTIONS)
    assert run.is_dir()


def test_a_row_added_and_imported_anew(begun):
    pairs, run = begun
    rows = [{'id': f'{i}', 'source': 'faq', 'query': {'de': f'q{i}'}, 'positive': {'de': f'p{i}'}} for i in range(20)]
    anew = ParallelPairs.from_rows(rows, pairs.folder, overwrite=True, verbose=False)
    message = f'is of a run with other settings: pairs was {pairs.fingerprint!r}, is {anew.fingerprint!r}'
    with pytest.raises(ValueError, match=message):
        train(anew, run, resume=True, **OPTIONS)


def test_a_new_run_does_not_read_all_of_the_pairs(corpus, tmp_path):
    """It would take a minute of every start on a large corpus; what is trained on is what is there."""
    pairs = ParallelPairs(shutil.copytree(corpus.folder, tmp_path / 'pairs'))
    changed(pairs.folder / 'faq.arrow')
    train(pairs, tmp_path / 'run', **OPTIONS)

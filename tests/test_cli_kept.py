"""Pairs that ``--keep-pairs`` keeps: a command that is started again opens its own, and no others."""
import json

import pytest

from pyterrier_hybrid.cli import main, options
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.training import trainer
from pyterrier_hybrid.training.record import read_training_record

SIZES = ['--steps', '2', '--batch-size', '4', '--dimension', '8', '--vocab-size', '60', '--quiet']


@pytest.fixture
def jsonl(tmp_path):
    """A function that writes rows of a name to a folder, and returns it."""

    def write(name: str):
        rows = [
            {'id': str(i), 'source': 'qa', 'query': {lang: f'{lang} {name} {i}' for lang in ('de', 'en')},
             'positive': {lang: f'{lang} passage {i}' for lang in ('de', 'en')}}
            for i in range(20)
        ]  # fmt: skip
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / 'qa.jsonl').write_text(''.join(json.dumps(row) + '\n' for row in rows))
        return tmp_path / name

    return write


@pytest.fixture
def train(tmp_path):
    """A function that gives the command with other pairs and options, and returns the exit code."""

    def call(pairs, *more) -> int:
        paths = ['--pairs', pairs, '--keep-pairs', tmp_path / 'kept', '--out', tmp_path / 'run']
        return main([str(each) for each in ['train', *paths, *SIZES, *more]])

    return call


def stopped(*_, **__):
    raise KeyboardInterrupt


def test_a_run_that_has_not_begun_takes_no_pairs_of_another_import(jsonl, train, tmp_path, capsys):
    ParallelPairs.from_jsonl(jsonl('others'), tmp_path / 'kept', verbose=False)
    for resume in ([], ['--resume']):
        assert train(jsonl('own'), *resume) == 1
        assert f'{tmp_path / "kept"} is there, and nothing says' in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()


def test_one_that_was_stopped_before_its_first_checkpoint_goes_on(jsonl, train, tmp_path, monkeypatch, capsys):
    own = jsonl('own')
    with monkeypatch.context() as patch:
        patch.setattr(trainer, 'fit', stopped)
        assert train(own, '--resume', '--checkpoint-steps', 1) == 130
    assert (tmp_path / 'kept').exists() and not (tmp_path / 'run').exists()
    for other in ([jsonl('others')], [own, '--no-inverse-cloze'], ['worldfacts']):
        assert train(*other, '--resume') == 1
        assert 'kept is there, and nothing says' in capsys.readouterr().err
    monkeypatch.setattr(options, '_import_pairs', None)
    assert train(own, '--resume') == 0
    assert read_training_record(tmp_path / 'run')['pairs'] == ParallelPairs(tmp_path / 'kept').fingerprint
    ParallelPairs(tmp_path / 'kept').verify()


def test_files_that_have_changed_since_are_another_import(jsonl, train, monkeypatch):
    own = jsonl('own')
    with monkeypatch.context() as patch:
        patch.setattr(trainer, 'fit', stopped)
        assert train(own) == 130
    path = own / 'qa.jsonl'
    path.write_bytes(path.read_bytes().replace(b'passage 7', b'passage 8', 1))
    assert train(own, '--resume') == 1

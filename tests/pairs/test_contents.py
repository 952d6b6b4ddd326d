"""A file that is not as the import left it is named."""
import pytest

from pyterrier_hybrid.pairs.corpus import ParallelPairs
from pyterrier_hybrid.pairs.views import PairsSubset

ROWS = [
    {'id': f'{i}', 'source': 's', 'query': {'de': f'q{i}'}, 'positive': {'de': f'p{i}'},
     'negatives': {'de': [f'p{i + 1}']}}
    for i in range(6)
]  # fmt: skip


@pytest.fixture
def pairs(tmp_path):
    return ParallelPairs.from_rows(ROWS, tmp_path / 'pairs', verbose=False)


def test_untouched(pairs):
    assert pairs.verify() is None
    assert PairsSubset(pairs, 0.5).verify() is None


def test_every_file_is_checked(pairs):
    files = {path.name for path in pairs.folder.iterdir()} - {'manifest.json'}
    assert files == {'s.arrow', 's.passage_ids.npy', 'negatives.hashes', 'negatives.passages'}
    for name in files:
        path = pairs.folder / name
        before = path.read_bytes()
        path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        opened = ParallelPairs(pairs.folder)  # reads nothing but the sizes
        for view in (opened, PairsSubset(opened, 0.9)):
            with pytest.raises(ValueError, match=f'{name} has changed .*: import the pairs anew'):
                view.verify()
        path.write_bytes(before[:-1])
        for check in (lambda: ParallelPairs(pairs.folder), opened.verify):
            with pytest.raises(ValueError, match=rf'{name} has [\d,]+ bytes, .*: import the pairs anew'):
                check()
        path.unlink()
        for check in (lambda: ParallelPairs(pairs.folder), opened.verify):
            with pytest.raises(FileNotFoundError, match=f'{name} is missing: import the pairs anew'):
                check()
        path.write_bytes(before)
    pairs.verify()

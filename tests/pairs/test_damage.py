"""A file that is not as the import left it is named, and never read beyond its end; a folder is replaced whole."""
import pickle
import subprocess
import sys
import threading

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
        at = before.rindex(b'q3') if name == 's.arrow' else len(before) - 1
        path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
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


FLIPS = '''
import sys, random
from pathlib import Path
from pyterrier_hybrid.pairs import ParallelPairs

folder, name = Path(sys.argv[1]), sys.argv[2]
path, draw = folder / name, random.Random(0)
whole = path.read_bytes()
refused = other = 0

def read():
    pairs = ParallelPairs(folder)
    pairs.describe()
    source, every = pairs['s'], range(len(pairs))
    cells = [source.ids(every), source.passage_ids.tolist()]
    for lang in ('de', 'en'):
        rows = every if lang == 'de' else range(30, 60)
        cells += [source.texts(side, rows, [lang] * len(rows)) for side in ('query', 'passage')]
        cells += [source.negatives(every, [lang] * len(every))]
    cells += [pairs.negative_passages([f'p{i} de' for i in range(60)]).tolist()]
    return cells + [[(*place, texts.to_pylist()) for *place, texts in source.iter_columns(negatives=True)]]

right = read()
for trial in range(int(sys.argv[3])):
    damaged, at = bytearray(whole), draw.randrange(len(whole))
    damaged[at] ^= 1 << draw.randrange(8)
    if trial % 3 == 0:  # more of it
        damaged[at : at + 8] = draw.randbytes(len(damaged[at : at + 8]))
    path.write_bytes(damaged)
    try:
        other += read() != right
    except (ValueError, KeyError) as error:
        assert str(folder) in str(error) or "source 's'" in str(error), repr(error)
        refused += 1
path.write_bytes(whole)
assert read() == right
print(refused, other)
'''


@pytest.mark.parametrize('name', ['s.arrow', 's.passage_ids.npy', 'negatives.hashes'])
def test_flipped_bits_are_refused_or_change_a_value_and_never_read_elsewhere(tmp_path, name):
    """In a process of its own: reading beyond a column would end it by a signal."""
    rows = [
        {'id': f'{i:02}', 'source': 's', 'query': {lang: f'q{i} {lang}' for lang in langs},
         'positive': {lang: f'p{i} {lang}' for lang in langs}, 'negatives': {'de': [f'p{i + 1} de', 'n1'][: i % 3]}}
        for i in range(60) for langs in [('de', 'en') if i < 30 else ('de',)]
    ]  # fmt: skip
    rows.sort(key=lambda row: len(row['query']), reverse=True)
    pairs = ParallelPairs.from_rows(rows, tmp_path / 'pairs', verbose=False)
    command = [sys.executable, '-c', FLIPS, str(pairs.folder), name, '400']
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    refused, other = map(int, run.stdout.split())
    assert refused + other > 20
    assert refused > 10 or name == 'negatives.hashes'


def test_what_was_opened_stays_as_it_was_when_the_folder_is_replaced(pairs):
    view, copy = PairsSubset(pairs, 0.9), pickle.dumps(pairs)
    for at, changed in enumerate(('Q', 'R')):
        rows = [{**row, 'query': {'de': f'{changed}{i}'}} for i, row in enumerate(ROWS)]
        now = ParallelPairs.from_rows(rows, pairs.folder, overwrite=True, verbose=False)
        assert now['s'].texts('query', [at], ['de']) == [f'{changed}{at}']
        assert pairs['s'].texts('query', [at], ['de']) == [f'q{at}']
        for whole in (pairs, view):
            with pytest.raises(ValueError, match=r's\.arrow has been replaced .*; open them again'):
                list(whole.iter_texts())
            with pytest.raises(ValueError, match='import the pairs anew'):
                whole.verify()
        for pickled in (copy, pickle.dumps(pairs['s']), pickle.dumps(view)):
            with pytest.raises(ValueError, match='have been replaced while they were in use; open them again'):
                pickle.loads(pickled)


def test_readers_beside_a_writer_see_one_import(pairs):
    """Every opening, with all of its texts, is of one import, whole."""
    stop, seen, wrong = threading.Event(), set(), []

    def read():
        while not stop.is_set():
            opened = ParallelPairs(pairs.folder)
            texts = {text[:1] for text in opened['s'].texts('query', range(6), ['de'] * 6)}
            seen.update(texts)
            wrong.extend([texts] if len(texts) > 1 else [])

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for at in range(40):
        rows = [{**row, 'query': {'de': f'{"ab"[at % 2]}{i}'}} for i, row in enumerate(ROWS)]
        ParallelPairs.from_rows(rows, pairs.folder, overwrite=True, verbose=False)
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong and {'a', 'b'} <= seen

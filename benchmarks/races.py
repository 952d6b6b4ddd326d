"""Races of processes on one index: two writers that append, and readers while writers replace it.

    python benchmarks/races.py --seconds 60

Every race runs for that long. An append that reported success must be in the index at the end. An opened index must be
the old or the new one, never a part of either. No process may get an error other than the refusal of a second writer.
Prints what happened, and exits with 1 if a condition is violated. Nothing is kept.
"""
import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pyterrier_hybrid import BM25Index, MultilingualIndex
from pyterrier_hybrid.files import Busy


def document(docno: str, number: int) -> dict:
    """A document whose every field, in both kinds of indexes, shows to which build it belongs."""
    return {'docno': docno, 'text': 'haus ' * (number % 7 + 1), 'lang': 'de', 'doc_vec': np.full(8, number, np.float32)}


def build(number: int) -> list[dict]:
    """The documents of a build: 50 to 57 of them."""
    return [document(f'{number}/{i}', number) for i in range(50 + number % 8)]


def append(path: Path, name: str) -> str:
    """Appends one document; returns the outcome in a word."""
    try:
        MultilingualIndex(path, verbose=False).indexer(mode='append').index([document(name, 0)])
    except Busy:
        return 'refused'
    return 'appended'


def read_dense(path: Path) -> None:
    """Opens a dense index and checks that all of it is of one build."""
    opened = MultilingualIndex(path, verbose=False).open()
    numbers = {int(docno.split('/')[0]) for docno in opened.docnos} | set(np.unique(opened.vecs).astype(int).tolist())
    if len(numbers) != 1 or len(opened.vecs) != len(build(*numbers)):
        raise RuntimeError(f'mixed: {numbers}')


def read_bm25(path: Path) -> None:
    """Opens a BM25 index and checks that all of it is of one build."""
    postings = BM25Index(path, verbose=False).postings()
    numbers = {int(docno.split('/')[0]) for docno in postings.docnos}
    number = next(iter(numbers))
    if len(numbers) != 1 or len(postings.docnos) != len(build(number)) or set(postings.tfs) != {number % 7 + 1}:
        raise RuntimeError(f'mixed: {numbers}, {set(postings.tfs)}')


def replace(kind: type, path: Path, number: int) -> str:
    """Replaces an index by another build."""
    try:
        kind(path, verbose=False).indexer(mode='overwrite').index(build(number))
    except Busy:
        return 'refused'
    return 'replaced'


def read(kind: type, path: Path) -> str:
    """Opens an index."""
    (read_dense if kind is MultilingualIndex else read_bm25)(path)
    return 'opened'


def until(end: float, first: int, act: Callable[[int], str], results: multiprocessing.Queue) -> None:
    """Acts until the end, and at least three times; reports how often each outcome occurred."""
    counts, number = Counter(), first
    while time.time() < end or number < first + 3:
        try:
            counts[act(number)] += 1
        except Exception as error:
            counts[f'{type(error).__name__}: {error}'[:150]] += 1
        number += 1
    results.put(counts)


def race(seconds: float, acts: list[Callable[[int], str]]) -> Counter:
    """Runs each act in a process of its own; returns how often each outcome occurred."""
    context = multiprocessing.get_context('fork')
    results, end = context.Queue(), time.time() + seconds
    processes = [
        context.Process(target=until, args=(end, 1_000_000 * i, act, results)) for i, act in enumerate(acts)
    ]
    for process in processes:
        process.start()
    counts = sum((results.get() for _ in processes), Counter())
    for process in processes:
        process.join()
    return counts


def main() -> None:
    """Runs the races."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=60, help='how long each race runs')
    args = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'appended'
        index = MultilingualIndex(path, verbose=False).index([document('first', 0)])
        counts = race(args.seconds, [lambda i: append(path, f'd{i}')] * 2)
        lost = 1 + counts['appended'] - len(set(index.docnos()))
        print(f'two writers that append: {dict(counts)}, {lost} lost')
        wrong += abs(lost) + counts.total() - counts['appended'] - counts['refused']
        index.verify()
        for kind in (MultilingualIndex, BM25Index):
            path = Path(folder) / kind.__name__
            kind(path, verbose=False).index(build(0))
            writers = [lambda i, kind=kind, path=path: replace(kind, path, i)] * 2
            readers = [lambda i, kind=kind, path=path: read(kind, path)] * 2
            counts = race(args.seconds, writers + readers)
            print(f'{kind.__name__}, two writers and two readers: {dict(counts)}')
            wrong += counts.total() - sum(counts[fine] for fine in ('replaced', 'refused', 'opened'))
    print(f'{wrong} wrong')
    sys.exit(bool(wrong))


if __name__ == '__main__':
    main()

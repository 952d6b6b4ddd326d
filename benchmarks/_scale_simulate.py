"""Builds and searches indexes of growing size, and shows how well the smaller ones predict the largest.

    OMP_NUM_THREADS=1 python benchmarks/scale.py simulate

docs/scaling.md computes the cost of MIRACL's 106 million passages from rates measured on fewer. This program checks the
assumptions behind that: that time, bytes and memory grow in proportion to the passages, and that passages in eighteen
languages of very unequal size are searched as fast as others. Passages have the shares of MIRACL's languages, one
language after another, as in its pool. Their vectors have the language structure of a real index: they are those of
``--like``, rotated to their first principal directions, and copies of them, each moved by half the difference of two
others of its language. Without ``--like`` they are Gaussian around a mean of their language.

Each size is built in a process of its own, whose greatest anonymous memory is measured. Times are processor times,
which leave out other work on the machine. All sizes except the largest give rates, which predict the figures of the
largest; these are then measured.
"""
import argparse
import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pyterrier_hybrid.indexing import MultilingualIndex

#: MIRACL's passages by language, by ir_datasets' metadata.
MIRACL = {
    'ar': 2_061_414, 'bn': 297_265, 'de': 15_866_222, 'en': 32_893_221, 'es': 10_373_953, 'fa': 2_207_172,
    'fi': 1_883_509, 'fr': 14_636_953, 'hi': 506_264, 'id': 1_446_315, 'ja': 6_953_614, 'ko': 1_486_752,
    'ru': 9_543_918, 'sw': 131_924, 'te': 518_079, 'th': 542_166, 'yo': 49_043, 'zh': 4_934_368,
}  # fmt: skip
_BLOCK = 8_192


def shares(count: int) -> dict[str, int]:
    """Divides a number of passages among the languages in MIRACL's proportions; each gets at least one."""
    ends = np.rint(np.cumsum(list(MIRACL.values())) / sum(MIRACL.values()) * count).astype(int)
    return {lang: max(1, int(n)) for lang, n in zip(MIRACL, np.diff([0, *ends]))}


def originals(index: MultilingualIndex | None, dims: int) -> dict[str, np.ndarray]:
    """The original vectors, from which copies are made, by MIRACL's languages: float32, ``(n, dims)``.

    The languages of an index stand for MIRACL's languages by size, the largest for the largest, and are reused in turn.
    """
    rng = np.random.default_rng(0)
    by_size = sorted(MIRACL, key=MIRACL.get, reverse=True)
    if index is None:
        spread = (1 / np.sqrt(np.arange(1, dims + 1))).astype(np.float32)  # like an encoder's principal directions
        means = 0.5 * rng.standard_normal((len(by_size), dims), np.float32) * spread
        return {lang: mean + spread * rng.standard_normal((2_000, dims), np.float32)
                for lang, mean in zip(by_size, means)}  # fmt: skip
    opened = index.open()
    sample = np.sort(rng.permutation(len(opened.vecs))[:50_000])
    vectors, langs = opened.vecs[sample], opened.langs()[sample]
    directions = np.linalg.svd(vectors[:10_000], full_matrices=False)[2][:dims]
    found = pd.Series(langs).value_counts().index
    return {lang: vectors[langs == found[i % len(found)]] @ directions.T for i, lang in enumerate(by_size)}


def documents(count: int, vectors: dict[str, np.ndarray], seed: int = 0) -> Iterator[dict]:
    """Yields the passages, which are made one by one."""
    rng = np.random.default_rng(seed)
    for lang, size in shares(count).items():
        known = vectors[lang]
        for start in range(0, size, _BLOCK):
            rows, one, other = rng.integers(len(known), size=(3, min(_BLOCK, size - start)))
            block = known[rows] + 0.5 * (known[one] - known[other])
            block /= np.linalg.norm(block, axis=1, keepdims=True)
            for i, vector in enumerate(block, start):
                yield {'docno': f'{lang}:{i}#0', 'lang': lang, 'doc_vec': vector}


def build(path: Path, count: int, vectors: dict[str, np.ndarray], sent) -> None:
    """Builds an index; sends the seconds and the greatest anonymous memory."""
    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            most[0] = max(most[0], anonymous_memory())

    before = anonymous_memory()
    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.process_time()
    MultilingualIndex(path, verbose=False).index(documents(count, vectors))
    taken = time.process_time() - start
    done.set()
    watcher.join()
    sent.send((taken, most[0] - before))


def anonymous_memory() -> int:
    """The anonymous memory of this process, in bytes."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith('RssAnon'))


def in_process(work, *args):
    """Runs a function in a process of its own, and returns what it sends."""
    here, there = multiprocessing.get_context('spawn').Pipe()
    process = multiprocessing.get_context('spawn').Process(target=work, args=(*args, there))
    process.start()
    there.close()
    try:
        return here.recv()
    finally:
        process.join()


def measure(folder: Path, count: int, vectors: dict[str, np.ndarray], args: argparse.Namespace) -> dict:
    """Builds and searches one index."""
    path = folder / str(count)
    making = time.process_time()
    for _ in documents(count, vectors):
        pass
    making = time.process_time() - making
    taken, memory = in_process(build, path, count, vectors)
    index = MultilingualIndex(path, verbose=False)
    queries = np.stack([doc['doc_vec'] for _, doc in zip(range(args.queries), documents(args.queries, vectors, 1))])
    topics = pd.DataFrame({'qid': [str(i) for i in range(len(queries))], 'query_vec': list(queries)})
    row = {'passages': count, 'build, CPU s': taken - making, 'anonymous, MB': memory / 1e6}
    row['bytes a passage'] = sum(f.stat().st_size for f in path.rglob('*') if f.is_file()) / len(index)
    for name, langs in (('all', None), ('en', 'en'), ('sw', 'sw')):
        retriever = index.retriever(args.depth, langs=langs, drop_query_vec=True)
        retriever(topics[:2])  # reads the files
        start = time.process_time()
        retriever(topics)
        row[f'{name}, CPU ms/query'] = 1000 * (time.process_time() - start) / len(topics)
    return row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument('--counts', type=int, nargs='+', default=[250_000, 500_000, 1_000_000, 3_000_000])
    parser.add_argument('--dims', type=int, default=64)
    parser.add_argument('--queries', type=int, default=256)
    parser.add_argument('--depth', type=int, default=100)
    parser.add_argument('--like', type=Path, metavar='INDEX', help='an index whose language structure is copied')
    parser.add_argument('--json', type=Path, help='file for the rows')


def main(args: argparse.Namespace) -> None:
    """Measures each size, and compares the largest with the prediction from the others."""
    vectors = originals(args.like and MultilingualIndex(args.like, verbose=False), args.dims)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for count in sorted(args.counts):
            rows.append(measure(Path(folder), count, vectors, args))
            print(', '.join(f'{name} {value:,.4g}' for name, value in rows[-1].items()), flush=True)
    table = pd.DataFrame(rows)
    print(f'\n| {" | ".join(table.columns)} |\n|{"---|" * len(table.columns)}')
    for row in rows:
        print(f'| {" | ".join(f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in row.values())} |')
    foretold, last = foretell(table), rows[-1]
    print(f'| foretold | {" | ".join(f"{foretold[name]:,.3g}" for name in table.columns[1:])} |')
    for name, value in foretold.items():
        print(f'{name}: measured / foretold = {last[name] / value:.3f}')
    if args.json:
        args.json.write_text(json.dumps({'rows': rows, 'foretold': foretold, 'processors': os.cpu_count()}, indent=1))


def foretell(table: pd.DataFrame) -> dict[str, float]:
    """Predicts the last row by the line with the least relative errors through the rows before it."""
    passages = table['passages'].to_numpy(dtype=float)
    known = passages[:-1]
    foretold = {}
    for name in table.columns[1:]:
        values = table[name].to_numpy()[:-1]
        weights = 1 / values
        coefficients = np.polyfit(known, values, min(1, len(known) - 1), w=weights)
        foretold[name] = float(np.polyval(coefficients, passages[-1]))
    return foretold

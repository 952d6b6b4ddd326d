"""Measures the cost of a batch, at random steps of a plan over tens of millions of rows.

    python benchmarks/batches_speed.py                    # 128 pairs, 40 million rows, 7 languages

The rows are strata and a memory-mapped file of passage ids (320 MB for 40 million rows, deleted at the end); a plan
reads nothing else. Every passage has two questions. Memory is the process's own (``RssAnon`` of Linux).
"""
import argparse
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from pairs_speed import LANGS, memory

from pyterrier_hybrid.batches import HybridBatches
from pyterrier_hybrid.pairs.source import Stratum

MIXES = {
    'hybrid': {'monolingual': 0.5, 'crosslingual': 0.5},
    'all four kinds': {'monolingual': 0.25, 'crosslingual': 0.25, 'multilingual': 0.25, 'mixed': 0.25},
}


class Rows:
    """A source without texts. Half of its rows are in all languages; the others are divided among all pairs of them."""

    name, kind = 'generated', 'qa'

    def __init__(self, rows: int, langs: list[str], folder: Path):
        self.languages, self._rows = langs, rows
        coverage = [tuple(langs), *((a, b) for i, a in enumerate(langs) for b in langs[i + 1 :])]
        sizes = [rows - rows // 2, *[rows // 2 // (len(coverage) - 1)] * (len(coverage) - 1)]
        ends = np.cumsum(sizes).tolist()
        self.strata = [Stratum(c, c, end - n, end, n // 2) for c, n, end in zip(coverage, sizes, ends)]
        self.passage_ids = np.lib.format.open_memmap(folder / 'passage_ids.npy', 'w+', np.int64, (rows,))
        for start in range(0, rows, 1 << 20):
            stop = min(start + (1 << 20), rows)
            self.passage_ids[start:stop] = np.arange(start, stop) // 2
        self.passage_ids.flush()
        self.passage_ids = np.load(folder / 'passage_ids.npy', mmap_mode='r')

    def __len__(self) -> int:
        return self._rows


def measure(pairs, mix: dict[str, float], batch_size: int, repeats: int) -> str:
    """Times ``batch`` at random steps of one epoch."""
    before, start = memory(), time.perf_counter()
    batches = HybridBatches(pairs, batch_size=batch_size, mix=mix)
    batches.batch(0)
    opened = time.perf_counter() - start
    spent = np.empty(repeats)
    held = []
    for i, step in enumerate(np.random.default_rng(0).integers(0, len(batches), repeats).tolist()):
        start = time.perf_counter()
        batches.batch(step)
        spent[i] = time.perf_counter() - start
        if i % (repeats // 4) == 0:
            held.append(memory() - before)
    median, late = np.median(spent) * 1e3, np.quantile(spent, 0.99) * 1e3
    return (
        f'{len(batches):,} steps an epoch, first batch after {opened * 1e3:.0f} ms; then {median:.2f} ms a batch '
        f'(99%: {late:.2f} ms), {" -> ".join(f"{m:.1f}" for m in held)} MiB'
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rows', type=int, default=40_000_000)
    parser.add_argument('--langs', type=int, default=7)
    parser.add_argument('--batch-size', type=int, default=128)
    parser.add_argument('--repeats', type=int, default=4000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pairs = SimpleNamespace(sources=[Rows(args.rows, sorted(LANGS[: args.langs]), Path(folder))])
        print(f'{args.rows:,} rows x {args.langs} languages, {len(pairs.sources[0].strata)} strata, '
              f'batches of {args.batch_size}')  # fmt: skip
        for name, mix in MIXES.items():
            print(f'{name}: {measure(pairs, mix, args.batch_size, args.repeats)}')


if __name__ == '__main__':
    main()

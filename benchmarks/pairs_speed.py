"""Speed and memory of pairs folders: import, opening, random access.

    python benchmarks/pairs_speed.py import ../shared/data/train        # your own JSON lines
    python benchmarks/pairs_speed.py read --rows 40_000_000 --langs 7   # a generated corpus, 14 GB on disk

``read`` writes the corpus without an import (one block of the table, many times), opens it in a new process and fetches
random texts. Memory is the process's own (``RssAnon`` of Linux). Pages of the mapped file do not count, since they can
be dropped at any time; for opening they are printed as well (``RssFile``). The corpus is deleted at the end, unless
``--keep FOLDER`` says where to keep it.
"""
import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from pyterrier_hybrid.pairs.corpus import ParallelPairs
from pyterrier_hybrid.pairs.manifest import FORMAT, MANIFEST
from pyterrier_hybrid.pairs.source import BLOCK

LANGS = ['ar', 'de', 'en', 'es', 'fr', 'ru', 'zh', 'hi', 'ja', 'th', 'tr', 'vi']


def generate(folder: Path, rows: int, langs: list[str]) -> None:
    """Writes a qa source of ``rows`` rows in all of ``langs``, texts of 16 bytes, every passage twice.

    The table repeats one block, so texts are ``<side> <row within the block>``.
    """
    numbers = [f'{i:08}' for i in range(BLOCK)]
    columns = {'id': pa.array(numbers, pa.large_string())}
    for side in ('query', 'passage'):
        texts = pa.array([f'{side:7} {number}' for number in numbers], pa.large_string())
        columns.update({f'{side}.{lang}': texts for lang in langs})
    block = pa.record_batch(columns)
    folder.mkdir(parents=True, exist_ok=True)
    with pa.ipc.new_file(str(folder / 'generated.arrow'), block.schema) as file:
        for start in range(0, rows, BLOCK):
            file.write_batch(block.slice(0, min(BLOCK, rows - start)))
    passages = np.lib.format.open_memmap(folder / 'generated.passage_ids.npy', 'w+', np.int64, (rows,))
    for start in range(0, rows, BLOCK):
        stop = min(start + BLOCK, rows)
        passages[start:stop] = np.arange(start, stop) // 2
    passages.flush()
    entry = {
        'name': 'generated', 'kind': 'qa', 'rows': rows, 'passages': -(-rows // 2),
        'table': 'generated.arrow', 'passage_ids': 'generated.passage_ids.npy',
        'digest': str(rows), 'strata': [[langs, langs, 0, rows, (rows + 1) // 2]], 'lengths': {},
    }  # fmt: skip
    files = {path.name: {'bytes': path.stat().st_size, 'digest': ''} for path in folder.glob('generated.*')}
    manifest = {
        'format': FORMAT, 'fingerprint': f'{rows:032}', 'repeated_rows_skipped': 0, 'sources': [entry], 'files': files,
    }  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps(manifest))


def memory(kind: str = 'RssAnon') -> float:
    """The memory of this process in MiB: its own, or (``RssFile``) the pages of mapped files that it has touched."""
    status = Path('/proc/self/status').read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(kind)) / 1024


def read(folder: Path, repeats: int = 500, texts: int = 256) -> None:
    """Opens the pairs and fetches random texts; run in a process of its own."""
    before, mapped = memory(), memory('RssFile')
    start = time.perf_counter()
    pairs = ParallelPairs(folder)
    source = pairs.sources[0]
    source.texts('query', [len(source) - 1], source.languages[:1])
    number = source.passage_ids[-1]
    opened = time.perf_counter() - start
    assert number == (len(source) - 1) // 2
    print(f'{len(pairs):,} rows x {len(pairs.languages)} languages: opened in {opened * 1e3:.1f} ms, '
          f'{memory() - before:.1f} MiB, and {memory("RssFile") - mapped:.1f} MiB of mapped files')  # fmt: skip
    draw = np.random.default_rng(0)
    spent = []
    for _ in range(repeats):
        rows, langs = draw.integers(0, len(source), texts), draw.choice(source.languages, texts).tolist()
        start = time.perf_counter()
        found = source.texts('passage', rows, langs)
        spent.append(time.perf_counter() - start)
        assert found == [f'passage {row % BLOCK:08}' for row in rows]
    first, later = np.median(spent[:10]) * 1e3, np.median(spent[-100:]) * 1e3
    print(f'{texts} random texts: {first:.2f} ms at first, {later:.2f} ms later (medians); '
          f'{memory() - before:.1f} MiB')  # fmt: skip


def imported(sources: list[str]) -> None:
    """Imports JSON lines; run in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with tempfile.TemporaryDirectory() as folder:
        start, used = time.perf_counter(), time.process_time()
        pairs = ParallelPairs.from_jsonl(sources, Path(folder, 'pairs'), verbose=False)
        seconds, used = time.perf_counter() - start, time.process_time() - used
        size = sum(path.stat().st_size for path in pairs.folder.iterdir())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
        print(f'{len(pairs):,} rows, {size / 2**20:.0f} MiB: imported in {seconds:.1f} s ({used:.1f} s of CPU), '
              f'{len(pairs) / seconds:,.0f} rows/s, peak {peak:.0f} MiB over the start')  # fmt: skip


def in_process(function, *args) -> None:
    """Runs a function in a new process, so that its memory is its own."""
    process = multiprocessing.get_context('spawn').Process(target=function, args=args)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    importing = commands.add_parser('import', help='import JSON lines')
    importing.add_argument('sources', nargs='+')
    reading = commands.add_parser('read', help='generate a corpus, open it, fetch random texts')
    reading.add_argument('--rows', type=int, default=40_000_000)
    reading.add_argument('--langs', type=int, default=7)
    reading.add_argument('--keep', type=Path)
    args = parser.parse_args()
    if args.command == 'import':
        in_process(imported, args.sources)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        if not (folder / MANIFEST).exists():
            in_process(generate, folder, args.rows, sorted(LANGS[: args.langs]))
        in_process(read, folder)


if __name__ == '__main__':
    main()

"""Compares building an index from vectors with FlexIndex: documents a second, processor time, and memory.

    python benchmarks/scale.py build --docs 10000 100000 1000000 3000000

Each build is a process of its own. Vectors are random, of unit length, from a fixed seed; 8,192 of them are used again
and again, and the time of making the documents is subtracted. Ours is built twice: from documents one by one, the only
form that FlexIndex takes, and from arrays of 8,192 documents. FlexIndex leaves its files to the system, which writes
them to the disk later, while an index of this package is on the disk when it is published. So there are two figures for
FlexIndex: unchanged, and with its files flushed. Memory is the greatest anonymous memory of the process.
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _generated import blocks, documents
from _memory import AnonymousMemory

_POOL = 8_192
OURS, ARRAYS, THEIRS, FLUSHED = WAYS = 'ours', 'ours, from arrays', 'FlexIndex', 'FlexIndex, flushed'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the measurement."""
    parser.add_argument('--docs', type=int, nargs='+', default=[10_000, 100_000, 1_000_000])
    parser.add_argument('--dims', type=int, default=768, help='(default: %(default)s)')
    parser.add_argument('--repeat', type=int, default=1, help='rounds; the least counts (default: %(default)s)')
    parser.add_argument('--precision', default='float32', help='of our index (default: %(default)s)')
    parser.add_argument('--folder', type=Path, help='where indexes are built and removed; a temporary one by default')
    parser.add_argument('--only', choices=WAYS, nargs='+', default=WAYS)
    parser.add_argument('--child', choices=WAYS, help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> None:
    """Builds, and prints the time and memory of each build."""
    if args.child:
        return child(args)
    print('| documents | | documents/s | arrays / this | processor, us/document | arrays / this | '
          'MB of anonymous memory (before) |\n|---|---|---|---|---|---|---|')  # fmt: skip
    for count in args.docs:
        rounds = [{name: measure(args, count, name) for name in args.only} for _ in range(args.repeat)]
        best = {name: min(taken[name] for taken in rounds) for name in args.only}
        for name, (wall, processor, peak, before) in best.items():
            ratios = [f'{a / b:.2f}' for a, b in zip((wall, processor), best[ARRAYS])] if ARRAYS in best else ['', '']
            print(f'| {count:,} | {name} | {count / wall:,.0f} | {ratios[0]} | {1e6 * processor / count:.2f} | '
                  f'{ratios[1]} | {peak / 1e6:.1f} ({before / 1e6:.1f}) |', flush=True)  # fmt: skip


def measure(args: argparse.Namespace, count: int, name: str) -> tuple[float, ...]:
    """Runs a build in a process of its own; returns seconds, processor seconds, and bytes at the peak and before."""
    program = [sys.executable, str(Path(__file__).with_name('scale.py'))]
    command = [*program, 'build', '--child', name, '--docs', str(count), '--dims', str(args.dims)]
    command += ['--precision', args.precision]
    command += ['--folder', str(args.folder)] if args.folder else []
    return tuple(map(float, subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()))


def child(args: argparse.Namespace) -> None:
    """Runs one build and prints its figures."""
    from pyterrier_dr import FlexIndex

    from pyterrier_hybrid.indexing import MultilingualIndex

    (count,) = args.docs
    made = blocks if args.child == ARRAYS else documents

    def stream():
        return made(count, args.dims, _POOL)

    making = seconds(lambda: sum(1 for _ in stream()))
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / 'x'

        def build() -> None:
            ours = MultilingualIndex(path, verbose=False).indexer(precision=args.precision)
            if args.child == OURS:
                ours.index(stream())
            elif args.child == ARRAYS:
                ours.index_arrays(blocks=stream())
            else:
                FlexIndex(str(path), verbose=False).index(stream())
            if args.child == FLUSHED:
                for file in path.iterdir():
                    with file.open('rb') as opened:
                        os.fsync(opened.fileno())

        with AnonymousMemory() as memory:
            taken = seconds(build)
    print(*(a - b for a, b in zip(taken, making)), memory.peak, memory.before)


def seconds(work) -> tuple[float, float]:
    """The seconds, and the processor seconds, that a call takes."""
    start, used = time.perf_counter(), processor()
    work()
    return time.perf_counter() - start, processor() - used


def processor() -> float:
    """The processor seconds that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

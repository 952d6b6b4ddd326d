"""Building from vectors, beside FlexIndex: documents a second, time of the processor, and memory.

    python benchmarks/scale.py build --docs 10000 100000 1000000 3000000

Each build is a process of its own. Vectors are random, of unit length, from a fixed seed; 8,192 of them are handed out
again and again, and what making the documents takes alone is subtracted. FlexIndex leaves its files to the system,
which writes them to the disk later; an index of this package is on the disk when it is published. So there are two
figures for FlexIndex: as it is, and with its files flushed. Memory is the greatest anonymous memory of the process.
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _generated import documents
from _memory import AnonymousMemory

_POOL = 8_192
OURS, THEIRS, FLUSHED = 'ours', 'FlexIndex', 'FlexIndex, flushed'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the measurement can vary."""
    parser.add_argument('--docs', type=int, nargs='+', default=[10_000, 100_000, 1_000_000])
    parser.add_argument('--dims', type=int, default=768, help='(default: %(default)s)')
    parser.add_argument('--repeat', type=int, default=1, help='rounds; the least counts (default: %(default)s)')
    parser.add_argument('--precision', default='float32', help='of our index (default: %(default)s)')
    parser.add_argument('--folder', type=Path, help='where indexes are built and removed; a temporary one by default')
    parser.add_argument('--only', choices=[OURS, THEIRS, FLUSHED], nargs='+', default=[OURS, THEIRS, FLUSHED])
    parser.add_argument('--child', choices=[OURS, THEIRS, FLUSHED], help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> None:
    """Builds, and prints what each build took."""
    if args.child:
        return child(args)
    print('| documents | | documents/s | ours / this | processor, us/document | MB of anonymous memory (before) |\n'
          '|---|---|---|---|---|---|')  # fmt: skip
    for count in args.docs:
        rounds = [{name: measure(args, count, name) for name in args.only} for _ in range(args.repeat)]
        best = {name: min(taken[name] for taken in rounds) for name in args.only}
        for name, (wall, processor, peak, before) in best.items():
            ratio = f'{wall / best[OURS][0]:.2f}' if OURS in best else ''
            print(f'| {count:,} | {name} | {count / wall:,.0f} | {ratio} | {1e6 * processor / count:.2f} | '
                  f'{peak / 1e6:.1f} ({before / 1e6:.1f}) |', flush=True)  # fmt: skip


def measure(args: argparse.Namespace, count: int, name: str) -> tuple[float, ...]:
    """Seconds, seconds of the processor, and bytes at the peak and before, of one build in a process of its own."""
    program = [sys.executable, str(Path(__file__).with_name('scale.py'))]
    command = [*program, 'build', '--child', name, '--docs', str(count), '--dims', str(args.dims)]
    command += ['--precision', args.precision]
    command += ['--folder', str(args.folder)] if args.folder else []
    return tuple(map(float, subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()))


def child(args: argparse.Namespace) -> None:
    """One build; prints its figures."""
    from pyterrier_dr import FlexIndex

    from pyterrier_hybrid.indexing import MultilingualIndex

    (count,) = args.docs
    making = seconds(lambda: sum(1 for _ in documents(count, args.dims, _POOL)))
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / 'x'

        def build() -> None:
            if args.child == OURS:
                MultilingualIndex(path, verbose=False).indexer(precision=args.precision).index(stream())
            else:
                FlexIndex(str(path), verbose=False).index(stream())
            if args.child == FLUSHED:
                for file in path.iterdir():
                    with file.open('rb') as opened:
                        os.fsync(opened.fileno())

        def stream():
            return documents(count, args.dims, _POOL)

        with AnonymousMemory() as memory:
            taken = seconds(build)
    print(*(a - b for a, b in zip(taken, making)), memory.peak, memory.before)


def seconds(work) -> tuple[float, float]:
    """Seconds, and seconds of the processor, that a call takes."""
    start, used = time.perf_counter(), processor()
    work()
    return time.perf_counter() - start, processor() - used


def processor() -> float:
    """Seconds of the processor that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

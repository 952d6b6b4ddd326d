"""Kills the build of an index at random moments, resumes it, and compares its bytes with those of an undisturbed build.

    python benchmarks/kill_index.py                   # 50 kills while building, 20 while appending

Each attempt is a process of its own, which resumes the build of the one before. It is killed (``kill -9``) at a moment
drawn uniformly from 0 to two thirds of the time of an undisturbed build. Every third kill instead waits until the rows
are complete, and comes while the index is being finished. Nothing is cleaned up by hand. A finished index is compared
and removed, and another one begun, until all kills are done. While an index is appended to, the old one is read after
every kill: it must be there, complete, until the new one is. The time in which a process starts and imports does not
count. Exits with 1 if a byte differs.
"""
import argparse
import multiprocessing
import random
import shutil
import tempfile
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from _generated import documents

from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.indexing.build import Build

_TICK = 0.001


def attempt(connection, path: Path, docs: tuple[int, int], dims: int, mode: str) -> None:
    """Builds or resumes an index, in a process of its own, which reports when it begins."""
    connection.send('begins')
    stream = (doc for i, doc in enumerate(documents(docs[1], dims)) if i >= docs[0])
    MultilingualIndex(path, verbose=False).indexer(mode=mode, part_size=512).index(stream)


class Attempts:
    """Processes that build one index, from documents ``docs[0]`` to ``docs[1]``."""

    def __init__(self, path: Path, docs: tuple[int, int], dims: int):
        self.path, self._arguments = path, (docs, dims)
        self._context = multiprocessing.get_context('forkserver')  # forks a process that has imported everything
        self._context.set_forkserver_preload(['pyterrier_hybrid.indexing.index', '_generated'])

    def begin(self, mode: str):
        """Starts a process; returns when it has begun to build."""
        receiving, sending = self._context.Pipe(duplex=False)
        self._began = time.time()
        process = self._context.Process(target=attempt, args=(sending, self.path, *self._arguments, mode))
        process.start()
        sending.close()
        receiving.recv()
        return process

    def finishing(self) -> bool:
        """Whether the rows are complete and the index is not yet published."""
        folder = Build(self.path).folder
        with suppress(FileNotFoundError):  # there is no build, or it is just ending
            return folder is not None and (folder / 'index/langs.u2').stat().st_mtime > self._began
        return False


def digests(path: Path) -> dict[str, str]:
    """SHA-256 of each file of an index."""
    files = sorted(file for file in path.rglob('*') if file.is_file())
    return {str(file.relative_to(path)): sha256(file.read_bytes()).hexdigest() for file in files}


def series(
    name: str, attempts: Attempts, base: Path | None, expected: dict, kills: int, took: float, seed: int
) -> bool:
    """Builds or appends with kills; prints what happened, and returns whether all finished indexes are the same."""
    draw, killed, finished, same = random.Random(f'{name} {seed}'), 0, 0, True
    before = None if base is None else digests(base)
    struck = {'while documents are added': 0, 'while the index is finished': 0}
    path = attempts.path
    while killed < kills or not finished:
        if not path.exists() and base is not None:
            shutil.copytree(base, path)
        mode = 'resume' if Build(path).plan() is not None or base is None else 'append'
        process = attempts.begin(mode)
        if killed < kills:
            if killed % 3 == 2:
                while process.is_alive() and not attempts.finishing():
                    time.sleep(_TICK)
                process.join(draw.uniform(0, took / 10))
            else:
                process.join(draw.uniform(0, 2 * took / 3))
            if process.is_alive():
                while_finishing = attempts.finishing()
                process.kill()
                process.join()
                killed += 1
                struck[list(struck)[while_finishing]] += 1
        process.join()
        if Build(path).plan() is None and path.exists():
            now = digests(path)
            if now != before:
                finished += 1
                same = same and now == expected
                shutil.rmtree(path)
        elif path.exists():
            same = same and digests(path) in (before, expected)
        else:
            same = same and base is None
        left = [p.name for p in path.parent.iterdir() if p.name not in (path.name, f'.{path.name}.lock')]
        same = same and len(left) <= 1
    times = ', '.join(f'{count} {when}' for when, count in struck.items())
    print(f'{name}: {killed} kills ({times}), {finished} indexes finished, '
          f'{"identical" if same else "NOT IDENTICAL"}', flush=True)  # fmt: skip
    return same


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, default in (('docs', 40_000), ('dims', 64), ('kills', 50), ('append-kills', 20), ('seed', 0)):
        parser.add_argument(f'--{option}', type=int, default=default, help='(default: %(default)s)')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, half = Path(temporary), args.docs // 2
        whole = Attempts(folder / 'whole' / 'x.index', (0, args.docs), args.dims)
        process, start = whole.begin('create'), time.monotonic()
        process.join()
        took = time.monotonic() - start
        Attempts(folder / 'half' / 'x.index', (0, half), args.dims).begin('create').join()
        expected = digests(whole.path)
        print(f'{args.docs:,} documents of {args.dims} dimensions, {len(expected)} files; {took:.1f} s undisturbed; '
              f'seed {args.seed}', flush=True)  # fmt: skip
        built = Attempts(folder / 'built' / 'x.index', (0, args.docs), args.dims)
        appended = Attempts(folder / 'appended' / 'x.index', (half, args.docs), args.dims)
        same = series('building', built, None, expected, args.kills, took, args.seed)
        same &= series('appending', appended, folder / 'half' / 'x.index', expected, args.append_kills, took, args.seed)
    raise SystemExit(0 if same else 1)


if __name__ == '__main__':
    main()

"""``kill -9`` at random moments of a training run, each followed by a resume: the weights against an undisturbed run's.

    python benchmarks/kill_resume.py                  # a static encoder and a transformer with dropout, ten kills each

The pairs are worldfacts', the encoders small; everything runs on the CPU, each attempt in a process of its own. One run
is left alone and timed. Others, with the same settings, are killed ten times in all: each attempt at a moment drawn
uniformly from 0 to twice what the first checkpoint and a tenth of the run took; three of them wait for the next
checkpoint to be begun, and strike while it is written. Each attempt resumes what the one before has left. Time in which
a process starts and imports is not counted, since no kill there could do anything. Exits with 1 if a byte of the
results differs (but for ``training.json``, which holds times).
"""
import argparse
import json
import multiprocessing
import random
import shutil
import statistics
import tempfile
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from datasets_ext import worldfacts
from pyterrier_hybrid.encoding.checkpoint import progress_bar
from pyterrier_hybrid.encoding.compact import small_backbone
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.training import train

COMMON = {'mix': {'monolingual': 0.5, 'crosslingual': 0.5}, 'device': 'cpu', 'verbose': False, 'resume': True}
SETTINGS = {
    'static': {'backbone': 'static', 'batch_size': 64, 'steps': 200, 'checkpoint_steps': 10, **COMMON},
    'transformer': {'batch_size': 8, 'steps': 100, 'checkpoint_steps': 10, **COMMON},  # its backbone is made first
}
#: How many of the kills strike while a checkpoint is being written.
WHILE_WRITING = 3
_TICK = 0.002


def dropout_transformer(pairs: ParallelPairs, folder: Path) -> str:
    """Writes a transformer of 2 layers and 32 dimensions with random weights, and with dropout, which draws at random.

    A resumed run is the same only if the state of the random numbers is resumed, too.
    """
    texts = [text for _, text in pairs.iter_texts()]
    with progress_bar(False):
        small_backbone(texts, vocab_size=2000, dimension=32, layers=2, heads=2).save_pretrained(str(folder))
    config = json.loads((folder / 'config.json').read_text())
    dropout = {name: 0.1 for name in ('embedding_dropout', 'attention_dropout', 'mlp_dropout')}
    (folder / 'config.json').write_text(json.dumps({**config, **dropout}))
    return str(folder)


def attempt(connection, pairs: Path, run: Path, settings: dict) -> None:
    """Trains, or goes on; in a process of its own, which says when it begins."""
    connection.send('begins')
    train(ParallelPairs(pairs), run, **settings)


class Attempts:
    """Processes that train one run.

    Args:
        pairs: the folder of the pairs.
        run: the run's folder.
        settings: of :func:`train`.
    """

    def __init__(self, pairs: Path, run: Path, settings: dict):
        self.run, self._arguments = run, (pairs, run, settings)
        # Forked from a process that has imported everything and computed nothing.
        self._context = multiprocessing.get_context('forkserver')
        self._context.set_forkserver_preload(['pyterrier_hybrid.training.trainer', 'datasets_ext'])

    def begin(self):
        """A new process, which has begun to train."""
        receiving, sending = self._context.Pipe(duplex=False)
        self._began = time.time()
        process = self._context.Process(target=attempt, args=(sending, *self._arguments))
        process.start()
        sending.close()
        receiving.recv()
        return process

    def writing(self) -> bool:
        """Whether the latest process is writing a checkpoint, or was when it was killed; not one that was before it."""
        for partial in self._checkpoints.glob('partial-*'):
            with suppress(FileNotFoundError):  # published in this moment
                if partial.stat().st_ctime > self._began:
                    return True
        return False

    def newest(self) -> int:
        """The step of the newest complete checkpoint, 0 for none."""
        return max((int(path.name.split('-')[1]) for path in self._checkpoints.glob('checkpoint-*')), default=0)

    def put_away(self) -> None:
        """Removes a run that is complete, and checkpoints that it was killed before removing."""
        shutil.rmtree(self.run)
        shutil.rmtree(self._checkpoints, ignore_errors=True)

    @property
    def _checkpoints(self) -> Path:
        return self.run.with_name(f'{self.run.name}.checkpoints')


def undisturbed(attempts: Attempts) -> tuple[float, float, float]:
    """Trains in one go.

    Returns:
        The seconds it took, those until the first checkpoint, and the median of those that a checkpoint took to write.
    """
    process, start, written, first, since = attempts.begin(), time.monotonic(), [], 0.0, None
    while process.is_alive():
        writing = attempts.writing()
        if writing and since is None:
            since = time.monotonic()
        elif not writing and since is not None:
            written.append(time.monotonic() - since)
            first, since = first or time.monotonic() - start, None
        time.sleep(_TICK)
    finish(process)
    return time.monotonic() - start, first, statistics.median(written)


def disturbed(attempts: Attempts, longest: float, writing: float, kills: int, draw: random.Random) -> list[dict]:
    """Trains with kills, prints a line for each, and returns the digests of every run that came to its end.

    A run that is complete before all the kills were made is put away, and another one begun.
    """
    into_writing, results, killed = set(draw.sample(range(kills), min(WHILE_WRITING, kills))), [], 0
    print('| kill | after (s) | resumed from step | newest checkpoint | struck |\n|---|---|---|---|---|')
    while killed < kills or not results or attempts.newest():
        from_step, process = attempts.newest(), attempts.begin()
        start = time.monotonic()
        if killed < kills:
            process.join(draw.uniform(0, longest))
            if killed in into_writing:
                while process.is_alive() and not attempts.writing():
                    time.sleep(_TICK)
                process.join(draw.uniform(0, writing))
            if process.is_alive():
                process.kill()
                process.join()
                killed += 1
                struck = 'while a checkpoint was written' if attempts.writing() else 'between checkpoints'
                print(f'| {killed} | {time.monotonic() - start:.2f} | {from_step} | {attempts.newest()} | {struck} |')
                if not attempts.run.exists():
                    continue
        process.join()
        if process.exitcode and not attempts.run.exists():  # what is there is whole, also if it was killed after that
            raise SystemExit(f'training ended with exit code {process.exitcode}')
        results.append(digests(attempts.run))
        attempts.put_away()
    return results


def finish(process) -> None:
    """Waits for a process to end by itself."""
    process.join()
    if process.exitcode:
        raise SystemExit(f'training ended with exit code {process.exitcode}')


def digests(run: Path) -> dict[str, str]:
    """SHA-256 of each file of a run, without its record, which holds times."""
    files = sorted(path for path in run.rglob('*') if path.is_file() and path.name != 'training.json')
    return {str(path.relative_to(run)): sha256(path.read_bytes()).hexdigest() for path in files}


def compared(name: str, pairs: Path, folder: Path, settings: dict, kills: int, seed: int) -> bool:
    """Runs both, prints what happened, and returns whether the results are the same."""
    draw = random.Random(f'{name} {seed}')
    alone = Attempts(pairs, folder / name / 'alone' / 'run', settings)
    seconds, first, writing = undisturbed(alone)
    print(f'\n{name}: {settings["steps"]} steps of {settings["batch_size"]} pairs, a checkpoint every '
          f'{settings["checkpoint_steps"]}; {seconds:.1f} s undisturbed, {writing * 1e3:.0f} ms for a checkpoint; '
          f'seed {seed}\n')  # fmt: skip
    killed = Attempts(pairs, folder / name / 'killed' / 'run', settings)
    results = disturbed(killed, 2 * (first + seconds / kills), writing, kills, draw)
    expected = digests(alone.run)
    same = all(found == expected for found in results)
    print(f'\n{kills} kills, {len(results)} runs that came to their end, {len(expected)} files each: '
          f'{"identical" if same else "NOT IDENTICAL"}; SHA-256 of the weights:')  # fmt: skip
    print(f'    {expected["model.safetensors"]}  undisturbed')
    for found in results:
        print(f'    {found["model.safetensors"]}  killed', flush=True)
    return same


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--backbones', nargs='+', choices=[*SETTINGS], default=[*SETTINGS])
    parser.add_argument('--kills', type=int, default=10)
    parser.add_argument('--seed', type=int, default=0, help='of the moments')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pairs = ParallelPairs.from_rows(worldfacts.training_pairs(), folder / 'pairs', verbose=False)
        made = {}
        if 'transformer' in args.backbones:
            made['transformer'] = {'backbone': dropout_transformer(pairs, folder / 'backbone')}
        same = [
            compared(name, pairs.folder, folder, {**SETTINGS[name], **made.get(name, {})}, args.kills, args.seed)
            for name in args.backbones
        ]
    raise SystemExit(0 if all(same) else 1)


if __name__ == '__main__':
    main()

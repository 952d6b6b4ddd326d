"""Kills a training run at random moments, resumes it, and compares its weights with those of an undisturbed run.

    python benchmarks/kill_resume.py                  # a static encoder and a transformer with dropout, ten kills each

The pairs are those of worldfacts, and the encoders are small. Everything runs on the CPU, each attempt in a process of
its own. One run is not disturbed, and is timed. Others, with the same settings, are killed (``kill -9``) ten times in
all: each attempt at a moment drawn uniformly from 0 to twice the time of the first checkpoint plus a tenth of the run.
Three of the kills wait until the next checkpoint is begun, and come while it is written. Each attempt resumes the run
of the one before. The time in which a process starts and imports does not count, since a kill could do no harm there.
Exits with 1 if a byte of the results differs (except ``training.json``, which holds times).
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
    'transformer': {'batch_size': 8, 'steps': 100, 'checkpoint_steps': 10, **COMMON},  # main() adds its backbone
}
#: How many of the kills come while a checkpoint is being written.
WHILE_WRITING = 3
_TICK = 0.002


def dropout_transformer(pairs: ParallelPairs, folder: Path) -> str:
    """Writes a transformer of 2 layers and 32 dimensions with random weights and with dropout.

    Dropout draws random numbers, so a resumed run is only the same if their state is resumed too.
    """
    texts = [text for _, text in pairs.iter_texts()]
    with progress_bar(False):
        small_backbone(texts, vocab_size=2000, dimension=32, layers=2, heads=2).save_pretrained(str(folder))
    config = json.loads((folder / 'config.json').read_text())
    dropout = {name: 0.1 for name in ('embedding_dropout', 'attention_dropout', 'mlp_dropout')}
    (folder / 'config.json').write_text(json.dumps({**config, **dropout}))
    return str(folder)


def attempt(connection, pairs: Path, run: Path, settings: dict) -> None:
    """Trains or resumes, in a process of its own, which reports when it begins."""
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
        # Processes are forked from one that has imported everything and computed nothing.
        self._context = multiprocessing.get_context('forkserver')
        self._context.set_forkserver_preload(['pyterrier_hybrid.training.trainer', 'datasets_ext'])

    def begin(self):
        """Starts a process; returns when it has begun to train."""
        receiving, sending = self._context.Pipe(duplex=False)
        self._began = time.time()
        process = self._context.Process(target=attempt, args=(sending, *self._arguments))
        process.start()
        sending.close()
        receiving.recv()
        return process

    def writing(self) -> bool:
        """Whether the latest process is writing a checkpoint, or was when it was killed."""
        for partial in self._checkpoints.glob('partial-*'):
            with suppress(FileNotFoundError):  # it is just being published
                if partial.stat().st_ctime > self._began:
                    return True
        return False

    def newest(self) -> int:
        """The step of the newest complete checkpoint; 0 if there is none."""
        return max((int(path.name.split('-')[1]) for path in self._checkpoints.glob('checkpoint-*')), default=0)

    def put_away(self) -> None:
        """Removes a complete run, and checkpoints that remain because it was killed before it removed them."""
        shutil.rmtree(self.run)
        shutil.rmtree(self._checkpoints, ignore_errors=True)

    @property
    def _checkpoints(self) -> Path:
        return self.run.with_name(f'{self.run.name}.checkpoints')


def undisturbed(attempts: Attempts) -> tuple[float, float, float]:
    """Trains without interruption.

    Returns:
        The seconds of the run, the seconds until the first checkpoint, and the median seconds of writing a checkpoint.
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
    """Trains with kills, prints a line for each, and returns the digests of every finished run.

    If a run is complete before all kills are done, it is removed, and another one begun.
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
        if process.exitcode and not attempts.run.exists():  # an existing run is complete, even if killed later
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
    """SHA-256 of each file of a run, except its record, which holds times."""
    files = sorted(path for path in run.rglob('*') if path.is_file() and path.name != 'training.json')
    return {str(path.relative_to(run)): sha256(path.read_bytes()).hexdigest() for path in files}


def compared(name: str, pairs: Path, folder: Path, settings: dict, kills: int, seed: int) -> bool:
    """Trains with and without kills, prints what happened, and returns whether the results are the same."""
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

"""The runs of the benchmarks on a pretrained encoder, and their training."""
import json
import lzma
import multiprocessing
import os
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from _data import DATA

from pyterrier_hybrid.pairs import ParallelPairs, inverse_cloze
from pyterrier_hybrid.training import train

#: The paper's learning rate, the encoder's own prefixes, and lengths and steps that suit two cores.
SETTINGS = {
    'batch_size': 32, 'steps': 100, 'learning_rate': 3e-5, 'temperature': 0.02, 'source_temperature': 0.0,
    'query_prefix': 'query: ', 'passage_prefix': 'passage: ', 'max_length': (24, 96), 'bf16': 'auto',
}  # fmt: skip
#: Settings of a run of at most 100 minutes. Its mix and lengths were chosen with ``pretrained_settings.py``.
LONG = {**SETTINGS, 'steps': 1600}
#: The tokens after which queries and passages are cut when they are encoded. In training they are cut earlier.
LENGTHS = {'max_query_length': 64, 'max_passage_length': 256}
#: Settings of runs from random weights: those of ``real_training.py`` with fewer steps.
STATIC = {
    'batch_size': 512, 'steps': 1000, 'learning_rate': 0.05, 'temperature': 0.05, 'source_temperature': 0.0,
    'dimension': 512,
}  # fmt: skip
#: The paper's three mixes, further points of its line, and points of the simplex with multilingual batches.
MIXES = {
    'X-X-mono': {'monolingual': 1.0},
    'X-Y': {'crosslingual': 1.0},
    'hybrid': {'monolingual': 0.5, 'crosslingual': 0.5},
    'mono.25': {'monolingual': 0.25, 'crosslingual': 0.75},
    'mono.75': {'monolingual': 0.75, 'crosslingual': 0.25},
    'mono.1': {'monolingual': 0.1, 'crosslingual': 0.9},
    'multi': {'multilingual': 1.0},
    'mono.25-multi.75': {'monolingual': 0.25, 'multilingual': 0.75},
    'mono.5-multi.5': {'monolingual': 0.5, 'multilingual': 0.5},
    'cross.5-multi.5': {'crosslingual': 0.5, 'multilingual': 0.5},
    'thirds': {'monolingual': 1 / 3, 'crosslingual': 1 / 3, 'multilingual': 1 / 3},
}
PAPER, RATIO = list(MIXES)[:3], list(MIXES)[:6]
#: Sources of the pairs on which settings are chosen. Runs with these settings are not trained on them.
HELD_OUT = ('NTREX-128', 'microsoft/IoT-For-Beginners')
#: The suffix of the name of an encoder whose language subspace was removed.
NEUTRAL = '-neutral'


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        group: its name without the seed; a table's row is of one group.
        mix: of batches, a name of :data:`MIXES`.
        start: ``'untouched'``, a backbone from random weights, or an encoder that is derived from the untouched one.
        settings: arguments of ``train``.
        lengths: the tokens after which texts are cut when they are encoded, as ``HybridEncoder`` takes them; empty for
            the lengths of training. A run whose name ends in ``-cut`` differs from another one in this alone.
        left_out: sources of the pairs on which it is not trained.
        average_of: runs whose weights it averages, instead of training; its cost is the sum of theirs.
    """

    group: str
    mix: str
    seed: int
    start: str = 'untouched'
    settings: dict = field(default_factory=lambda: SETTINGS)
    lengths: dict = field(default_factory=lambda: LENGTHS)
    left_out: tuple[str, ...] = ()
    average_of: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f'{self.group}-seed{self.seed}'

    @property
    def folder(self) -> str:
        """The name of its folder. Runs that only differ in lengths have the same one."""
        return self.name.replace('-cut', '')


#: Runs in the order in which they are made: three seeds of the paper's mixes, two of the other ratios.
RUNS = {run.name: run for run in [
    *(Run(mix, mix, seed) for seed, mixes in
      [(0, PAPER), (1, PAPER), (0, RATIO[3:]), (2, PAPER), (1, RATIO[3:]), (0, list(MIXES)[6:])] for mix in mixes),
    Run('mono.25-multi.75-long', 'mono.25-multi.75', 0, settings=LONG, left_out=HELD_OUT),
    Run('mono.1-long', 'mono.1', 0, settings={**LONG, 'steps': 800}, left_out=HELD_OUT),
    Run('X-Y-held-out', 'X-Y', 0, left_out=HELD_OUT),
    Run('average-of-longs', '', 0, average_of=('mono.25-multi.75-long-seed0', 'mono.1-long-seed0')),
    Run('average-of-longs-and-X-Y', '', 0,
        average_of=('mono.25-multi.75-long-seed0', 'mono.1-long-seed0', 'X-Y-held-out-seed0')),
    *(Run(f'{mix}-cut', mix, seed, lengths={}) for seed in range(3) for mix in PAPER),
    Run('hybrid-from-neutral-cut', 'hybrid', 0, start='untouched' + NEUTRAL, lengths={}),
    *(Run(f'static-{mix}', mix, 0, 'static', STATIC, lengths={}) for mix in RATIO),
]}  # fmt: skip


def rows(path: Path) -> Iterator[dict]:
    """The rows of a file of pairs."""
    with lzma.open(path, 'rt', encoding='utf-8') as lines:
        yield from map(json.loads, lines)


def imported_pairs(folder: Path, left_out: tuple[str, ...] = ()) -> Path:
    """The folder of the training pairs without some of their sources; imports them if it does not exist."""
    if not folder.exists():
        with tempfile.TemporaryDirectory() as scratch:
            for path in sorted((DATA / 'train').glob('*.jsonl.xz')) if left_out else ():
                with (Path(scratch) / path.stem).open('w', encoding='utf-8') as file:
                    file.writelines(f'{json.dumps(row)}\n' for row in rows(path) if row['source'] not in left_out)
            given = scratch if left_out else DATA / 'train'
            ParallelPairs.from_jsonl(given, folder, derive=inverse_cloze, verbose=False)
    return folder


def _train(encoder: str, pairs: Path, folder: Path, mix: dict, seed: int, settings: dict, sender) -> None:
    """Trains a run in a process of its own, so that its peak memory is the run's. It ends with its parent process."""
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
    train(
        ParallelPairs(pairs), folder, backbone=encoder, mix=mix, seed=seed, resume=True, verbose=False,
        checkpoint_steps=max(25, settings['steps'] // 16), **settings,
    )  # fmt: skip
    sender.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def trained(encoder: str, pairs: Path, folder: Path, mix: dict, seed: int, settings: dict = SETTINGS) -> dict:
    """Trains a run if it does not exist; returns its cost: minutes, and peak memory in GiB (None if unknown)."""
    memory, start = None, time.monotonic()
    if not folder.exists():
        context = multiprocessing.get_context('spawn')
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(
            target=_train, args=(encoder, pairs, folder, mix, seed, settings, sender), daemon=True
        )  # fmt: skip
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f'training {folder.name} ended with {process.exitcode}')
        memory = round(receiver.recv(), 2)
    record = json.loads((folder / 'training.json').read_text(encoding='utf-8'))
    spent = (time.monotonic() - start) / 60
    cost = {'training_minutes': round(record['seconds'] / 60, 2), 'peak_gib': memory, 'spent': spent}
    if 'tokens' in record:
        cost['tokens_per_second'] = round(record['tokens'] / record['seconds'])
    return cost

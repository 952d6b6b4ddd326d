"""Compares the steps per second of ``train`` and of sentence-transformers' own trainer: same pairs, model, batch size.

    python benchmarks/trainer_speed.py --threads 2               # a static encoder and a small transformer
    python benchmarks/trainer_speed.py --threads 2 --models pretrained --encoder runs/multilingual-e5-small --bf16
    python benchmarks/trainer_speed.py --models pretrained --encoder xlm-r-base --bf16 --batch-size 1024 \\
        --mini-batch-size 128 --ways train

There are three ways, each in a process of its own. They take turns step by step, in a new random order each time: while
one computes, the others wait, so that a machine that gets slower or faster does so for all of them.

- ``train``, as users call it: batches are drawn, and texts read from the pairs folder, when they are needed;
- ``SentenceTransformerTrainer`` with its default batch sampler, over a data set in memory with exactly the texts of
  those batches, which it shuffles;
- the same trainer over the same data set in the plan's order, batch by batch, so that the model's work is the same to
  the token (shuffled batches mix languages and sources, and are padded to the longest text).

glibc may return the memory of large tensors to the system and ask for it again; by chance, some processes do this at
every step and others never. Clearing the new pages takes up to half of a step's time. So here each process keeps freed
memory, from 4 GiB on, 12 GiB in all (``--malloc default`` leaves the decision to glibc).

A step's time is from the process's turn to the end of the step. It includes reading the texts, but not making or saving
a model. The figure is the sum over the steps after a warm-up, with the interval of the ratio over 95% of 10,000
resamplings of the steps: paired for the same batches, independent for shuffled ones. ``train`` only updates the rows of
a static encoder's table that are in the batch, while the trainer by default updates all of them. For a transformer, the
share is of the rate of matrix products, measured at the same time; a step counts as three times the products of
encoding, without padding.
"""
import argparse
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.multiprocessing as multiprocessing
from _data import DATA
from _rows import add_json, matrix_rate, operations, row, wait_for, write
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)
from transformers import PrinterCallback, TrainerCallback

from pyterrier_hybrid.batches import HybridBatches
from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.encoding.checkpoint import progress_bar
from pyterrier_hybrid.encoding.compact import small_backbone
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.pairs.balanced import balanced_texts
from pyterrier_hybrid.training import train
from pyterrier_hybrid.training.feed import ConsecutiveBatches, batch_texts

MIX = {'monolingual': 0.5, 'crosslingual': 0.5}
OURS, DEFAULT, ORDERED = 'train', 'SentenceTransformerTrainer', "the same in the plan's order"
WAYS = (OURS, DEFAULT, ORDERED)
#: For each model: batch size, learning rate, and number of timed steps.
SIZES = {'static': (512, 0.05, 200), 'small': (64, 1e-3, 40), 'pretrained': (32, 3e-5, 16)}
#: The tokens after which a pretrained encoder cuts texts.
LENGTH = 96
WARM_UP = 4
#: Environment variables, in bytes, that make glibc keep freed memory in the process.
KEEPING = {'MALLOC_MMAP_THRESHOLD_': str(2**34), 'MALLOC_TRIM_THRESHOLD_': str(2**34)}
#: The memory that a process has from the beginning, in bytes.
KEPT = 2**32
#: Seconds that a process waits for its turn before it considers the others dead.
PATIENCE = 600


class Run(NamedTuple):
    """A training: ``at_a_time`` texts are encoded at a time (GradCache), or all; ``steps`` steps are timed."""

    batch_size: int
    rate: float
    steps: int
    bf16: bool
    at_a_time: int | None


class Turns(TrainerCallback):
    """Waits for this process's turn before each step, reports its end, and records the times of the steps.

    Args:
        mine: a semaphore that is released for each step, and once more for the end of the run.
        over: a semaphore that this process releases after each step.
    """

    def __init__(self, mine, over):
        self._mine, self._over = mine, over
        self.seconds: list[float] = []

    def _wait(self) -> None:
        if not self._mine.acquire(timeout=PATIENCE):
            raise TimeoutError('nobody gives this process its turn')
        self._began = time.perf_counter()

    def on_step_begin(self, args, state, control, **kwargs) -> None:
        if not self.seconds:
            self._over.release()  # ready
            self._wait()

    def on_step_end(self, args, state, control, **kwargs) -> None:
        wait_for(torch.device('cuda' if torch.cuda.is_available() else 'cpu'))
        self.seconds.append(time.perf_counter() - self._began)
        self._over.release()
        self._wait()  # the trainer's work before its next step counts for that step


def in_memory(batches: HybridBatches, steps: int) -> Dataset:
    """The texts of the first steps of a plan, in its order."""
    columns = [batch_texts(batches, step) for step in range(steps)]
    return Dataset.from_dict({name: np.concatenate([c[name] for c in columns]).tolist() for name in columns[0]})


def ours(model, pairs, run: Run, folder: Path, turns: Turns) -> None:
    """Trains with ``train``."""
    train(
        pairs, folder, backbone=model, mix=MIX, batch_size=run.batch_size, steps=WARM_UP + run.steps,
        learning_rate=run.rate, bf16=run.bf16, mini_batch_size=run.at_a_time, query_prefix='', passage_prefix='',
        report_to=turns, verbose=False,
    )  # fmt: skip


def theirs(model, pairs, run: Run, folder: Path, turns: Turns, **sampler) -> None:
    """Trains with sentence-transformers' trainer and the default settings of ``train``."""
    steps, on_cpu = WARM_UP + run.steps, model.device.type == 'cpu'
    texts = in_memory(HybridBatches(pairs, batch_size=run.batch_size, mix=MIX), steps)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=run.batch_size, learning_rate=run.rate,
        weight_decay=0.01, warmup_steps=int(0.1 * steps), lr_scheduler_type='linear', seed=0, bf16=run.bf16,
        save_strategy='no', logging_steps=max(1, steps // 100), report_to='none', disable_tqdm=True,
        dataloader_pin_memory=not on_cpu, use_cpu=on_cpu, **sampler,
    )  # fmt: skip
    if run.at_a_time is None:
        loss = MultipleNegativesRankingLoss(model, scale=20.0)
    else:
        loss = CachedMultipleNegativesRankingLoss(model, scale=20.0, mini_batch_size=run.at_a_time)
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=texts, loss=loss, callbacks=[turns],
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def one_way(number: int, ways: list[str], folder: Path, run: Run, threads: int, turns: list, over) -> None:
    """The work of a process: trains in one of the ways; writes the time of each timed step, and the peak memory."""
    torch.set_num_threads(threads)
    if KEEPING.items() <= os.environ.items():
        torch.zeros(KEPT, dtype=torch.uint8)
    way, model, pairs = ways[number], SentenceTransformer(str(folder / 'model')), ParallelPairs(folder / 'pairs')
    callback, place = Turns(turns[number], over), folder / f'run {number}'
    sampler = {'batch_sampler': ConsecutiveBatches} if way == ORDERED else {}
    with progress_bar(False):
        train_by = ours if way == OURS else theirs
        train_by(model, pairs, run, place, callback, **sampler)
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated()
    print(f'{way}: {peak / 2**30:.2f} GiB at most', flush=True)
    np.save(folder / f'memory {number}.npy', peak)
    np.save(folder / f'seconds {number}.npy', callback.seconds[WARM_UP:])


def timed(ways: list[str], folder: Path, run: Run, threads: int) -> dict[str, tuple[np.ndarray, int]]:
    """The seconds of each timed step of each way, float64 (steps,), and its peak memory in bytes."""
    context, rng = multiprocessing.get_context('spawn'), np.random.default_rng(0)
    turns, over = [context.Semaphore(0) for _ in ways], context.Semaphore(0)
    processes = multiprocessing.spawn(one_way, (ways, folder, run, threads, turns, over), len(ways), join=False)

    def wait() -> None:
        while not over.acquire(timeout=1):
            processes.join(timeout=0)  # raises the error of a process

    for _ in ways:
        wait()  # until all are ready
    for _ in range(WARM_UP + run.steps):
        for way in rng.permutation(len(ways)):
            turns[way].release()
            wait()
    for turn in turns:
        turn.release()  # to save the model, which is not timed
    while not processes.join():
        pass
    return {way: (np.load(folder / f'seconds {number}.npy'), int(np.load(folder / f'memory {number}.npy')))
            for number, way in enumerate(ways)}  # fmt: skip


def operations_of(model: SentenceTransformer, pairs: ParallelPairs, run: Run) -> float:
    """The mean number of operations of a step: those forward, and twice as many backward."""
    texts = in_memory(HybridBatches(pairs, batch_size=run.batch_size, mix=MIX), WARM_UP + run.steps)
    columns = texts[WARM_UP * run.batch_size :].values()
    lengths = [len(ids) for column in columns for ids in model.tokenizer(
        column, truncation=True, max_length=model.max_seq_length)['input_ids']]  # fmt: skip
    return 3 * operations(model, np.array(lengths)) / run.steps


def interval(their: np.ndarray, our: np.ndarray, paired: bool) -> tuple[float, float]:
    """The interval that holds the ratio of two sums in 95% of resamplings."""
    rng = np.random.default_rng(0)
    one, other = rng.integers(len(our), size=(2, 10_000, len(our)))
    ratios = their[one].sum(1) / our[one if paired else other].sum(1)
    return tuple(np.quantile(ratios, (0.025, 0.975)))


def start(name: str, pairs: ParallelPairs, encoder: str | None, texts: int) -> SentenceTransformer:
    """The model with which all ways begin."""
    if name == 'pretrained':
        model = SentenceTransformer(encoder, device='cpu')
        model.max_seq_length, model.prompts = LENGTH, {}
        return model
    return (static_backbone if name == 'static' else small_backbone)(balanced_texts(pairs, texts))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pairs', type=Path, default=DATA / 'train', help='JSON lines, or a folder of them')
    parser.add_argument('--models', nargs='+', choices=[*SIZES], default=['static', 'small'])
    parser.add_argument('--encoder', help='folder or hub name of the pretrained encoder')
    parser.add_argument('--batch-size', type=int, help='pairs in a batch')
    parser.add_argument('--texts', type=int, default=300_000, help='texts on which a tokenizer is trained')
    parser.add_argument('--bf16', action='store_true', help='transformers compute in bfloat16 in all ways')
    parser.add_argument('--mini-batch-size', type=int, help='texts at a time (GradCache)')
    parser.add_argument('--ways', nargs='+', choices=WAYS, default=WAYS, help='train among them')
    parser.add_argument('--steps', type=int, help='timed steps of each way')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads(), help='threads of torch in each process')
    parser.add_argument('--malloc', choices=['keeping', 'default'], default='keeping')
    add_json(parser)
    args = parser.parse_args()
    if OURS not in args.ways:
        parser.error(f'--ways needs {OURS}, which the others are compared with')
    if 'pretrained' in args.models and args.encoder is None:
        parser.error('--models pretrained needs --encoder')
    if args.malloc == 'keeping':
        os.environ.update(KEEPING)  # the processes read these variables when they start
    rows = [each for name in args.models for each in compared(name, args)]
    write(args.json, rows, encoder=args.encoder, bf16=args.bf16, mini_batch_size=args.mini_batch_size)


def compared(name: str, args: argparse.Namespace) -> list[dict]:
    """Trains a model in every way, prints the times, and returns the rows."""
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    batch_size, rate, steps = SIZES[name]
    run = Run(args.batch_size or batch_size, rate, args.steps or steps, args.bf16 and name != 'static',
              args.mini_batch_size)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        pairs = ParallelPairs.from_jsonl(args.pairs, Path(folder, 'pairs'), verbose=False)
        with progress_bar(False):
            model = start(name, pairs, args.encoder, args.texts)
            model.save(str(Path(folder, 'model')))
        found = timed(args.ways, Path(folder), run, args.threads)
        of_a_step = None if name == 'static' else operations_of(model, pairs, run)
    torch.set_num_threads(args.threads)
    ours, products = found[OURS][0], None
    where = f'{device}, {args.threads} threads' + ', bfloat16' * run.bf16
    if of_a_step:
        dtype = torch.bfloat16 if run.bf16 else torch.float32
        products = matrix_rate(dtype, device, model[0].model.config.hidden_size)
        where += f', matrix products at {products / 1e9:.0f} GF/s'
    print(f'\n{name}, batches of {run.batch_size}, {run.steps} steps, {where}\n')
    print("| | steps/s | train's speed over this one's | 95% | share of the matrix rate |\n|---|---|---|---|---|")
    rows = []
    for way, (theirs, memory) in found.items():
        low, high = interval(theirs, ours, paired=way != DEFAULT)
        ratio, share = theirs.sum() / ours.sum(), of_a_step and of_a_step / theirs.mean() / products
        print(f'| {way} | {run.steps / theirs.sum():.3f} | {ratio:.3f} | {low:.3f} to {high:.3f} | '
              f'{"" if share is None else f"{share:.0%}"} |', flush=True)  # fmt: skip
        kept = args.malloc == 'keeping' and device.type == 'cpu'  # kept memory is more than what is needed
        rows.append(row('train', f'{way}, {name}', run.batch_size, 'pairs', theirs.mean(), ratio=ratio, share=share,
                        megabytes=None if kept else memory / 1e6))  # fmt: skip
    return rows


if __name__ == '__main__':
    main()

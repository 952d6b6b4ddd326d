"""Steps per second of ``train`` against sentence-transformers' own trainer: same pairs, model and batch size.

    python benchmarks/trainer_speed.py --threads 2               # a static encoder and a small transformer

Three ways, which take turns in one process, so that a machine that gets slower or faster does so for all of them:

- ``train``, as users call it: batches are drawn and texts read from the pairs folder as they are needed;
- ``SentenceTransformerTrainer`` with its default batch sampler, over a data set in memory of the very texts of those
  batches, which it shuffles;
- the same trainer over the same data set in the plan's order, batch by batch, so that the work of the model is the
  same to the token (shuffled batches mix languages and sources, and are padded to the longest of them).

A step's time is from the end of the one before it to its own end, so reading its texts counts, and making a model or
saving it does not. A step does the same work in every round, and what else the machine does can only make it longer:
the figure is the sum over the steps, after some that warm up, of each one's least time. On a CPU, ``train`` updates the
table of a static encoder by its rows in the batch, and the trainer by default all of it.
"""
import argparse
import copy
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from _data import DATA
from datasets import Dataset
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from transformers import PrinterCallback, TrainerCallback

from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.encoding.checkpoint import progress_bar
from pyterrier_hybrid.encoding.compact import small_backbone
from pyterrier_hybrid.training import HybridBatches, ParallelPairs, train
from pyterrier_hybrid.training.feed import ConsecutiveBatches, batch_texts
from pyterrier_hybrid.training.vocabulary import balanced_texts

MIX = {'monolingual': 0.5, 'crosslingual': 0.5}
OURS, DEFAULT, ORDERED = 'train', 'SentenceTransformerTrainer', "the same in the plan's order"
#: Of each model: batch size, warm-up steps, steps that are timed, learning rate.
SIZES = {'static': (512, 10, 40, 0.05), 'small': (64, 2, 8, 1e-3)}


class Clock(TrainerCallback):
    """The times at which steps ended."""

    def __init__(self):
        self._ends: list[float] = []

    def on_step_end(self, args, state, control, **kwargs) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._ends.append(time.perf_counter())

    def seconds(self, warm_up: int) -> np.ndarray:
        """What each step took, float64 (steps,), those that warm up left out."""
        return np.diff(self._ends)[warm_up - 1 :]


def in_memory(batches: HybridBatches, steps: int) -> Dataset:
    """The texts of the first steps of a plan, in its order."""
    columns = [batch_texts(batches, step) for step in range(steps)]
    return Dataset.from_dict({name: np.concatenate([c[name] for c in columns]).tolist() for name in columns[0]})


def ours(model, pairs, batch_size: int, warm_up: int, steps: int, rate: float, folder: Path) -> np.ndarray:
    """Seconds of each timed step of ``train``."""
    clock = Clock()
    train(
        pairs, folder, backbone=model, mix=MIX, batch_size=batch_size, steps=warm_up + steps, learning_rate=rate,
        query_prefix='', passage_prefix='', report_to=clock, verbose=False,
    )  # fmt: skip
    return clock.seconds(warm_up)


def theirs(model, texts: Dataset, batch_size: int, warm_up: int, steps: int, rate: float, folder: Path, **sampler):
    """Seconds of each timed step of sentence-transformers' trainer, with the settings that ``train`` has by default."""
    clock, on_cpu = Clock(), model.device.type == 'cpu'
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder), max_steps=warm_up + steps, per_device_train_batch_size=batch_size, learning_rate=rate,
        weight_decay=0.01, warmup_steps=int(0.1 * (warm_up + steps)), lr_scheduler_type='linear', seed=0,
        save_strategy='no', logging_steps=max(1, (warm_up + steps) // 100), report_to='none', disable_tqdm=True,
        dataloader_pin_memory=not on_cpu, use_cpu=on_cpu, **sampler,
    )  # fmt: skip
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=texts, loss=MultipleNegativesRankingLoss(model, scale=20.0),
        callbacks=[clock],
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return clock.seconds(warm_up)


def rounds(model, pairs: ParallelPairs, sizes: tuple[int, int, int, float], repeats: int) -> dict[str, float]:
    """Steps per second of each way; another way begins each round."""
    batch_size, warm_up, steps, _ = sizes
    texts = in_memory(HybridBatches(pairs, batch_size=batch_size, mix=MIX), warm_up + steps)
    ways = {
        OURS: lambda fresh, folder: ours(fresh, pairs, *sizes, folder),
        DEFAULT: lambda fresh, folder: theirs(fresh, texts, *sizes, folder),
        ORDERED: lambda fresh, folder: theirs(fresh, texts, *sizes, folder, batch_sampler=ConsecutiveBatches),
    }
    seconds: dict[str, list[np.ndarray]] = {name: [] for name in ways}
    for turn in range(repeats):
        names = list(ways)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            with tempfile.TemporaryDirectory() as folder, progress_bar(False):
                seconds[name].append(ways[name](copy.deepcopy(model), Path(folder, 'run')))
    return {name: steps / np.min(taken, axis=0).sum() for name, taken in seconds.items()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pairs', type=Path, default=DATA / 'train', help='JSON lines, or a folder of them')
    parser.add_argument('--models', nargs='+', choices=[*SIZES], default=[*SIZES])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--threads', type=int, help='of torch')
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    with tempfile.TemporaryDirectory() as folder:
        pairs = ParallelPairs.from_jsonl(args.pairs, Path(folder, 'pairs'), verbose=False)
        print(f'{len(pairs):,} pairs; {device}, {torch.get_num_threads()} threads; {args.rounds} rounds')
        for name in args.models:
            make = static_backbone if name == 'static' else small_backbone
            model = make(balanced_texts(pairs, 300_000)).to(device)
            speeds = rounds(model, pairs, SIZES[name], args.rounds)
            print(f'\n{name}, batches of {SIZES[name][0]}, {SIZES[name][2]} steps a round\n')
            print("| | steps/s | train's speed over this one's |\n|---|---|---|")
            for way, speed in speeds.items():
                print(f'| {way} | {speed:.2f} | {speeds[OURS] / speed:.3f} |', flush=True)


if __name__ == '__main__':
    main()

"""Compares the speed of this checkout with an earlier commit: importing, training and evaluating.

    python benchmarks/since.py 39b3fa1 --rounds 5

Each version runs each task in a process of its own, in turns and in random order, on one thread. A task measures its
own processor time, without imports; other work on the machine disturbs processor time least. The figure is the ratio of
the medians.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_EXPERIMENT = """
import pyterrier_hybrid as ph
from ir_measures import AP, R
from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.experiment import EvaluationSet
from pyterrier_hybrid.measures import RankDistance
collection = EvaluationSet('worldfacts')
docs = list(collection.docs())
{}
start = time.process_time()
ph.MultilingualExperiment({{'x': system}}, collection, [AP, R @ 10, RankDistance], verbose=False)
seconds = time.process_time() - start
"""
#: Python code that both versions run. It gets a new folder, ``work``, and sets ``seconds`` at its end.
TASKS = {
    'import pyterrier_hybrid': """
import pyterrier_hybrid
seconds = time.process_time()
""",
    'train, static, 200 steps of 128 worldfacts pairs': """
import pyterrier_hybrid as ph
from datasets_ext import worldfacts
pairs = ph.ParallelPairs.from_rows(worldfacts.training_pairs(), work / 'pairs', verbose=False)
ph.train(pairs, work / 'first', backbone='static', mix={'monolingual': 1.0}, batch_size=8, steps=1, verbose=False)
mix = {'monolingual': .5, 'crosslingual': .5}
start = time.process_time()
ph.train(pairs, work / 'run', backbone='static', mix=mix, batch_size=128, steps=200, verbose=False)
seconds = time.process_time() - start
""",
    'MultilingualExperiment, dense, worldfacts': _EXPERIMENT.format("""
encoder = ph.HybridEncoder.from_model(static_backbone([doc['text'] for doc in docs], seed=0))
index = ph.MultilingualIndex(work / 'index.flex', verbose=False)
(encoder.doc_encoder() >> index).index(docs)
system = encoder, index
"""),
    'MultilingualExperiment, BM25, worldfacts': _EXPERIMENT.format("""
bm25 = ph.BM25Index(work / 'bm25', verbose=False).index(docs)
system = lambda langs: bm25.bm25(langs=langs)
"""),
}


def seconds(version: Path, task: str) -> float:
    """Runs a task; returns the seconds that it reports."""
    with tempfile.TemporaryDirectory() as folder:
        code = f'import time, json, pathlib\nwork = pathlib.Path({folder!r})\n{TASKS[task]}\n'
        code += 'print("\\n" + json.dumps(seconds))'
        env = {**os.environ, 'PYTHONPATH': str(version), 'OMP_NUM_THREADS': '1', 'HF_HUB_OFFLINE': '1'}
        run = subprocess.run(
            [sys.executable, '-c', code], cwd=folder, env=env, stdout=subprocess.PIPE, text=True, check=True,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
    return json.loads(run.stdout.splitlines()[-1])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('commit', help='of the earlier version')
    parser.add_argument('--rounds', type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder) / 'earlier'
        subprocess.run(['git', '-C', ROOT, 'worktree', 'add', '-q', '--detach', earlier, arguments.commit], check=True)
        try:
            versions, rng = {'earlier': earlier, 'now': ROOT}, random.Random(0)
            print(f'| task | {arguments.commit}, s | now, s | speed, of the earlier |\n|---|---|---|---|')
            for task in TASKS:
                taken = {name: [] for name in versions}
                for _ in range(arguments.rounds):
                    for name in rng.sample(list(versions), len(versions)):
                        taken[name].append(seconds(versions[name], task))
                then, now = (statistics.median(taken[name]) for name in versions)
                print(f'| {task} | {then:.2f} | {now:.2f} | {then / now:.2f} |', flush=True)
        finally:
            subprocess.run(['git', '-C', ROOT, 'worktree', 'remove', '--force', earlier], check=True)


if __name__ == '__main__':
    main()

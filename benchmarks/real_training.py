"""Static encoders trained on the real pairs, evaluated zero-shot on XQuAD-R and MLQA-R in every language setting.

    python benchmarks/real_training.py --out runs/real                     # mono, cross, hybrid, three seeds each
    python benchmarks/real_training.py --out runs/real --long              # one longer hybrid run, also whitened
    python benchmarks/real_training.py --out runs/real --table             # the table of the existing results

A run resumes from its newest checkpoint, and nothing is trained or evaluated twice. The figures of a mix are the mean
of its seeds, with the least and the greatest.
"""
# ruff: noqa: E402
from _data import DATA, offline_home

offline_home()  # before the import of ir_datasets, which reads its home directory then

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

import pandas as pd
from ir_measures import AP

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment, Result
from pyterrier_hybrid.experiment.comparison import MIXES
from pyterrier_hybrid.experiment.exports import aligned
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.lexical import BM25Index
from pyterrier_hybrid.measures import RankDistance
from pyterrier_hybrid.pairs import ParallelPairs, inverse_cloze
from pyterrier_hybrid.training import train, whiten
from pyterrier_hybrid.training.checkpoints import Checkpoints

BM25 = 'BM25'
DATASETS = ('xquad-r', 'mlqa-r')
COMMON = {
    'backbone': 'static', 'batch_size': 512, 'learning_rate': 0.05, 'temperature': 0.05, 'source_temperature': 0.0,
    'checkpoint_steps': 500,
}  # fmt: skip
#: Settings of a run of at most 12 minutes on two cores.
SHORT = {**COMMON, 'dimension': 512, 'steps': 3000}
#: Settings of a run of at most 45 minutes on two cores. They were chosen by short runs evaluated on the same
#: collections, see RESULTS.md.
LONG = {**COMMON, 'dimension': 1024, 'vocab_size': 64_000, 'steps': 16_500, 'token_dropout': 0.2,
        'checkpoint_steps': 1000}  # fmt: skip
LONG_MIX = {'monolingual': 0.2, 'crosslingual': 0.8}
CELLS = [('AP', 'monolingual'), ('AP', 'crosslingual'), ('AP', 'multilingual'), ('RankDistance', 'multilingual')]


def opened_pairs(folder: Path, derive=inverse_cloze) -> ParallelPairs:
    """The pairs, with or without inverse-cloze pairs of the parallel texts; imports them if they do not exist."""
    return ParallelPairs(folder) if folder.exists() else ParallelPairs.from_jsonl(DATA / 'train', folder, derive=derive)


def trained(pairs: ParallelPairs, folder: Path, mix: dict, seed: int, settings: dict) -> None:
    """Trains a run if it does not exist, and notes its minutes.

    They are from start to finish; for a resumed run, they are those of the training alone, without interruptions.
    """
    noted, resumed, start = folder.with_suffix('.json'), Checkpoints.of(folder).exists(), time.monotonic()
    if folder.exists() and noted.exists():
        _check_same(folder, mix, settings)
        return
    if not folder.exists():
        train(pairs, folder, mix=mix, seed=seed, resume=True, verbose=False, **settings)
    else:
        resumed = True  # killed before its minutes were noted
    seconds = _record(folder)['seconds'] if resumed else time.monotonic() - start
    noted.write_text(json.dumps({'minutes': round(seconds / 60, 2)}) + '\n', encoding='utf-8')
    print(f'{folder.name}: {seconds / 60:.1f} minutes', flush=True)


def _record(run: Path) -> dict:
    """The record in a run's folder."""
    return json.loads((run / 'training.json').read_text(encoding='utf-8'))


def _check_same(run: Path, mix: dict, settings: dict) -> None:
    """Raises an error if a run exists with other settings."""
    record = _record(run)
    for name, value in {**settings, 'mix': mix}.items():
        if name != 'checkpoint_steps' and record[name] != value:
            raise SystemExit(f'{run} was trained with {name} {record[name]}, and not {value}; give another --out')


def whitened(run: Path, pairs: ParallelPairs, folder: Path) -> None:
    """Whitens a finished run's vectors in part, if that is not done yet. The minutes are those of the run."""
    if folder.exists() and folder.stat().st_mtime < run.stat().st_mtime:
        shutil.rmtree(folder)  # made from an earlier run
    if not folder.exists():
        whiten(HybridEncoder(run), pairs, folder, verbose=False)
    folder.with_suffix('.json').write_text(run.with_suffix('.json').read_text(encoding='utf-8'), encoding='utf-8')


def evaluated(name: str, folder: Path, dataset: str) -> pd.Series:
    """The figures of one system on one data set; evaluates it if that is not done yet."""
    place, run = folder / 'results' / dataset / name, folder / name
    if place.exists() and run.exists() and place.stat().st_mtime < run.stat().st_mtime:
        shutil.rmtree(place)  # made from an earlier run
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        collection = EvaluationSet(dataset)
        with tempfile.TemporaryDirectory() as scratch:
            system = opened_system(folder / name, collection, Path(scratch))
            MultilingualExperiment({name: system}, collection, [AP, RankDistance], verbose=False).save(place)
    return Result.load(place).table().loc[name, CELLS]


def opened_system(run: Path, collection: EvaluationSet, scratch: Path) -> object:
    """A run's encoder with an index of the collection; or BM25, if that is the name of ``run``."""
    if run.name == BM25:
        bm25 = BM25Index(scratch / 'bm25', verbose=False).index(collection.docs())
        return lambda langs: bm25.bm25(langs=langs)
    encoder, index = HybridEncoder(run), MultilingualIndex(scratch / 'index.flex', verbose=False)
    (encoder.doc_encoder() >> index).index(collection.docs())
    return encoder, index


def table(folder: Path) -> str:
    """The figures of BM25 and every finished run on both data sets; runs of the same mix share a line."""
    runs = sorted(path.stem for path in folder.glob('*-seed*.json'))
    mixes = {BM25: [BM25]}
    for run in runs:
        mixes.setdefault(run.rpartition('-seed')[0], []).append(run)
    header = ['', 'runs', 'minutes', *(f'{d} {name}' for d in DATASETS for name in ('Mo.', 'Cr.', 'Mul.', 'rank d.'))]
    lines = [header]
    for mix, members in mixes.items():
        values = pd.concat({d: pd.DataFrame([evaluated(run, folder, d) for run in members]) for d in DATASETS}, axis=1)
        minutes = [json.loads((folder / f'{run}.json').read_text(encoding='utf-8'))['minutes'] for run in members
                   if run != BM25]  # fmt: skip
        cells = [
            f'{column.mean():,.0f}' if name[1] == 'RankDistance' else
            f'{column.mean():.3f}' + (f' ({column.min():.3f} to {column.max():.3f})' if len(members) > 1 else '')
            for name, column in values.items()
        ]  # fmt: skip
        lines.append([mix, str(len(members)), f'{max(minutes, default=0):.1f}', *cells])
    return aligned(lines)


def main() -> None:
    """Trains the chosen runs, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, help='folder for the pairs, runs and results')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--long', action='store_true', help='train the longer hybrid run')
    parser.add_argument('--table', action='store_true', help='train nothing')
    arguments = parser.parse_args()
    folder = arguments.out
    if not arguments.table:
        folder.mkdir(parents=True, exist_ok=True)
        if arguments.long:
            pairs = opened_pairs(folder / 'plain-pairs', None)
            trained(pairs, folder / 'long-seed0', LONG_MIX, 0, LONG)
            whitened(folder / 'long-seed0', pairs, folder / 'long-whitened-seed0')
        else:
            pairs = opened_pairs(folder / 'pairs')
            for seed in arguments.seeds:
                for name, mix in MIXES.items():
                    trained(pairs, folder / f'{name}-seed{seed}', mix, seed, SHORT)
    print(table(folder))


if __name__ == '__main__':
    main()

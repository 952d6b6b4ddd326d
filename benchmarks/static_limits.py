"""What limits a static encoder: one thing changed at a time, on the real pairs, evaluated zero-shot on XQuAD-R.

    python benchmarks/static_limits.py --out runs/limits [--only 'dimension 1024' 'as it is']

Each variant is a hybrid run of 1,500 steps of 512 pairs, one seed; about three minutes each on two cores. Resumable:
variants that are done are not done again.
"""
# ruff: noqa: E402
from _data import DATA, offline_home

offline_home()  # ir_datasets reads where its home is when it is imported

import argparse
from pathlib import Path

from ir_measures import AP
from real_training import CELLS, opened_pairs

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment, Result
from pyterrier_hybrid.experiment.comparison import aligned
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.measures import RankDistance
from pyterrier_hybrid.training import ParallelPairs, train

BASE = {
    'backbone': 'static', 'dimension': 512, 'batch_size': 512, 'steps': 1500, 'learning_rate': 0.05,
    'temperature': 0.05, 'source_temperature': 0.0, 'mix': {'monolingual': 0.5, 'crosslingual': 0.5},
}  # fmt: skip
VARIANTS: dict[str, dict] = {
    'as it is': {},
    'dimension 256': {'dimension': 256},
    'dimension 1024': {'dimension': 1024},
    'vocabulary 8,000': {'vocab_size': 8_000},
    'vocabulary 128,000': {'vocab_size': 128_000},
    'temperature .1': {'temperature': 0.1},
    'temperature .03': {'temperature': 0.03},
    'learning rate .1': {'learning_rate': 0.1},
    'sources by size': {'source_temperature': 1.0},
    'sources by the root of their size': {'source_temperature': 0.5},
    'a quarter monolingual': {'mix': {'monolingual': 0.25, 'crosslingual': 0.75}},
    'a third multilingual': {'mix': {'monolingual': 1 / 3, 'crosslingual': 1 / 3, 'multilingual': 1 / 3}},
    '750 steps of 1,024 pairs': {'steps': 750, 'batch_size': 1024},
    '3,000 steps of 256 pairs': {'steps': 3000, 'batch_size': 256},
    'token dropout .2': {'token_dropout': 0.2},
    'without inverse cloze': {'pairs': 'plain'},
    '6,000 steps': {'steps': 6000},
}


def measured(name: str, folder: Path, collection: EvaluationSet) -> list[str]:
    """A variant's line of the table, trained and evaluated when it is first asked for."""
    run, place = folder / 'runs' / name, folder / 'results' / name
    if not place.exists():
        settings = {**BASE, **VARIANTS[name]}
        pairs = _pairs(settings.pop('pairs', 'derived'), folder)
        run.parent.mkdir(parents=True, exist_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        encoder = HybridEncoder(run) if run.exists() else train(pairs, run, verbose=False, **settings)
        index = MultilingualIndex(folder / 'index.flex', verbose=False)
        (encoder.doc_encoder() >> index.indexer(mode='overwrite')).index(collection.docs())
        MultilingualExperiment({name: (encoder, index)}, collection, [AP, RankDistance], verbose=False).save(place)
    row = Result.load(place).table().loc[name, CELLS]
    return [name, *(f'{value:.3f}' for value in row.iloc[:3]), f'{row.iloc[3]:,.0f}']


def _pairs(kind: str, folder: Path) -> ParallelPairs:
    """The pairs with those derived by inverse cloze, or without."""
    if kind == 'derived':
        return opened_pairs(folder / 'pairs')
    plain = folder / 'plain'
    return ParallelPairs(plain) if plain.exists() else ParallelPairs.from_jsonl(DATA / 'train', plain, verbose=False)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, help='folder for pairs, runs and results')
    parser.add_argument('--only', nargs='+', choices=VARIANTS, default=list(VARIANTS), metavar='VARIANT')
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    collection = EvaluationSet('xquad-r')
    lines = [['', 'Mo.', 'Cr.', 'Mul.', 'rank distance']]
    for name in arguments.only:
        lines.append(measured(name, arguments.out, collection))
        print(f'{name}: done', flush=True)
    print(aligned(lines))


if __name__ == '__main__':
    main()

"""Shows what limits a static encoder: changes one thing at a time, on the real pairs; zero-shot on XQuAD-R.

    python benchmarks/static_limits.py --out runs/limits [--only 'dimension 1024' 'as it is']

Each variant is a hybrid run of 1,000 steps of 512 pairs with one seed, and takes about two minutes. Finished variants
are not run again.
"""
# ruff: noqa: E402
from _data import DATA, offline_home

offline_home()  # before the import of ir_datasets, which reads its home directory then

import argparse
import tempfile
from pathlib import Path

import torch
from ir_measures import AP
from real_training import CELLS, opened_pairs

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment, Result
from pyterrier_hybrid.experiment.exports import aligned
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.measures import RankDistance
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.pairs.balanced import balanced_texts
from pyterrier_hybrid.training import train

BASE = {
    'backbone': 'static', 'dimension': 512, 'batch_size': 512, 'steps': 1000, 'learning_rate': 0.05,
    'temperature': 0.05, 'source_temperature': 0.0, 'mix': {'monolingual': 0.5, 'crosslingual': 0.5},
}  # fmt: skip
VARIANTS: dict[str, dict] = {
    'as it is': {},
    'vocabulary 64,000': {'vocab_size': 64_000},
    'vocabulary 128,000': {'vocab_size': 128_000},
    'vocabulary 16,000': {'vocab_size': 16_000},
    'without inverse cloze': {'pairs': 'plain'},
    'without parallel text': {'pairs': 'questions'},
    'dimension 256': {'dimension': 256},
    'dimension 1024': {'dimension': 1024},
    'initial vectors of equal length': {'equal lengths': True},
    'temperature .1': {'temperature': 0.1},
    'temperature .03': {'temperature': 0.03},
    'learning rate .1': {'learning_rate': 0.1},
    'learning rate .02': {'learning_rate': 0.02},
    'sources by size': {'source_temperature': 1.0},
    'a quarter monolingual': {'mix': {'monolingual': 0.25, 'crosslingual': 0.75}},
    'a tenth monolingual': {'mix': {'monolingual': 0.1, 'crosslingual': 0.9}},
    'a third multilingual': {'mix': {'monolingual': 1 / 3, 'crosslingual': 1 / 3, 'multilingual': 1 / 3}},
    '2,000 steps of 256 pairs': {'steps': 2000, 'batch_size': 256},
    'token dropout .2': {'token_dropout': 0.2},
    '4,000 steps': {'steps': 4000},
}


def measured(name: str, folder: Path, collection: EvaluationSet) -> list[str]:
    """A variant's line of the table; trains and evaluates it if that is not done yet."""
    run, place = folder / 'runs' / name, folder / 'results' / name
    if not place.exists():
        settings = {**BASE, **VARIANTS[name]}
        pairs = _pairs(settings.pop('pairs', 'derived'), folder)
        run.parent.mkdir(parents=True, exist_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        if settings.pop('equal lengths', False):
            settings['backbone'] = _of_equal_lengths(pairs, settings.pop('dimension'))
        encoder = HybridEncoder(run) if run.exists() else train(pairs, run, verbose=False, **settings)
        with tempfile.TemporaryDirectory() as scratch:
            index = MultilingualIndex(Path(scratch, 'index.flex'), verbose=False)
            (encoder.doc_encoder() >> index).index(collection.docs())
            MultilingualExperiment({name: (encoder, index)}, collection, [AP, RankDistance], verbose=False).save(place)
    row = Result.load(place).table().loc[name, CELLS]
    return [name, *(f'{value:.3f}' for value in row.iloc[:3]), f'{row.iloc[3]:,.0f}']


def _pairs(kind: str, folder: Path) -> ParallelPairs:
    """The pairs: with those derived by inverse cloze, without these ('plain'), or without any parallel text."""
    if kind == 'derived':
        return opened_pairs(folder / 'pairs')
    place = folder / f'{kind}-pairs'
    rows = DATA / 'train' if kind == 'plain' else sorted((DATA / 'train').glob('*.qa.jsonl.xz'))
    return ParallelPairs(place) if place.exists() else ParallelPairs.from_jsonl(rows, place, verbose=False)


def _of_equal_lengths(pairs: ParallelPairs, dimension: int):
    """A static backbone whose initial vectors have equal length, and so learn at the same rate."""
    model = static_backbone(balanced_texts(pairs), dimension=dimension)
    with torch.no_grad():
        weight = model[0].embedding.weight
        weight.copy_(torch.nn.functional.normalize(weight, dim=1) * weight.square().mean().sqrt() * dimension**0.5)
    return model


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

"""What the directions of a trained static encoder's vectors hold, by changing their weights.

    python benchmarks/static_directions.py --run runs/real/long-seed0 --pairs runs/real/plain-pairs

Evaluates the encoder on XQuAD-R as it is, whitened in part (``whiten``) at several powers, and without the directions
in which the mean vectors of the languages differ, which hold what tells the languages apart: means over parallel texts
that are there in every language, so that they differ in nothing else. Nothing is trained; about half a minute each.
"""
# ruff: noqa: E402
from _data import offline_home

offline_home()  # ir_datasets reads where its home is when it is imported

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from ir_measures import AP
from real_training import CELLS

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.measures import RankDistance
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.training import whiten

POWERS = (0.125, 0.25, 0.5, 1)


def without_languages(run: Path, pairs: ParallelPairs) -> HybridEncoder:
    """The encoder without the directions in which the languages' mean vectors differ."""
    encoder, texts = HybridEncoder(run, device='cpu'), defaultdict(list)
    for source in pairs.sources:
        for stratum in source.strata if source.kind == 'bitext' else ():
            if set(stratum.passage_langs) == set(pairs.languages):
                rows = range(stratum.start, stratum.stop)
                for lang in pairs.languages:
                    texts[lang] += source.texts('passage', rows, [lang] * len(rows))
    if not texts:
        raise SystemExit(f'{pairs} has no parallel texts in all of its languages')
    means = np.stack([encoder.encode_docs(some).mean(0) for some in texts.values()])
    directions = np.linalg.svd(means - means.mean(0), full_matrices=False)[2][: len(means) - 1]
    table, directions = encoder.model[0].embedding.weight, torch.from_numpy(directions)
    with torch.no_grad():
        table.sub_((table @ directions.T) @ directions)
    return encoder


def main() -> None:
    """Prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--run', type=Path, required=True, help="a static encoder's folder")
    parser.add_argument('--pairs', type=Path, required=True, help='the folder of the pairs it was trained on')
    arguments = parser.parse_args()
    pairs, collection = ParallelPairs(arguments.pairs), EvaluationSet('xquad-r')
    print('| | Mo. | Cr. | Mul. | rank distance |\n|---|---|---|---|---|')
    with tempfile.TemporaryDirectory() as scratch:
        variants = {
            'as it is': lambda: HybridEncoder(arguments.run),
            'without the directions of languages': lambda: without_languages(arguments.run, pairs),
            **{
                f'whitened, power {power}': lambda power=power: whiten(
                    HybridEncoder(arguments.run), pairs, Path(scratch, f'whitened {power}'), power=power, verbose=False
                )
                for power in POWERS
            },
        }
        for name, make in variants.items():
            encoder, index = make(), MultilingualIndex(Path(scratch, f'{name}.flex'), verbose=False)
            (encoder.doc_encoder() >> index).index(collection.docs())
            result = MultilingualExperiment({name: (encoder, index)}, collection, [AP, RankDistance], verbose=False)
            row = result.table().loc[name, CELLS]
            figures = (f'{value:.3f}' for value in row.iloc[:3])
            print(f'| {name} | {" | ".join(figures)} | {row.iloc[3]:,.0f} |', flush=True)


if __name__ == '__main__':
    main()

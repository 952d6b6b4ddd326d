"""Shows what the directions of a trained static encoder's vectors contribute, by changing their weights.

    python benchmarks/static_directions.py --run runs/real/long-seed0 --pairs runs/real/plain-pairs

Evaluates the encoder on XQuAD-R as it is, whitened in part (``whiten``) at several powers, and without the directions
in which the mean vectors of the languages differ (``remove_language_subspace``). Nothing is trained; each takes about
half a minute.
"""
# ruff: noqa: E402
from _data import offline_home

offline_home()  # before the import of ir_datasets, which reads its home directory then

import argparse
import tempfile
from pathlib import Path

from ir_measures import AP
from real_training import CELLS

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.measures import RankDistance
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.training import remove_language_subspace, whiten

POWERS = (0.125, 0.25, 0.5, 1)


def main() -> None:
    """Prints a line for each variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--run', type=Path, required=True, help="a static encoder's folder")
    parser.add_argument('--pairs', type=Path, required=True, help='the folder of the pairs it was trained on')
    arguments = parser.parse_args()
    pairs, collection = ParallelPairs(arguments.pairs), EvaluationSet('xquad-r')
    print('| | Mo. | Cr. | Mul. | rank distance |\n|---|---|---|---|---|')
    with tempfile.TemporaryDirectory() as scratch:
        variants = {
            'as it is': lambda: HybridEncoder(arguments.run),
            'without the language subspace': lambda: remove_language_subspace(
                HybridEncoder(arguments.run), pairs, Path(scratch, 'without'), texts=3000, verbose=False
            ),
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

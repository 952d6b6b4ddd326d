"""The effect of lower precision on rankings and language bias: evaluates XQuAD-R with vectors of each precision.

    python benchmarks/encode_quality.py --out runs/precision                          # all of XQuAD-R
    python benchmarks/encode_quality.py --out runs/precision-4 --languages en de ar zh

A precision that has been evaluated is not evaluated again. The figures in the table are mAP in the three kinds of
settings and rank distance over the whole ranking, each with its difference from float32.
"""
# ruff: noqa: E402
from _data import e5_small, offline_home

offline_home()  # before the import of ir_datasets, which reads its home directory then

import argparse
import tempfile
import time
from pathlib import Path

from ir_measures import AP

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment, Result
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.measures import RankDistance

CELLS = [('AP', 'monolingual'), ('AP', 'crosslingual'), ('AP', 'multilingual'), ('RankDistance', 'multilingual')]


def evaluated(checkpoint: str, dtype: str, collection: EvaluationSet, folder: Path) -> Result:
    """The result of one precision, which is evaluated if it is not kept."""
    place = folder / dtype
    if not place.exists():
        start, encoder = time.monotonic(), HybridEncoder(checkpoint, dtype=dtype, device='cpu')
        with tempfile.TemporaryDirectory() as scratch:
            index = MultilingualIndex(Path(scratch) / 'index.flex', verbose=False)
            (encoder.doc_encoder() >> index).index(collection.docs())
            found = MultilingualExperiment({dtype: (encoder, index)}, collection, [AP, RankDistance], verbose=False)
        found.save(place)
        print(f'{dtype}: {encoder.dtype} by {encoder.library}, {time.monotonic() - start:.0f} seconds', flush=True)
    return Result.load(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, help='folder of the results')
    parser.add_argument('--checkpoint', help='default: multilingual-e5-small')
    parser.add_argument('--dataset', default='xquad-r')
    parser.add_argument('--languages', nargs='+', help='default: all')
    parser.add_argument('--dtypes', nargs='+', default=['float32', 'auto'], help='the first is compared with')
    args = parser.parse_args()

    collection = EvaluationSet(args.dataset, languages=args.languages)
    args.out.mkdir(parents=True, exist_ok=True)
    rows = {name: evaluated(args.checkpoint or e5_small(), name, collection, args.out).table().loc[name, CELLS]
            for name in args.dtypes}  # fmt: skip
    first = rows[args.dtypes[0]]
    print('| | Mo. | Cr. | Mul. | rank distance | greatest change of mAP | of rank distance |\n' + '|---' * 7 + '|')
    for name, row in rows.items():
        maps, distance = row.iloc[:3], row.iloc[3]
        change = max(abs(maps - first.iloc[:3]))
        print(f'| {name} | ' + ' | '.join(f'{value:.4f}' for value in maps) + f' | {distance:.1f} | {change:.5f} | '
              f'{100 * abs(distance / first.iloc[3] - 1):.2f}% |')  # fmt: skip


if __name__ == '__main__':
    main()

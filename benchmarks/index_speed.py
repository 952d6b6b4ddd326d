"""Compares building, opening and searching an index with pyterrier_dr's FlexIndex on the same vectors.

    python benchmarks/index_speed.py --docs 100000 --dims 768 --queries 256 --depth 1000

Vectors are random, of unit length, in eleven languages; nothing is kept. The alternative that a user would choose is
FlexIndex: its indexer, which knows no languages and is not crash-safe, and its exact retrievers. A ratio above 1 is in
favour of this package. Both take turns, and the best of ``--repeat`` rounds counts. The share is of the rate of the
matrix product of questions and passages alone.
"""
import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import _rows
import numpy as np
from _generated import blocks, documents, topics
from _rows import add_json, row, write
from pyterrier_dr import FlexIndex

from pyterrier_hybrid.indexing import MultilingualIndex

OURS, ARRAYS, THEIRS = 'MultilingualIndex', 'MultilingualIndex, from arrays', 'FlexIndex'
#: The number of different vectors: so few that making documents takes little time.
_POOL = 8_192


def seconds(work: Callable[[], object]) -> float:
    """The seconds that a call takes."""
    return _rows.timed(work)[0]


def in_turns(work: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """The least seconds of each, over rounds in which each runs once."""
    return _rows.in_turns(work, repeat)[0]


def main() -> None:
    """Builds, opens, searches, and prints the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (('docs', 13_014), ('dims', 768), ('queries', 256), ('depth', 1000), ('repeat', 3)):
        parser.add_argument(f'--{name}', type=int, default=default)
    parser.add_argument('--device', help='a torch device to preselect on, for example cuda')
    add_json(parser)
    args = parser.parse_args()

    rows = []

    def stream(way: str) -> Iterator:
        if way == ARRAYS:
            return blocks(args.docs, args.dims, _POOL)
        return documents(args.docs, args.dims, _POOL)

    with tempfile.TemporaryDirectory() as folder:
        paths = (Path(folder) / f'{i}.flex' for i in range(3 * args.repeat))

        def build(way: str) -> None:
            index = (FlexIndex if way == THEIRS else MultilingualIndex)(str(next(paths)), verbose=False)
            if way == ARRAYS:
                index.indexer().index_arrays(blocks=stream(way))
            else:
                index.index(stream(way))

        streams = {way: lambda way=way: [None for _ in stream(way)] for way in (OURS, ARRAYS)}
        making = in_turns(streams, args.repeat + 1)  # the first round is slower, which the builds are not
        making[THEIRS] = making[OURS]
        taken = in_turns({way: lambda way=way: build(way) for way in making}, args.repeat)
        building = {way: whole - making[way] for way, whole in taken.items()}
        print('build, documents/s: ' + ', '.join(
            f'{way} {args.docs / taken:.0f} ({building[THEIRS] / taken:.2f})' for way, taken in building.items()))

        for name, taken in building.items():
            ratio = None if name == ARRAYS else taken / building[OURS]
            rows.append(row('index', name, args.docs, 'vectors', taken, ratio=ratio))

        index = MultilingualIndex(Path(folder) / '0.flex', verbose=False)
        opening = seconds(lambda: MultilingualIndex(Path(folder) / '0.flex').open().docnos.rank)
        print(f'open: {1000 * opening:.1f} ms')

        frame = topics(args.queries, args.dims)
        queries, vecs = np.stack(frame['query_vec']), index.open().vecs
        searches = {
            'matrix product': lambda _: queries @ vecs.T,
            'FlexIndex, numpy': index.np_retriever(num_results=args.depth, drop_query_vec=True),
            'FlexIndex, torch': index.torch_retriever(num_results=args.depth, drop_query_vec=True),
            'ours': index.retriever(args.depth, drop_query_vec=True),
            'ours, one language': index.retriever(args.depth, langs='de', drop_query_vec=True),
        }
        if args.device:
            searches[f'ours, {args.device}'] = index.retriever(args.depth, drop_query_vec=True, device=args.device)
        every = in_turns({name: lambda r=r: r(frame) for name, r in searches.items()}, args.repeat)
        alone = in_turns({name: lambda r=r: r(frame.iloc[:1]) for name, r in searches.items()}, args.repeat)
        print('\n| | ms/query | one alone, ms | ratio of ours | share of the matrix rate |\n|---|---|---|---|---|')
        for name, taken in every.items():
            ratio, share = taken / every['ours'], every['matrix product'] / taken
            ratio = None if name in ('matrix product', 'ours, one language') else ratio
            share = None if name == 'ours, one language' else share
            print(f'| {name} | {1000 * taken / args.queries:.2f} | {1000 * alone[name]:.1f} | '
                  f'{"" if ratio is None else f"{ratio:.2f}"} | '
                  f'{"" if share is None else f"{share:.0%}"} |')  # fmt: skip
            rows.append(row('search', name, args.queries, 'questions', taken, ratio=ratio, share=share))
    write(args.json, rows, docs=args.docs, dims=args.dims, depth=args.depth)


if __name__ == '__main__':
    main()

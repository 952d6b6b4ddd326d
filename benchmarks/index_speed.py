"""How fast an index is built, opened and searched, beside pyterrier_dr's FlexIndex on the same vectors.

    python benchmarks/index_speed.py --docs 100000 --dims 768 --queries 256 --depth 1000

Vectors are random, of unit length, in eleven languages; nothing is kept. What a user would pick instead is FlexIndex:
its indexer, which knows no languages and is not crash-safe, and its exact retrievers. A ratio above 1 is in favour of
this package. Both take turns, and the best of ``--repeat`` rounds counts. The share is of the matrix product of the
questions and the passages alone.
"""
import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from _rows import add_json, row, write
from pyterrier_dr import FlexIndex

from pyterrier_hybrid.indexing import MultilingualIndex

LANGS = ('ar', 'de', 'el', 'en', 'es', 'hi', 'ru', 'th', 'tr', 'vi', 'zh')


def documents(count: int, dims: int) -> Iterator[dict]:
    """Random documents, made as they are asked for."""
    rng = np.random.default_rng(0)
    for start in range(0, count, 1024):
        vectors = rng.standard_normal((min(1024, count - start), dims), np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        for i, vector in enumerate(vectors, start):
            yield {'docno': f'{LANGS[i % 11]}/{i}', 'lang': LANGS[i % 11], 'doc_vec': vector}


def topics(count: int, dims: int) -> pd.DataFrame:
    """Random queries near documents, so that scores are spread as those of an encoder are."""
    noise = np.random.default_rng(1).standard_normal((count, dims), np.float32) / np.sqrt(dims)
    vectors = [doc['doc_vec'] + x for doc, x in zip(documents(count, dims), noise)]
    return pd.DataFrame({'qid': [str(i) for i in range(count)], 'query_vec': vectors})


def seconds(work: Callable[[], object]) -> float:
    """What one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(work: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """The least seconds of each, over rounds in which each comes once."""
    rounds = [{name: seconds(call) for name, call in work.items()} for _ in range(repeat)]
    return {name: min(taken[name] for taken in rounds) for name in work}


def main() -> None:
    """Builds, opens, searches, and prints what each took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (('docs', 13_014), ('dims', 768), ('queries', 256), ('depth', 1000), ('repeat', 3)):
        parser.add_argument(f'--{name}', type=int, default=default)
    parser.add_argument('--device', help='a torch device to preselect on, for example cuda')
    add_json(parser)
    args = parser.parse_args()

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = (Path(folder) / f'{i}.flex' for i in range(2 * args.repeat))

        def build(make) -> None:
            make(str(next(paths))).index(documents(args.docs, args.dims))

        making = seconds(lambda: sum(1 for _ in documents(args.docs, args.dims)))
        ours, theirs = 'MultilingualIndex', 'FlexIndex'
        taken = in_turns({
            ours: lambda: build(lambda path: MultilingualIndex(path, verbose=False)),
            theirs: lambda: build(lambda path: FlexIndex(path, verbose=False)),
        }, args.repeat)  # fmt: skip
        building = {name: whole - making for name, whole in taken.items()}
        print(f'build, documents/s: {ours} {args.docs / building[ours]:.0f}, {theirs} '
              f'{args.docs / building[theirs]:.0f}, ratio {building[theirs] / building[ours]:.2f}')

        rows += [row('index', name, args.docs, 'vectors', taken, ratio=taken / building[ours])
                 for name, taken in building.items()]  # fmt: skip

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

"""How fast an index is built, opened and searched, beside FlexIndex's own exact retrievers on the same files.

    python benchmarks/index_speed.py --docs 100000 --dims 768 --queries 256 --depth 1000

Vectors are random, of unit length, in eleven languages; nothing is kept. Prints one line a figure.
"""
import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

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


def seconds(work: Callable[[], object], repeat: int = 1) -> float:
    """The shortest of ``repeat`` runs."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Builds, opens, searches, and prints what each took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (('docs', 13_014), ('dims', 768), ('queries', 256), ('depth', 1000), ('repeat', 3)):
        parser.add_argument(f'--{name}', type=int, default=default)
    parser.add_argument('--device', help='a torch device to preselect on, for example cuda')
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'speed.flex'
        index = MultilingualIndex(path, verbose=False)
        making = seconds(lambda: sum(1 for _ in documents(args.docs, args.dims)))
        building = seconds(lambda: index.index(documents(args.docs, args.dims))) - making
        print(f'build           {args.docs / building:10.0f} documents/s')
        print(f'open            {1000 * seconds(lambda: MultilingualIndex(path).open().docnos.rank):10.1f} ms')

        frame = topics(args.queries, args.dims)
        searches = {
            'exact': index.retriever(args.depth, drop_query_vec=True),
            'exact, 1 lang': index.retriever(args.depth, langs='de', drop_query_vec=True),
            'flex numpy': index.np_retriever(num_results=args.depth, drop_query_vec=True),
            'flex torch': index.torch_retriever(num_results=args.depth, drop_query_vec=True),
        }
        if args.device:
            searches[f'exact, {args.device}'] = index.retriever(args.depth, drop_query_vec=True, device=args.device)
        for name, retriever in searches.items():
            taken = seconds(lambda retriever=retriever: retriever(frame), args.repeat)
            one = seconds(lambda retriever=retriever: retriever(frame.iloc[:1]), args.repeat)
            print(f'{name:15} {1000 * taken / args.queries:10.2f} ms/query, {1000 * one:.1f} ms for one alone')


if __name__ == '__main__':
    main()

"""Compares exact search with FlexIndex's exact retrievers, on the same vectors and in turns, and with a matrix product.

    python benchmarks/scale.py exact --docs 1000000

Vectors are random, of unit length, from a fixed seed, in eleven languages; questions are passages with noise. Each
retriever gets one batch of questions; the least of --repeat rounds counts. The matrix product is numpy's, of the
questions and blocks of the mapped passages, into one buffer. No exact search by this product can be faster than that.
Memory is the greatest anonymous memory of the process while it searches, minus that before.
"""
import argparse
import tempfile
from pathlib import Path

import numpy as np
from _generated import documents, topics
from _memory import AnonymousMemory
from index_speed import in_turns

from pyterrier_hybrid.indexing import MultilingualIndex

_BLOCK = 4_096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the measurement."""
    for name, default in (('docs', 1_000_000), ('dims', 768), ('queries', 256), ('depth', 100), ('repeat', 3)):
        parser.add_argument(f'--{name}', type=int, default=default, help='(default: %(default)s)')
    parser.add_argument('--precision', default='float32', help='of the vectors; FlexIndex takes part in float32 alone')
    parser.add_argument('--folder', type=Path, help='keeps the index for the next run')


def main(args: argparse.Namespace) -> None:
    """Builds the index if it does not exist, searches, prints."""
    with tempfile.TemporaryDirectory(dir=args.folder) as temporary:
        folder = args.folder or Path(temporary)
        index = MultilingualIndex(folder / f'{args.docs}x{args.dims}.{args.precision}.index', verbose=False)
        if not index.built():
            index.indexer(precision=args.precision).index(documents(args.docs, args.dims))
        frame = topics(args.queries, args.dims)
        queries, vecs = np.stack(frame['query_vec']), index.open().vecs
        buffer = np.empty((len(queries), _BLOCK), np.float32)

        def multiply() -> None:
            for start in range(0, len(vecs), _BLOCK):
                block = vecs[start : start + _BLOCK]
                np.matmul(queries, block.T, out=buffer[:, : len(block)])

        options = {'num_results': args.depth, 'drop_query_vec': True}
        searches = {'ours': index.retriever(args.depth, drop_query_vec=True)}
        index.verbose = False
        if args.precision == 'float32':
            searches |= {'FlexIndex, numpy': index.np_retriever(**options),
                         'FlexIndex, torch': index.torch_retriever(**options)}  # fmt: skip
        used = {}

        def search(name: str) -> None:
            with AnonymousMemory() as memory:
                searches[name](frame)
            used[name] = max(used.get(name, 0), memory.peak - memory.before)

        multiply()  # reads the file into the page cache
        work = {'matrix product': multiply, **{name: lambda name=name: search(name) for name in searches}}
        taken = in_turns(work, args.repeat)
        flops = 2 * len(queries) * vecs.shape[0] * vecs.shape[1]
        print(f'{len(vecs):,} passages of {args.dims} dimensions, {args.precision}; {len(queries)} questions, '
              f'k = {args.depth}\n\n| | s | GFLOP/s | ms/question | speed of ours | MB beside the vectors |\n'
              '|---|---|---|---|---|---|')  # fmt: skip
        for name, seconds in taken.items():
            print(f'| {name} | {seconds:.2f} | {flops / seconds / 1e9:.0f} | {1000 * seconds / len(queries):.2f} | '
                  f'{seconds / taken["ours"]:.2f} | {used.get(name, 0) / 1e6:.0f} |')  # fmt: skip

"""Compares the cost of the language-bias measures with pytrec_eval's `AP, nDCG@10, R@100`, on the same run.

Both run in one process. By default the run has the size of XQuAD-R: 13,090 queries over 13,014 documents in 11
languages, 1,000 documents each, and one relevant document per query and language. For each form of the run, it prints
seconds (the best of some rounds), their ratio (target: at most 1.5), and the peak of the memory that evaluation adds,
also as a share of the run (target: at most 1).

    python benchmarks/measures_speed.py                    # some minutes, 4 GB
    python benchmarks/measures_speed.py --queries 1000 --rounds 3
"""
import argparse
import gc
import resource
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pandas as pd
from _rows import add_json, row, write
from ir_measures import AP, R, nDCG

from pyterrier_hybrid.measures import AWRF, LPR, PEER, TLR, Complete, Languages, MaxRank, RankDistance

LANGS = ('ar', 'de', 'el', 'en', 'es', 'hi', 'ru', 'th', 'tr', 'vi', 'zh')
DOCUMENTS = 13014
LANG_OF = np.arange(DOCUMENTS) % len(LANGS)
DOCNOS = np.array([f'{LANGS[lang]}/{i // 55}.{i // 11 % 5}' for i, lang in enumerate(LANG_OF)], dtype=object)
OURS = [RankDistance@1000, RankDistance(pool=DOCUMENTS, norm=True), MaxRank(pool=DOCUMENTS), Complete@100, LPR,
        TLR@100, PEER@100, AWRF(langs=Languages(zip(DOCNOS, np.array(LANGS)[LANG_OF].tolist())))@20]
THEIRS = [AP, nDCG@10, R@100]


def columns(n_queries: int, depth: int, seed: int) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Qrels, and the columns of a run. Its scores are random; its documents are a window of a permutation."""
    rng = np.random.default_rng(seed)
    query_ids = np.array([f'56beb4343aeaaa14008c{i:05d}' for i in range(n_queries)], dtype=object)
    sentences = rng.integers(0, DOCUMENTS // len(LANGS), n_queries)
    relevant = (sentences[:, None] * len(LANGS) + np.arange(len(LANGS))).ravel()
    qrels = pd.DataFrame({
        'query_id': np.repeat(query_ids, len(LANGS)), 'doc_id': DOCNOS[relevant], 'relevance': 1,
        'iteration': np.array(LANGS, dtype=object)[LANG_OF[relevant]],
        'query_lang': np.repeat(np.array(LANGS, dtype=object)[np.arange(n_queries) % len(LANGS)], len(LANGS)),
    })
    order = rng.permutation(DOCUMENTS)
    docs = order[(rng.integers(0, DOCUMENTS, n_queries)[:, None] + np.arange(depth)) % DOCUMENTS].ravel()
    return qrels, {'query_id': np.repeat(query_ids, depth), 'doc_id': DOCNOS[docs],
                   'score': rng.standard_normal(n_queries * depth),
                   'doc_lang': np.array(LANGS, dtype=object)[LANG_OF[docs]]}


def frame(run: dict[str, np.ndarray], dtype: str) -> pd.DataFrame:
    """The run as a DataFrame whose strings are of the given dtype."""
    return pd.DataFrame({name: pd.Series(values, dtype=dtype if values.dtype == object else None)
                         for name, values in run.items()})


def dicts(run: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """The run as a dict of dicts; its rows are already grouped by query."""
    starts = np.flatnonzero(run['query_id'][1:] != run['query_id'][:-1]) + 1
    parts = zip(np.split(run['query_id'], starts), np.split(run['doc_id'], starts), np.split(run['score'], starts))
    return {queries[0]: dict(zip(docs.tolist(), scores.tolist())) for queries, docs, scores in parts}


def resident() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * resource.getpagesize()


def measured(work: Callable[[], Any]) -> tuple[float, int]:
    """The seconds that ``work`` takes, and the greatest growth of memory meanwhile, in bytes."""
    gc.collect()
    before, peak, done = resident(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(.005):
            peak = max(peak, resident() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    try:
        work()
    finally:
        seconds = time.perf_counter() - start
        done.set()
        watcher.join()
    return seconds, peak


def compare(form: str, n_queries: int, depth: int, rounds: int, seed: int) -> list[dict]:
    """Prints and returns the rows of a form. Run it in a new process: freed memory would distort the figures."""
    warnings.simplefilter('ignore')
    qrels, run_columns = columns(n_queries, depth, seed)
    small = qrels[qrels['query_id'] == qrels['query_id'][0]]
    head = {name: values[:depth] for name, values in run_columns.items()}
    ir_measures.calc_aggregate(OURS + THEIRS, small, frame(head, 'object'))  # imports, warm-up
    before = resident()
    run = dicts(run_columns) if form == 'dict' else frame(run_columns, form)
    size = resident() - before if form == 'dict' else int(run.memory_usage().sum())
    theirs, ours, added = float('inf'), float('inf'), 0
    for _ in range(rounds):
        seconds, grown = measured(lambda: ir_measures.calc_aggregate(OURS, qrels, run))
        ours, added = min(ours, seconds), max(added, grown)
    for _ in range(rounds):
        theirs = min(theirs, measured(lambda: ir_measures.calc_aggregate(THEIRS, qrels, run))[0])
    print(f'{form:8} {size / 2**20:6.0f}MB {theirs:11.2f}s {ours:7.2f}s {ours / theirs:6.2f} '
          f'{added / 2**20:11.0f}MB {added / size:11.2f}', flush=True)  # fmt: skip
    return [row('measures', f'8 of language bias, {form}', n_queries, 'questions', ours, ratio=1,
                megabytes=added / 1e6),
            row('measures', f'pytrec_eval: AP, nDCG@10, R@100, {form}', n_queries, 'questions', theirs,
                ratio=theirs / ours)]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--queries', type=int, default=13090)
    parser.add_argument('--depth', type=int, default=1000)
    parser.add_argument('--rounds', type=int, default=1)
    parser.add_argument('--forms', nargs='+', default=['dict', 'object', 'str'], choices=['dict', 'object', 'str'],
                        help='a dict of dicts, a DataFrame of Python strings, a DataFrame of pandas strings')
    parser.add_argument('--seed', type=int, default=0)
    add_json(parser)
    args = parser.parse_args()
    rows = []
    print(f'{"run":8} {"size":>8} {"pytrec_eval":>12} {"ours":>8} {"ratio":>6} {"added memory":>13} {"of the run":>11}')
    for form in args.forms:
        with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as fresh:
            rows += fresh.submit(compare, form, args.queries, args.depth, args.rounds, args.seed).result()
    write(args.json, rows, depth=args.depth)


if __name__ == '__main__':
    main()

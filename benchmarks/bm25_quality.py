"""Monolingual mAP of BM25 on XQuAD-R and MLQA-R, from one index over all languages of each.

    python benchmarks/bm25_quality.py

Every language's questions are searched in that language alone (``langs=``), to depth 1000. The figure is ir_measures'
AP over all of a language's questions; the last row is the mean over the languages. Equal scores are in the order of
docnos; ranks are given to ir_measures as scores, so that it keeps this order. Exits with 1 below the target figures.
"""
# ruff: noqa: E402
from _data import offline_home

offline_home()  # before the import of ir_datasets, which reads its home directory then

import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import ir_datasets
import ir_measures
import pandas as pd
from ir_measures import AP

import datasets_ext  # noqa: F401  (registers the data sets)
from pyterrier_hybrid.lexical import BM25Index

TARGETS = {'xquad-r': 0.77, 'mlqa-r': 0.545}


def average_precision(run: pd.DataFrame, qrels: Iterable) -> float:
    """Returns ir_measures' mean AP of a run, ordered by its ranks."""
    ranked = {qid: dict(zip(rows['docno'], -rows['rank'])) for qid, rows in run.groupby('qid')}
    return ir_measures.calc_aggregate([AP], qrels, ranked)[AP]


def main() -> int:
    """Prints one table a collection; returns the exit status."""
    missed = False
    for collection, target in TARGETS.items():
        passages = ir_datasets.load(collection).docs_iter()
        documents = ({'docno': d.doc_id, 'text': d.text, 'lang': d.lang} for d in passages)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            index = BM25Index(Path(folder) / collection, verbose=False).index(documents)
            print(f'{collection}, indexed in {time.perf_counter() - start:.1f} s', end=', ')
            monolingual = {lang: ir_datasets.load(f'{collection}/{lang}/{lang}') for lang in index.langs()}
            topics = {lang: pd.DataFrame(data.queries_iter()) for lang, data in monolingual.items()}
            start = time.perf_counter()
            runs = {
                lang: index.bm25(1000, langs=lang)(frame.rename(columns={'query_id': 'qid'}))
                for lang, frame in topics.items()
            }
            print(f'searched in {time.perf_counter() - start:.1f} s')
        values = {lang: average_precision(run, monolingual[lang].qrels_iter()) for lang, run in runs.items()}
        mean = sum(values.values()) / len(values)
        missed |= mean < target
        for lang, value in values.items():
            print(f'  {lang}    {value:.4f}')
        print(f'  mean  {mean:.4f}  (to reach: {target})\n')
    return int(missed)


if __name__ == '__main__':
    sys.exit(main())

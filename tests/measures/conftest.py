"""What the tests of the measures share: random qrels and runs with every trap in them, and a plain way to rank."""
import random
import warnings
from collections.abc import Callable

import pandas as pd
import pytest

LANGS = ('de', 'en', 'fr', 'zh')


@pytest.fixture
def quiet() -> None:
    """Ignores the measures' warnings about degenerate queries, in tests that are about values."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield


@pytest.fixture
def random_case() -> Callable[[int], tuple[pd.DataFrame, pd.DataFrame]]:
    """Makes qrels and a run of 30 queries: ties, graded relevance, queries that are lost, one-language queries."""
    def make(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        rng = random.Random(seed)
        judged, ranked = [], []
        for q in range(30):
            query_id, docnos = f'q{q}', [f'd{i}' for i in rng.sample(range(100), 40)]
            langs = rng.sample(LANGS, rng.choice([1, 2, 3, 4, 4]))
            lang_of = {docno: rng.choice(LANGS) for docno in docnos}
            for docno in docnos[:rng.choice([1, 6, 10, 14])]:
                lang_of[docno] = rng.choice(langs)
                judged.append((query_id, docno, rng.choice([0, 1, 1, 1, 2, 2]), lang_of[docno], rng.choice(LANGS[:2])))
            judged[-1] = (*judged[-1][:2], 1, *judged[-1][3:])
            judged = [(*row[:4], judged[-1][4]) if row[0] == query_id else row for row in judged]
            if rng.random() < .9:
                ranked += [(query_id, docno, float(rng.choice([1, 2, 3, 4, 5.5])), lang_of[docno])
                           for docno in rng.sample(docnos, rng.choice([5, 25, 40]))]
        return (pd.DataFrame(judged, columns=['query_id', 'doc_id', 'relevance', 'iteration', 'query_lang']),
                pd.DataFrame(ranked, columns=['query_id', 'doc_id', 'score', 'doc_lang']))
    return make


@pytest.fixture
def plain() -> Callable[[pd.DataFrame, pd.DataFrame], dict[str, dict]]:
    """Takes qrels and a run apart, query by query, with loops and ``sorted`` and nothing else."""
    def take(qrels: pd.DataFrame, run: pd.DataFrame) -> dict[str, dict]:
        queries = {}
        for row in qrels.itertuples():
            query = queries.setdefault(row.query_id, {'lang': row.query_lang, 'relevant': [], 'list': []})
            if row.relevance > 0:
                query['relevant'].append((row.doc_id, row.iteration, row.relevance))
        for query_id, query in queries.items():
            rows = [row for row in run.itertuples() if row.query_id == query_id]
            query['list'] = [(row.doc_id, row.doc_lang) for row in sorted(rows, key=lambda r: (-r.score, r.doc_id))]
            place = {docno: i for i, (docno, _) in enumerate(query['list'], 1)}
            query['ranks'] = [(place.get(docno), lang, level) for docno, lang, level in query['relevant']]
        return queries
    return take

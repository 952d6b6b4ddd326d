"""Compares evaluating all settings of XQuAD-R and MLQA-R with ``pt.Experiment``; and times ranks in a large pool.

    python benchmarks/grid_speed.py --fraction 10 --pool 1000000

The vectors are given: random unit vectors near those of their translations, so that relevant passages rank as they do
with a fair encoder (mean rank distance and AP are printed). The time of ``pt.Experiment`` is measured on one of every
``--fraction`` questions of one multilingual and one monolingual setting at full depth, and scaled by the rows of the
runs: questions times passages, over all settings. Both are timed in one process on the same vectors, by the wall clock,
with as many threads as there are cores. Each collection has a process of its own, so that memory is its own too. If
ranx is installed, it evaluates AP, R@1 and R@10 of the best 1,000 passages that numpy finds for the questions of the
multilingual setting; its time is scaled by the questions over all settings.
"""
import argparse
import resource
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import _data
import numpy as np

_data.offline_home()

import pandas as pd  # noqa: E402
import pyterrier as pt  # noqa: E402
from _rows import add_json, row, timed, write  # noqa: E402
from ir_measures import AP, R  # noqa: E402

from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment, list_settings  # noqa: E402
from pyterrier_hybrid.indexing import MultilingualIndex  # noqa: E402
from pyterrier_hybrid.measures import LPR, RankDistance  # noqa: E402
from pyterrier_hybrid.ranking import grid, rank_grid  # noqa: E402


class GivenVectors:
    """An encoder that looks up vectors by question text."""

    model_name = 'given'

    def __init__(self, vectors: dict[str, np.ndarray]):
        self.vectors = vectors

    def encode_queries(self, texts) -> np.ndarray:
        return np.stack([self.vectors[text] for text in texts])


def unit(vectors: np.ndarray) -> np.ndarray:
    """The vectors scaled to length 1, float32."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def vectors_of(collection: EvaluationSet, dims: int, noise: float) -> tuple[dict, dict]:
    """Vectors by docno and by question text: the sum of a topic's (shared by translations), a language's, and noise."""
    rng = np.random.default_rng(0)
    language = {lang: 0.6 * rng.standard_normal(dims) for lang in collection.languages}
    topic_of = {}  # passages that answer the same question have the same topic
    for lang in collection.query_languages:
        for _, rows in collection.relevant(lang).groupby('qid'):
            known = {topic_of[docno] for docno in rows['docno'] if docno in topic_of}
            topic = min(known) if known else len(topic_of)
            topic_of.update(dict.fromkeys(rows['docno'], topic))
    topics = rng.standard_normal((max(topic_of.values()) + 1, dims))

    def vector(docno: str | None, lang: str) -> np.ndarray:
        about = topics[topic_of[docno]] if docno in topic_of else rng.standard_normal(dims)
        return unit(about + language[lang] + noise * rng.standard_normal(dims))

    docs = {docno: vector(docno, lang) for docno, lang in collection.doc_langs.items()}
    questions = {}
    for lang in collection.query_languages:
        first = collection.relevant(lang).groupby('qid')['docno'].first()
        asked = collection.topics(lang)
        questions |= {text: vector(first.get(qid), lang) for qid, text in zip(asked['qid'], asked['query'])}
    return docs, questions


def by_experiment(collection, system, index, doc_lang, fraction, measures) -> tuple[float, pd.DataFrame]:
    """Seconds of pt.Experiment for a row of a run at full depth, measured on a fraction of a setting's questions."""
    lang = doc_lang or collection.query_languages[0]
    topics = collection.topics(lang).iloc[::fraction]
    topics = topics.assign(query_vec=list(system.encode_queries(topics['query'])))
    qrels = collection.qrels(lang)
    qrels = qrels[qrels['qid'].isin(topics['qid'])]
    if doc_lang is not None:
        qrels = qrels[qrels['iteration'] == doc_lang]
    retriever = index.retriever(len(index), langs=doc_lang, drop_query_vec=True)
    seconds, table = timed(lambda: pt.Experiment([retriever], topics, qrels, measures, perquery=True))
    return seconds / (len(topics) * (len(index) if doc_lang is None else collection.pool_sizes[doc_lang])), table


def by_ranx(collection, encoder, docs: dict[str, np.ndarray], depth: int = 1000) -> float:
    """Seconds of numpy and ranx for a question of a multilingual setting, after ranx's compilation."""
    from ranx import Qrels, Run, evaluate

    lang = collection.query_languages[0]
    topics, relevant = collection.topics(lang), collection.relevant(lang)
    judged = {qid: dict.fromkeys(rows['docno'], 1) for qid, rows in relevant.groupby('qid')}
    topics = topics[topics['qid'].isin(judged)]
    docnos, vecs = np.array([*docs]), np.stack([*docs.values()])

    def evaluated(some: pd.DataFrame) -> None:
        scores = encoder.encode_queries(some['query']) @ vecs.T
        best = np.argpartition(-scores, depth - 1)[:, :depth]
        run = {qid: dict(zip(docnos[rows].tolist(), each[rows].tolist()))
               for qid, rows, each in zip(some['qid'], best, scores)}  # fmt: skip
        evaluate(Qrels({qid: judged[qid] for qid in run}), Run(run), ['map', 'recall@1', 'recall@10'])

    evaluated(topics.iloc[:2])
    return timed(lambda: evaluated(topics))[0] / len(topics)


def every_setting(name: str, args: argparse.Namespace) -> list[dict]:
    """Measures all settings of a collection at once, and estimates the time of pt.Experiment and ranx for them."""
    warnings.filterwarnings('ignore', category=FutureWarning)
    measures = [AP, R @ 1, R @ 10, RankDistance, LPR]
    collection = EvaluationSet(name)
    docs, questions = vectors_of(collection, args.dims, args.noise)
    encoder = GivenVectors(questions)
    with tempfile.TemporaryDirectory() as folder:
        index = MultilingualIndex(Path(folder) / 'given.flex', verbose=False)
        langs = collection.doc_langs
        index.index({'docno': docno, 'lang': langs[docno], 'doc_vec': vector} for docno, vector in docs.items())
        seconds, result = timed(
            lambda: MultilingualExperiment({'given': (encoder, index)}, name, measures, verbose=False)
        )
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        settings = list_settings(collection.query_languages, collection.languages)
        print(f'{name}, {args.dims} dimensions: {len(settings)} settings in {seconds:.1f} s, at most {memory:.2f} GB')
        print(result.to_markdown(), flush=True)

        lang, pool = collection.query_languages[0], int(collection.pool_sizes.sum())
        multilingual, table = by_experiment(
            collection, encoder, index, None, args.fraction, [AP, R @ 1, R @ 10, RankDistance(pool=pool), LPR]
        )
        monolingual, _ = by_experiment(collection, encoder, index, lang, args.fraction, [AP, R @ 1, R @ 10])
        check_equal(result, table, lang)
        taken, asked = {None: 0.0}, 0  # seconds by the passages' language
        for setting in settings:
            judged = collection.judged(setting)  # only questions with an answer in this setting count
            a_row = multilingual if setting.doc_lang is None else monolingual
            taken[setting.doc_lang] = taken.get(setting.doc_lang, 0) + judged.n_queries * judged.pool * a_row
            asked += judged.n_queries
        print(f'pt.Experiment at full depth, from 1 in {args.fraction} questions of {lang}: '
              f'{taken[None] / len(collection.query_languages):.1f} s a multilingual setting on average, '
              f'{sum(taken.values()):.0f} s for all {len(settings)}')
        print(f'ratio {sum(taken.values()) / seconds:.0f}', flush=True)
        ways = {'MultilingualExperiment': seconds, 'pt.Experiment, scaled': sum(taken.values())}
        if find_spec('ranx'):
            ways['numpy and ranx, scaled'] = asked * by_ranx(collection, encoder, docs)
            print(f'numpy and ranx, best 1,000, without rank distance: {asked} questions in '
                  f'{ways["numpy and ranx, scaled"]:.1f} s', flush=True)  # fmt: skip
        else:
            print('ranx is not installed, and left out', flush=True)
    return [row('evaluate', f'{way}, {name}', len(settings), 'settings', each, ratio=each / seconds,
                megabytes=1000 * memory if way == 'MultilingualExperiment' else None)
            for way, each in ways.items()]  # fmt: skip


def check_equal(result, table: pd.DataFrame, lang: str) -> None:
    """Raises an error unless the values of the multilingual setting equal those of pt.Experiment."""
    ours = result.per_query[(result.per_query['setting'] == 'multilingual') & (result.per_query['query_lang'] == lang)]
    ours = ours.astype({'measure': str, 'qid': str}).set_index(['measure', 'qid'])['value']
    theirs = table.assign(measure=table['measure'].astype(str).str.replace(r'\(pool=\d+\)', '', regex=True))
    theirs = theirs.set_index(['measure', 'qid'])['value']
    both = ours.to_frame('ours').join(theirs.rename('theirs'), how='inner')
    worst = (both['ours'] - both['theirs']).abs().max()
    if not len(both) or worst > 1e-9:
        raise ValueError(f'values differ from those of pt.Experiment by up to {worst}')
    print(f'{len(both):,} values equal those of pt.Experiment, differences of {worst:.0e} at most')


def large_pool(args: argparse.Namespace) -> list[dict]:
    """Measures ranks in a large pool, and the matrix product alone."""
    rng, langs = np.random.default_rng(1), np.arange(args.pool) * 11 // args.pool
    vecs = np.empty((args.pool, args.dims), dtype=np.float32)
    for start in range(0, args.pool, 1 << 16):
        vecs[start : start + (1 << 16)] = unit(rng.standard_normal(vecs[start : start + (1 << 16)].shape, np.float32))
    relevant = np.stack([rng.choice(np.flatnonzero(langs == lang), args.queries) for lang in range(11)], axis=1)
    noise = rng.standard_normal((args.queries, args.dims)) / args.dims**0.5
    query_vecs = unit(args.near * vecs[relevant].sum(axis=1) + noise)
    queries = np.arange(args.queries).repeat(11)
    docno_rank = rng.permutation(args.pool)

    def product() -> None:
        buffer = np.empty((args.queries, grid.COLUMNS), dtype=np.float32)
        for start in range(0, args.pool, grid.COLUMNS):
            block = vecs[start : start + grid.COLUMNS]
            np.matmul(query_vecs, block.T, out=buffer[:, : len(block)])

    def ranks():
        return rank_grid(
            query_vecs, vecs, queries, relevant.ravel(), doc_langs=langs, docno_rank=docno_rank, max_norm=1.00001
        )

    taken = [(timed(product)[0], timed(ranks)) for _ in range(args.repeat)]
    product_s, ranks_s = min(p for p, _ in taken), min(r for _, (r, _) in taken)
    distance = np.ptp(taken[0][1][1].pooled.reshape(-1, 11), axis=1).mean()
    print(f'{args.pool:,} passages, {args.queries:,} questions, 11 relevant passages each, mean rank distance '
          f'{distance:,.0f}: product {product_s:.2f} s, ranks {ranks_s:.2f} s, ratio {ranks_s / product_s:.2f}')
    return [row('evaluate', f'ranks in {args.pool:,} passages', args.queries, 'questions', ranks_s, ratio=1,
                share=product_s / ranks_s)]  # fmt: skip


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--dataset', nargs='*', default=['xquad-r', 'mlqa-r'], help='collections; nothing to skip them')
    parser.add_argument('--fraction', type=int, default=10, help='pt.Experiment gets one of this many questions')
    parser.add_argument('--pool', type=int, default=1_000_000, help='passages in the large pool; 0 to skip it')
    parser.add_argument('--queries', type=int, default=1000)
    parser.add_argument('--dims', type=int, default=768)
    parser.add_argument('--noise', type=float, default=2.5, help='noise of the vectors; more makes a worse encoder')
    parser.add_argument('--near', type=float, default=0.16, help='of questions to their passages in the large pool')
    parser.add_argument('--repeat', type=int, default=2, help='rounds in the large pool; the best counts')
    add_json(parser)
    args = parser.parse_args()
    rows = []
    for name in args.dataset:
        with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as fresh:
            rows += fresh.submit(every_setting, name, args).result()
    if args.pool:
        rows += large_pool(args)
    write(args.json, rows, dims=args.dims)


if __name__ == '__main__':
    main()

"""Systems that are PyTerrier pipelines: evaluated setting by setting through ``pt.Experiment``."""
from collections.abc import Callable, Iterable, Iterator

import ir_measures
import pandas as pd
import pyterrier as pt

from pyterrier_hybrid.measures import LPR

from .dense import MULTILINGUAL_ONLY
from .evaluation_set import EvaluationSet

_IR_MEASURES = {'qid': 'query_id', 'docno': 'doc_id', 'label': 'relevance'}
_PER_QUERY = ['qid', 'measure', 'value']


class PoolSystem:
    """A callable that returns the pipeline for a pool of passages.

    Args:
        name: for messages.
        build: takes a list of languages, or None for all; returns a Transformer.
    """

    kinds: tuple[str, ...] = ('monolingual', 'crosslingual', 'multilingual')

    def __init__(self, name: str, build: Callable):
        self.name, self.build = name, build

    def evaluate(self, collection: EvaluationSet, settings: Iterable, measures: list, verbose: bool) -> Iterator[tuple]:
        """Yields (setting, measure, qids, values) for every setting and every measure that applies to it."""
        pipelines: dict[str | None, pt.Transformer] = {}
        for setting in settings:
            if setting.kind not in self.kinds:
                continue
            qrels = collection.qrels(setting.query_lang)
            if setting.doc_lang is not None:
                qrels = qrels[qrels['iteration'] == setting.doc_lang]
            topics = collection.topics(setting.query_lang)
            topics = topics[topics['qid'].isin(qrels['qid'])]
            if not len(topics):
                continue
            if setting.doc_lang not in pipelines:
                langs = None if setting.doc_lang is None else [setting.doc_lang]
                pipelines[setting.doc_lang] = self.build(langs)
            yield from self._run(pipelines[setting.doc_lang], collection, setting, topics, qrels, measures)

    def _run(self, pipeline, collection, setting, topics, qrels, measures) -> Iterator[tuple]:
        names = {}
        for measure in measures:
            if measure.NAME in MULTILINGUAL_ONLY and setting.doc_lang is not None:
                continue
            names[measure if measure.NAME != 'RankDistance' else _with_pool(measure, collection)] = repr(measure)
        run = pipeline(topics)
        if len(run):
            per_query = pt.Experiment([run], topics, qrels, list(names), names=[self.name], perquery=True)
        else:  # BM25 between two scripts; pt.Experiment refuses a run without any result
            qrels, run = qrels.rename(columns=_IR_MEASURES), run.rename(columns=_IR_MEASURES)
            found = ir_measures.iter_calc(list(names), qrels, run)
            per_query = pd.DataFrame([(m.query_id, str(m.measure), m.value) for m in found], columns=_PER_QUERY)
        for measure, name in names.items():
            rows = per_query[per_query['measure'] == str(measure)]
            if measure.NAME in MULTILINGUAL_ONLY:
                rows = rows[rows['qid'].isin(_says_something(measure, qrels, setting.query_lang))]
            yield setting, name, rows['qid'].to_numpy(), rows['value'].to_numpy(dtype=float)


class FixedSystem(PoolSystem):
    """A pipeline over all passages, for the multilingual settings alone."""

    kinds = ('multilingual',)

    def __init__(self, name: str, pipeline: pt.Transformer):
        super().__init__(name, lambda langs: pipeline)


def _with_pool(measure, collection: EvaluationSet):
    return measure if 'pool' in measure.params else measure(pool=int(collection.pool_sizes.sum()))


def _says_something(measure, qrels: pd.DataFrame, query_lang: str) -> pd.Index:
    """The questions with relevant passages in several languages; for LPR, the question's own among them."""
    relevant = qrels[qrels['label'] >= measure.params.get('rel', 1)]
    langs = relevant.groupby('qid')['iteration'].agg(set)
    keep = langs.map(len) > 1
    if measure.NAME == LPR.NAME:
        keep &= langs.map(lambda have: query_lang in have)
    return langs.index[keep]



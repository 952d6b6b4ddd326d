"""A small collection in three languages, vectors with many equal scores, and an oracle: ir_measures on whole runs."""
import hashlib

import ir_measures
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest

from datasets_ext import shape
from datasets_ext.shape import Doc, MemoryDocs, Qrel, Query
from pyterrier_hybrid.experiment import EvaluationSet, Result, list_settings
from pyterrier_hybrid.experiment.result import BLANK_COLUMNS
from pyterrier_hybrid.indexing import MultilingualIndex, exact_scores

SIZES = {'de': 7, 'en': 9, 'th': 5}
#: (question, passage's language, passage) -> relevance. q2 has nothing in th, q3 is relevant in de alone, q4 nowhere.
JUDGEMENTS = {
    ('q1', 'de', 0): 2, ('q1', 'de', 1): 1, ('q1', 'en', 0): 1, ('q1', 'th', 0): 1, ('q1', 'en', 5): 0,
    ('q2', 'de', 2): 1, ('q2', 'en', 2): 2, ('q2', 'th', 3): 0,
    ('q3', 'de', 4): 1, ('q3', 'de', 5): 3,
    ('q4', 'en', 1): 0,
    ('q5', 'de', 6): 1, ('q5', 'en', 7): 1, ('q5', 'en', 8): 1, ('q5', 'th', 4): 2,
}  # fmt: skip
QUESTIONS = {'de': ['q1', 'q2', 'q3', 'q4', 'q5'], 'en': ['q5', 'q4', 'q2', 'q1'], 'th': ['q1', 'q2', 'q3', 'q5']}


def register(name: str = 'small') -> str:
    """Makes the collection known under a name."""
    shape.register(
        name,
        docs={
            lang: MemoryDocs(
                lambda lang=lang, n=n: [Doc(f'{lang}/{i}', f'{lang} passage {i}', '', '', lang) for i in range(n)], lang
            )
            for lang, n in SIZES.items()
        },
        queries=lambda ql: [Query(qid, f'{ql} question {qid}', ql) for qid in QUESTIONS[ql]],
        qrels=lambda ql, dl: [
            Qrel(qid, f'{dl}/{i}', label, dl, ql)
            for (qid, lang, i), label in JUDGEMENTS.items() if lang == dl and qid in QUESTIONS[ql]
        ],
    )  # fmt: skip
    return name


class ToyEncoder:
    """Vectors of four small integers out of a text: exact in float32, with many equal scores."""

    def __init__(self, model_name: str = 'toy', dims: int = 4):
        self.model_name, self.dims, self.calls = model_name, dims, 0

    def encode_queries(self, texts) -> np.ndarray:
        self.calls += 1
        return np.array([self.vector(text) for text in texts], dtype=np.float32).reshape(len(texts), self.dims)

    def vector(self, text: str) -> np.ndarray:
        digest = hashlib.md5(f'{self.model_name} {text}'.encode()).digest()[: self.dims]
        return np.array([byte % 3 - 1 for byte in digest], dtype=np.float32)


class Pooled:
    """A data set whose questions are in several languages, like ``miracl-multi/dev``."""

    def __init__(self, langs=('sw', 'yo')):
        self.langs = langs

    def irds_ref(self):
        return self

    def dataset_id(self):
        return 'pooled'

    def get_corpus_iter(self, verbose=True):
        yield from ({'docno': f'{lang}:{i}', 'text': f'{i}', 'lang': lang} for lang in self.langs for i in range(3))

    def get_topics(self):
        return pd.DataFrame([(f'{lang}:q', 'why', lang) for lang in self.langs], columns=['qid', 'query', 'query_lang'])

    def get_qrels(self):
        rows = [(f'{lang}:q', f'{lang}:{i}', i, lang, lang) for lang in self.langs for i in range(2)]
        return pd.DataFrame(rows, columns=['qid', 'docno', 'label', 'iteration', 'query_lang'])


@pytest.fixture
def pooled() -> Pooled:
    """Two languages, each question relevant to a passage in its own."""
    return Pooled()


@pytest.fixture
def small() -> str:
    """The collection's name."""
    return register()


@pytest.fixture
def collection(small) -> EvaluationSet:
    return EvaluationSet(small)


@pytest.fixture
def make_dense(tmp_path, collection):
    """Builds (encoder, index) over the passages of the collection, or over others."""

    def make(name: str = 'toy', docs=None, dims: int = 4):
        encoder = ToyEncoder(name, dims)
        index = MultilingualIndex(tmp_path / f'{name}.flex', verbose=False)
        docs = collection.docs() if docs is None else docs
        index.index([{**doc, 'doc_vec': encoder.vector(doc['text'])} for doc in docs])
        return encoder, index

    return make


def whole_run(encoder, collection, setting, depth: int | None = None) -> pd.DataFrame:
    """A setting's run by brute force: every score, sorted by (-score, docno); ``score`` is minus the rank."""
    docs = [doc for doc in collection.docs() if setting.doc_lang in (None, doc['lang'])]
    vecs = np.array([encoder.vector(doc['text']) for doc in docs])
    rows = []
    for topic in collection.topics(setting.query_lang).itertuples():
        scores = exact_scores(encoder.encode_queries([topic.query]), vecs)[0].tolist()
        ranked = sorted(range(len(docs)), key=lambda i: (-scores[i], docs[i]['docno']))
        rows += [(topic.qid, docs[i]['docno'], -rank, docs[i]['lang']) for rank, i in enumerate(ranked[:depth], 1)]
    return pd.DataFrame(rows, columns=['query_id', 'doc_id', 'score', 'doc_lang'])


def oracle(run, collection, setting, measure, without=()) -> dict[str, float]:
    """ir_measures on a run, over the setting's qrels without some questions."""
    qrels = collection.qrels(setting.query_lang).rename(
        columns={'qid': 'query_id', 'docno': 'doc_id', 'label': 'relevance'}
    )
    if setting.doc_lang is not None:
        qrels = qrels[qrels['iteration'] == setting.doc_lang]
    qrels = qrels[~qrels['query_id'].isin(without)]
    return {m.query_id: m.value for m in ir_measures.iter_calc([measure], qrels, run)}


def values_of(result, system, setting, measure) -> dict[str, float]:
    """The result's values in one cell."""
    rows = result.per_query[
        (result.per_query['system'] == system)
        & (result.per_query['query_lang'] == setting.query_lang)
        & (result.per_query['measure'] == repr(measure))
    ]
    here = rows['doc_lang'].isna() if setting.doc_lang is None else rows['doc_lang'] == setting.doc_lang
    return dict(zip(rows['qid'][here], rows['value'][here]))


@pytest.fixture
def settings(collection):
    """All settings of the collection."""
    return list_settings(collection.query_languages, collection.languages)


@pytest.fixture
def by_hand():
    """The oracle's functions."""
    return whole_run, oracle, values_of


class Ranker(pt.Transformer):
    """A pipeline that ranks by brute force, in a shuffled order of rows."""

    def __init__(self, encoder, collection, doc_lang, depth=None):
        self.args = encoder, collection, doc_lang, depth

    def transform(self, topics):
        encoder, collection, doc_lang, depth = self.args
        (query_lang,) = topics['query_lang'].unique()
        setting = next(
            s for s in list_settings([query_lang], collection.languages)
            if s.doc_lang == doc_lang and s.query_lang == query_lang
        )  # fmt: skip
        run = whole_run(encoder, collection, setting, depth)
        run = run[run['query_id'].isin(topics['qid'])].rename(columns={'query_id': 'qid', 'doc_id': 'docno'})
        return run.sample(frac=1, random_state=0)


@pytest.fixture
def ranker():
    """The class of pipelines of an encoder over a collection's passages in a language, or in all, to a depth."""
    return Ranker


@pytest.fixture
def piped():
    """The pipeline of an encoder and an index, over passages in some languages."""

    def make(encoder, index, langs, depth=100, **options):
        vectors = pt.apply.generic(
            lambda topics: topics.assign(query_vec=list(encoder.encode_queries(topics['query'])))
        )
        return vectors >> index.retriever(depth, langs=langs, **options)

    return make


@pytest.fixture
def make_result():
    """A result worked by hand: system b has no monolingual or cross-lingual values."""

    def make(dataset: str = 'mine', systems=('a', 'b'), ap_of_b: float = 0.5) -> Result:
        a, b = systems
        values = [
            (a, 'monolingual', 'de', 'de', 'AP', [0.0, 0.5]),
            (a, 'crosslingual', 'de', 'en', 'AP', [0.0, 1.0]),
            (a, 'crosslingual', 'en', 'de', 'AP', [1.0]),
            (a, 'multilingual', 'de', None, 'AP', [0.2, 0.6]),
            (b, 'multilingual', 'de', None, 'AP', [ap_of_b, ap_of_b]),
            (a, 'multilingual', 'de', None, 'RankDistance', [12.0]),
            (b, 'multilingual', 'de', None, 'RankDistance', [10.0, 30.0]),
            (a, 'multilingual', 'de', None, 'LPR', [1.0]),
            (b, 'multilingual', 'de', None, 'LPR', [0.0, 1.0]),
        ]
        cut, unfit = 'a ranking of the whole pool', 'it compares languages'
        blanks = [
            (a, 'monolingual', 'en', 'en', 'AP', 'nothing asked'),
            (b, 'monolingual', 'de', 'de', 'AP', cut), (b, 'crosslingual', 'de', 'en', 'AP', cut),
            (a, 'monolingual', 'de', 'de', 'LPR', unfit), (b, 'monolingual', 'de', 'de', 'LPR', unfit),
        ]  # fmt: skip
        return Result(
            per_query=pd.DataFrame(
                [(*cell, f'q{i}', value) for *cell, found in values for i, value in enumerate(found)],
                columns=['system', 'setting', 'query_lang', 'doc_lang', 'measure', 'qid', 'value'],
            ),
            systems=list(systems), measures=['AP', 'RankDistance', 'LPR'], dataset=dataset,
            blanks=pd.DataFrame(blanks, columns=BLANK_COLUMNS),
            matrix=pd.DataFrame(
                [(a, 'de', 'de', 1.5, 0.5, 2), (a, 'de', 'en', 8.0, 0.25, 2), (a, 'en', 'de', 6.0, 0.25, 1)],
                columns=['system', 'query_lang', 'doc_lang', 'rank', 'AP', 'n'],
            ),
            chance=pd.DataFrame(
                [('RankDistance', 'de', 1234.25), ('LPR', 'de', 0.5)], columns=['measure', 'query_lang', 'value']
            ),
            cut={b: 7}, notes=[f'{b[0]} was cut.'], provenance={'versions': {'python': '3'}, 'share': 0.1},
        )  # fmt: skip

    return make


@pytest.fixture
def same():
    """Compares two results."""

    def check(one: Result, other: Result) -> None:
        for name in ('per_query', 'blanks', 'matrix', 'chance'):
            pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_dtype=name == 'per_query')
        for name in ('systems', 'measures', 'dataset', 'notes', 'provenance', 'cut', 'facts'):
            assert getattr(one, name) == getattr(other, name)

    return check

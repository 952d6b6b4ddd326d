"""Systems, runs, measures and choices that an experiment refuses, with what to do."""
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest
from ir_measures import AP, Bpref, R, nDCG

from pyterrier_hybrid.experiment import MultilingualExperiment
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.lexical import BM25Index
from pyterrier_hybrid.measures import RankDistance

pytestmark = [
    pytest.mark.filterwarnings('ignore:small. .* have no relevant passage'),
    pytest.mark.filterwarnings('ignore:(PEER|AWRF|RankDistance|LPR|TLR)'),
]


def frame(**columns):
    return pd.DataFrame({'qid': ['q1', 'q1'], 'docno': ['de/0', 'de/1'], 'score': [2.0, 1.0], **columns})


@pytest.mark.parametrize('run, message', [
    (frame(docno='de/0', query_lang='de'), "system 'bad', questions in de .*: query 'q1': document 'de/0' is .* once"),
    (frame(docno='xx/9', query_lang='de'), "it returned 'xx/9', which is no passage of EvaluationSet\\('small'"),
    (frame(score=np.nan, query_lang='de'), "system 'bad'.*has the score nan; scores must be finite"),
    (frame(score='high', query_lang='de'), "system 'bad'.*score that is not a number"),
    (frame(qid='q9', query_lang='de'), "it answers 'q9', which is no question of small in de"),
    (frame(), "a run without query_lang, and question 'q.' is asked in de and in en; give the run the column"),
    (frame().drop(columns='docno'), "system 'bad' is a run without docno; it has qid, score"),
    (frame(query_lang='fr'), r"is a run without any question of EvaluationSet\('small'.*; it has questions in fr"),
    (frame(query_lang='de').iloc[:0], "'bad' is a run without any question of .*; it has 0 rows"),
    (frame(query_lang=['de', None]), "'bad' is a run with a row for question 'q1' that has no query_lang"),
])  # fmt: skip
def test_unusable_runs(collection, run, message):
    with pytest.raises(ValueError, match=message):
        MultilingualExperiment({'bad': run}, collection, [AP], verbose=False)


def test_an_index_that_is_replaced_during_the_evaluation(collection, make_dense, monkeypatch):
    encoder, index = make_dense()
    encode, docs = encoder.encode_queries, list(index.get_corpus_iter(verbose=False))

    def encode_and_replace(texts):
        index.indexer(mode='overwrite').index(docs[::-1])
        return encode(texts)

    monkeypatch.setattr(encoder, 'encode_queries', encode_and_replace)
    with pytest.raises(ValueError, match=r"system 'toy': its index at .* was replaced while it was evaluated"):
        MultilingualExperiment({'toy': (encoder, index)}, collection, [AP], verbose=False)


@pytest.mark.parametrize('kind', [BM25Index, MultilingualIndex])
def test_an_index_alone_is_no_system(collection, tmp_path, kind):
    with pytest.raises(TypeError, match=r"'x' is an index alone; give lambda langs: index\.bm25\(langs=langs\) for"):
        MultilingualExperiment({'x': kind(tmp_path / 'x')}, collection, [AP], verbose=False)


def test_an_encoder_with_an_index_of_bm25_is_no_system(collection, make_dense, tmp_path):
    bm25 = BM25Index(tmp_path / 'x.bm25', verbose=False).index(collection.docs())
    with pytest.raises(TypeError, match=r"'x' is a pair of ToyEncoder and BM25Index; give .*, and a MultilingualIndex"):
        MultilingualExperiment({'x': (make_dense()[0], bm25)}, collection, [AP], verbose=False)


def test_a_pipeline_of_other_passages_than_asked_for(collection):
    everywhere = pt.Transformer.from_df(frame())
    with pytest.raises(ValueError, match=r"passages in en: it returned 'de/0', which is in de; the callable must"):
        MultilingualExperiment({'bad': lambda langs: everywhere}, collection, [AP], settings='crosslingual',
                               verbose=False)  # fmt: skip
    with pytest.raises(TypeError, match="'bad': the callable returned a NoneType for de; it takes a list of languages"):
        MultilingualExperiment({'bad': lambda langs: None}, collection, [AP], verbose=False)


def passages(collection):
    return list(collection.docs())


@pytest.mark.parametrize('change, message', [
    (lambda docs: docs[1:], 'its index holds 6 passages in de, small has 7; index the collection whole'),
    (lambda docs: [doc for doc in docs if doc['lang'] != 'th'], 'holds 0 passages in th, small has 5.*languages='),
    (lambda docs: [{**docs[0], 'docno': 'de/x'}, *docs[1:]], "its index lacks 'de/0', relevant to 'q1'"),
])  # fmt: skip
def test_an_index_of_something_else(collection, make_dense, change, message):
    with pytest.raises(ValueError, match=message):
        MultilingualExperiment({'toy': make_dense(docs=change(passages(collection)))}, collection, [AP], verbose=False)


def test_an_encoder_that_did_not_build_the_index(collection, make_dense):
    _, index = make_dense('one')
    encoder, _ = make_dense('two', dims=5)
    with pytest.raises(ValueError, match=r'vectors of the shape \(13, 5\), its index needs \(13, 4\)'):
        MultilingualExperiment({'mixed': (encoder, index)}, collection, [AP], verbose=False)


class Named:
    """An encoder with a model's name, and the vectors of one that the fixture makes: any but those of the index."""

    def __init__(self, model_name: str | None, factor: int = 1):
        self.model_name, self.factor = model_name, factor

    def __repr__(self):
        return f'Named({self.model_name!r})'

    def of(self, encoder) -> 'Named':
        self.encode_queries = lambda texts: self.factor * encoder.encode_queries(texts)
        self.encode_docs = self.encode_queries
        return self


def test_an_encoder_other_than_the_recorded_one_is_warned_of(collection, make_dense):
    encoder, index = make_dense()
    index.annotate(encoder=Named('A'))
    two = r"'mixed': .*toy\.flex has vectors of Named\('A'\) \(model A\); its encoder, Named\('B'\) \(model B\)"
    with pytest.warns(UserWarning, match=two + ', gives the passage .* another vector; .* the encoder that built it'):
        MultilingualExperiment({'mixed': (Named('B', -1).of(encoder), index)}, collection, [AP], verbose=False)


@pytest.mark.parametrize('recorded, given', [
    (Named('A'), Named('A', -1)),
    (Named('A'), Named('B', 2)),  # in another precision
    (Named('A'), Named(None, -1)),
    ('its name alone', Named('A', -1)),
    (None, Named('A', -1)),
    (Named('A'), None),  # which encodes questions alone
])  # fmt: skip
@pytest.mark.filterwarnings('error:system')
def test_an_encoder_that_may_be_the_recorded_one_is_not(collection, make_dense, recorded, given):
    encoder, index = make_dense()
    index.annotate(encoder=recorded)
    given = encoder if given is None else given.of(encoder)
    MultilingualExperiment({'toy': (given, index)}, collection, [AP], verbose=False)


def test_an_encoder_that_is_broken(collection, make_dense):
    encoder, index = make_dense()
    encoder.vector = lambda text: np.full(4, np.nan if text == 'en question q2' else 0)
    with pytest.raises(ValueError, match="system 'toy': the vector of question 'q2' in en is not finite"):
        MultilingualExperiment({'toy': (encoder, index)}, collection, [AP], verbose=False)


@pytest.mark.parametrize('measures, message', [
    (['AP'], r"give ir_measures.parse_measure\('AP'\)"),
    ('AP', r"give ir_measures.parse_measure\('AP'\)"),
    (None, 'measures is None; it takes ir_measures objects'),
    ([AP, R], r'^R needs a cutoff \(ranking cutoff threshold\), as in R@20'),
    ([AP, AP], 'give AP once'),
    ([], 'at least one measure'),
    ([AP(rel=0)], 'counts passages of relevance 0 as relevant; here relevance starts at 1'),
    ([Bpref], 'Bpref needs the whole run of a dense system, which is not made; give it a cutoff'),
    ([nDCG(judged_only=True) @ 10], 'needs the whole run of a dense system'),
    ([RankDistance(pool=5)], r'the pool of .* holds 21 passages; leave pool= out'),
])  # fmt: skip
def test_unusable_measures(collection, make_dense, measures, message):
    with pytest.raises(ValueError, match=message):
        MultilingualExperiment({'toy': make_dense()}, collection, measures, verbose=False)


@pytest.mark.parametrize('systems, error, message', [
    ({}, ValueError, 'there is no system to evaluate in {}; give a mapping from names to systems'),
    (('a', 'b'), ValueError, 'there is no system to evaluate in'),
    ({'x': pt.Transformer.identity()}, ValueError, "'x', questions in de over .*: it returned no docno, score, but"),
    ({'x': 3}, TypeError, "system 'x' is a int; give"),
    ({'x': ('a', 'b')}, TypeError, "system 'x' is a pair of str and str; give \\(encoder, index\\)"),
    ({1: pt.Transformer.identity()}, TypeError, "a system is called 1; names are texts, as in '1'"),
    ({'x': pt.apply.generic(lambda topics: None)}, TypeError, "'x', .*: it returned a NoneType; a pipeline ret"),
])  # fmt: skip
def test_unusable_systems(collection, systems, error, message):
    with pytest.raises(error, match=message):
        MultilingualExperiment(systems, collection, [AP], verbose=False)


def test_a_run_of_other_questions(pooled):
    run = pd.DataFrame({'qid': ['sw:other'], 'docno': ['sw:1'], 'score': [1.0]})
    with pytest.raises(ValueError, match=r"without any question of EvaluationSet\('pooled'.*the first for 'sw:other'"):
        MultilingualExperiment({'run': run}, pooled, [AP], verbose=False)


def test_a_collection_with_a_passage_twice(pooled):
    docs = [('sw:1', 'sw'), ('yo:1', 'yo'), ('sw:1', 'yo'), ('sw:0', 'sw'), ('yo:0', 'yo')]
    pooled.get_corpus_iter = lambda verbose: ({'docno': docno, 'text': 'x', 'lang': lang} for docno, lang in docs)
    run = pd.DataFrame({'qid': ['sw:q'], 'docno': ['sw:1'], 'score': [1.0]})
    with pytest.raises(ValueError, match="pooled has the passage 'sw:1' 2 times, in sw and in yo; docnos are unique"):
        MultilingualExperiment({'run': run}, pooled, [AP], verbose=False)


def test_a_device_that_is_not_there(collection, make_dense):
    with pytest.raises(ValueError, match=r"the device 'warp' cannot be used \(.*\); give another one, such as cpu"):
        MultilingualExperiment({'toy': make_dense()}, collection, [AP], device='warp', verbose=False)


def test_languages_are_chosen_in_one_place(collection):
    with pytest.raises(ValueError, match='an EvaluationSet has languages of its own'):
        MultilingualExperiment({}, collection, [AP], languages=['de'])

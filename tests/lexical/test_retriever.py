"""Retrieval: runs worked by hand, restriction to languages, PyTerrier's contracts, bad queries; real German."""
import pickle

import bm25s
import ir_datasets
import ir_measures
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest

import datasets_ext  # noqa: F401  (registers xquad-r)
from pyterrier_hybrid.lexical import BM25Index, analyse
from pyterrier_hybrid.ranking import separate

DOCUMENTS = [
    {'docno': 'e2', 'text': 'the red house', 'lang': 'en'},
    {'docno': 'e1', 'text': 'the blue house', 'lang': 'en'},
    {'docno': 'e3', 'text': 'the river', 'lang': 'en'},
    {'docno': 'd1', 'text': 'das rote Haus', 'lang': 'de'},
    {'docno': 'd2', 'text': 'viele Häuser am Fluss', 'lang': 'de'},
    {'docno': 'z1', 'text': '', 'lang': 'zh'},
]
COLUMNS = ['qid', 'query', 'query_lang', 'docno', 'score', 'rank', 'doc_lang']


@pytest.fixture(scope='module')
def index(tmp_path_factory) -> BM25Index:
    return BM25Index(tmp_path_factory.mktemp('bm25') / 'x.bm25', verbose=False).index(DOCUMENTS)


def topics(*rows):
    return pd.DataFrame(rows, columns=['qid', 'query', 'query_lang'])


def test_run(index):
    run = index.bm25()(topics(('q9', 'houses', 'en'), ('q1', 'unknown', 'en'), ('q2', 'Häuser am Fluss', 'de')))
    assert run.columns.tolist() == COLUMNS
    assert run[['qid', 'docno', 'rank', 'doc_lang', 'query_lang']].values.tolist() == [
        ['q9', 'e1', 0, 'en', 'en'],  # e1 and e2 are tied: by docno
        ['q9', 'e2', 1, 'en', 'en'],
        ['q2', 'd2', 0, 'de', 'de'],
        ['q2', 'd1', 1, 'de', 'de'],
    ]
    assert run['score'].dtype == np.float32 and run['rank'].dtype == np.int64
    assert run.index.tolist() == [0, 1, 2, 3]


def test_a_query_is_analysed_in_its_own_language(index):
    assert index.bm25()(topics(('q', 'Häusern', 'de')))['docno'].tolist() == ['d1', 'd2']
    assert index.bm25()(topics(('q', 'Häusern', 'en'))).empty


def test_ties_at_the_cut_go_to_the_first_docno(index):
    assert index.bm25(1)(topics(('q', 'house', 'en')))['docno'].tolist() == ['e1']


def test_more_results_than_documents(index):
    assert len(index.bm25(10**9)(topics(('q', 'the house river', 'en')))) == 3


def test_topic_columns_are_kept_and_the_frame_is_not_changed(index):
    frame = topics(('q', 'river', 'en')).assign(lang='kept', score=3.0, doc_lang='old').set_index(pd.Index([7]))
    before = frame.copy()
    run = index.bm25()(frame)
    assert run[['lang', 'docno', 'doc_lang', 'rank']].values.tolist() == [['kept', 'e3', 'en', 0]]
    assert run['score'].iloc[0] != 3.0 and run.columns.is_unique
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize('langs', ['de', ['de'], ('en', 'de'), ['zh']])
def test_langs_equal_an_index_of_these_alone(index, tmp_path, langs):
    chosen = [langs] if isinstance(langs, str) else langs
    alone = BM25Index(tmp_path / 'alone', verbose=False).index(d for d in DOCUMENTS if d['lang'] in chosen)
    queries = topics(('1', 'Haus am Fluss', 'de'), ('2', 'the red house by the river', 'en'), ('3', '屋', 'zh'))
    for k1, b in [(0.9, 0.4), (1.5, 0.75)]:
        pd.testing.assert_frame_equal(index.bm25(k1=k1, b=b, langs=langs)(queries), alone.bm25(k1=k1, b=b)(queries))


def test_no_topics(index):
    run = index.bm25()(topics())
    assert run.empty and run.columns.tolist() == COLUMNS


def test_an_index_without_a_term_has_no_results(tmp_path):
    index = BM25Index(tmp_path / 'x', verbose=False).index([{'docno': 'd', 'text': '!', 'lang': 'en'}])
    assert index.bm25()(topics(('q', 'house', 'en'))).empty


def test_default_language_of_queries(index):
    assert index.bm25(query_lang='de').search('Häusern')['docno'].tolist() == ['d1', 'd2']
    assert index.bm25(query_lang='en')(topics(('q', 'Häusern', 'de')))['docno'].tolist() == ['d1', 'd2']


@pytest.mark.parametrize(('frame', 'message'), [
    (topics(('q2', 7, 'en')), "query 'q2' .*7"),
    (topics(('q2', 'x', 'en')).assign(query=pd.Series(['half \ud800'], dtype=object)), "query 'q2' .*surrogate"),
    (topics(('q2', 'house', None)), "query 'q2' has the language"),
    (topics(('q2', 'house', 'English')), "query 'q2' has the language 'English'"),
])  # fmt: skip
def test_bad_queries(index, frame, message):
    with pytest.raises(ValueError, match=message):
        index.bm25()(frame)


@pytest.mark.parametrize('empty', ['', ' \t', None, float('nan'), pd.NA])
def test_an_empty_query_gets_no_results_and_stops_nothing(index, empty):
    frame = topics(('q1', 'house', 'en'), ('q2', empty, 'en'), ('q3', 'river', 'en'))
    with pytest.warns(UserWarning, match=r"^1 of 3 queries are empty and get no results: \['q2'\]"):
        run = index.bm25()(frame)
    pd.testing.assert_frame_equal(run, index.bm25()(frame[frame['qid'] != 'q2']))
    with pytest.warns(UserWarning, match='^1 of 1 queries are empty'):
        assert index.bm25()(frame[frame['qid'] == 'q2']).columns.tolist() == COLUMNS


def test_one_warning_tells_of_all_empty_queries(index):
    frame = topics(*((f'q{i}', None if i % 2 else 'house', 'en') for i in range(20)))
    with pytest.warns(UserWarning) as told:
        index.bm25()(frame)
    (one,) = told
    assert str(one.message) == "10 of 20 queries are empty and get no results: ['q1', 'q3', 'q5', 'q7', 'q9']"
    assert one.filename == __file__


def test_equal_scores_strictly_decrease_by_docno_unless_told_otherwise(index):
    frame = topics(('q', 'house', 'en'))
    first, second = index.bm25()(frame)['score'].to_numpy()
    assert second == np.nextafter(first, np.float32(0))
    equal = index.bm25(separate=False)(frame)
    assert equal['docno'].tolist() == ['e1', 'e2'] and equal['score'].tolist() == [first, first]


def test_one_order_for_every_evaluator(tmp_path):
    """trec_eval breaks ties by docno descending: without ours, AP of the first would be that of the last."""
    same = [{'docno': f'd{i}', 'text': 'the same words', 'lang': 'en'} for i in range(5)]
    bm25 = BM25Index(tmp_path / 'x', verbose=False).index(same).bm25()
    for i in range(5):
        qrels = pd.DataFrame({'qid': ['q'], 'docno': [f'd{i}'], 'label': [1]})
        table = pt.Experiment([bm25], topics(('q', 'words', 'en')), qrels, [ir_measures.AP, ir_measures.RR])
        assert table[['AP', 'RR']].values.tolist() == [[pytest.approx(1 / (i + 1))] * 2]


def test_a_question_that_is_a_document_is_left_out_of_its_own_ranking(index):
    frame = topics(('e1', 'the blue house', 'en'), ('nowhere', 'the blue house', 'en')).assign(own=['e2', None])
    assert index.bm25(exclude='qid')(frame)['docno'].tolist() == ['e2', 'e3', 'e1', 'e2', 'e3']
    assert index.bm25(exclude='own')(frame)['docno'].tolist() == ['e1', 'e3', 'e1', 'e2', 'e3']
    assert index.bm25(1, exclude='qid')(frame)['docno'].tolist() == ['e2', 'e1']
    assert index.bm25(langs='de', exclude='qid')(frame).empty
    assert pt.inspect.transformer_inputs(index.bm25(exclude='own')) == [['qid', 'query', 'query_lang', 'own']]


def test_numbers_are_no_docnos_to_exclude(index):
    frame = topics(('e1', 'the blue house', 'en')).assign(own=[1])
    with pytest.raises(ValueError, match="the column own has 1 for query 'e1', and docnos are texts"):
        index.bm25(exclude='own')(frame)


def test_missing_columns(index):
    with pytest.raises(pt.validate.InputValidationError, match=r"no column query_lang: add it, .*query_lang='en'"):
        index.bm25().search('house')
    with pytest.raises(pt.validate.InputValidationError, match=r"missing_columns=\['query'\]"):
        index.bm25()(pd.DataFrame({'qid': ['1'], 'query_lang': ['en']}))


@pytest.mark.parametrize(('arguments', 'message'), [
    ({'num_results': 0}, 'num_results is 0'),
    ({'num_results': True}, 'num_results is True'),
    ({'num_results': '10'}, "num_results is '10'"),
    ({'num_results': 2.5}, 'num_results is 2.5'),
    ({'k1': -0.1}, 'k1 is -0.1'),
    ({'k1': float('nan')}, 'k1 is nan'),
    ({'k1': '0.9'}, "k1 is '0.9'"),
    ({'b': 1.1}, 'b is 1.1'),
    ({'b': None}, 'b is None'),
    ({'langs': 'fr'}, "x.bm25 has no 'fr'; its languages are de, en, zh"),
    ({'langs': []}, 'no language chosen'),
    ({'query_lang': 'English'}, "parameter query_lang has the language 'English'"),
])  # fmt: skip
def test_bad_parameters(index, arguments, message):
    with pytest.raises(ValueError, match=message):
        index.bm25(**arguments)


def test_inspection(index):
    assert pt.inspect.transformer_inputs(index.bm25()) == [['qid', 'query', 'query_lang']]
    assert pt.inspect.transformer_inputs(index.bm25(query_lang='en')) == [['qid', 'query']]
    assert pt.inspect.transformer_outputs(index.bm25(), ['qid', 'query', 'query_lang']) == COLUMNS
    assert pt.inspect.transformer_apply_attributes(index.bm25(langs='de'), k1=1.2) == index.bm25(langs='de', k1=1.2)


def test_equality(index):
    assert index.bm25() == index.bm25() == BM25Index(index.path).bm25()
    assert index.bm25(langs=['en', 'de']) == index.bm25(langs=('de', 'en'))
    variants = [
        index.bm25(), index.bm25(5), index.bm25(k1=1.2), index.bm25(b=0.5), index.bm25(langs='de'),
        index.bm25(langs='en'), index.bm25(query_lang='de'), index.bm25(exclude='qid'), index.bm25(separate=False),
    ]  # fmt: skip
    assert len({*variants}) == len(variants) == len({repr(v) for v in variants})


def test_pickling_sends_no_arrays(index):
    retriever = index.bm25(langs='de', query_lang='de')
    before = retriever.search('Haus')
    sent = pickle.dumps(retriever)
    assert len(sent) < 1000
    assert pickle.loads(sent) == retriever
    pd.testing.assert_frame_equal(pickle.loads(sent).search('Haus'), before)


def test_a_rebuilt_index_is_another_one(tmp_path):
    index = BM25Index(tmp_path / 'x', verbose=False).index(DOCUMENTS)
    before = index.bm25(query_lang='en')
    index.indexer(mode='overwrite').index(DOCUMENTS[:1])
    assert index.bm25(query_lang='en') != before
    with pytest.raises(ValueError, match=r'was rebuilt .* call \.bm25\(\) again'):
        before.search('house')
    index.indexer(mode='overwrite').index(DOCUMENTS)
    assert len(before.search('house')) == 2


def test_rank_cutoff_is_fused(index):
    assert (index.bm25() % 2).compile() == index.bm25(2)
    assert index.bm25(2).fuse_rank_cutoff(5) == index.bm25(2)
    nothing = index.bm25() % 0
    assert nothing.compile()(topics(('q', 'house', 'en'))).empty and nothing(topics(('q', 'house', 'en'))).empty


def test_a_grid_has_the_values_of_retrievers_with_its_parameters(index):
    queries, bm25 = topics(('q', 'Haus red', 'de')), index.bm25()
    qrels = pd.DataFrame({'qid': ['q', 'q'], 'docno': ['d1', 'e2'], 'label': [1, 1]})
    langs = ['de', ['en'], ['en', 'de']]
    grid = pt.GridScan(bm25, {bm25: {'langs': langs}}, queries, qrels, [pt.measures.R @ 10])
    assert grid['R@10'].tolist() == [0.5, 0.5, 1.0]
    assert bm25 == index.bm25(langs=langs[-1])
    with pytest.raises(ValueError, match='num_results is 0'):
        bm25.set_parameter('num_results', 0)
    with pytest.raises(ValueError, match='b is 2'):
        bm25.set_parameter('b', 2)


def test_experiment_shares_nothing_between_languages(index):
    qrels = pd.DataFrame({'qid': ['q', 'q'], 'docno': ['d1', 'e2'], 'label': [1, 1]})
    table = pt.Experiment(
        [index.bm25(langs='de'), index.bm25(langs='en'), index.bm25()], topics(('q', 'Haus red', 'de')), qrels,
        [pt.measures.R @ 10], plan='tree', names=['de', 'en', 'all'],
    )  # fmt: skip
    assert table['R@10'].tolist() == [0.5, 0.5, 1.0]


def test_real_german(data_root, tmp_path):
    """The pool restricted to German is bm25s on German alone, bit for bit, and finds what it found before."""
    both = {lang: ir_datasets.load(f'xquad-r/{lang}/{lang}') for lang in ('de', 'en')}
    documents = [
        {'docno': d.doc_id, 'text': d.text, 'lang': d.lang} for lang in both for d in both[lang].docs_iter()
    ]
    index = BM25Index(tmp_path / 'x', verbose=False).index(documents)
    queries = topics(*((q.query_id, q.query, q.query_lang) for q in both['de'].queries_iter()))
    run = index.bm25(langs='de', separate=False)(queries)
    found_separated = dict(iter(index.bm25(langs='de')(queries).groupby('qid')))

    german = [d for d in documents if d['lang'] == 'de']
    oracle = bm25s.BM25(k1=0.9, b=0.4, method='lucene')
    oracle.index([analyse(d['text'], 'de') for d in german], show_progress=False)
    row = {d['docno']: i for i, d in enumerate(german)}
    found = dict(iter(run.groupby('qid')))
    for qid, query, _ in queries.head(200).itertuples(index=False):
        scores = oracle.get_scores_from_ids(oracle.get_tokens_ids(analyse(query, 'de')))
        rows = found[qid]
        assert len(rows) == min(1000, (scores > 0).sum())
        assert np.array_equal(rows['score'].to_numpy(), scores[[row[docno] for docno in rows['docno']]])
        separated = separate(rows['score'].to_numpy())
        assert np.array_equal(found_separated[qid]['score'].to_numpy(), separated) and (np.diff(separated) < 0).all()

    ranked = {qid: dict(zip(rows['docno'], -rows['rank'])) for qid, rows in found.items()}
    assert ir_measures.calc_aggregate([ir_measures.AP], both['de'].qrels_iter(), ranked)[ir_measures.AP] > 0.75

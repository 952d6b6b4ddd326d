"""The exact retriever: its runs, its restriction to languages, and its place in pipelines."""
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest

from pyterrier_hybrid.indexing import MultilingualIndex, exact_scores


@pytest.fixture
def topics(encoder) -> pd.DataFrame:
    """Three topics, not in the order of their ids, with a column of their own."""
    frame = pd.DataFrame({
        'qid': ['q3', 'q1', 'q2'],
        'query': ['de passage 3', 'th passage 1', 'a question'],
        'query_lang': ['de', 'th', 'en'],
        'mood': [1, 2, 3],
    })
    return encoder.query_encoder()(frame)


def naive(topics, docs, k):
    """Rows (qid, docno, score, rank, doc_lang) by sorting every document."""
    rows = []
    for qid, vector in zip(topics['qid'], topics['query_vec']):
        scores = exact_scores(vector[None], np.stack([doc['doc_vec'] for doc in docs]))[0]
        best = sorted(zip(scores, docs), key=lambda pair: (-pair[0], pair[1]['docno']))[:k]
        rows += [(qid, doc['docno'], score, rank, doc['lang']) for rank, (score, doc) in enumerate(best)]
    return rows


def rows(run):
    return list(run[['qid', 'docno', 'score', 'rank', 'doc_lang']].itertuples(index=False, name=None))


@pytest.mark.parametrize('k', [1, 2, 7, 8, 89, 90, 1000])
def test_runs_are_everything_sorted(build, docs, topics, k):
    assert rows(build(docs).retriever(k)(topics)) == naive(topics, docs, k)


def test_columns_and_dtypes(build, docs, topics):
    index = build(docs)
    run = index.retriever(2)(topics)
    assert list(run.columns) == [
        'qid', 'query', 'query_lang', 'mood', 'query_vec', 'docno', 'docid', 'score', 'rank', 'doc_lang'
    ]  # fmt: skip
    assert run.index.tolist() == list(range(6))
    assert run['mood'].tolist() == [1, 1, 2, 2, 3, 3]
    assert [docs[docid]['docno'] for docid in run['docid']] == run['docno'].tolist()
    assert {c: str(run.dtypes[c]) for c in ('docid', 'score', 'rank')} == {
        'docid': 'int64', 'score': 'float32', 'rank': 'int64',
    }  # fmt: skip
    assert all(isinstance(x, str) for x in [*run['docno'], *run['doc_lang']])
    assert 'query_vec' not in index.retriever(2, drop_query_vec=True)(topics)


@pytest.mark.parametrize('langs', [None, 'de'])
@pytest.mark.parametrize('drop', [False, True])
def test_no_topics_give_an_empty_run_of_the_same_columns(build, docs, topics, langs, drop):
    retriever = build(docs).retriever(5, langs=langs, drop_query_vec=drop)
    pd.testing.assert_series_equal(retriever(topics.iloc[:0]).dtypes, retriever(topics).dtypes)
    assert len(retriever(topics.iloc[:0])) == 0


def test_the_frames_index_and_order_do_not_matter(build, docs, topics):
    retriever = build(docs).retriever(5)
    turned = topics.iloc[::-1].set_index(pd.Index([7, 7, 7]))
    assert sorted(rows(retriever(turned))) == sorted(rows(retriever(topics)))
    assert retriever(turned)['qid'].unique().tolist() == ['q2', 'q1', 'q3']


@pytest.mark.parametrize('langs', ['de', ['de'], ['th', 'en'], {'en', 'de', 'th'}, ('de', 'de')])
def test_some_languages_are_an_index_of_those_alone(build, docs, topics, langs):
    chosen = {langs} if isinstance(langs, str) else set(langs)
    alone = build([doc for doc in docs if doc['lang'] in chosen], 'alone.flex')
    for k in (1, 5, 1000):
        restricted = build(docs, f'{k}.flex').retriever(k, langs=langs)(topics)
        assert rows(restricted) == rows(alone.retriever(k)(topics))


def test_scores_do_not_depend_on_the_other_documents(tmp_path):
    """Where plain float32 products differ in the last digit between the two indexes."""
    rng = np.random.default_rng(0)
    docs = [
        {'docno': f'd{i:04}', 'lang': ('de', 'en', 'th')[i % 3], 'doc_vec': rng.standard_normal(100, np.float32)}
        for i in range(2000)
    ]
    topics = pd.DataFrame({'qid': ['1', '2', '3'], 'query_vec': list(rng.standard_normal((3, 100), np.float32))})
    whole = MultilingualIndex(tmp_path / 'whole', verbose=False).index(docs)
    alone = MultilingualIndex(tmp_path / 'alone', verbose=False).index(d for d in docs if d['lang'] == 'en')
    for k in (10, 1000):
        together = whole.retriever(k, langs='en')(topics)
        assert rows(together) == rows(alone.retriever(k)(topics))
        assert rows(together) == [r for i in range(3) for r in rows(alone.retriever(k)(topics.iloc[[i]]))]
        assert rows(whole.retriever(k, device='cpu')(topics)) == rows(whole.retriever(k)(topics))


def test_one_document_and_one_result(build, docs, topics):
    run = build(docs[:1]).retriever(1)(topics)
    assert run['docno'].tolist() == ['th/0'] * 3
    assert all(isinstance(x, float) for x in run['score'].tolist())


@pytest.mark.parametrize('options, message', [
    ({'num_results': 0}, 'num_results is 0; it is a number of results per query, at least 1'),
    ({'num_results': 2.5}, 'num_results is 2.5'),
    ({'num_results': True}, 'num_results is True'),
    ({'num_results': None}, 'num_results is None'),
    ({'langs': 'fr'}, "x.flex has no 'fr'; its languages are de, en, th"),
    ({'langs': ['de', 'xx']}, "has no 'xx'"),
    ({'langs': []}, 'no language chosen for the index at'),
])  # fmt: skip
def test_bad_options(build, docs, options, message):
    with pytest.raises(ValueError, match=message):
        build(docs).retriever(**options)


@pytest.mark.parametrize('vector, message', [
    (np.ones(7), "the vector of query 'q1' has 7 dimensions, those of the index at .*x.flex have 8: the encoder"),
    (np.ones((1, 8)), r"query 'q1' has the shape \(1, 8\)"),
    (np.array([np.nan] * 8), "the vector of query 'q1' has a value that is not finite"),
    (np.array([np.inf] * 8), 'not finite'),
])  # fmt: skip
def test_bad_query_vectors(build, docs, topics, vector, message):
    topics['query_vec'] = [topics['query_vec'][0], vector, topics['query_vec'][2]]
    with pytest.raises(ValueError, match=message):
        build(docs).retriever()(topics)


def test_topics_without_vectors_are_refused(build, docs, topics):
    with pytest.raises(pt.validate.InputValidationError, match='query_vec'):
        build(docs).retriever()(topics.drop(columns='query_vec'))


def test_retrievers_are_equal_if_their_runs_are(build, docs, tmp_path):
    index, other = build(docs), build(docs[:60], 'other.flex')
    same = MultilingualIndex(tmp_path / 'x.flex' / '..' / 'x.flex', verbose=False)
    retriever = index.retriever(5, langs=['th', 'de'])
    for equal in (index.retriever(5, langs=('de', 'th', 'de')), same.retriever(5, langs=['th', 'de'])):
        assert (retriever, hash(retriever)) == (equal, hash(equal))
    for different in (
        index.retriever(6, langs=['th', 'de']),
        index.retriever(5, langs=['de']),
        index.retriever(5),
        index.retriever(5, langs=['th', 'de'], drop_query_vec=True),
        other.retriever(5, langs=['th', 'de']),
        index.np_retriever(num_results=5),
    ):
        assert retriever != different


def test_equality_tells_languages_given_to_a_plain_index_apart(build, docs):
    plain = build(docs).index_path
    meta = plain / 'pt_meta.json'
    meta.write_text('{"type": "dense_index", "format": "flex", "vec_size": 8, "doc_count": 90}')
    one, other = (MultilingualIndex(plain, langs=[lang] * 45 + ['en'] * 45, verbose=False) for lang in ('de', 'th'))
    assert one.retriever() != other.retriever()
    assert one.retriever() == MultilingualIndex(plain, langs=['de'] * 45 + ['en'] * 45).retriever()


def test_a_cutoff_becomes_the_depth(build, docs, topics):
    retriever = build(docs).retriever(50, langs='de', drop_query_vec=True)
    assert (retriever % 10).compile() == retriever.fuse_rank_cutoff(10)
    assert rows((retriever % 10)(topics)) == rows((retriever % 10).compile()(topics))
    assert retriever.fuse_rank_cutoff(50) is retriever.fuse_rank_cutoff(0) is None


def test_pyterrier_can_inspect_it(tmp_path, encoder, build, docs):
    for index in (MultilingualIndex(tmp_path / 'not built yet', verbose=False), build(docs)):
        retriever = index.retriever(10)
        pipeline = encoder.query_encoder() >> retriever >> pt.apply.doc_score(lambda row: -row['rank'])
        assert pt.inspect.transformer_inputs(retriever) == [['qid', 'query_vec']]
        assert set(pt.inspect.transformer_outputs(pipeline, ['qid', 'query', 'query_lang'])) == {
            'qid', 'query', 'query_lang', 'query_vec', 'docno', 'docid', 'score', 'rank', 'doc_lang',
        }  # fmt: skip
        assert pt.inspect.subtransformers(retriever) == {}
        assert pt.inspect.transformer_apply_attributes(retriever, num_results=3) == index.retriever(3)


def test_a_retriever_of_an_index_that_is_not_there(tmp_path, topics):
    retriever = MultilingualIndex(tmp_path / 'x.flex').retriever(langs='de')
    with pytest.raises(FileNotFoundError, match=r'there is no index at .*x.flex; build one with'):
        retriever(topics)


@pytest.mark.parametrize('plan', ['linear', 'tree'])
def test_in_an_experiment(build, docs, encoder, make_encoder, plan):
    index = build(docs)
    topics = pd.DataFrame({'qid': ['q1', 'q2'], 'query': ['de passage 3', 'th passage 1']})
    qrels = pd.DataFrame({'qid': ['q1', 'q2'], 'docno': ['de/3', 'th/1'], 'label': [1, 1]})
    systems = {
        'all': encoder.query_encoder() >> index.retriever(20),
        'top': encoder.query_encoder() >> index.retriever(20) % 1,
        'german': encoder.query_encoder() >> index.retriever(20, langs='de'),
        'other': make_encoder('another').query_encoder() >> index.retriever(20),
    }
    result = pt.Experiment(
        list(systems.values()), topics, qrels, ['recip_rank', 'num_rel_ret'], names=list(systems), plan=plan
    )
    found = {row['name']: (row['recip_rank'], row['num_rel_ret']) for row in result.to_dict('records')}
    expected = {}
    for name, system in systems.items():
        run = system(topics).merge(qrels, on=['qid', 'docno'])
        expected[name] = len(run)
    assert {name: values[1] for name, values in found.items()} == expected
    assert found['german'][1] == 1 and found['all'][1] == 2

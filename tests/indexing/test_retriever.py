"""The exact retriever: its runs, its restriction to languages, and its place in pipelines."""
import ir_measures
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest

from pyterrier_hybrid.indexing import MultilingualIndex, exact_scores

TINY = np.finfo(np.float32).tiny


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


def naive(topics, docs, k, *, separate=True, exclude=None):
    """Rows (qid, docno, score, rank, doc_lang) by sorting every document; each score is below the one before it."""
    rows = []
    for topic in topics.to_dict('records'):
        searched = [doc for doc in docs if doc['docno'] != topic.get(exclude)]
        scores = exact_scores(topic['query_vec'][None], np.stack([doc['doc_vec'] for doc in searched]))[0]
        best = sorted(zip(scores, searched), key=lambda pair: (-pair[0], pair[1]['docno']))[:k]
        last = np.float32(np.inf)
        for rank, (score, doc) in enumerate(best):
            below = {0: -TINY, TINY: 0}.get(last, np.nextafter(last, np.float32(-np.inf)))  # no subnormal numbers
            last = min(score, np.float32(below)) if separate else score
            rows.append((topic['qid'], doc['docno'], last, rank, doc['lang']))
    return rows


def rows(run):
    return list(run[['qid', 'docno', 'score', 'rank', 'doc_lang']].itertuples(index=False, name=None))


@pytest.mark.parametrize('k', [1, 2, 7, 8, 89, 90, 1000])
def test_runs_are_everything_sorted(build, docs, topics, k):
    assert rows(build(docs).retriever(k)(topics)) == naive(topics, docs, k)


def test_equal_scores_stay_equal_where_they_are_not_separated(build, docs, topics):
    retriever = build(docs).retriever(20, separate=False)
    assert rows(retriever(topics)) == naive(topics, docs, 20, separate=False) != naive(topics, docs, 20)
    assert retriever != retriever.index.retriever(20)


@pytest.mark.parametrize('ascending', [True, False])
def test_every_evaluator_orders_a_run_as_we_do(build, docs, topics, ascending):
    """trec_eval breaks ties by docno descending, others by the order of the frame; there are none to break."""
    run = build(docs).retriever(90)(topics).sort_values('docno', ascending=ascending)
    places = {(row.qid, row.docno): row.rank + 1 for row in run.itertuples()}
    qrels = pd.DataFrame({'qid': ['q3', 'q1', 'q2'], 'docno': ['de/23', 'th/21', 'en/7'], 'label': 1})
    measured = run.rename(columns={'qid': 'query_id', 'docno': 'doc_id'})
    judged = qrels.rename(columns={'qid': 'query_id', 'docno': 'doc_id', 'label': 'relevance'})
    for measure in (ir_measures.RR, ir_measures.AP, ir_measures.parse_measure('RR(judged_only=False)')):
        for found in ir_measures.iter_calc([measure], judged, measured):
            docno = qrels.set_index('qid').loc[found.query_id, 'docno']
            assert found.value == pytest.approx(1 / places[found.query_id, docno])


@pytest.mark.parametrize('k', [1, 20, 89, 90, 1000])
def test_a_question_that_is_a_passage_is_left_out_of_its_own_ranking(build, docs, topics, k):
    topics['own'] = ['de/3', 'no such passage', None]
    index = build(docs)
    run = index.retriever(k, exclude='own')(topics)
    assert rows(run) == naive(topics, docs, k, exclude='own')
    assert len(run) == 2 * min(k, 90) + min(k, 89)
    assert 'de/3' not in run['docno'][run['qid'] == 'q3'].tolist()
    topics['qid'] = ['de/3', 'th/1', 'en/2']
    assert rows(index.retriever(k, exclude='qid')(topics)) == naive(topics, docs, k, exclude='qid')
    german = [doc for doc in docs if doc['lang'] == 'de']
    assert rows(index.retriever(k, exclude='qid', langs='de')(topics)) == naive(topics, german, k, exclude='qid')
    assert pt.inspect.transformer_inputs(index.retriever(exclude='own')) == [['qid', 'query_vec', 'own']]
    assert index.retriever(exclude='own') != index.retriever()


def test_a_query_without_a_vector_gets_no_results(build, docs, topics):
    retriever = build(docs).retriever(5)
    expected = retriever(topics.drop(index=1))
    topics['query_vec'] = [topics['query_vec'][0], None, topics['query_vec'][2]]
    with pytest.warns(UserWarning, match=r"1 queries have no vector, such as 'q1', and get no results"):
        pd.testing.assert_frame_equal(retriever(topics), expected)
    with pytest.warns(UserWarning, match='q1'):
        assert retriever(topics[topics['qid'] == 'q1']).columns.tolist() == expected.columns.tolist()


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
    (np.ones(8) * 1j, "the vector of query 'q1' is not a vector of real numbers"),
    ('vector', "the vector of query 'q1' is not a vector of real numbers"),
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
    plain = build(docs).path / 'flex'
    one, other = (MultilingualIndex(plain, doc_langs=[lang] * 45 + ['en'] * 45, verbose=False) for lang in ('de', 'th'))
    assert one.retriever() != other.retriever()
    assert one.retriever() == MultilingualIndex(plain, doc_langs=['de'] * 45 + ['en'] * 45).retriever()


def test_a_cutoff_becomes_the_depth(build, docs, topics):
    retriever = build(docs).retriever(50, langs='de', drop_query_vec=True)
    assert (retriever % 10).compile() == retriever.fuse_rank_cutoff(10)
    assert rows((retriever % 10)(topics)) == rows((retriever % 10).compile()(topics))
    assert retriever.fuse_rank_cutoff(50) is retriever.fuse_rank_cutoff(0) is None


@pytest.mark.parametrize('langs', ['de', ['th', 'en'], None])
def test_a_parameter_that_is_set_is_one_that_was_given(build, docs, topics, langs):
    index = build(docs)
    retriever = index.retriever(7, langs='en')
    retriever.set_parameter('langs', langs)
    given = index.retriever(7, langs=langs)
    assert retriever == given and hash(retriever) == hash(given)
    pd.testing.assert_frame_equal(retriever(topics), given(topics))
    with pytest.raises(ValueError, match='num_results is 0; it is a number of results'):
        retriever.set_parameter('num_results', 0)
    assert retriever == given


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


def test_a_device_that_cannot_be_used_is_refused_at_once(build, docs):
    index = build(docs)
    for device in ('nope', 'cuda:99'):
        with pytest.raises(ValueError, match=f"the device '{device}' cannot be used .*; give another one, such as cpu"):
            index.retriever(device=device)


def test_a_retriever_of_an_index_that_is_not_there(tmp_path, topics):
    retriever = MultilingualIndex(tmp_path / 'x.flex').retriever(langs='de')
    with pytest.raises(FileNotFoundError, match=r'there is no index at .*x.flex; build one with'):
        retriever(topics)


def test_numbers_are_no_docnos_to_exclude(build, docs, topics):
    retriever = build([{**doc, 'docno': str(i)} for i, doc in enumerate(docs)]).retriever(90, exclude='own')
    assert len(retriever(topics.assign(own=['3', None, float('nan')]))) == 89 + 2 * 90
    with pytest.raises(ValueError, match=r"the column own has 3 for query 'q3', and docnos are texts: .*astype\(str\)"):
        retriever(topics.assign(own=[3, 4, 5]))
    numbered = topics.assign(qid=[0, 1, 2])
    with pytest.raises(ValueError, match='the column qid has 0 for query 0, and docnos are texts'):
        retriever.index.retriever(exclude='qid')(numbered)
    assert len(retriever.index.retriever(5)(numbered)) == 15


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

"""Re-ranking by indexed vectors: the exact retriever's scores and order, for the results of another one."""
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest


@pytest.fixture
def topics(encoder) -> pd.DataFrame:
    frame = pd.DataFrame({'qid': ['q3', 'q1'], 'query': ['de passage 3', 'th passage 1'], 'query_lang': ['de', 'th']})
    return encoder.query_encoder()(frame)


def test_re_ranking_everything_is_retrieving(build, docs, topics):
    index = build(docs)
    run = index.retriever()(topics)
    shuffled = run.sample(frac=1, random_state=0).sort_values('qid', ascending=False, kind='stable')
    found = index.scorer()(shuffled.drop(columns=['score', 'rank', 'docid', 'doc_lang']))
    pd.testing.assert_frame_equal(found[run.columns.drop('docid')], run.drop(columns='docid'))


def test_subnormal_scores_are_equal_for_both(build, topics):
    """1 and 2 times 1e-39 are no normal numbers; both give 0, and docnos decide."""
    index = build([{'docno': docno, 'lang': 'de', 'doc_vec': np.array([x, 0], np.float32)}
                   for docno, x in (('a', 1e-20), ('b', 3e-20), ('c', 2e-20), ('d', 1))])  # fmt: skip
    asked = topics.iloc[:1].assign(query_vec=[np.array([1e-19, 0], np.float32)])
    run = index.retriever()(asked)
    assert run['docno'].tolist() == ['d', 'a', 'b', 'c']
    pd.testing.assert_frame_equal(index.scorer()(run), run)


def test_columns_of_the_first_stage_are_kept_and_its_docids_not_read(build, docs, topics):
    """Another index has docids of its own; those of this one take their place."""
    index = build(docs)
    run = index.retriever(5)(topics)
    first = run.assign(docid=0, mood='kept')
    found = index.scorer()(first)
    assert found['docno'].tolist() == first['docno'].tolist() and found['mood'].unique().tolist() == ['kept']
    assert found['docid'].tolist() == run['docid'].tolist()


def test_a_union_or_a_sum_has_vectors_in_the_rows_of_one_run_alone(build, docs, topics):
    index = build(docs)
    lexical = pd.DataFrame({'qid': ['q1', 'q3'], 'docno': ['de/1', 'en/1'], 'score': 9.0, 'rank': 0})
    lexical = pt.Transformer.from_df(lexical)
    both = pd.concat([index.retriever(5)(topics), lexical(topics[['qid']]).merge(topics)])
    whole = index.scorer()(both.drop_duplicates(['qid', 'docno']))
    for pipeline in (index.retriever(5) | lexical, lexical | index.retriever(5), index.retriever(5) + lexical):
        found = (pipeline >> index.scorer())(topics).sort_values(['qid', 'rank'])
        expected = whole.sort_values(['qid', 'rank'])
        assert found[['qid', 'docno', 'score']].to_dict('list') == expected[['qid', 'docno', 'score']].to_dict('list')
    with pytest.raises(ValueError, match="query 'q1' has no vector; encode the queries"):
        index.scorer()(both.assign(query_vec=both['query_vec'].where(both['qid'] != 'q1', None)))


@pytest.mark.parametrize('frame', [pd.DataFrame(), pd.DataFrame({'query': pd.Series(dtype=object)})])
def test_no_results_give_none(build, docs, topics, frame):
    index = build(docs)
    run = index.retriever(5)(topics)
    found = index.scorer()(run.iloc[:0])
    assert len(found) == 0 and found.dtypes.equals(index.scorer()(run).dtypes)


def test_bad_results(build, docs, topics):
    scorer = build(docs).scorer()
    run = scorer.index.retriever(2)(topics)
    with pytest.raises(KeyError, match="no document 'nowhere'"):
        scorer(run.assign(docno='nowhere'))
    with pytest.raises(ValueError, match="vector of query 'q3' has 7 dimensions"):
        scorer(run.assign(query_vec=[np.ones(7, np.float32)] * len(run)))


def test_a_question_in_two_languages_is_two_rankings(build, docs, topics):
    """The second one's documents were scored with the first one's vector."""
    index = build(docs)
    run = index.retriever(5)(topics)
    with pytest.raises(ValueError, match="the results have query 'q' in de and th, which are several rankings"):
        index.scorer()(run.assign(qid='q'))
    unknown = run.assign(query_lang=run['query_lang'].where(run['rank'] == 0))
    assert len(index.scorer()(unknown)) == 10


def test_pyterrier_can_inspect_it(build, docs, encoder):
    scorer = build(docs).scorer()
    assert pt.inspect.transformer_inputs(scorer) == [['qid', 'docno', 'query_vec']]
    assert set(pt.inspect.transformer_outputs(scorer, ['qid', 'docno', 'query_vec'])) == {
        'qid', 'docno', 'query_vec', 'score', 'rank', 'doc_lang',
    }  # fmt: skip
    assert scorer == scorer.index.scorer() and scorer != build(docs[1:], 'y').scorer()


def test_an_index_that_is_replaced_meanwhile_is_read_as_it_was(build, docs, topics, replace_when_opened):
    """The new index has the same documents in another order: their docids have changed, their scores have not."""
    index = build(docs)
    run = index.retriever(5)(topics)
    new = type(index)(index.path, verbose=False).indexer(mode='overwrite')
    replace_when_opened(index, lambda: new.index(docs[::-1]))
    pd.testing.assert_frame_equal(index.scorer()(run), run)

"""The encoder in pipelines."""
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest
from ir_measures import AP, RR
from pyterrier_dr import FlexIndex

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.batching import WINDOW


@pytest.fixture(scope='module')
def encoder(xlmr):
    return HybridEncoder(xlmr, device='cpu', normalize=True)


def test_queries_are_encoded_once_each_and_columns_stay(encoder, monkeypatch):
    frame = pd.DataFrame({'qid': ['1', '2', '3'], 'query': ['b', 'a', 'b'], 'query_lang': ['de', 'en', 'de']})
    seen = []
    encode = encoder.encode_queries
    monkeypatch.setattr(encoder, 'encode_queries', lambda texts, **kw: seen.append(list(texts)) or encode(texts, **kw))
    out = encoder.query_encoder()(frame)
    assert seen == [['b', 'a']]
    assert out.drop(columns='query_vec').equals(frame)
    assert np.array_equal(np.stack(out['query_vec']), encode(['b', 'a', 'b']))


def test_documents(encoder):
    frame = pd.DataFrame({'docno': ['1', '2'], 'text': ['long ' * 30, ''], 'lang': ['de', 'en']})
    out = encoder.doc_encoder()(frame)
    assert out.drop(columns='doc_vec').equals(frame)
    assert np.array_equal(np.stack(out['doc_vec']), encoder.encode_docs(frame['text']))


def test_a_run_is_scored_by_its_texts_whatever_encoder_retrieved_it(encoder):
    run = pd.DataFrame({'qid': ['1', '1', '2'], 'query': ['Faust', 'Faust', 'a'], 'docno': ['d', 'e', 'd'], 'rank': 0})
    run = run.assign(text=['Goethe', 'Weimar', 'Goethe'], score=0.0)
    of_another = run.assign(query_vec=[np.ones(encoder.dimension, np.float32)] * 3)
    expected = (encoder.encode_queries(run['query']) * encoder.encode_docs(run['text'])).sum(axis=1)
    for scored in (encoder.scorer()(of_another), encoder.scorer()(run), encoder(of_another)):
        np.testing.assert_allclose(scored.sort_index()['score'], expected, atol=1e-6)
    vectors = encoder.doc_encoder()(of_another)
    sums = encoder.encode_docs(run['text']).sum(axis=1)
    np.testing.assert_allclose(encoder.scorer()(vectors).sort_index()['score'], sums, atol=1e-6)


def test_another_text_field(xlmr):
    encoder = HybridEncoder(xlmr, device='cpu', text_field='body')
    assert 'doc_vec' in encoder.doc_encoder()(pd.DataFrame({'docno': ['1'], 'body': ['x']}))
    with pytest.raises(pt.validate.InputValidationError, match="no column 'body' to encode; the input has docno, text"):
        encoder.doc_encoder()(pd.DataFrame({'docno': ['1'], 'text': ['x']}))


@pytest.mark.parametrize('query', [None, 3, 'half \ud83d'])
def test_a_bad_query_is_named_by_its_qid(encoder, query):
    rows = [{'qid': 'q1', 'query': 'a'}, {'qid': 'q2', 'query': query}]
    with pytest.raises(ValueError, match="query 'q2' "):
        encoder.query_encoder()(rows)
    with pytest.raises(ValueError, match="query 'q2' "):
        encoder.query_encoder()(pd.DataFrame(rows, dtype=object))


def test_an_empty_query_gets_no_results_and_the_others_get_theirs(encoder, tmp_path):
    topics = pd.DataFrame({'qid': ['1', '2', '3'], 'query': ['a', ' ', 'b']})
    with pytest.warns(UserWarning, match=r"1 of 3 queries are empty .*'2'"):
        out = encoder.query_encoder()(topics)
    assert out['qid'].tolist() == ['1', '3']
    index = FlexIndex(str(tmp_path / 'x.flex'), verbose=False)
    (encoder.doc_encoder() >> index).index([{'docno': 'd1', 'text': 'a'}, {'docno': 'd2', 'text': 'b'}])
    qrels = pd.DataFrame({'qid': ['1', '2', '3'], 'docno': ['d1', 'd1', 'd2'], 'label': 1})
    pipeline = encoder.query_encoder() >> index.np_retriever(num_results=2)
    with pytest.warns(UserWarning, match='queries are empty'):
        table = pt.Experiment([pipeline], topics, qrels, [RR], perquery=True)
    assert dict(zip(table['qid'], table['value'])) == {'1': 1, '2': 0, '3': 1}


def test_rows_that_are_dicts_give_what_a_frame_gives(encoder):
    rows = [{'docno': str(i), 'text': text, 'n': i} for i, text in enumerate(['a', 'b c', ''])]
    frame = encoder.doc_encoder()(pd.DataFrame(rows))
    streamed = encoder.doc_encoder()(rows)
    assert [{k: v for k, v in row.items() if k != 'doc_vec'} for row in streamed] == rows
    assert np.array_equal([row['doc_vec'] for row in streamed], np.stack(frame['doc_vec']))
    queries = [{'qid': '1', 'query': 'a'}, {'qid': '2', 'query': 'b'}, {'qid': '3', 'query': 'a'}]
    vectors = np.stack(encoder.query_encoder()(pd.DataFrame(queries))['query_vec'])
    assert np.array_equal([row['query_vec'] for row in encoder.query_encoder()(iter(queries))], vectors)


def test_a_bad_document_is_named_by_its_docno(encoder):
    with pytest.raises(ValueError, match="document 'd1' is not a string but NoneType"):
        encoder.doc_encoder()(pd.DataFrame({'docno': ['d1'], 'text': [None]}))


def test_no_rows(encoder):
    out = encoder.query_encoder()(pd.DataFrame({'qid': [], 'query': []}))
    assert (len(out), 'query_vec' in out) == (0, True)


def test_pipelines_know_their_columns(encoder):
    assert pt.inspect.transformer_inputs(encoder.doc_encoder()) == [['docno', 'text'], ['text']]
    assert pt.inspect.transformer_inputs(encoder.query_encoder()) == [['qid', 'query'], ['query']]
    assert pt.inspect.transformer_outputs(encoder.query_encoder(), ['qid', 'query']) == ['qid', 'query', 'query_vec']


def test_an_indexing_pipeline_hands_over_whole_windows(encoder, tmp_path, monkeypatch):
    sizes = []

    def encode(texts, **kwargs):
        sizes.append(len(texts))
        return np.ones((len(texts), 4), dtype=np.float32)

    monkeypatch.setattr(encoder, 'encode_docs', encode)
    index = FlexIndex(str(tmp_path / 'x.flex'), verbose=False)
    (encoder.doc_encoder() >> index).index({'docno': str(i), 'text': 'x'} for i in range(WINDOW + 10))
    assert sizes == [WINDOW, 10]


def test_an_experiment(xlmr, encoder, texts, tmp_path):
    """Each text is a query for itself: the cosine of a text with itself is 1. plan='tree' must not mix encoders up."""
    docs = [{'docno': f'd{i}', 'text': text} for i, text in enumerate(texts)]
    topics = pd.DataFrame({'qid': [str(i) for i in range(len(texts))], 'query': texts})
    qrels = pd.DataFrame({'qid': topics['qid'], 'docno': [doc['docno'] for doc in docs], 'label': 1})
    index = FlexIndex(str(tmp_path / 'x.flex'), verbose=False)
    (encoder.doc_encoder() >> index).index(docs)
    other = HybridEncoder(xlmr, device='cpu', normalize=True, query_prefix='Naturforscher Dichter Politiker ' * 5)
    retriever = index.np_retriever(num_results=5)
    systems = [e.query_encoder() >> retriever for e in (encoder, other)]
    separate, shared = (
        pt.Experiment(systems, topics, qrels, [AP, RR], names=['same', 'other'], **options)
        for options in ({}, {'plan': 'tree'})
    )
    assert separate.loc[0, 'AP'] == separate.loc[0, 'RR'] == 1
    assert separate.loc[1, 'AP'] < 1
    assert shared.equals(separate)

"""The language of each document, for runs that do not have it; with both indexes."""
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest

from pyterrier_hybrid import BM25Index, MultilingualIndex

DOCS = [
    {'docno': 'x', 'text': 'haus', 'lang': 'de', 'doc_vec': np.ones(2)},
    {'docno': 'a', 'text': 'house', 'lang': 'en', 'doc_vec': np.ones(2)},
]


@pytest.fixture(params=[MultilingualIndex, BM25Index])
def index(request, tmp_path):
    return request.param(tmp_path / 'x', verbose=False).index(DOCS)


def test_languages_by_docno(index):
    assert index.langs_by_docno() == {'x': 'de', 'a': 'en'}


def test_a_run_gets_its_languages(index):
    run = pd.DataFrame({'qid': ['1', '1', '2'], 'docno': ['a', 'x', 'a'], 'score': [3.0, 2.0, 1.0]}, index=[5, 6, 7])
    found = index.add_doc_lang()(run)
    assert found['doc_lang'].tolist() == ['en', 'de', 'en']
    pd.testing.assert_frame_equal(found.drop(columns='doc_lang'), run)
    assert index.add_doc_lang()(run.iloc[:0]).columns.tolist() == ['qid', 'docno', 'score', 'doc_lang']
    with pytest.raises(ValueError, match="no document 'b'"):
        index.add_doc_lang()(run.assign(docno='b'))


def test_in_a_pipeline(index):
    run = pd.DataFrame({'qid': ['1'], 'query': ['q'], 'docno': ['a'], 'score': [3.0], 'rank': [0]})
    pipeline = pt.Transformer.from_df(run) >> index.add_doc_lang()
    assert pipeline(run[['qid', 'query']].drop_duplicates())['doc_lang'].tolist() == ['en']
    assert pt.inspect.transformer_inputs(index.add_doc_lang()) == [['docno']]
    assert index.add_doc_lang() == type(index)(index.path).add_doc_lang()

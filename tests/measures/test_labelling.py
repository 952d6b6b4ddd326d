"""doc_lang for the runs of other retrievers."""
import pandas as pd
import pyterrier as pt
import pytest

from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.measures import AWRF, AddDocLang, Languages

RUN = pd.DataFrame({'qid': ['q', 'q'], 'docno': ['b', 'a'], 'score': [2.0, 1.0], 'rank': [0, 1]}, index=[7, 3])
LANGS = {'a': 'de', 'b': 'en', 'c': 'th'}


def test_each_document_gets_its_language():
    found = AddDocLang(LANGS)(RUN)
    assert found['doc_lang'].tolist() == ['en', 'de']
    pd.testing.assert_frame_equal(found[RUN.columns.tolist()], RUN)
    assert 'doc_lang' not in RUN


def test_the_languages_come_from_an_index(tmp_path):
    index = MultilingualIndex(tmp_path / 'x', verbose=False)
    index.index([{'docno': docno, 'lang': lang, 'doc_vec': [1.0, 2.0]} for docno, lang in LANGS.items()])
    assert AddDocLang(index) == AddDocLang(Languages(LANGS)) != AddDocLang({'a': 'de'})
    assert hash(AddDocLang(index)) == hash(AddDocLang(LANGS))


def test_a_measure_that_needs_them_has_them():
    qrels = pd.DataFrame({'qid': ['q'], 'docno': ['a'], 'label': [1], 'iteration': ['de']})
    topics = pd.DataFrame({'qid': ['q'], 'query': ['x']})
    retriever = pt.Transformer.from_df(RUN)
    found = pt.Experiment([retriever >> AddDocLang(LANGS)], topics, qrels, [AWRF @ 2])
    assert 0 < found['AWRF@2'][0] < 1
    with pytest.raises(ValueError, match='doc_lang'):
        pt.Experiment([retriever], topics, qrels, [AWRF @ 2])


def test_an_empty_run_has_the_column_and_pipelines_can_be_inspected():
    label = AddDocLang(LANGS)
    assert list(label(RUN.iloc[:0])) == [*RUN, 'doc_lang']
    assert 'doc_lang' in pt.inspect.transformer_outputs(label, ['qid', 'docno', 'score', 'rank'])


def test_an_unknown_document_is_named():
    with pytest.raises(ValueError, match=r"Languages\(1 documents, .*\) has no document 'b'; give those"):
        AddDocLang({'a': 'de'})(RUN)
    with pytest.raises(KeyError, match='docno'):
        AddDocLang(LANGS)(RUN[['qid']])

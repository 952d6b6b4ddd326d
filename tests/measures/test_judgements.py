from collections import namedtuple

import ir_measures
import pandas as pd
import pytest

from pyterrier_hybrid.measures.judgements import read_judgements

COLUMNS = ['query_id', 'doc_id', 'relevance', 'iteration', 'query_lang']


def frame(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)


def test_rows_come_in_query_order_with_their_languages():
    j = read_judgements(frame(('q2', 'a', 1, 'de', 'en'), ('q1', 'b', 0, '0', None), ('q2', 'c', 2, 'Q0', 'en'),
                              ('q2', 'd', 2, '', None)))
    assert j.query_ids == ['q2', 'q1'] and j.queries.tolist() == [0, 0, 0, 1]
    assert j.doc_ids.tolist() == ['a', 'c', 'd', 'b'] and j.relevance.tolist() == [1, 2, 2, 0]
    assert j.doc_langs.tolist() == ['de', None, None, None] and j.query_langs.tolist() == ['en', None]


@pytest.mark.parametrize('qrels', [
    {'q': {'a': 1, 'b': 0}},
    [ir_measures.Qrel('q', 'a', 1), ir_measures.Qrel('q', 'b', 0)],
    ir_measures.read_trec_qrels('q 0 a 1\nq Q0 b 0\n'),
    pd.DataFrame([('q', 'a', 1), ('q', 'b', 0)], columns=['qid', 'docno', 'label']),
])
def test_without_a_language_it_is_unknown(qrels):
    j = read_judgements(qrels)
    assert j.doc_langs.tolist() == [None, None] and j.query_langs.tolist() == [None]


def test_named_tuples_may_carry_query_lang():
    Row = namedtuple('Row', COLUMNS)
    assert read_judgements([Row('q', 'a', 1, 'de', 'fr')]).query_langs.tolist() == ['fr']


def test_an_exact_repetition_is_one_judgement():
    assert read_judgements(frame(('q', 'a', 1, 'de', 'en'), ('q', 'a', 1, 'de', 'en'))).doc_ids.tolist() == ['a']


def test_no_judgements_at_all():
    assert read_judgements({}).query_ids == [] and read_judgements(frame()).query_ids == []


@pytest.mark.parametrize(('rows', 'message'), [
    ([('q', 'a', 1, 'de', 'en'), ('q', 'a', 2, 'de', 'en')], "judge document 'a' of query 'q' more than once"),
    ([('q', 'a', 1, 'de', 'en'), ('q', 'a', 1, 'en', 'en')],
     r"'a' of query 'q' more than once.* 1 \(de\) and 1 \(en\)"),
    ([('q', 'a', 1, 'de', 'en'), ('q', 'b', 1, '3', 'en')],
     "the iteration of document 'b' in the qrels of query 'q' has the language '3'"),
    ([('q', 'a', 1, 'de', 'en'), ('q', 'b', 1, 'de', 'de')], "query 'q' has the languages de and en in query_lang"),
    ([('p', 'a', 1, 'de', 'de'), ('q', 'b', 1, 'de', 'English')], "query 'q' has the language 'English'"),
])
def test_bad_input(rows, message):
    with pytest.raises(ValueError, match=message):
        read_judgements(frame(*rows))

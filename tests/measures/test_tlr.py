import pandas as pd
import pytest
from ir_measures import R

from pyterrier_hybrid.measures import TLR

QRELS = pd.DataFrame([
    ('q', 'd1', 1, 'de', 'de'), ('q', 'e1', 1, 'en', 'de'), ('q', 'e2', 2, 'en', 'de'), ('q', 'f1', 1, 'fr', 'de'),
    ('q', 'z1', 0, 'zh', 'de'),
    ('gone', 'd1', 1, 'de', 'de'), ('gone', 'e1', 1, 'en', 'de'),
    ('own', 'd1', 1, 'de', 'de'),
], columns=['query_id', 'doc_id', 'relevance', 'iteration', 'query_lang'])
RUN = {'q': {'d1': 9., 'e2': 8., 'z1': 7., 'f1': 6.}, 'own': {'d1': 1.}}


def values(measure, qrels=QRELS, run=RUN):
    return {metric.query_id: metric.value for metric in measure.iter_calc(qrels, run)}


@pytest.mark.usefixtures('quiet')
@pytest.mark.parametrize(('measure', 'expected'), [
    (TLR@1, 0), (TLR@2, 1 / 3), (TLR@3, 1 / 3), (TLR@4, 2 / 3), (TLR@100, 2 / 3), (TLR(rel=2)@2, 1),
])
def test_by_hand(measure, expected):
    assert values(measure) == pytest.approx({'q': expected, 'gone': 0, 'own': 0})


def test_queries_without_other_languages_are_counted_once_by_name():
    with pytest.warns(UserWarning, match=r'^TLR@2: 1 of 3 queries have no relevant document outside their own language '
                                         'and count as 0$') as caught:
        values(TLR@2)
    assert len(caught) == 1


@pytest.mark.usefixtures('quiet')
def test_equal_to_recall_on_qrels_without_the_querys_language(random_case):
    for seed in range(4):
        qrels, run = random_case(seed)
        run['score'] = -run.sort_values(['score', 'doc_id'], ascending=[False, True]).groupby('query_id').cumcount()
        others = qrels[(qrels['iteration'] != qrels['query_lang']) & (qrels['relevance'] > 0)]
        expected = dict.fromkeys(qrels['query_id'], 0.) | values(R@5, others, run)
        assert values(TLR@5, qrels, run) == pytest.approx(expected)


@pytest.mark.usefixtures('quiet')
def test_the_querys_language_may_be_a_parameter():
    qrels = QRELS.drop(columns='query_lang')
    assert values(TLR(query_lang='en')@100, qrels)['q'] == 1
    with pytest.raises(ValueError, match="the language of query 'q' is unknown"):
        values(TLR@100, qrels)

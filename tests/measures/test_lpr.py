import ir_measures
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.measures import LPR
from pyterrier_hybrid.measures.lpr import language_preference
from pyterrier_hybrid.measures.relevant import Relevant

QRELS = pd.DataFrame([
    ('own', 'd1', 1, 'de', 'de'), ('own', 'e1', 1, 'en', 'de'), ('own', 'f1', 1, 'fr', 'de'),
    ('other', 'd1', 1, 'de', 'de'), ('other', 'e1', 1, 'en', 'de'),
    ('second', 'd1', 1, 'de', 'de'), ('second', 'd2', 2, 'de', 'de'), ('second', 'e1', 1, 'en', 'de'),
    ('lost', 'd1', 1, 'de', 'de'), ('lost', 'e1', 1, 'en', 'de'), ('lost', 'f1', 1, 'fr', 'de'),
    ('gone', 'd1', 1, 'de', 'de'), ('gone', 'e1', 1, 'en', 'de'),
    ('never', 'e1', 1, 'en', 'de'), ('never', 'f1', 1, 'fr', 'de'), ('never', 'z1', 1, 'zh', 'de'),
    ('single', 'd1', 1, 'de', 'de'),
    ('none', 'd1', 0, 'de', 'de'),
], columns=['query_id', 'doc_id', 'relevance', 'iteration', 'query_lang'])
RUN = {
    'own': {'x': 9., 'd1': 8., 'e1': 7.},
    'other': {'e1': 9., 'd1': 8.},
    'second': {'e1': 2., 'd2': 2., 'd1': 1.},  # a tie: d2 before e1
    'lost': {'x': 1.},
    'never': {'e1': 9.},
    'single': {'x': 9., 'd1': 8.},
    'none': {'d1': 1.},
}


def values(measure=LPR, qrels=QRELS, run=RUN):
    return {metric.query_id: metric.value for metric in measure.iter_calc(qrels, run)}


@pytest.mark.usefixtures('quiet')
def test_by_hand():
    assert values() == pytest.approx({'own': 1, 'other': 0, 'second': 1, 'lost': 1 / 3, 'gone': 1 / 2, 'never': 0,
                                      'single': 1, 'none': 0})
    assert values(LPR(rel=2))['second'] == 1


def test_queries_without_an_answer_are_counted_once_by_name():
    with pytest.warns(UserWarning) as caught:
        values()
    assert [str(warning.message) for warning in caught] == [
        "LPR: 5 of 8 queries do not apply (nothing relevant retrieved, or nothing relevant in the query's language, or "
        'in any other) and count as their value without preference']


def test_arrays_tell_what_applies_and_what_chance_is():
    ranks, queries = np.array([2, 1, 0, 5, 3, 0, 0]), np.array([0, 0, 0, 1, 1, 2, 2])
    langs = np.array([0, 1, 1, 0, 1, 1, 0])
    value, chance, applicable, applies = language_preference(relevant(ranks, queries, langs, [1, 0, 1]))
    assert value.tolist() == [1, 0, .5] and chance.tolist() == pytest.approx([2 / 3, .5, .5])
    assert applicable.tolist() == [True, True, True] and applies.tolist() == [True, True, False]
    assert language_preference(relevant(ranks, queries, langs, [5, 5, 5])).applies.tolist() == [False] * 3


def relevant(ranks, queries, langs, query_langs):
    n = len(query_langs)
    return Relevant(ranks, queries, langs, np.ones_like(ranks), n, np.full(n, 9), np.array(query_langs))


@pytest.mark.usefixtures('quiet')
def test_equal_to_plain_loops(random_case, plain):
    for seed in range(6):
        qrels, run = random_case(seed)
        expected = {}
        for query_id, query in plain(qrels, run).items():
            langs = {lang for _, lang, _ in query['ranks']}
            found = sorted((rank, lang) for rank, lang, _ in query['ranks'] if rank)
            own = [lang == query['lang'] for _, lang, _ in query['ranks']]
            applies = found and query['lang'] in langs and len(langs) > 1
            expected[query_id] = float(found[0][1] == query['lang']) if applies else np.mean(own)
        assert values(LPR, qrels, run) == pytest.approx(expected)


@pytest.mark.usefixtures('quiet')
def test_without_preference_it_is_the_share_of_the_own_language():
    """Of five German and one English relevant documents in random order, a German one comes first in 5 of 6 cases."""
    rng = np.random.default_rng(1)
    ranks = np.concatenate([rng.permutation(20)[:6] + 1 for _ in range(6000)])
    case = relevant(ranks, np.repeat(np.arange(6000), 6), np.tile([0, 0, 0, 0, 0, 1], 6000), [0] * 6000)
    preference = language_preference(case)
    assert preference.chance.tolist() == [5 / 6] * 6000
    assert preference.value.mean() == pytest.approx(5 / 6, abs=3 * np.sqrt(5 / 36 / 6000))


@pytest.mark.usefixtures('quiet')
def test_with_one_document_per_language_it_is_one_over_their_number():
    rng = np.random.default_rng(0)
    queries, langs = np.repeat(np.arange(6000), 4), np.tile(np.arange(4), 6000)
    ranks = np.concatenate([rng.permutation(4) + 1 for _ in range(6000)])
    assert language_preference(relevant(ranks, queries, langs, [0] * 6000)).value.mean() == pytest.approx(
        .25, abs=3 * np.sqrt(.25 * .75 / 6000))


@pytest.mark.usefixtures('quiet')
def test_the_querys_language_comes_from_the_qrels_then_the_run_then_the_parameter():
    qrels = QRELS[QRELS['query_id'] == 'other'].drop(columns='query_lang')
    run = pd.DataFrame([('other', 'e1', 2.), ('other', 'd1', 1.)], columns=['query_id', 'doc_id', 'score'])
    english, german = run.assign(query_lang='en'), qrels.assign(query_lang='de')
    assert values(LPR, qrels, english) == {'other': 1}
    assert values(LPR, german, english) == {'other': 0}
    assert values(LPR(query_lang='de'), qrels, english) == {'other': 1}
    assert values(LPR(query_lang='de'), qrels, run) == {'other': 0}
    assert values(LPR(query_lang='de'), qrels.assign(query_lang=None), run.assign(query_lang='')) == {'other': 0}
    with pytest.raises(ValueError, match=r"the language of query 'other' is unknown \(1 such queries\); give the qrels "
                                         r"or the run a column query_lang, or .* LPR\(query_lang='de'\)"):
        values(LPR, qrels, run)
    with pytest.raises(ValueError, match="query 'other' has the languages de and en in query_lang"):
        values(LPR, qrels, run.assign(query_lang=['en', 'de']))


def test_a_query_that_the_run_lost_needs_its_language_from_the_qrels():
    qrels = [ir_measures.Qrel('q', 'd1', 1, 'de'), ir_measures.Qrel('q', 'e1', 1, 'en')]
    with pytest.raises(ValueError, match="the language of query 'q' is unknown"):
        values(LPR, qrels, {})

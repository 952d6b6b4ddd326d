"""What is known of a measure; and measures from ranks, against ir_measures on the whole run with minus the rank."""
import json

import ir_measures
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, P, R, Success, nDCG

from pyterrier_hybrid.measures import AWRF, LPR, PEER, TLR, Complete, MaxRank, RankDistance
from pyterrier_hybrid.measures.facts import Facts, chance, facts, is_from_ranks, per_query
from pyterrier_hybrid.measures.relevant import Relevant

POOL = 12
LANGS = ['de', 'en', 'th']
MEASURES = [
    AP, AP @ 3, AP(rel=2), AP(rel=2) @ 5, RR, RR @ 2, RR(rel=3), nDCG, nDCG @ 3, nDCG @ 10, R @ 1, R @ 5, R(rel=2) @ 4,
    P @ 1, P @ 5, P(rel=2) @ 20, Success @ 1, Success(rel=2) @ 5, RankDistance, RankDistance @ 4, RankDistance(rel=2),
    RankDistance(pool=POOL, norm=True), RankDistance(complete=True) @ 9, MaxRank, MaxRank @ 5, Complete @ 6,
    LPR, LPR(rel=2), TLR @ 1, TLR(rel=2) @ 6, PEER @ 8, PEER(weights={1: .2, 3: .8}) @ 12,
]  # fmt: skip


@st.composite
def judgements(draw):
    """Qrels of three questions over twelve passages, and each question's passages in order, perhaps cut short."""
    qrels, orders = [], []
    for query in range(3):
        docs = draw(st.permutations(range(POOL)))
        orders.append(docs[: draw(st.integers(0, POOL))])
        labels = draw(st.lists(st.integers(0, 3), min_size=POOL, max_size=POOL))
        labels[draw(st.integers(0, POOL - 1))] = draw(st.integers(1, 3))
        qrels += [(query, doc, label) for doc, label in enumerate(labels)]
    return qrels, orders, draw(st.sampled_from(LANGS))


def lang_of(doc: int) -> str:
    return LANGS[doc % 3]


@given(case=judgements())
@settings(max_examples=20, deadline=None)
@pytest.mark.filterwarnings('ignore')
def test_values_are_those_of_ir_measures(case):
    qrels, orders, query_lang = case
    queries, docs, relevance = np.array([row for row in qrels if row[2] >= 1]).T
    ranks = np.array([orders[q].index(d) + 1 if d in orders[q] else 0 for q, d in zip(queries, docs)])
    relevant = Relevant(
        ranks, queries, docs % 3, relevance, 3, np.array([len(order) for order in orders]),
        np.full(3, LANGS.index(query_lang)), POOL,
    )  # fmt: skip
    frame = pd.DataFrame(
        [(str(q), f'd{d:02}', label, LANGS[d % 3], query_lang) for q, d, label in qrels],
        columns=['query_id', 'doc_id', 'relevance', 'iteration', 'query_lang'],
    )
    run = pd.DataFrame(
        [(str(q), f'd{d:02}', -float(rank)) for q, order in enumerate(orders) for rank, d in enumerate(order, 1)],
        columns=['query_id', 'doc_id', 'score'],
    )
    ours, asked = {}, {}
    for measure in MEASURES:
        values = per_query(measure, relevant)
        ours[measure] = {str(q): values.value[q] for q in range(3) if values.applies[q]}
        by_pool = measure(pool=POOL) if {'pool', 'norm'} & set(measure.SUPPORTED_PARAMS) else measure
        asked.setdefault(frozenset(ours[measure]), {})[by_pool] = measure
    for qids, measures in asked.items():
        left = frame[frame['query_id'].isin(qids)]  # what a cell leaves out leaves the oracle's qrels too
        expected = {measure: {} for measure in measures}
        for metric in ir_measures.iter_calc(list(measures), left, run) if len(left) else ():
            expected[metric.measure][metric.query_id] = metric.value
        for by_pool, measure in measures.items():
            assert ours[measure] == pytest.approx(expected[by_pool], abs=1e-9), measure


def one_question(ranks, langs, length=100) -> Relevant:
    """A question in the language 0 over a pool of 100."""
    n = len(ranks)
    return Relevant(np.array(ranks), np.zeros(n, int), np.array(langs), np.ones(n, int), 1, np.array([length]),
                    np.array([0]), 100)  # fmt: skip


@pytest.mark.parametrize('measure, ranks, langs, value', [
    (AP, [1, 4], [0, 1], (1 + 2 / 4) / 2),
    (AP, [4, 1], [0, 1], (1 + 2 / 4) / 2),
    (AP, [1, 0], [0, 1], 1 / 2),
    (RR, [0, 5], [0, 1], 1 / 5),
    (R @ 4, [1, 4, 5], [0, 1, 1], 2 / 3),
    (nDCG, [2], [0], 1 / np.log2(3)),
    (RankDistance, [3, 50, 10], [0, 1, 1], 7),
    (RankDistance @ 20, [3, 0], [0, 1], 18),
    (RankDistance @ 20, [0, 0], [0, 1], 20),
    (RankDistance(complete=True) @ 20, [3, 20], [0, 1], 17),
    (MaxRank, [3, 50, 10], [0, 1, 1], 10),
    (MaxRank @ 9, [3, 50, 10], [0, 1, 1], 10),
    (Complete @ 9, [3, 50, 10], [0, 1, 1], 0),
    (Complete @ 10, [3, 50, 10], [0, 1, 1], 1),
    (LPR, [3, 2], [0, 1], 0),
    (LPR, [2, 3], [0, 1], 1),
    (TLR @ 5, [1, 5, 6], [0, 1, 2], 1 / 2),
])  # fmt: skip
def test_worked_by_hand(measure, ranks, langs, value):
    found = per_query(measure, one_question(ranks, langs))
    assert found.applies.tolist() == [True]
    assert found.value == pytest.approx([value])


@pytest.mark.parametrize('measure, ranks, langs, reason', [
    (RankDistance, [1, 2], [1, 1], 'passages are in one language'),
    (RankDistance(complete=True) @ 20, [3, 21], [0, 1], 'no question has every language within 20'),
    (LPR, [1, 2], [0, 0], 'in its own language and in another'),
    (LPR, [1, 2], [1, 2], 'in its own language and in another'),
    (LPR, [0, 0], [0, 1], 'one of them retrieved'),
    (TLR @ 5, [1, 2], [0, 0], 'in another language'),
    (AP(rel=2), [1, 2], [0, 1], 'no question has a passage of relevance 2 or more'),
    (RankDistance(rel=2), [1, 2], [0, 1], 'no question has a passage of relevance 2 or more'),
])  # fmt: skip
def test_what_says_nothing_has_a_reason(measure, ranks, langs, reason):
    found = per_query(measure, one_question(ranks, langs))
    assert found.applies.tolist() == [False]
    assert reason in found.otherwise


@pytest.mark.parametrize('measure, known', [
    (AP, True), (AP(judged_only=True), False), (nDCG(dcg='exp-log2') @ 10, False), (ir_measures.Bpref, False),
    (LPR(query_lang='de'), True), (RankDistance(norm=True, pool=9), True), (PEER @ 9, True), (AWRF @ 9, False),
])  # fmt: skip
def test_which_measures_are_computed_from_ranks(measure, known):
    assert is_from_ranks(measure) is known


@pytest.mark.parametrize('measure, better, unit, low, high', [
    (AP, 1, '', 0, 1), (nDCG @ 10, 1, '', 0, 1), (LPR, 0, '', 0, 1), (PEER @ 9, 1, '', 0, 1),
    (Complete @ 9, 1, '', 0, 1),
    (RankDistance, -1, 'ranks', 0, 499), (RankDistance @ 9, -1, 'ranks', 0, 9),
    (RankDistance(pool=70), -1, 'ranks', 0, 69), (RankDistance(norm=True), -1, '', 0, np.inf),
    (MaxRank @ 9, -1, 'ranks', 1, 10), (MaxRank, -1, 'ranks', 1, 500),
    (ir_measures.NumRet, 0, '', 0, np.inf), (ir_measures.Bpref, 1, '', -np.inf, np.inf),
])  # fmt: skip
def test_direction_unit_and_range(measure, better, unit, low, high):
    found = facts(measure, pool=500)
    assert (found.name, found.better, found.unit, found.low, found.high) == (repr(measure), better, unit, low, high)
    assert found.title


def test_the_range_of_a_distance_is_open_over_an_unknown_pool():
    assert facts(RankDistance).high == facts(MaxRank).high == np.inf


@pytest.mark.parametrize('measure, langs, value', [
    (LPR, [0, 0, 1], 2 / 3), (LPR, [1, 2], None), (LPR, [0, 0], None), (RankDistance, [0, 1], 101 / 3),
    (RankDistance, [1, 1], None), (RankDistance(norm=True), [0, 1], 1), (MaxRank, [0], 101 / 2),
    (MaxRank, [0, 1], 101 * 2 / 3),
])  # fmt: skip
def test_the_value_without_preference(measure, langs, value):
    found = chance(measure, one_question([0] * len(langs), langs, length=0))
    assert found.shape == (1,) and (np.isnan(found[0]) if value is None else found[0] == pytest.approx(value))


@pytest.mark.parametrize('measure', [AP, TLR @ 9, RankDistance @ 9, MaxRank @ 9, PEER @ 9, AWRF @ 9])
def test_what_has_no_value_without_preference(measure):
    assert chance(measure, one_question([0], [0])) is None


@pytest.mark.parametrize('measure', [AP, RankDistance, RankDistance(pool=9, norm=True), LPR, ir_measures.NumRet])
def test_facts_survive_json_and_are_known_by_name(measure):
    known = facts(measure)
    assert Facts.of(repr(measure)) == known
    assert Facts.from_json(json.loads(json.dumps(known.as_json(), allow_nan=False))) == known


def test_a_name_that_ir_measures_does_not_know_has_no_facts():
    assert Facts.of('my own, strange measure') == Facts('my own, strange measure', 'my own, strange measure')

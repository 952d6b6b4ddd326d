"""Measures from ranks, against ir_measures on the whole run with its scores replaced by minus the rank."""
import ir_measures
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, P, R, Success, nDCG

from pyterrier_hybrid.experiment.evaluation_set import Judged
from pyterrier_hybrid.experiment.from_ranks import is_from_ranks, per_query
from pyterrier_hybrid.measures import LPR, TLR, RankDistance

POOL = 12
LANGS = ['de', 'en', 'th']
MEASURES = [
    AP, AP @ 3, AP(rel=2), AP(rel=2) @ 5, RR, RR @ 2, RR(rel=3), nDCG, nDCG @ 3, nDCG @ 10, R @ 1, R @ 5, R(rel=2) @ 4,
    P @ 1, P @ 5, P(rel=2) @ 20, Success @ 1, Success(rel=2) @ 5, RankDistance, RankDistance @ 4, RankDistance(rel=2),
    RankDistance(pool=POOL, norm=True), LPR, LPR(rel=2), TLR @ 1, TLR(rel=2) @ 6,
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
def test_values_are_those_of_ir_measures(case):
    qrels, orders, query_lang = case
    queries, docs, relevance = np.array([row for row in qrels if row[2] >= 1]).T
    judged = Judged(
        qids=np.array(['0', '1', '2'], object), queries=queries, docnos=docs, langs=docs % 3, relevance=relevance,
        rows=np.arange(len(docs)), query_lang=LANGS.index(query_lang), pool=POOL,
    )  # fmt: skip
    ranks = np.array([orders[q].index(d) + 1 if d in orders[q] else 0 for q, d in zip(queries, docs)])
    frame = pd.DataFrame(
        [(str(q), f'd{d:02}', label, LANGS[d % 3], query_lang) for q, d, label in qrels],
        columns=['query_id', 'doc_id', 'relevance', 'iteration', 'query_lang'],
    )
    run = pd.DataFrame(
        [(str(q), f'd{d:02}', -float(rank)) for q, order in enumerate(orders) for rank, d in enumerate(order, 1)],
        columns=['query_id', 'doc_id', 'score'],
    )
    for measure in MEASURES:
        found = per_query(measure, judged, ranks)
        values = {judged.qids[q]: found.value[q] for q in range(3) if found.applies[q]}
        asked = measure(pool=POOL) if measure.NAME == 'RankDistance' and 'cutoff' not in measure.params else measure
        left = frame[frame['query_id'].isin(values)]  # what a cell leaves out leaves the oracle's qrels too
        expected = {m.query_id: m.value for m in ir_measures.iter_calc([asked], left, run)} if len(left) else {}
        assert values == pytest.approx(expected, abs=1e-9), measure


def one_question(ranks, langs, relevance=None, query_lang=0) -> tuple[Judged, np.ndarray]:
    n = len(ranks)
    relevance = np.ones(n, int) if relevance is None else np.array(relevance)
    judged = Judged(qids=np.array(['q'], object), queries=np.zeros(n, int), docnos=np.arange(n), langs=np.array(langs),
                    relevance=relevance, rows=np.arange(n), query_lang=query_lang, pool=100)  # fmt: skip
    return judged, np.array(ranks)


@pytest.mark.parametrize('measure, ranks, langs, value', [
    (AP, [1, 4], [0, 1], (1 + 2 / 4) / 2),
    (AP, [4, 1], [0, 1], (1 + 2 / 4) / 2),
    (AP, [1, 0], [0, 1], 1 / 2),
    (RR, [0, 5], [0, 1], 1 / 5),
    (R @ 4, [1, 4, 5], [0, 1, 1], 2 / 3),
    (nDCG, [2], [0], 1 / np.log2(3)),
    (RankDistance, [3, 50, 10], [0, 1, 1], 7),
    (RankDistance, [3, 0], [0, 1], 97),
    (RankDistance, [0, 0], [0, 1], 99),
    (LPR, [3, 2], [0, 1], 0),
    (LPR, [2, 3], [0, 1], 1),
    (TLR @ 5, [1, 5, 6], [0, 1, 2], 1 / 2),
])  # fmt: skip
def test_worked_by_hand(measure, ranks, langs, value):
    found = per_query(measure, *one_question(ranks, langs))
    assert found.applies.tolist() == [True]
    assert found.value == pytest.approx([value])


@pytest.mark.parametrize('measure, ranks, langs, reason', [
    (RankDistance, [1, 2], [1, 1], 'passages are in one language'),
    (LPR, [1, 2], [0, 0], 'in its own language and in another'),
    (LPR, [1, 2], [1, 2], 'in its own language and in another'),
    (LPR, [0, 0], [0, 1], 'one of them retrieved'),
    (TLR @ 5, [1, 2], [0, 0], 'in another language'),
    (AP(rel=2), [1, 2], [0, 1], 'no question has a passage of relevance 2 or more'),
    (RankDistance(rel=2), [1, 2], [0, 1], 'no question has a passage of relevance 2 or more'),
])  # fmt: skip
def test_what_says_nothing_has_a_reason(measure, ranks, langs, reason):
    found = per_query(measure, *one_question(ranks, langs))
    assert found.applies.tolist() == [False]
    assert reason in found.otherwise


@pytest.mark.parametrize('measure, known', [
    (AP, True), (AP(judged_only=True), False), (nDCG(dcg='exp-log2') @ 10, False), (ir_measures.Bpref, False),
    (LPR(query_lang='de'), False), (RankDistance(norm=True, pool=9), True),
])  # fmt: skip
def test_which_measures_are_computed_from_ranks(measure, known):
    assert is_from_ranks(measure) is known

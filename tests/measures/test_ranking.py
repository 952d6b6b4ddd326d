import numpy as np
import pytest

from pyterrier_hybrid.measures.ranking import rank_judged
from pyterrier_hybrid.measures.table import read_run


def ranking(run, judged, depth=0, query_ids=None):
    query_ids = query_ids or list(dict.fromkeys(query for query, _ in judged))
    queries = np.array([query_ids.index(query) for query, _ in judged], dtype=np.int64)
    return rank_judged(read_run(run), query_ids, queries, np.array([docno for _, docno in judged], dtype=object), depth)


def test_by_score_then_docno_counted_from_one():
    run = {'q': {'z': 2., 'b': 2., 'a': 1., 'c': 3., '10': 2., '9': 2.}}  # c, then 10 9 b z as strings, then a
    found = ranking(run, [('q', docno) for docno in ('c', '10', '9', 'b', 'z', 'a', 'missing')])
    assert found.ranks.tolist() == [1, 2, 3, 4, 5, 6, 0]
    assert found.lengths.tolist() == [6]


def test_scores_that_differ_in_the_last_bit_are_not_tied():
    run = {'q': {'a': 1., 'b': np.nextafter(1., 2.)}}
    assert ranking(run, [('q', 'a'), ('q', 'b')]).ranks.tolist() == [2, 1]


def test_a_document_of_another_query_is_not_found():
    run = {'q1': {'a': 3., 'b': 2., 'c': 1.}, 'q2': {'d': 1.}}
    found = ranking(run, [('q1', 'd'), ('q1', 'c'), ('q2', 'a'), ('q2', 'd'), ('q3', 'a')])
    assert found.ranks.tolist() == [0, 3, 0, 1, 0]
    assert found.lengths.tolist() == [3, 1, 0]


def test_first_documents_with_ties_at_the_border():
    run = {'q1': {'d': 1., 'c': 1., 'b': 1., 'a': 1., 'z': 9.}, 'q0': {'u': 1.}, 'q2': {'y': 1., 'x': 2.}}
    found = ranking(run, [('q1', 'a'), ('q2', 'y')], depth=3)
    table = read_run(run)
    top = [(int(q), int(r), table.doc_ids[table.doc[row]])
           for q, r, row in zip(found.top_queries, found.top_ranks, found.top_rows)]
    assert top == [(0, 1, 'z'), (0, 2, 'a'), (0, 3, 'b'), (1, 1, 'x'), (1, 2, 'y')]


def test_equal_to_sorting_for_shuffled_rows(random_case, plain):
    for seed in range(5):
        qrels, run = random_case(seed)
        expected = plain(qrels, run)
        for rows in (run, run.sample(frac=1, random_state=seed)):
            judged = [(row.query_id, row.doc_id) for row in qrels[qrels['relevance'] > 0].itertuples()]
            found = ranking(rows, judged, depth=7, query_ids=list(expected))
            assert found.ranks.tolist() == [rank or 0 for query in expected.values() for rank, *_ in query['ranks']]
            table = read_run(rows)
            for q, query in enumerate(expected.values()):
                docs = table.doc_ids[table.doc[found.top_rows[found.top_queries == q]]].tolist()
                assert docs == [docno for docno, _ in query['list'][:7]]


@pytest.mark.parametrize('value', [np.inf, -np.inf, np.nan])
def test_a_score_that_is_not_finite_is_named(value):
    with pytest.raises(ValueError, match=r"query 'q1': document 'b' has the score -?(inf|nan); scores must be finite"):
        ranking({'q1': {'a': 1., 'b': value, 'c': 2.}}, [('q1', 'a')])


def test_a_document_twice_is_named():
    from ir_measures import ScoredDoc
    run = [ScoredDoc('q1', 'a', 1.), ScoredDoc('q2', 'a', 1.), ScoredDoc('q2', 'b', 3.), ScoredDoc('q2', 'a', 2.)]
    with pytest.raises(ValueError, match="query 'q2': document 'a' is in the run more than once"):
        ranking(run, [('q2', 'c')])

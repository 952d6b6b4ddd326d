import ir_measures
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, nDCG

from pyterrier_hybrid.measures import RankDistance
from pyterrier_hybrid.ranking import as_float32, join, separate, separate_run

GREATEST, TINY = np.finfo(np.float32).max, np.finfo(np.float32).tiny


def one_below(score):
    """The next float32 below, subnormal numbers skipped."""
    below = np.nextafter(np.float32(score), np.float32(-np.inf))
    if 0 < abs(below) < TINY:
        below = np.float32(0) if score > 0 else -TINY
    return below + np.float32(0)


def by_hand(scores):
    """Each score as it is if it is below the one before, else one below that."""
    found = []
    for score in as_float32(np.array(scores)):
        found.append(score if not found or score < found[-1] else one_below(found[-1]))
    return np.array(found, dtype=np.float32)


SCORES = st.lists(st.one_of(
    st.sampled_from([0., 1., -1., float(TINY), -float(TINY), 1e-40, -1e-40, 2., float(np.nextafter(np.float32(1), 0))]),
    st.floats(-100, 100, width=32)), max_size=30)


@given(SCORES)
def test_equals_a_naive_loop(scores):
    scores = sorted(scores, reverse=True)
    found = separate(np.array(scores))
    np.testing.assert_array_equal(found, by_hand(scores))
    assert (np.diff(found) < 0).all()


@given(st.lists(SCORES, max_size=6))
def test_many_lists_at_once_are_separated_one_by_one(lists):
    lists = [sorted(scores, reverse=True) for scores in lists]
    queries = np.repeat(np.arange(len(lists)), [len(scores) for scores in lists])
    found = separate(np.concatenate([np.empty(0), *lists]), queries)
    np.testing.assert_array_equal(found, np.concatenate([np.empty(0, np.float32), *map(by_hand, lists)]))


def test_a_matrix_is_a_list_per_row():
    scores = np.array([[3, 3, 3], [9, 1, 1], [5, 5, 0]], dtype=np.float32)
    np.testing.assert_array_equal(separate(scores), np.stack([separate(row) for row in scores]))


def test_a_prefix_does_not_depend_on_the_depth_and_separated_scores_stay():
    scores = np.sort(np.random.default_rng(0).integers(0, 5, 200))[::-1].astype(np.float32)
    whole = separate(scores)
    np.testing.assert_array_equal(separate(scores[:50]), whole[:50])
    np.testing.assert_array_equal(separate(whole), whole)


def test_steps_over_subnormal_numbers_and_through_zero():
    np.testing.assert_array_equal(separate(np.array([TINY, TINY, TINY, 0])), [TINY, 0, -TINY, one_below(-TINY)])
    np.testing.assert_array_equal(as_float32(np.array([1e-40, -1e-40, -0.])).view(np.uint32), [0, 0, 0])


def test_nothing_and_single_scores():
    assert separate(np.empty(0)).shape == (0,)
    assert separate(np.empty((2, 0))).shape == (2, 0)
    np.testing.assert_array_equal(separate(np.array([2., 2.]), np.array([0, 1])), [2, 2])


@pytest.mark.parametrize(('scores', 'what'), [
    ([-GREATEST, -GREATEST], 'scale'), ([1., 2.], 'sort'), ([np.nan], 'finite'), ([np.inf], 'finite'),
    ([1e39], 'float32')])
def test_refuses(scores, what):
    with pytest.raises(ValueError, match=what):
        separate(np.array(scores, dtype=np.float64))


def test_join_makes_equal_scores_equal_again():
    before = np.array([9, 5, 5, 5, 2, 0, 0, -1, -1], dtype=np.float32)
    np.testing.assert_array_equal(join(separate(before)), before)
    as_written = np.array([float(f'{score:.9g}') for score in separate(before)])
    np.testing.assert_array_equal(join(as_written), before)
    as_pyterrier_writes = np.array([float(str(score)) for score in separate(before)])
    assert (as_pyterrier_writes != as_written).any()
    np.testing.assert_array_equal(join(as_pyterrier_writes), before)
    assert join(np.empty(0)).shape == (0,)


@pytest.mark.parametrize('scores', [[1e9 - 1, 1e9 - 2, 1e9 - 3], [1e39, 1.], [.1 + 1e-8, .1 + 5e-9, .1]])
def test_join_leaves_scores_that_were_not_separated(scores):
    np.testing.assert_array_equal(join(np.array(scores)), scores)


@pytest.fixture
def ties():
    """A run of many ties, some of them only as float32, in no order; and qrels."""
    rng = np.random.default_rng(1)
    rows = [(f'q{q}', f'{lang}/{d}', float(rng.integers(0, 4)) + float(rng.choice([0, 1e-9])))
            for q in range(20) for lang in ('de', 'en', 'zh') for d in range(8)]
    run = pd.DataFrame(rows, columns=['qid', 'docno', 'score']).sample(frac=1, random_state=0)
    qrels = pd.DataFrame([(f'q{q}', f'{lang}/{q % 8}', 1, lang) for q in range(20) for lang in ('de', 'en', 'zh')],
                         columns=['qid', 'docno', 'label', 'iteration'])
    return run, qrels


def test_a_separated_run_is_in_our_order(ties):
    run, _ = ties
    separated = separate_run(run)
    for qid, mine in separated.groupby('qid', sort=False):
        theirs = run[run['qid'] == qid]
        expected = sorted(zip(theirs['docno'], theirs['score'].astype(np.float32)), key=lambda row: (-row[1], row[0]))
        assert list(mine['docno']) == [docno for docno, _ in expected]
        assert list(mine['rank']) == list(range(len(expected)))
    assert list(separated['qid'].unique()) == list(run['qid'].unique())


def test_every_evaluator_agrees_on_a_separated_run(ties):
    """trec_eval (pytrec_eval), ir_measures, pt.Experiment: all equal what minus the rank in our order gives."""
    pytrec_eval = pytest.importorskip('pytrec_eval')
    run, qrels = ties
    separated = separate_run(run)
    names = {'qid': 'query_id', 'docno': 'doc_id', 'label': 'relevance'}
    by_rank = separated.assign(score=-separated['rank'].astype(float)).rename(columns=names)
    measures = [AP, RR, nDCG@10, RankDistance@20]
    expected = ir_measures.calc_aggregate(measures, qrels.rename(columns=names), by_rank)
    found = ir_measures.calc_aggregate(measures, qrels.rename(columns=names), separated.rename(columns=names))
    assert found == pytest.approx(expected)
    topics = pd.DataFrame({'qid': sorted(run['qid'].unique()), 'query': ''})
    table = pt.Experiment([pt.Transformer.from_df(separated)], topics, qrels, measures)
    assert {m: table[str(m)].iloc[0] for m in measures} == pytest.approx(expected)
    judged = {qid: dict(zip(rows['docno'], rows['label'])) for qid, rows in qrels.groupby('qid')}
    for column in (separated['score'].map(float), separated['score'].map(lambda s: float(f'{s:.9g}'))):  # as written
        scored = {qid: dict(zip(rows['docno'], column[rows.index])) for qid, rows in separated.groupby('qid')}
        values = pytrec_eval.RelevanceEvaluator(judged, {'map'}).evaluate(scored)
        assert np.mean([value['map'] for value in values.values()]) == pytest.approx(expected[AP])

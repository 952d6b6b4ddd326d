import itertools
import math

import ir_measures
import numpy as np
import pytest

from pyterrier_hybrid.measures import Complete, MaxRank, RankDistance
from pyterrier_hybrid.measures.facts import per_query
from pyterrier_hybrid.measures.relevant import Relevant

QRELS = list(ir_measures.read_trec_qrels('''
all  de d1 1
all  de d2 1
all  en e1 1
some de d1 1
some en e1 1
gone de d1 1
gone en e1 1
one  de d1 1
none de d1 0
'''))
RUN = {'all': {'x': 9., 'd2': 8., 'y': 7., 'e1': 6., 'd1': 5.}, 'some': {'x': 9., 'e1': 8.}, 'one': {'d1': 3.}}
QUERIES = ('all', 'some', 'gone', 'one', 'none')


def values(measure, qrels=QRELS, run=RUN):
    return {metric.query_id: metric.value for metric in measure.iter_calc(qrels, run)}


@pytest.mark.usefixtures('quiet')
@pytest.mark.parametrize(('measure', 'expected'), [
    (MaxRank, [4, 1001, 1001, 1, 1001]),
    (MaxRank@4, [4, 5, 5, 1, 5]),
    (MaxRank@3, [4, 4, 4, 1, 4]),
    (MaxRank(pool=20), [4, 2 + 19 / 2, 21 * 2 / 3, 1, 20]),     # one of 18 behind two; the later one of two
    (Complete@4, [1, 0, 0, 1, 0]),
    (Complete@3, [0, 0, 0, 1, 0]),
])
def test_by_hand(measure, expected):
    found = values(measure)
    assert [found[query_id] for query_id in QUERIES] == pytest.approx(expected)


@pytest.mark.usefixtures('quiet')
def test_equal_to_plain_loops(random_case, plain):
    for seed in range(4):
        qrels, run = random_case(seed)
        expected = {}
        for query_id, query in plain(qrels, run).items():
            best = {}
            for rank, lang, _ in query['ranks']:
                best[lang] = min(best.get(lang, 11), rank or 11)
            expected[query_id] = max(best.values())
        assert values(MaxRank@10, qrels, run) == pytest.approx(expected)
        assert values(Complete@10, qrels, run) == {query_id: float(rank <= 10) for query_id, rank in expected.items()}


def test_the_expectation_equals_the_mean_over_all_completions():
    langs, depth, pool = np.array([0, 0, 1, 2]), 2, 6
    for kept in itertools.product([0, 1, 2], repeat=4):
        if len({rank for rank in kept if rank}) < sum(rank > 0 for rank in kept):
            continue
        places, found = [i for i, rank in enumerate(kept) if not rank], []
        for behind in itertools.permutations(range(depth + 1, pool + 1), len(places)):
            whole = np.array(kept)
            whole[places] = behind
            found.append(max(whole[langs == lang].min() for lang in range(3)))
        case = Relevant(np.array(kept), np.zeros(4, int), langs, np.ones(4, int), 1, np.array([depth]))
        assert per_query(MaxRank(pool=pool), case).value == pytest.approx([np.mean(found)]), kept


@pytest.mark.usefixtures('quiet')
def test_unlike_rank_distance_it_sees_languages_that_are_all_far_down():
    run = {'all': {f'x{i}': 100. - i for i in range(50)} | {'d1': 2., 'e1': 1.}}
    assert values(RankDistance@60, QRELS[:3], run) == {'all': 1} and values(MaxRank@60, QRELS[:3], run) == {'all': 52}


def test_queries_without_relevant_documents_are_counted():
    for measure in (MaxRank@5, Complete@5):
        with pytest.warns(UserWarning, match=rf'^{measure}: 1 of 5 queries have no relevant document'):
            values(measure)


def test_the_pool_holds_all_that_is_known():
    with pytest.raises(ValueError, match="'gone' has 2 documents in the run or relevant, more than pool=1"):
        values(MaxRank(pool=1), QRELS[5:7], {})
    assert math.isclose(values(MaxRank(pool=2), QRELS[5:7], {})['gone'], 2)

import math

import ir_measures
import numpy as np
import pytest

from pyterrier_hybrid.measures import Languages, RankDistance
from pyterrier_hybrid.measures.rank_distance import chance_distance, rank_distances

QRELS = list(ir_measures.read_trec_qrels('''
two   de d1 1
two   en e1 1
best  de d1 1
best  de d2 1
best  en e1 1
best  fr f1 2
lost  de d1 1
lost  en e1 1
gone  de d1 1
gone  en e1 1
one   de d1 1
one   de d2 1
none  de d1 0
far   de d1 1
far   en e1 1
'''))
RUN = {
    'two': {'x': 9., 'e1': 8., 'y': 7., 'd1': 6.},                      # e1 at 2, d1 at 4
    'best': {'d1': 9., 'x': 8., 'e1': 7., 'y': 6., 'd2': 5.},           # d1 at 1, e1 at 3, f1 not; d2 does not count
    'lost': {'x': 9., 'y': 8.},                                         # nothing relevant
    'one': {'x': 9., 'd1': 8., 'd2': 7.},                               # one language
    'none': {'d1': 9.},
    'far': {**{f'x{i:04}': -float(i) for i in range(1200)}, 'e1': 1.},  # e1 at 1, a list of 1,201
    'unknown': {'d1': 1.},                                              # not in the qrels
}


def values(measure, qrels=QRELS, run=RUN):
    return {metric.query_id: metric.value for metric in measure.iter_calc(qrels, run)}


@pytest.mark.usefixtures('quiet')
@pytest.mark.parametrize(('measure', 'expected'), [
    # two, best, lost, gone, one, none, far
    (RankDistance@4, [2, 4, 4, 4, 0, 0, 4]),
    (RankDistance@2, [1, 2, 2, 2, 0, 0, 2]),
    (RankDistance@1, [1, 1, 1, 1, 0, 0, 1]),
    (RankDistance(pool=2000), [2, 1999, 1999, 1999, 0, 0, 1999]),
    (RankDistance, [2, 1000, 1000, 1000, 0, 0, 1201]),
    (RankDistance(pool=2000)@4, [2, 4, 4, 4, 0, 0, 4]),
    (RankDistance(rel=2)@4, [0] * 7),
])
def test_by_hand(measure, expected):
    found = values(measure)
    assert [found[query_id] for query_id in ('two', 'best', 'lost', 'gone', 'one', 'none', 'far')] == expected
    assert len(found) == 7


@pytest.mark.usefixtures('quiet')
def test_norm_divides_by_the_expectation_of_the_querys_own_languages():
    found = values(RankDistance(pool=2000, norm=True))
    assert found['two'] == pytest.approx(2 / (1 / 3 * 2001))
    assert found['best'] == pytest.approx(1999 / (2 / 4 * 2001))
    assert found['one'] == found['none'] == 0.


def test_expected_distance_on_xquad_r():
    assert round(chance_distance(11, 13014)) == 10846


@pytest.mark.parametrize(('n_langs', 'pool'), [(2, 10), (4, 50), (11, 300)])
def test_expected_distance_under_random_rankings(n_langs, pool):
    rng, n_queries = np.random.default_rng(n_langs), 4000
    ranks = np.array([rng.permutation(pool)[:n_langs] + 1 for _ in range(n_queries)])
    distances = rank_distances(ranks.ravel(), np.repeat(np.arange(n_queries), n_langs),
                               np.tile(np.arange(n_langs), n_queries), n_queries, pool=pool)
    error = distances.std() / math.sqrt(n_queries)
    assert abs(distances.mean() - chance_distance(n_langs, pool)) < 3 * error


@pytest.mark.usefixtures('quiet')
@pytest.mark.parametrize(('cutoff', 'pool'), [(10, None), (3, None), (None, 200), (None, None), (5, 200)])
def test_equal_to_plain_loops(random_case, plain, cutoff, pool):
    for seed in range(4):
        qrels, run = random_case(seed)
        expected = {}
        for query_id, query in plain(qrels, run).items():
            length = max(len(query['list']), 1000)
            unretrieved = cutoff + 1 if cutoff else pool or length + 1
            best, seen = {}, False
            for rank, lang, _ in query['ranks']:
                retrieved = rank is not None and (cutoff is None or rank <= cutoff)
                seen |= retrieved
                best[lang] = min(best.get(lang, 10**6), rank if retrieved else unretrieved)
            worst = cutoff or (pool - 1 if pool else length)
            expected[query_id] = 0 if len(best) == 1 else max(best.values()) - min(best.values()) if seen else worst
        assert values(RankDistance(cutoff=cutoff, pool=pool), qrels, run) == pytest.approx(expected)


def test_arrays_alone():
    ranks, queries, langs = np.array([3, 0, 7, 1, -1, 4]), np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 0, 1, 2, 1])
    assert rank_distances(ranks, queries, langs, 4, cutoff=9).tolist() == [7, 9, 0, 0]
    assert rank_distances(ranks, queries, langs, 4, lengths=np.array([5, 2000, 1, 0])).tolist() == [998, 2000, 0, 0]
    with pytest.raises(ValueError, match='needs a cutoff, the size of the pool, or list lengths'):
        rank_distances(ranks, queries, langs, 4)
    with pytest.raises(ValueError, match='norm needs pool'):
        rank_distances(ranks, queries, langs, 4, cutoff=9, norm=True)


def test_nothing_relevant_is_not_unbiased():
    """A system that retrieves nothing must not beat one that retrieves anything."""
    nothing = values(RankDistance@10, QRELS[:2], {})['two']
    assert nothing == 10 > values(RankDistance@10, QRELS[:2], {'two': {'d1': 1.}})['two'] - 1e-9
    assert nothing >= values(RankDistance@10, QRELS[:2], RUN)['two']


def test_one_language_queries_are_counted_once_by_name():
    with pytest.warns(UserWarning, match=r'^RankDistance@4: 2 of 7 queries have relevant documents in fewer than two '
                                         'languages and count as 0$') as caught:
        values(RankDistance@4)
    assert len(caught) == 1


def test_languages_from_langs_where_the_qrels_have_none():
    qrels, run = {'q': {'a': 1, 'b': 1}}, {'q': {'a': 2., 'x': 1.5, 'b': 1.}}
    assert values(RankDistance(langs=Languages({'a': 'de', 'b': 'en'}))@10, qrels, run) == {'q': 2}
    with pytest.raises(ValueError, match=r"query 'q': the language of its relevant document 'a' is unknown; put it "
                                         r"into the qrels' iteration, or give langs=Languages"):
        values(RankDistance@10, qrels, run)
    with pytest.raises(ValueError, match="relevant document 'b' is unknown"):
        values(RankDistance(langs={'a': 'de'})@10, qrels, run)


def test_the_qrels_come_before_langs():
    swapped = RankDistance(langs={'d1': 'en', 'e1': 'en'})@10
    assert values(swapped, QRELS[:2], RUN) == {'two': 2}


def test_a_list_longer_than_the_pool_is_an_error():
    with pytest.raises(ValueError, match=r"RankDistance\(pool=1000\): query 'far' has 1201 documents in the run, more "
                                         'than pool=1000'):
        values(RankDistance(pool=1000))

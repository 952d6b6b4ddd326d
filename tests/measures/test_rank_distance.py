import itertools
import math

import ir_measures
import numpy as np
import pytest

from pyterrier_hybrid.measures import Languages, RankDistance
from pyterrier_hybrid.measures.random_order import random_distance
from pyterrier_hybrid.measures.rank_distance import rank_distances
from pyterrier_hybrid.measures.relevant import Relevant

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
    (RankDistance, [2, 1000, 1000, 1000, 0, 0, 1201]),
    (RankDistance(pool=2000)@4, [2, 4, 4, 4, 0, 0, 4]),
    (RankDistance(rel=2)@4, [0] * 7),
])
def test_by_hand(measure, expected):
    found = values(measure)
    assert [found[query_id] for query_id in ('two', 'best', 'lost', 'gone', 'one', 'none', 'far')] == expected
    assert len(found) == 7


@pytest.mark.usefixtures('quiet')
def test_with_a_pool_the_expectation_by_hand():
    """What was not retrieved follows in random order: the best of m among r documents has the place (r+1)/(m+1)."""
    found = values(RankDistance(pool=2000))
    assert found['two'] == 2
    assert found['best'] == pytest.approx(5 + 1996 / 2 - 1)        # f1 is behind the list of 5
    assert found['lost'] == pytest.approx(1999 / 3)                # two of 1998, no matter which
    assert found['gone'] == pytest.approx(2001 / 3)
    assert found['one'] == found['none'] == 0
    assert found['far'] == pytest.approx(1201 + 800 / 2 - 1)       # d1 is behind the list of 1,201


@pytest.mark.usefixtures('quiet')
@pytest.mark.parametrize('depth', [0, 1, 3, 10, 40])
def test_a_random_ranking_scores_chance_whatever_its_depth(depth):
    """Two, one and three relevant documents among 40, cut at a depth; without the expectation it would be N or so."""
    rng, pool, langs = np.random.default_rng(depth), 40, np.array([0, 0, 1, 2, 2, 2])
    n_queries = 3000
    ranks = np.stack([rng.permutation(pool)[:6] + 1 for _ in range(n_queries)])
    ranks[ranks > depth] = 0
    distances = rank_distances(relevant(ranks.ravel(), np.repeat(np.arange(n_queries), 6), np.tile(langs, n_queries),
                                        [depth] * n_queries), pool=pool)
    error = distances.std() / math.sqrt(n_queries) if depth else 0
    assert distances.mean() == pytest.approx(random_distance(np.array([[2, 1, 3]]), pool)[0], abs=4 * error + 1e-9)


@pytest.mark.parametrize('m', [[1, 1], [2, 1], [1, 1, 1], [1, 2, 1]])
def test_the_expectation_equals_the_mean_over_all_completions(m):
    """A list of three out of seven holds every choice of places; what it lacks follows in every order."""
    langs, depth, pool = np.repeat(np.arange(len(m)), m), 3, 7
    for kept in itertools.product([0, 1, 2, 3], repeat=len(langs)):
        if len({rank for rank in kept if rank}) < sum(rank > 0 for rank in kept):
            continue
        places = [place for place, rank in enumerate(kept) if not rank]
        distances = []
        for behind in itertools.permutations(range(depth + 1, pool + 1), len(places)):
            whole = np.array(kept)
            whole[places] = behind
            best = [whole[langs == lang].min() for lang in range(len(m))]
            distances.append(max(best) - min(best))
        found = rank_distances(relevant(np.array(kept), np.zeros(len(langs), int), langs, [depth]), pool=pool)
        assert found == pytest.approx([np.mean(distances)]), kept


def relevant(ranks, queries, langs, lengths):
    return Relevant(ranks, queries, langs, np.ones_like(ranks), len(lengths), np.array(lengths))


@pytest.mark.usefixtures('quiet')
def test_norm_divides_by_the_expectation_of_the_querys_own_documents():
    found, plain = values(RankDistance(pool=2000, norm=True)), values(RankDistance(pool=2000))
    assert found['two'] == pytest.approx(2 / (1 / 3 * 2001))
    # de twice, en and fr once: E max = sum over sets, E min = 1 of 5 parts
    worst = 1 / 3 + 1 / 2 + 1 / 2 - 1 / 4 - 1 / 4 - 1 / 3 + 1 / 5
    assert found['best'] == pytest.approx(plain['best'] / (2001 * (worst - 1 / 5)))
    assert found['gone'] == pytest.approx(1)
    assert found['one'] == found['none'] == 0.


def test_norm_is_refused_with_a_cutoff_and_without_a_pool():
    with pytest.raises(ValueError, match='leave out the cutoff or norm'):
        values(RankDistance(pool=2000, norm=True)@10)
    with pytest.raises(ValueError, match=r'RankDistance\(pool=13014, norm=True\)'):
        values(RankDistance(norm=True))


def test_complete_looks_at_queries_with_every_language_within_k():
    with pytest.warns(UserWarning, match='3 of 6 queries have a language of which nothing is within 4, and count as 4'):
        found = values(RankDistance(complete=True)@4, [row for row in QRELS if row.query_id not in ('far',)])
    assert [found[query_id] for query_id in ('two', 'best', 'lost', 'gone', 'one', 'none')] == [2, 4, 4, 4, 0, 0]
    assert values(RankDistance(complete=True)@3, QRELS[:2]) == {'two': 3} != values(RankDistance@3, QRELS[:2])
    with pytest.raises(ValueError, match=r'RankDistance\(complete=True\)@1000'):
        values(RankDistance(complete=True))


def test_languages_that_were_not_found_are_counted():
    with pytest.warns(UserWarning, match='4 of 7 queries have languages of which nothing was retrieved'):
        values(RankDistance(pool=2000))


def test_expected_distance_on_xquad_r():
    assert round(random_distance(np.ones((1, 11), int), 13014)[0]) == 10846


@pytest.mark.usefixtures('quiet')
@pytest.mark.parametrize(('cutoff', 'pool'), [(10, None), (3, None), (None, None), (5, 200)])
def test_equal_to_plain_loops(random_case, plain, cutoff, pool):
    for seed in range(4):
        qrels, run = random_case(seed)
        expected = {}
        for query_id, query in plain(qrels, run).items():
            length = max(len(query['list']), 1000)
            unretrieved = cutoff + 1 if cutoff else length + 1
            best, seen = {}, False
            for rank, lang, _ in query['ranks']:
                retrieved = rank is not None and (cutoff is None or rank <= cutoff)
                seen |= retrieved
                best[lang] = min(best.get(lang, 10**6), rank if retrieved else unretrieved)
            worst = cutoff or length
            expected[query_id] = 0 if len(best) == 1 else max(best.values()) - min(best.values()) if seen else worst
        assert values(RankDistance(cutoff=cutoff, pool=pool), qrels, run) == pytest.approx(expected)


def test_arrays_alone():
    case = relevant(np.array([3, 0, 7, 1, -1, 4]), np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 0, 1, 2, 1]),
                    [5, 2000, 1, 0])
    assert rank_distances(case, cutoff=9).tolist() == [7, 9, 0, 0]
    assert rank_distances(case).tolist() == [998, 2000, 0, 0]


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
    with pytest.raises(ValueError, match=r"RankDistance\(pool=1201\): query 'far' has 1202 documents in the run or "
                                         'relevant, more than pool=1201'):
        values(RankDistance(pool=1201))

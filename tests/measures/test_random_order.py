import itertools
from fractions import Fraction

import numpy as np
import pytest

from pyterrier_hybrid.measures.random_order import random_distance, worst_share

CASES = [(1, 1), (2, 1), (3, 3), (1, 1, 1), (2, 0, 1), (4, 2, 1), (1,), (5,), (0, 3)]


def all_orders(m, n_documents):
    """The mean over every placement of the relevant documents: of the languages' worst best rank, and the distance."""
    langs = [lang for lang, count in enumerate(m) for _ in range(count)]
    worst, distance = [], []
    for placement in itertools.permutations(range(1, n_documents + 1), len(langs)):
        best = {}
        for lang, rank in zip(langs, placement):
            best[lang] = min(rank, best.get(lang, n_documents))
        worst.append(max(best.values()))
        distance.append(max(best.values()) - min(best.values()))
    return np.mean(worst), np.mean(distance)


def by_inclusion_and_exclusion(m):
    """G(m) exactly: the sum over nonempty sets of languages of (-1)^(size+1) / (sum of their m + 1)."""
    m = [count for count in m if count]
    return sum(Fraction((-1) ** (size + 1), sum(chosen) + 1)
               for size in range(1, len(m) + 1) for chosen in itertools.combinations(m, size))


@pytest.mark.parametrize('m', CASES)
def test_equals_the_mean_over_all_orders(m):
    counts, n_documents = np.array([m]), 7
    worst, distance = all_orders(m, n_documents)
    assert (n_documents + 1) * worst_share(counts)[0] == pytest.approx(worst, rel=1e-12)
    assert random_distance(counts, n_documents)[0] == pytest.approx(distance, rel=1e-12, abs=1e-12)


def test_equals_inclusion_and_exclusion_for_many_queries():
    rng = np.random.default_rng(0)
    m = rng.integers(0, 40, (200, 11)) * (rng.random((200, 11)) < .6)
    expected = [float(by_inclusion_and_exclusion(row)) for row in m.tolist()]
    np.testing.assert_allclose(worst_share(m), expected, rtol=1e-12)


@pytest.mark.parametrize('count', [1, 7, 100, 1000, 5000])
def test_thousands_of_documents(count):
    """For n languages of m documents each, 1 - G is the product of jm/(jm+1), j = 1..n."""
    m = np.full((1, 11), count)
    expected = 1 - np.prod([Fraction(j * count, j * count + 1) for j in range(1, 12)])
    assert worst_share(m)[0] == pytest.approx(float(expected), rel=1e-8)


def test_one_document_per_language_is_the_range_of_n_ranks():
    for n in range(1, 30):
        assert random_distance(np.ones((1, n), int), 13014)[0] == pytest.approx((n - 1) / (n + 1) * 13015)


def test_a_random_ranking_by_monte_carlo():
    m, n_documents, rng = np.array([3, 1, 0, 5]), 400, np.random.default_rng(0)
    langs = np.repeat(np.arange(4), m)
    distances = []
    for _ in range(4000):
        ranks = rng.choice(n_documents, len(langs), replace=False) + 1
        best = [ranks[langs == lang].min() for lang in (0, 1, 3)]
        distances.append(max(best) - min(best))
    error = np.std(distances) / np.sqrt(len(distances))
    assert random_distance(m[None], n_documents)[0] == pytest.approx(np.mean(distances), abs=4 * error)


def test_the_order_of_languages_and_empty_ones_change_nothing():
    m = np.array([[3, 1, 2, 0], [1, 2, 3, 0], [0, 2, 1, 3]])
    assert len(set(worst_share(m).tolist())) == 1
    assert worst_share(np.zeros((2, 3), int)).tolist() == [0, 0]
    assert worst_share(np.zeros((0, 3), int)).shape == (0,)


def test_pairs_of_a_pool_of_two():
    assert random_distance(np.array([[1, 1]]), 2)[0] == pytest.approx(1)

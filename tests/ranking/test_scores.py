"""Exact scores against rational arithmetic."""
from fractions import Fraction

import numpy as np
import pytest

from pyterrier_hybrid.ranking.scores import exact_scores, exact_scores_of_own, max_norm


def nearest_float32(query, doc):
    """The float32 nearest to the exact dot product, by comparing rational distances."""
    exact = sum((Fraction(float(a)) * Fraction(float(b)) for a, b in zip(query, doc)), Fraction(0))
    near = np.float32(float(exact))
    around = [np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))]
    return min(around, key=lambda x: abs(Fraction(float(x)) - exact))


def vectors(n, d, seed=0, scale=1.0):
    return (scale * np.random.default_rng(seed).standard_normal((n, d))).astype(np.float32)


@pytest.mark.parametrize('d', [1, 3, 64, 257])
def test_scores_are_the_float32_nearest_to_the_exact_product(d):
    queries, docs = vectors(5, d), vectors(40, d, seed=1)
    expected = [[nearest_float32(q, x) for x in docs] for q in queries]
    np.testing.assert_array_equal(exact_scores(queries, docs), np.array(expected, np.float32))


def test_scores_survive_cancellation():
    query = np.array([[1e8, 1.0, -1e8, 1e-8]], np.float32)
    docs = np.array([[1e8, 1.0, 1e8, 1.0], [1e8, 0.0, 1e8, 1.0], [1, 0, 1, 0]], np.float32)
    expected = [nearest_float32(query[0], doc) for doc in docs]
    assert exact_scores(query, docs)[0].tolist() == expected == [1.0, np.float32(1e-8), 0.0]


@pytest.mark.parametrize('sign', [1, -1])
@pytest.mark.parametrize('odd', [0, 2**-23])
def test_scores_just_beside_the_middle_of_two_float32(sign, odd):
    """A float64 does not tell these sums from the middle itself, where float32 rounds to the even neighbour."""
    query, middle = np.full((1, 4), sign, np.float32), [1, odd, 2**-24]
    docs = np.array([[*middle, 2**-80], [*middle, -(2**-80)], [*middle, 0]], np.float32)
    expected = [sign * np.float32(1 + odd + step) for step in (2**-23, 0, odd)]
    assert [nearest_float32(query[0], doc) for doc in docs[:2]] == expected[:2]
    for scores in (exact_scores(query, docs)[0], exact_scores_of_own(query, docs, np.array([3]))):
        assert scores.tolist() == expected


def test_scores_are_those_of_the_pair_alone():
    queries, docs = vectors(7, 100), vectors(301, 100, seed=1)
    whole = exact_scores(queries, docs)
    alone = [[exact_scores(queries[i : i + 1], docs[j : j + 1])[0, 0] for j in range(301)] for i in range(7)]
    backwards = exact_scores(queries[::-1, ::-1], docs[::-1, ::-1])[::-1, ::-1]
    np.testing.assert_array_equal(whole, np.array(alone))
    np.testing.assert_array_equal(whole, backwards)


def test_zero_is_never_negative():
    scores = exact_scores(np.array([[-1.0, 0.0]], np.float32), np.array([[0.0, 5.0]], np.float32))
    assert scores[0, 0] == 0 and not np.signbit(scores[0, 0])


def test_a_subnormal_score_is_zero():
    """Evaluators take it for 0, so it is 0 before anything is ordered by it."""
    query = np.array([[1e-20, 0]], np.float32)
    docs = np.array([[1e-20, 0], [1.1e-18, 0], [-1.1e-18, 0], [1.2e-18, 0], [-1.2e-18, 0]], np.float32)
    for scores in (exact_scores(query, docs)[0], exact_scores_of_own(query, docs, np.array([5]))):
        assert scores[:3].tolist() == [0, 0, 0] and not np.signbit(scores[:3]).any()
        assert scores[3:].tolist() == [nearest_float32(query[0], doc) for doc in docs[3:]]


def test_a_product_beyond_float32_is_infinite():
    assert exact_scores(np.array([[3e38]], np.float32), np.array([[2.0], [-2.0]], np.float32)).tolist() == [
        [np.inf, -np.inf]
    ]


def test_max_norm_is_an_upper_bound_and_close():
    rows = np.concatenate([np.zeros((700, 2), np.float32), vectors(9_000, 2), [[3, -4]]], dtype=np.float32)
    assert 5 <= max_norm(rows) < 5 * (1 + 2 * 2.0**-23)
    assert max_norm(rows[::-1]) == max_norm(rows) == max(map(max_norm, np.array_split(rows, 7)))


@pytest.mark.parametrize('scale', [1e-45, 1e-30, 1e-14, 1, 1e18, 1e38])
def test_max_norm_where_float32_squares_underflow_or_overflow(scale):
    rows = vectors(50, 64, scale=scale).clip(-3e38, 3e38)
    exact = np.linalg.norm(rows.astype(np.float64), axis=1).max()
    assert exact <= max_norm(rows) <= exact * (1 + 64 * 2.0**-23)


def test_max_norm_of_nothing_and_of_what_is_not_finite():
    assert max_norm(np.empty((0, 3), np.float32)) == 0
    assert max_norm(np.zeros((5, 3), np.float32)) == 0
    for value in (np.nan, np.inf, -np.inf):
        rows = vectors(600, 3)
        rows[300, 1] = value
        assert not np.isfinite(max_norm(rows))


@pytest.mark.parametrize('scale', [1.0, 1e-3, 1e30])
def test_queries_with_documents_of_their_own(scale):
    rng = np.random.default_rng(3)
    queries = rng.standard_normal((4, 9)).astype(np.float32)
    docs = (scale * rng.standard_normal((60, 9))).astype(np.float32)
    docs[7] = docs[20]
    docs[30, 1:], docs[30, 0], queries[2, 0] = 0, 3e38, 7  # beyond float32
    counts = np.array([13, 0, 40, 7])
    parts = np.split(docs, np.cumsum(counts)[:-1])
    expected = [exact_scores(query[None], own)[0] for query, own in zip(queries, parts)]
    found = exact_scores_of_own(queries, docs, counts)
    np.testing.assert_array_equal(found, np.concatenate(expected))
    assert found.dtype == np.float32 and np.isinf(found[30])


def test_documents_of_their_own_are_rounded_exactly_too():
    queries = np.array([[1, 1e8, -1e8], [1, 1, 1]], np.float32)
    docs = np.array([[1, 1, 1], [1e-8, 1, 1], [0, 0, -0.0]], np.float32)
    assert exact_scores_of_own(queries, docs, np.array([2, 1])).tolist() == [1.0, np.float32(1e-8), 0.0]

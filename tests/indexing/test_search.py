"""Exact scores against rational arithmetic, and top-k against sorting everything."""
from fractions import Fraction

import numpy as np
import pytest

from pyterrier_hybrid.indexing import exact_scores, search, top_k


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


def test_a_product_beyond_float32_is_infinite():
    assert exact_scores(np.array([[3e38]], np.float32), np.array([[2.0], [-2.0]], np.float32)).tolist() == [
        [np.inf, -np.inf]
    ]


def test_keys_keep_the_score_and_order_it():
    scores = np.array([[np.inf, 3e38, 1.5, 1e-45, 0.0, -1e-45, -1.5, -np.inf]], np.float32)
    rank = np.arange(8, dtype=np.uint32)
    keys = search._encode(scores, rank[::-1])
    assert (np.diff(keys.astype(object)) > 0).all()
    docids, decoded = search._decode(keys, rank[::-1])
    np.testing.assert_array_equal(decoded, scores)
    assert docids.tolist() == [list(range(8))]


def everything_sorted(queries, docs, rank, k, rows):
    scores = exact_scores(queries, docs[rows])
    docids = np.array([rows[np.lexsort((rank[rows], -row))[:k]] for row in scores])
    return docids, np.array([-np.sort(-row)[:k] for row in scores])


CASES = {
    'as_many_as_there_are': (50, 7, 50),
    'more_than_there_are': (50, 7, 51),
    'one': (1, 7, 1),
    'few_of_many': (5000, 7, 3),
    'several_blocks': (40_000, 4, 20),
    'depth_beyond_a_block': (3000, 4, 120),
}


@pytest.mark.parametrize('device', [None, 'cpu'])
@pytest.mark.parametrize('part', [False, True], ids=['all', 'some_rows'])
@pytest.mark.parametrize('n, d, k', CASES.values(), ids=CASES.keys())
def test_top_k_is_the_head_of_everything_sorted(n, d, k, part, device):
    rng = np.random.default_rng(n + k)
    docs, queries = vectors(n, d), vectors(6, d, seed=1)
    docs[rng.integers(0, n, n // 2)] = docs[0]  # half of them tie
    queries[0] = 0  # all of them tie
    docs[: n // 3] = np.round(docs[: n // 3])
    order = rng.permutation(n).astype(np.uint32)
    rank = np.argsort(order).astype(np.uint32)
    rows = np.sort(rng.choice(n, n - n // 3, replace=False)) if part else None
    norm = np.linalg.norm(docs.astype(float), axis=1).max()
    docids, scores = top_k(queries, docs, order, rank, k, max_norm=norm, rows=rows, device=device)
    expected = everything_sorted(queries, docs, rank, k, np.arange(n) if rows is None else rows)
    np.testing.assert_array_equal(docids, expected[0])
    np.testing.assert_array_equal(scores, expected[1])
    assert (docids.dtype, scores.dtype) == (np.int64, np.float32)


@pytest.mark.parametrize('device', [None, 'cpu'])
def test_the_preselection_keeps_what_float32_products_cannot_tell_apart(device):
    """Thousands of documents whose scores differ by less than the error of a float32 product."""
    rng = np.random.default_rng(0)
    docs = vectors(1, 256) * (1 + rng.integers(-1, 2, (20_000, 256)) * 2.0**-23).astype(np.float32)
    queries, order = vectors(8, 256, seed=1), rng.permutation(20_000).astype(np.uint32)
    rank = np.argsort(order).astype(np.uint32)
    norm = np.linalg.norm(docs.astype(float), axis=1).max()
    docids, _ = top_k(queries, docs, order, rank, 5, max_norm=norm, device=device)
    np.testing.assert_array_equal(docids, everything_sorted(queries, docs, rank, 5, np.arange(20_000))[0])


def test_torchs_precision_is_as_it_was():
    torch = pytest.importorskip('torch')
    before = torch.get_float32_matmul_precision()
    docs, order = vectors(5000, 8), np.arange(5000, dtype=np.uint32)
    try:
        torch.set_float32_matmul_precision('medium')
        top_k(vectors(2, 8), docs, order, order, 3, max_norm=9.0, device='cpu')
        assert torch.get_float32_matmul_precision() == 'medium'
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize('scale', [1e-30, 1e25])
def test_extreme_norms(scale):
    docs, queries, order = vectors(5000, 8, scale=scale), vectors(3, 8, 1, scale), np.arange(5000, dtype=np.uint32)
    norm = np.linalg.norm(docs.astype(float), axis=1).max()
    docids, _ = top_k(queries, docs, order, order, 4, max_norm=norm)
    np.testing.assert_array_equal(docids, everything_sorted(queries, docs, order, 4, np.arange(5000))[0])


def test_progress_counts_every_query():
    seen = []
    docs, order = vectors(10, 2), np.arange(10, dtype=np.uint32)
    top_k(vectors(700, 2), docs, order, order, 3, max_norm=9.0, progress=seen.append)
    assert sum(seen) == 700

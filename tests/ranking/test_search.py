"""Top-k against sorting everything."""
import numpy as np
import pytest

from pyterrier_hybrid.ranking import exact_scores, top_k


def vectors(n, d, seed=0, scale=1.0):
    return (scale * np.random.default_rng(seed).standard_normal((n, d))).astype(np.float32)


@pytest.mark.parametrize('d', [1, 3, 64, 257])
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


@pytest.mark.parametrize('d', [1, 3])
@pytest.mark.parametrize('device', [None, 'cpu'])
def test_subnormal_scores_are_all_equal(device, d):
    rng = np.random.default_rng(0)
    docs, queries = (rng.integers(-60, 61, (n, d)).astype(np.float32) * np.float32(1e-20) for n in (5000, 6))
    order = rng.permutation(5000).astype(np.uint32)
    rank = np.argsort(order).astype(np.uint32)
    norm = np.linalg.norm(docs.astype(float), axis=1).max()
    for k in (5, 2500):
        found = top_k(queries, docs, order, rank, k, max_norm=norm, device=device)
        for one, other in zip(found, everything_sorted(queries, docs, rank, k, np.arange(5000))):
            np.testing.assert_array_equal(one, other)
    assert (found[1] == 0).any() and (found[1] > 0).any() and not (np.abs(found[1][found[1] != 0]) < 1.17e-38).any()


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

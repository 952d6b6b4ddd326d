"""Products of queries with their candidates, as FAISS computes them where the vectors lie, against numpy."""
import numpy as np
import pytest

from pyterrier_hybrid.indexing.approximate import products_of

RNG = np.random.default_rng(0)
QUERIES, VECTORS = (RNG.standard_normal((n, 24)).astype(np.float32) for n in (5, 90))
FOUND = [RNG.choice(90, 12, replace=False).astype(np.int64) for _ in range(5)]


def test_products_are_those_of_each_query_with_its_own_candidates(tmp_path):
    VECTORS.tofile(tmp_path / 'vecs.f4')
    for vectors in (VECTORS, np.memmap(tmp_path / 'vecs.f4', np.float32, 'r', shape=VECTORS.shape)):
        for query, candidates, products in zip(QUERIES, FOUND, products_of(QUERIES, vectors, FOUND, 12), strict=True):
            np.testing.assert_allclose(products, VECTORS[candidates] @ query, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('vectors', [VECTORS.astype(np.float16), VECTORS[:, ::-1], np.asfortranarray(VECTORS)])
def test_other_vectors_are_left_to_numpy(vectors):
    assert products_of(QUERIES, vectors, FOUND, 12) == [None] * 5


def test_a_query_that_is_searched_exactly_has_no_products():
    found = [FOUND[0], None, FOUND[2][:7], FOUND[3], FOUND[4]]
    known = [products is not None for products in products_of(QUERIES, VECTORS, found, 12)]
    assert known == [True, False, False, True, True]
    assert products_of(QUERIES, VECTORS, [None] * 5, 12) == [None] * 5

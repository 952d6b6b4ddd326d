"""Which lists a search reads, and what it finds there, against FAISS's own search."""
import faiss
import numpy as np
import pytest

from pyterrier_hybrid.indexing import IVF, IVFPQ
from pyterrier_hybrid.indexing.inverted_lists import nearest_lists

RNG = np.random.default_rng(0)
PASSAGES, QUERIES = (RNG.standard_normal((n, 16)).astype(np.float32) for n in (2000, 150))
BACKENDS = [IVF(lists=32), IVFPQ(lists=32, code_bytes=4), IVFPQ(lists=32, code_bytes=4, code_bits=4)]


@pytest.mark.parametrize('count', [1, 7, 32])
def test_the_lists_are_those_of_greatest_product(count):
    centroids = RNG.standard_normal((32, 16)).astype(np.float32)
    chosen, products = nearest_lists(QUERIES, centroids, count)
    expected = QUERIES.astype(float) @ centroids.T.astype(float)
    np.testing.assert_array_equal(chosen, np.sort(np.argsort(-expected, axis=1)[:, :count], axis=1))
    np.testing.assert_allclose(products, np.take_along_axis(expected, chosen, axis=1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('selected', [None, 700])
@pytest.mark.parametrize('effort', [1, 5, 32])
@pytest.mark.parametrize('backend', BACKENDS, ids=repr)
def test_passages_are_those_of_faiss(backend, effort, selected):
    index = backend.fitted(*PASSAGES.shape).trained(PASSAGES)
    index.add(PASSAGES)
    selector = selected and faiss.IDSelectorRange(0, selected)
    found = backend.search(index, QUERIES, 40, effort, selector)
    parameters = faiss.SearchParametersIVF(nprobe=effort, sel=selector)
    if isinstance(index, faiss.IndexPreTransform):
        parameters = faiss.SearchParametersPreTransform(index_params=parameters)
    scores, expected = index.search(QUERIES, 40, params=parameters)
    assert (found >= 0).sum() == (expected >= 0).sum() > 0
    for own, its, score in zip(found, expected, scores):  # codes are few bytes, so scores are equal at the cut
        assert set(its[score > score.min()]) <= set(own)
        assert selected is None or own.max() < selected

"""The order, as integers and as a comparison."""
import numpy as np

from pyterrier_hybrid.ranking.order import comes_before, float_keys, from_float_keys, from_order_keys, order_keys

SCORES = np.array([[np.inf, 3e38, 1.5, 1e-45, 0.0, -1e-45, -1.5, -np.inf]], np.float32)


def test_keys_keep_the_score_and_order_it():
    rank = np.arange(8, dtype=np.uint32)[::-1]
    keys = order_keys(SCORES, rank)
    assert (np.diff(keys.astype(object)) > 0).all()
    places, decoded = from_order_keys(keys)
    np.testing.assert_array_equal(decoded, SCORES)
    assert places.tolist() == [rank.tolist()]


def test_equal_scores_are_ordered_by_docno():
    keys = order_keys(np.float32([2.0, 2.0, 3.0]), np.array([1, 0, 2]))
    assert np.argsort(keys).tolist() == [2, 1, 0]


def test_float_keys_are_one_apart_for_neighbouring_floats():
    keys = float_keys(np.float32([1.0, np.nextafter(np.float32(1), np.float32(2))]))
    assert int(keys[1]) - int(keys[0]) == 1
    np.testing.assert_array_equal(from_float_keys(keys + np.uint32(1))[0], np.nextafter(np.float32(1), np.float32(2)))


def test_comes_before():
    before = comes_before(np.float32([3, 2, 2, 1]), np.array([9, 4, 6, 0]), np.float32(2), 5)
    assert before.tolist() == [True, True, False, False]

"""Docnos against plain Python lists and dicts."""
import tracemalloc

import numpy as np
import pytest

from pyterrier_hybrid.indexing import docnos as module
from pyterrier_hybrid.indexing.docnos import Docnos

COLLECTIONS = {
    'one': ['de/17.3'],
    'one_letter': ['x'],
    'sequence': [f'd{i}' for i in range(300)],
    'padding_matters': ['7', '007', '07', 'a', 'ab', 'abc'],
    'unicode': ['é1', 'è1', '中1', '丮1', '\U0001f600', '\uffff', 'e1'],
    'spaces': ['a b', ' a', 'a ', '\n'],
    'long': ['x' * 5000, 'y'],
    'nul': ['a', 'a\0', 'a\0\0'],
}


@pytest.fixture(params=COLLECTIONS.values(), ids=COLLECTIONS.keys())
def ids(request):
    return request.param


def test_it_is_the_list_it_was_made_from(ids):
    docnos = Docnos.of(ids)
    assert list(docnos) == np.asarray(docnos).tolist() == docnos.fwd[np.arange(len(ids))].tolist() == ids
    assert len(docnos) == len(ids)


def test_docids_are_found_by_docno(ids):
    docnos = Docnos.of(ids)
    assert docnos.inv[np.array(ids, dtype=object)].tolist() == list(range(len(ids)))
    assert [docnos.inv[docno] for docno in ids] == list(range(len(ids)))
    assert all(docno in docnos for docno in ids)


def test_the_order_is_by_code_point(ids):
    docnos = Docnos.of(ids)
    assert docnos.order.tolist() == sorted(range(len(ids)), key=ids.__getitem__)
    assert docnos.rank[docnos.order].tolist() == list(range(len(ids)))


@pytest.mark.parametrize('key, expected', [
    (1, 'b'), (np.int64(2), 'c'), ([2, 0, 2], ['c', 'a', 'c']), (slice(1, None), ['b', 'c']), (np.array([], int), []),
    ('b', 1), (['c', 'a'], [2, 0]), (np.array([['a'], ['b']]), [[0], [1]]), (np.array([[1], [0]]), [['b'], ['a']]),
])  # fmt: skip
def test_one_subscript_for_both_directions(key, expected):
    found = Docnos.of('abc')[key]
    assert (found.tolist() if isinstance(found, np.ndarray) else found) == expected


@pytest.mark.parametrize('unknown', ['d', '', 'aa', 'a\0', 'a longer one than any of them', '\ud800', 3, None])
def test_an_unknown_docno_is_an_error_that_names_it(unknown):
    docnos = Docnos.of('abc')
    assert unknown not in docnos
    with pytest.raises(KeyError, match='the index has no document'):
        docnos.inv[np.array(['a', unknown], dtype=object)]


def test_docnos_of_equal_hashes_are_told_apart(monkeypatch):
    monkeypatch.setattr(module, '_hashes', lambda docnos: np.array([len(str(d)) for d in docnos], np.uint64))
    docnos = Docnos.of(['aa', 'b', 'cc', 'dd', 'e'])
    assert docnos.inv[['dd', 'e', 'aa', 'cc', 'b', 'dd']].tolist() == [3, 4, 0, 2, 1, 3]
    assert 'ff' not in docnos and 'fff' not in docnos


def test_one_long_docno_costs_its_own_length_only():
    docnos = Docnos.of(['x' * 10**6, *(f'd{i}' for i in range(20_000))])
    tracemalloc.start()
    assert docnos.order[-1] == 0 and docnos.inv['d7'] == 8 and len(docnos.rank) == 20_001
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6


@pytest.mark.parametrize('docid', [-1, 3])
def test_a_docid_out_of_range_is_an_error(docid):
    with pytest.raises(IndexError, match='docids run from 0 to 2'):
        Docnos.of('abc').fwd[docid]

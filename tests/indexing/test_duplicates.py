import numpy as np
import pytest

from pyterrier_hybrid.indexing import docnos as module
from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.duplicates import find_duplicate

TABLES = {
    'none': ([['a', 'b'], ['c'], ['ab', 'ba']], None),
    'nothing': ([], None),
    'one': ([['a']], None),
    'within a table': ([['a'], ['b', 'c', 'b']], ('b', 1, 3)),
    'across tables': ([['a', 'b'], ['c'], ['d', 'b']], ('b', 1, 4)),
    'three times': ([['a', 'x'], ['x'], ['x']], ('x', 1, 2)),
    'unicode': ([['é', 'e'], ['中', 'é']], ('é', 0, 3)),
}


@pytest.mark.parametrize(('tables', 'expected'), TABLES.values(), ids=TABLES)
@pytest.mark.parametrize('hashing', ['pandas', 'length', 'constant'])
def test_worked_by_hand_whatever_the_hashes(tables, expected, hashing, monkeypatch):
    if hashing != 'pandas':
        of = {'length': len, 'constant': lambda docno: 7}[hashing]
        monkeypatch.setattr(module, '_hashes', lambda docnos: np.array([of(docno) for docno in docnos], np.uint64))
    assert find_duplicate([Docnos.of(table) for table in tables]) == expected


def test_against_a_dict(monkeypatch):
    monkeypatch.setattr(module, '_CHUNK', 64)
    monkeypatch.setattr('pyterrier_hybrid.indexing.duplicates._SUSPECTS', 3)
    rng = np.random.default_rng(0)
    for trial in range(40):
        docnos = [f'd{i}' for i in rng.permutation(1000)]
        repeated = rng.integers(0, 4)
        docnos += docnos[:repeated]
        cuts = np.sort(rng.integers(0, len(docnos), 5))
        tables = [Docnos.of(part) for part in np.split(np.array(docnos, dtype=object), cuts)]
        found = find_duplicate(tables)
        if not repeated:
            assert found is None
        else:
            docno, first, second = found
            assert docnos[first] == docnos[second] == docno and first < second, trial

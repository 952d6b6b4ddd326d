"""The hash table of docnos on disk, against a dict."""
import numpy as np
import pytest

from pyterrier_hybrid.indexing import docno_table
from pyterrier_hybrid.indexing.docno_table import DocnoTable, hashes_of


@pytest.mark.parametrize('few', [1 << 6, 3])
def test_it_finds_what_was_added_and_nothing_else(tmp_path, monkeypatch, few):
    """Also where a few values are the hashes of all docnos, so that places and whole hashes are shared."""
    monkeypatch.setattr(docno_table, '_FEWEST', 1 << 4)
    docnos = [f'd{i}' for i in range(500)]
    table = DocnoTable(tmp_path, lambda docids: [docnos[i] for i in docids])
    hashes = hashes_of(docnos) % np.uint64(few) + np.uint64(1)
    for first in range(0, 500, 50):
        part = slice(first, first + 50)
        assert (table.find(docnos[part], hashes[part]) == -1).all()
        table.add(hashes[part], first)
        assert table.find(docnos[: first + 50], hashes[: first + 50]).tolist() == list(range(first + 50))
    others = [f'other {i}' for i in range(100)]
    assert (table.find(others, hashes_of(others) % np.uint64(few) + np.uint64(1)) == -1).all()
    assert len(list(tmp_path.iterdir())) == 2
    table.discard()
    assert not list(tmp_path.iterdir())


def test_no_hash_is_the_mark_of_a_free_place():
    assert (hashes_of([f'd{i}' for i in range(1000)]) != 0).all() and len(hashes_of([])) == 0

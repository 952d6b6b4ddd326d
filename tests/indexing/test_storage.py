"""The files: the same bytes however cut, readable by npids, and refused when damaged."""
import json
import os

import npids
import numpy as np
import pytest

from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.storage import (
    Collection,
    open_collection,
    open_part,
    write_index,
    write_part,
)


def collection(n, d=3, seed=0, languages=('de', 'en')):
    rng = np.random.default_rng(seed)
    lang_ids = (np.arange(n) % len(languages)).astype(np.uint16)
    docnos = Docnos.of(f'{seed}/{i}' for i in range(n))
    return Collection(rng.standard_normal((n, d), np.float32), docnos, lang_ids, languages)


def cut(whole, *stops):
    """The collection in pieces, each with its languages in an order of its own."""
    names, langs = list(whole.docnos), whole.langs()
    for start, stop in zip((0, *stops), (*stops, len(names))):
        languages = tuple(reversed(sorted(set(langs[start:stop]))))
        ids = np.array([languages.index(x) for x in langs[start:stop]], np.uint16)
        yield Collection(whole.vecs[start:stop], Docnos.of(names[start:stop]), ids, languages)


def test_a_part_is_what_was_written(tmp_path):
    whole = collection(7)
    write_part(whole, tmp_path / 'part-000000')
    part = open_part(tmp_path / 'part-000000')
    np.testing.assert_array_equal(part.vecs, whole.vecs)
    assert (list(part.docnos), part.langs().tolist()) == (list(whole.docnos), whole.langs().tolist())
    assert [p.name for p in tmp_path.iterdir()] == ['part-000000']


@pytest.mark.parametrize('write', [write_part, lambda c, folder: write_index([c], folder)], ids=['part', 'index'])
def test_every_file_is_on_the_disk_before_the_folder_counts(tmp_path, monkeypatch, write):
    synced = set()
    monkeypatch.setattr(os, 'fsync', lambda handle: synced.add(os.fstat(handle).st_ino))
    write(collection(3), tmp_path / 'x')
    assert {p.stat().st_ino for p in [tmp_path / 'x', *(tmp_path / 'x').iterdir()]} <= synced


@pytest.mark.parametrize('stops', [(1,), (4, 5), range(1, 9)])
def test_an_index_does_not_show_how_it_was_cut(tmp_path, content, stops):
    whole = collection(9)
    write_index([whole], tmp_path / 'whole')
    write_index(list(cut(whole, *stops)), tmp_path / 'cut')
    assert content(tmp_path / 'whole') == content(tmp_path / 'cut')


@pytest.mark.parametrize('change', ['vecs', 'docnos', 'lang_ids', 'languages'])
def test_the_fingerprint_tells_every_difference(tmp_path, change):
    whole = collection(4)
    other = {
        'vecs': -whole.vecs,
        'docnos': Docnos.of(reversed(list(whole.docnos))),
        'lang_ids': whole.lang_ids[::-1],
        'languages': ('de', 'fr'),
    }[change]
    write_index([whole], tmp_path / 'a')
    write_index([Collection(**{**vars(whole), change: other})], tmp_path / 'b')
    a, b = (json.loads((tmp_path / name / 'pt_meta.json').read_text()) for name in 'ab')
    assert a['fingerprint'] != b['fingerprint']
    assert (a['type'], a['format'], a['doc_count'], a['vec_size']) == ('dense_index', 'flex', 4, 3)


@pytest.mark.parametrize('ids', [
    ['only'], ['7'], ['é1', 'è1'], ['中'], [f'x{i}' for i in range(256)] + ['odd one out'],
    [str(i) for i in range(1000)], ['007', '7'], ['a', 'ab', 'abc'],
])  # fmt: skip
def test_npids_reads_the_docnos(tmp_path, ids):
    n = len(ids)
    langs = np.zeros(n, np.uint16)
    write_index([Collection(np.ones((n, 2), np.float32), Docnos.of(ids), langs, ('de',))], tmp_path / 'x')
    lookup = npids.Lookup(tmp_path / 'x/docnos.npids')
    assert list(lookup) == lookup.fwd[np.arange(n)].tolist() == ids
    assert lookup.inv[np.array(ids)].tolist() == list(range(n))


@pytest.mark.parametrize('name', ['vecs.f4', 'langs.u2', 'docno_offsets.i8', 'docno_bytes.u1', 'docno_order.u4'])
def test_a_damaged_file_is_named(tmp_path, name):
    write_index([collection(5)], tmp_path / 'x')
    meta = json.loads((tmp_path / 'x/pt_meta.json').read_text())
    with (tmp_path / 'x' / name).open('ab') as out:
        out.write(b'!')
    with pytest.raises(ValueError, match=rf'{name} holds \d+ bytes, and \d+ bytes are expected'):
        open_collection(tmp_path / 'x', meta)

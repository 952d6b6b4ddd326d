"""The files: the same bytes however cut, readable by npids, and refused when damaged."""
import json

import npids
import numpy as np
import pytest

from pyterrier_hybrid.digests import FAST, list_files
from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.rows import Collection
from pyterrier_hybrid.indexing.storage import open_collection, open_part, write_part
from pyterrier_hybrid.indexing.storage import write_index as write_into


def write_index(collections, folder):
    folder.mkdir()
    return write_into(collections, folder)


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
    assert (a['type'], a['format'], a['doc_count'], a['vec_size']) == ('dense_index', 'multilingual', 4, 3)


def test_the_list_of_files_is_complete_and_right(tmp_path):
    write_index([collection(5)], tmp_path / 'x')
    listed = json.loads((tmp_path / 'x/pt_meta.json').read_text())['files']
    assert {**listed, 'pt_meta.json': None} == {**list_files(tmp_path / 'x', kind=FAST), 'pt_meta.json': None}


@pytest.mark.parametrize('ids', [
    ['only'], ['7'], ['é1', 'è1'], ['中'], [f'x{i}' for i in range(256)] + ['odd one out'],
    [str(i) for i in range(1000)], ['007', '7'], ['a', 'ab', 'abc'], [f'd{i}' for i in range(9000)] + ['x' * 4096, 'y'],
])  # fmt: skip
def test_npids_reads_the_docnos(tmp_path, ids):
    n = len(ids)
    langs = np.zeros(n, np.uint16)
    write_index([Collection(np.ones((n, 2), np.float32), Docnos.of(ids), langs, ('de',))], tmp_path / 'x')
    lookup = npids.Lookup(tmp_path / 'x/flex/docnos.npids')
    assert list(lookup) == lookup.fwd[np.arange(n)].tolist() == ids
    assert lookup.inv[np.array(ids)].tolist() == list(range(n))


def test_one_long_docno_does_not_make_all_of_them_long(tmp_path):
    n = 20_000
    docnos = Docnos.of(['x' * 4096, *(f'd{i}' for i in range(1, n))])
    write_index([Collection(np.ones((n, 1), np.float32), docnos, np.zeros(n, np.uint16), ('de',))], tmp_path / 'x')
    assert (tmp_path / 'x/flex/docnos.npids').stat().st_size < 4096 * 4096 + n * 20


NAMES = ['flex/vecs.f4', 'langs.u2', 'docno_offsets.i8', 'docno_bytes.u1', 'docno_order.u4']


@pytest.mark.parametrize('name', NAMES)
def test_a_file_of_another_size_is_named(tmp_path, name):
    write_index([collection(5)], tmp_path / 'x')
    meta = json.loads((tmp_path / 'x/pt_meta.json').read_text())
    with (tmp_path / 'x' / name).open('ab') as out:
        out.write(b'!')
    with pytest.raises(ValueError, match=rf'{name} has \d+ bytes, and was written with \d+: .*overwrite'):
        open_collection(tmp_path / 'x', meta)
    del meta['files']  # as of an earlier version
    with pytest.raises(ValueError, match=rf'{name} holds \d+ bytes, and \d+ bytes are expected: .*overwrite'):
        open_collection(tmp_path / 'x', meta)


@pytest.mark.parametrize('name', ['langs.u2', 'docno_order.u4', 'docno_offsets.i8'])
@pytest.mark.parametrize('value', [0, 255])
def test_what_cannot_be_is_named(tmp_path, name, value):
    write_index([collection(5)], tmp_path / 'x')
    path = tmp_path / 'x' / name
    path.write_bytes(bytes([value]) * path.stat().st_size)
    meta = json.loads((tmp_path / 'x/pt_meta.json').read_text())
    if value or name == 'docno_offsets.i8':  # no docnos at all, where bytes were written
        with pytest.raises(ValueError, match=rf'{name if value else "docno_bytes.u1"} .*overwrite'):
            open_collection(tmp_path / 'x', meta)

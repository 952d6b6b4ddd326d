"""The folder: what was written is read, an index is there whole or not at all, nothing else is ever deleted."""
import json
from pathlib import Path

import numpy as np
import pytest

from pyterrier_hybrid.lexical import storage
from pyterrier_hybrid.lexical.postings import invert

DOCUMENTS = [
    {'docno': 'd2', 'text': 'Die Häuser', 'lang': 'de'},
    {'docno': 'd/1 é\n\ud800', 'text': '東京 タワー', 'lang': 'ja'},
    {'docno': 'x', 'text': '', 'lang': 'en'},
]


@pytest.fixture
def built(tmp_path) -> Path:
    path = tmp_path / 'deep' / 'index.bm25'
    storage.write(invert(DOCUMENTS), path, overwrite=False)
    return path


def test_what_was_written_is_read(built):
    before, after = invert(DOCUMENTS), storage.read(built)
    assert after.terms == before.terms and after.langs == before.langs
    assert after.docnos.tolist() == before.docnos.tolist()
    for name in storage.ARRAYS:
        assert np.array_equal(getattr(after, name), getattr(before, name)), name
        assert getattr(after, name).dtype == getattr(before, name).dtype, name


def test_metadata(built):
    meta = json.loads((built / 'pt_meta.json').read_text())
    assert (meta['type'], meta['format'], meta['doc_count']) == ('sparse_index', 'bm25_multilingual', 3)
    assert meta['langs'] == {'de': 1, 'en': 1, 'ja': 1}
    assert meta['files'] == {f.name: f.stat().st_size for f in built.iterdir() if f.name != 'pt_meta.json'}


def test_nothing_is_left_beside_the_index(built):
    storage.write(invert(DOCUMENTS[:1]), built, overwrite=True)
    assert [p.name for p in built.parent.iterdir()] == ['index.bm25']
    assert storage.read(built).docnos.tolist() == ['d2']


def test_same_documents_same_bytes_and_fingerprint(built, tmp_path):
    storage.write(invert(reversed(DOCUMENTS)), tmp_path / 'other', overwrite=False)
    files = {f.name: f.read_bytes() for f in built.iterdir()}
    assert files == {f.name: f.read_bytes() for f in (tmp_path / 'other').iterdir()}
    storage.write(invert(DOCUMENTS[:2]), tmp_path / 'fewer', overwrite=False)
    assert storage.read_meta(tmp_path / 'fewer')['fingerprint'] != storage.read_meta(built)['fingerprint']


def test_an_existing_index_is_refused_unless_overwritten(built):
    with pytest.raises(FileExistsError, match=r"index\.bm25 holds an index of 3 documents; .*mode='overwrite'"):
        storage.write(invert(DOCUMENTS), built, overwrite=False)


@pytest.mark.parametrize('moment', ['_write_files', 'check_target'])
def test_a_failure_leaves_the_old_index_in_place(built, monkeypatch, moment):
    def fail(*args, **kwargs):
        raise OSError('disk full')

    monkeypatch.setattr(storage, moment, fail)
    with pytest.raises(OSError, match='disk full'):
        storage.write(invert(DOCUMENTS[:1]), built, overwrite=True)
    assert len(storage.read(built).docnos) == 3
    assert [p.name for p in built.parent.iterdir()] == ['index.bm25']


def test_a_failing_rename_puts_the_old_index_back(built, monkeypatch):
    rename = Path.rename

    def fail_for_the_new_one(self, target):
        if self.name == 'new':
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, 'rename', fail_for_the_new_one)
    with pytest.raises(KeyboardInterrupt):
        storage.write(invert(DOCUMENTS[:1]), built, overwrite=True)
    assert len(storage.read(built).docnos) == 3
    assert [p.name for p in built.parent.iterdir()] == ['index.bm25']


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no index at .*nowhere; build one'):
        storage.read(tmp_path / 'nowhere')


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize(('files', 'message'), [
    ({'docs.npy': 'x'}, 'half-written'),
    ({'pt_meta.json': '{"type": "sparse'}, 'half-written'),
    ({'pt_meta.json': '[]'}, 'not a BM25 index'),
    ({'pt_meta.json': '{"type": "dense_index", "format": "flex"}'}, r"says \('dense_index', 'flex'\)"),
    ({'thesis.tex': 'years of work'}, 'not a BM25 index'),
])  # fmt: skip
def test_what_is_not_an_index_is_neither_read_nor_replaced(tmp_path, files, message, overwrite):
    path = tmp_path / 'folder'
    path.mkdir()
    for name, content in files.items():
        (path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        storage.read(path)
    with pytest.raises(ValueError, match=message):
        storage.write(invert(DOCUMENTS), path, overwrite=overwrite)
    assert {f.name: f.read_text() for f in path.iterdir()} == files
    assert [p.name for p in tmp_path.iterdir()] == ['folder']


@pytest.mark.parametrize('name', ['docs.npy', 'vocabulary.txt', 'docnos.json'])
@pytest.mark.parametrize('damage', ['truncated', 'deleted'])
def test_a_damaged_file_is_named(built, name, damage):
    content = (built / name).read_bytes()
    if damage == 'deleted':
        (built / name).unlink()
    else:
        (built / name).write_bytes(content[:-1])
    with pytest.raises(ValueError, match=rf'{name} has (no|\d+) bytes where the index says {len(content)}'):
        storage.read(built)

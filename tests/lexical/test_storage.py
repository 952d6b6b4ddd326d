"""The folder: what was written is read, and damage is named. That it is there whole or not at all, test_index shows."""
import json
from pathlib import Path

import numpy as np
import pytest

from pyterrier_hybrid.digests import list_files
from pyterrier_hybrid.lexical import storage
from pyterrier_hybrid.lexical.postings import invert

DOCUMENTS = [
    {'docno': 'd2', 'text': 'Die Häuser', 'lang': 'de'},
    {'docno': 'd/1 é\n\U0001f600', 'text': '東京 タワー', 'lang': 'ja'},
    {'docno': 'x', 'text': '', 'lang': 'en'},
]


def write(documents, folder: Path) -> Path:
    folder.mkdir()
    storage.write(invert(documents), folder)
    return folder


def meta(folder: Path) -> dict:
    return json.loads((folder / 'pt_meta.json').read_text())


@pytest.fixture
def built(tmp_path) -> Path:
    return write(DOCUMENTS, tmp_path / 'index.bm25')


def test_what_was_written_is_read(built):
    before, (after, docnos) = invert(DOCUMENTS), storage.read(built, meta(built))
    assert after.terms == before.terms and after.langs == before.langs
    assert list(docnos) == after.docnos.tolist() == before.docnos.tolist()
    for name in storage.ARRAYS:
        assert np.array_equal(getattr(after, name), getattr(before, name)), name
        assert getattr(after, name).dtype == getattr(before, name).dtype, name


def test_metadata(built):
    found = meta(built)
    assert (found['type'], found['format'], found['doc_count']) == ('sparse_index', 'bm25_multilingual', 3)
    assert found['langs'] == {'de': 1, 'en': 1, 'ja': 1}
    assert {**found['files'], 'pt_meta.json': None} == {**list_files(built), 'pt_meta.json': None}


def test_same_documents_same_bytes_and_fingerprint(built, tmp_path):
    other = write(reversed(DOCUMENTS), tmp_path / 'other')
    assert {f.name: f.read_bytes() for f in built.iterdir()} == {f.name: f.read_bytes() for f in other.iterdir()}
    assert meta(write(DOCUMENTS[:2], tmp_path / 'fewer'))['fingerprint'] != meta(built)['fingerprint']


@pytest.mark.parametrize('name', ['docs.npy', 'tfs.npy', 'vocabulary.txt', 'docno_bytes.npy', 'lengths.npy'])
@pytest.mark.parametrize('damage', ['truncated', 'deleted', 'flipped', 'zeros'])
def test_a_damaged_file_is_named(built, name, damage):
    content = bytearray((built / name).read_bytes())
    content[-1] ^= 1
    damaged = {'truncated': content[:-1], 'flipped': content, 'zeros': bytes(len(content))}
    if damage == 'deleted':
        (built / name).unlink()
    else:
        (built / name).write_bytes(damaged[damage])
    with pytest.raises(ValueError, match=rf'{name} (is missing|has \d+ bytes|has changed).*overwrite'):
        storage.read(built, meta(built))

"""A small multilingual collection, an encoder that needs no model, and the bytes of a folder."""
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from pyterrier_dr import BiEncoder

from pyterrier_hybrid.indexing import MultilingualIndex


class HashingEncoder(BiEncoder):
    """Maps a text to a vector of eight small integers: deterministic, exact in float32, with many equal scores."""

    def __init__(self, name: str = 'hashing', **options):
        super().__init__(**options)
        self.model_name = name
        self.calls = []

    def encode_docs(self, texts, batch_size=None):
        self.calls.append(len(texts))
        digests = [hashlib.md5(text.encode()).digest()[:8] for text in texts]
        return np.array([[byte % 5 - 2 for byte in digest] for digest in digests], np.float32).reshape(len(texts), 8)

    encode_queries = encode_docs


@pytest.fixture(autouse=True)
def fast_disk(monkeypatch):
    """A kill does not lose what the system has not yet written to the disk, only a power cut does."""
    monkeypatch.setattr(os, 'fsync', lambda handle: None)


@pytest.fixture
def encoder() -> HashingEncoder:
    return HashingEncoder()


@pytest.fixture
def make_encoder():
    return HashingEncoder


@pytest.fixture
def texts() -> list[dict]:
    """90 passages in three languages, interleaved; every passage occurs three times in its language."""
    return [
        {'docno': f'{lang}/{i}', 'text': f'{lang} passage {i % 10}', 'lang': lang}
        for i in range(30)
        for lang in ('th', 'de', 'en')
    ]


@pytest.fixture
def docs(texts, encoder) -> list[dict]:
    """The passages with their vectors."""
    vectors = encoder.encode_docs([doc['text'] for doc in texts])
    return [{**doc, 'doc_vec': vector} for doc, vector in zip(texts, vectors)]


@pytest.fixture
def build(tmp_path):
    """Builds an index of the given documents in a new folder."""

    def build(docs, name: str = 'x.flex') -> MultilingualIndex:
        return MultilingualIndex(tmp_path / name, verbose=False).index(docs)

    return build


@pytest.fixture
def content():
    """The bytes of every file in a folder, by name."""

    def content(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob('*')) if p.is_file()}

    return content


@pytest.fixture
def replace_when_opened(monkeypatch):
    """Replaces an index just after it is opened the next time, as another process may."""

    def replace_when_opened(index: MultilingualIndex, replace) -> None:
        open_index = index.open

        def open_and_replace():
            opened = open_index()
            monkeypatch.setattr(index, 'open', open_index)
            replace()
            return opened

        monkeypatch.setattr(index, 'open', open_and_replace)

    return replace_when_opened

"""An index of some thousand passages about centres, its folder for tests to damage, and questions near passages."""
import shutil

import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.indexing import MultilingualIndex

SIZES = {'de': 1500, 'en': 900, 'th': 400}
N, D = sum(SIZES.values()), 16


@pytest.fixture(scope='module')
def vectors():
    """Unit vectors about 30 centres, ten of which have Thai alone. Every tenth vector repeats the one before."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((30, D))
    owned = [rng.integers(20, 30, n) if lang == 'th' else rng.integers(0, 20, n) for lang, n in SIZES.items()]
    vectors = centres[np.concatenate(owned)] + 0.8 * rng.standard_normal((N, D))
    vectors[9::10] = vectors[8::10]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope='module')
def folder(vectors, tmp_path_factory):
    """The folder of an index of them, languages one after another."""
    langs = [lang for lang, n in SIZES.items() for _ in range(n)]
    docs = ({'docno': f'd{i * 7919 % N:04}', 'lang': lang, 'doc_vec': vectors[i]} for i, lang in enumerate(langs))
    return MultilingualIndex(tmp_path_factory.mktemp('approximate') / 'x.index', verbose=False).index(docs).path


@pytest.fixture
def index(folder):
    return MultilingualIndex(folder, verbose=False)


@pytest.fixture
def copy(folder, tmp_path):
    """An index of its own, to be damaged, without what other tests have built."""
    shutil.copytree(folder, tmp_path / 'x.index', ignore=shutil.ignore_patterns('faiss'))
    return MultilingualIndex(tmp_path / 'x.index', verbose=False)


@pytest.fixture
def topics(vectors):
    """Forty questions near passages of all languages."""
    rng = np.random.default_rng(1)
    near = vectors[:: N // 40][:40] + 0.1 * rng.standard_normal((40, D)).astype(np.float32)
    return pd.DataFrame({'qid': [f'q{i}' for i in range(40)], 'mood': range(40), 'query_vec': list(near)})

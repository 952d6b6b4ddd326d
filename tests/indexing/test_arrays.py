"""Building from arrays: the index that the same documents give one by one, and the same errors."""
import os
import signal
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.indexing.build import Build


@pytest.fixture
def columns(docs):
    """The documents' docnos, vectors and languages."""
    return [doc['docno'] for doc in docs], np.stack([doc['doc_vec'] for doc in docs]), [doc['lang'] for doc in docs]


@pytest.fixture
def index(tmp_path):
    return MultilingualIndex(tmp_path / 'run' / 'x.index', verbose=False)


def cut(columns, *ends):
    """The columns in blocks that end there."""
    return [tuple(column[start:end] for column in columns) for start, end in zip([0, *ends], [*ends, None])]


def failing(blocks, error):
    yield from blocks
    raise error


@pytest.mark.parametrize('precision', ['float32', 'float16', 'int8'])
@pytest.mark.parametrize('size', [1, 20, 4096])
def test_the_index_is_that_of_the_documents_one_by_one(tmp_path, index, docs, columns, content, precision, size):
    one_by_one = MultilingualIndex(tmp_path / 'y.index', verbose=False).indexer(precision=precision).index(docs)
    index.indexer(precision=precision, part_size=size).index_arrays(*columns)
    assert content(index.path) == content(one_by_one.path)
    again = index.indexer(mode='overwrite', precision=precision, part_size=size)
    again.index_arrays(blocks=cut(columns, 1, 1, 40, 88))
    assert content(index.path) == content(one_by_one.path)


@pytest.mark.parametrize('change', [
    lambda docnos, vectors, langs: (np.array(docnos), vectors.astype(np.float64), np.array(langs)),
    lambda docnos, vectors, langs: (np.array(docnos, dtype=object), vectors.astype(np.float16), tuple(langs)),
    lambda docnos, vectors, langs: (pd.Series(docnos), np.asfortranarray(vectors), pd.Series(langs)),
    lambda docnos, vectors, langs: (docnos, vectors.tolist(), langs),
    lambda docnos, vectors, langs: ([*docnos[:-1], np.str_(docnos[-1])], vectors.astype(np.int64), langs),
], ids=['float64', 'float16', 'series', 'lists', 'int64'])  # fmt: skip
def test_arrays_of_any_kind(index, docs, columns, build, content, change):
    index.indexer(part_size=32).index_arrays(*change(*columns))
    assert content(index.path) == content(build(docs).path)


def test_one_language_for_all_and_a_memory_map(tmp_path, index, docs, columns, build, content):
    docnos, vectors, _ = columns
    np.save(tmp_path / 'vectors.npy', vectors)
    index.indexer(part_size=32).index_arrays(docnos, np.load(tmp_path / 'vectors.npy', mmap_mode='r'), 'de')
    assert content(index.path) == content(build([{**doc, 'lang': 'de'} for doc in docs]).path)


def test_append_to_an_index_and_memory_that_is_used_again(index, docs, columns, build, content):
    index.index(docs[:30])
    docnos, vectors, langs = columns
    memory = np.empty((12, 8), np.float32)

    def blocks():
        for start in range(30, 90, 12):
            memory[:] = vectors[start : start + 12]
            yield docnos[start : start + 12], memory, langs[start : start + 12]
            memory[:] = np.nan

    index.indexer(mode='append', part_size=4).index_arrays(blocks=blocks())
    assert content(index.path) == content(build(docs).path)


@pytest.mark.parametrize('ends', [(), (33,), (50, 60)])
def test_an_interrupted_build_goes_on(index, docs, columns, build, content, ends):
    """Also one that holds a part of a block, and one that took documents one by one."""
    with pytest.raises(OSError, match='network'):
        index.indexer(part_size=16).index_arrays(blocks=failing(cut(columns, 20, 47)[:2], OSError('network')))
    with pytest.raises(OSError, match='again'):
        index.indexer(mode='resume').index(failing(docs[:50], OSError('again')))
    kept = Build(index.path).rows()
    assert len(kept.docnos) == 50
    vectors = columns[1].copy()
    index.indexer(mode='resume', part_size=16).index_arrays(blocks=cut(columns, *ends))
    assert content(index.path) == content(build(docs).path)
    assert (columns[1] == vectors).all()  # which are not written to


@pytest.mark.parametrize('kept', [True, False])
def test_a_killed_build_goes_on(index, docs, columns, build, content, monkeypatch, kept):
    if kept:
        monkeypatch.setattr('pyterrier_hybrid.indexing.build._EVERY', 0)

    def dying():
        yield from cut(columns, 20, 47, 60)[:3]
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        index.indexer(part_size=16).index_arrays(blocks=dying())
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert not index.built() and (not kept or len(Build(index.path).rows().docnos) == 60)
    index.indexer(mode='resume').index_arrays(*columns)
    assert content(index.path) == content(build(docs).path)


def test_a_build_is_not_resumed_with_other_vectors(index, columns):
    docnos, vectors, langs = columns
    with pytest.raises(OSError):
        index.indexer().index_arrays(blocks=failing(cut(columns, 50)[:1], OSError()))
    with pytest.raises(ValueError, match="document 'th/1' has another vector or language than in the interrupted"):
        index.indexer(mode='resume').index_arrays(docnos, np.concatenate([vectors[:3], -vectors[3:]]), langs)
    with pytest.raises(ValueError, match=r"^3 documents .* did not come again, such as 'th/0'"):
        index.indexer(mode='resume').index_arrays(docnos[3:], vectors[3:], langs[3:])


@pytest.mark.parametrize('column, value, message', [
    (0, 'th/0', "the docno 'th/0' occurs twice"),
    (0, 'de/16', "the docno 'de/16' occurs twice"),  # in the same part
    (0, ' ', r"document 50 of the collection \(counted from 0\) has an empty docno"),
    (0, 7, 'document 50 of the collection .* has the docno 7 of type int'),
    (0, 'a\0', 'document 50 of the collection .* holds a NUL'),
    (0, 'a\ud800', 'document 50 of the collection .* is not valid Unicode'),
    (0, 5000 * 'a', 'document 50 of the collection .* has a docno of 5,000 bytes'),
    (1, np.nan, "the doc_vec of document 'en/16' has a value that is not finite"),
    (1, 1e300, "the doc_vec of document 'en/16' has a value that is not finite in float32"),
    (2, 'german', "document 'en/16' has the language 'german'"),
    (2, None, "document 'en/16' has the language None"),
])  # fmt: skip
def test_a_bad_document_is_named_and_those_before_it_are_kept(
    index, docs, columns, build, content, column, value, message
):  # fmt: skip
    changed = [list(columns[0]), columns[1].astype(np.float64), list(columns[2])]
    if column == 1:
        changed[1][50, 3] = value
    else:
        changed[column][50] = value
    with pytest.raises(ValueError, match=message):
        index.indexer(part_size=16).index_arrays(blocks=cut(changed, 30))
    assert not index.built()
    assert list(Build(index.path).rows().docnos) == columns[0][:50]
    index.indexer(mode='resume', part_size=7).index_arrays(*columns)
    assert content(index.path) == content(build(docs).path)


def test_a_value_that_the_precision_does_not_hold(index, columns):
    columns[1][50, 3] = 1e6
    with pytest.raises(ValueError, match=r"the doc_vec of document 'en/16' has the value 1e\+06, and the index"):
        index.indexer(precision='float16').index_arrays(*columns)


@pytest.mark.parametrize('arrays, message', [
    (lambda d, v, ls: (d, v[:-1], ls), '^there are 89 vectors for 90 docnos'),
    (lambda d, v, ls: (d, v, ls[:-1]), '^there are 89 languages for 90 docnos'),
    (lambda d, v, ls: (d, v[0], ls), r'^the vectors have the shape \(8,\); .* \(n, d\)'),
    (lambda d, v, ls: (d, v[:, :0], ls), r'^the vectors have the shape \(90, 0\)'),
    (lambda d, v, ls: (d, v * 1j, ls), "the doc_vec of document 'th/0' is not a vector of real numbers"),
    (lambda d, v, ls: ([], v[:0], []), 'there are no documents to index at'),
])  # fmt: skip
def test_arrays_that_are_none(tmp_path, index, columns, arrays, message):
    with pytest.raises(ValueError, match=message):
        index.indexer().index_arrays(*arrays(*columns))
    assert not index.built() and Build(index.path).plan() is None


def test_blocks_that_are_none(index, columns):
    docnos, vectors, langs = columns
    with pytest.raises(ValueError, match=r'^block 1 \(counted from 0\) is not .*: there are 90 vectors for 89 docnos'):
        index.indexer().index_arrays(blocks=[(['x'], vectors[:1], 'de'), (docnos[:-1], vectors, langs)])
    with pytest.raises(ValueError, match=r'^block 0 \(counted from 0\) is not docnos, vectors and languages'):
        index.indexer(mode='overwrite').index_arrays(blocks=[docnos])
    with pytest.raises(ValueError, match="document 'th/0' has a vector of 8 dimensions, those before it have 5"):
        index.indexer(mode='overwrite').index_arrays(blocks=[(['x'], vectors[:1, :5], 'de'), columns])
    for arguments in ({}, {'docnos': docnos, 'vectors': vectors}, {'docnos': docnos, 'blocks': [columns]}):
        with pytest.raises(TypeError, match='takes docnos, vectors and langs, or blocks='):
            index.indexer().index_arrays(**arguments)


def test_memory_does_not_grow_with_the_vectors(index):
    vectors = np.broadcast_to(np.ones(1024, np.float16), (6000, 1024))
    tracemalloc.start()
    index.indexer(part_size=256).index_arrays([f'd{i}' for i in range(6000)], vectors, 'de')
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6 < (index.path / 'flex/vecs.f4').stat().st_size

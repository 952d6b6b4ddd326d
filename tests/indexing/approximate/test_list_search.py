"""The choice of lists, and threads, beside FAISS's own search."""
import multiprocessing

import faiss
import numpy as np
import pytest

from pyterrier_hybrid.indexing import HNSW, IVF, IVFPQ, MultilingualIndex, list_search
from pyterrier_hybrid.indexing.faiss_files import open_backend

KINDS = [IVF(lists=32), IVFPQ(lists=32, code_bytes=8), IVFPQ(lists=32, code_bytes=8, code_bits=4)]


@pytest.fixture
def queries(topics):
    return np.stack(topics['query_vec'])


def theirs(held, queries, count, probes, selector=None):
    """What FAISS finds, each query's in ascending order."""
    parameters = faiss.SearchParametersIVF(nprobe=probes, sel=selector)
    if isinstance(held.index, faiss.IndexPreTransform):
        parameters = faiss.SearchParametersPreTransform(index_params=parameters)
    return np.sort(held.index.search(queries, count, params=parameters)[1], axis=1)


def held_of(index, backend):
    opened = index.open()
    return open_backend(index, backend.fitted(*opened.vecs.shape), opened)


@pytest.mark.parametrize('kind', KINDS, ids=repr)
@pytest.mark.parametrize('count, probes', [(20, 1), (20, 5), (40, 31), (500, 32), (500, 2)])
def test_finds_what_faiss_finds(index, queries, kind, count, probes, monkeypatch):
    """Questions beside passages that are equal to another: which of equal ones is found is chance, at the cut."""
    held = held_of(index, kind)
    expected = theirs(held, queries, count, probes)
    for cells in (list_search._CELLS, 100):
        monkeypatch.setattr(list_search, '_CELLS', cells)
        found = held.search(queries, count, probes, None)
        assert found.shape == (40, count) and found.dtype == np.int64
        assert (found == -1).sum(axis=1).tolist() == (expected == -1).sum(axis=1).tolist()
        for one, other in zip(found, expected):
            docids = one[one >= 0].tolist()
            assert len(set(docids)) == len(docids)
            assert len(set(docids) - set(other.tolist())) <= 1
    assert (expected == -1).any() == ((count, probes) == (500, 2))


@pytest.mark.parametrize('kind', KINDS, ids=repr)
def test_a_selector_and_lists_on_disk(index, copy, queries, kind, monkeypatch):
    allowed = np.zeros(len(index), bool)
    allowed[::3] = True
    selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder='little'))
    found = held_of(index, kind).search(queries, 30, 8, selector)
    assert allowed[found].all() and (found >= 0).all()
    if kind.is_merged():
        monkeypatch.setattr('pyterrier_hybrid.indexing.faiss_filling.BLOCK', 100)
        monkeypatch.setattr('pyterrier_hybrid.indexing.faiss_filling._PART', 40_000)
        assert (copy.build_backend(kind) / 'lists.ivfdata').exists()
        np.testing.assert_array_equal(np.sort(held_of(copy, kind).search(queries, 30, 8, selector)), np.sort(found))


@pytest.mark.parametrize('kind', KINDS, ids=repr)
def test_few_queries_are_left_to_faiss(index, queries, kind):
    held = held_of(index, kind)
    few = queries[: list_search.FEW - 1]
    np.testing.assert_array_equal(np.sort(held.search(few, 20, 5, None)), theirs(held, few, 20, 5))


def test_memory_is_counted_with_the_copy_of_the_centroids(index):
    held = held_of(index, KINDS[0])
    assert held.bytes == (index.path / 'faiss' / 'ivf-lists32' / 'index.faiss').stat().st_size + 4 * 32 * 16


@pytest.mark.parametrize('threads', [1, 2, 3])
@pytest.mark.parametrize('langs', [None, 'th'])
def test_threads_share_the_queries(index, topics, langs, threads, monkeypatch):
    """Forty questions are parts of 16, 16 and 8 for three threads, and each keeps its place."""
    retriever = index.retriever(5, langs=langs, backend=IVF(lists=32, probes=32, rescore=2.0))
    steps, search = [], retriever._search
    monkeypatch.setattr(faiss, 'omp_get_max_threads', lambda: threads)
    monkeypatch.setattr(retriever, '_search', lambda *args: search(*args[:-1], steps.append))
    exact = index.retriever(5, langs=langs)(topics)
    assert retriever(topics).equals(exact)
    assert steps == {1: [40], 2: [20, 20], 3: [16, 16, 8]}[threads]


def test_what_a_thread_raises_is_raised(index, topics, monkeypatch):
    monkeypatch.setattr(faiss, 'omp_get_max_threads', lambda: 2)

    def fail(*args):
        raise MemoryError('no room')

    monkeypatch.setattr('pyterrier_hybrid.indexing.approximate.rescored', fail)
    with pytest.raises(MemoryError, match='no room'):
        index.retriever(5, backend=IVF(lists=32))(topics)


@pytest.mark.parametrize('backend', [*KINDS, HNSW(neighbours=4, ef_construction=8)], ids=repr)
def test_a_forked_process_searches(index, topics, backend):
    """Few queries and many, after as many in its parent; it would have no threads of FAISS's, nor those that read."""
    index = MultilingualIndex(index.path, verbose=False)
    retriever = index.retriever(5, backend=backend)

    def search(count):
        assert retriever(topics[:count]).equals(found[count])

    found = {}
    for count in (10, 40):
        found[count] = retriever(topics[:count])
        for asked in found:
            child = multiprocessing.get_context('fork').Process(target=search, args=(asked,))
            child.start()
            child.join(30)
            code = child.exitcode
            child.kill()
            assert code == 0

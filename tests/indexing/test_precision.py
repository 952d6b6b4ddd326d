"""Vectors in less than float32: what is stored, that it is what is searched, and what cannot be done with it."""
import json

import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.indexing import HNSW, IVF, IVFPQ, MultilingualIndex
from pyterrier_hybrid.indexing.build import Build
from pyterrier_hybrid.indexing.vectors import decode, encode
from pyterrier_hybrid.ranking.scores import exact_scores

REDUCED = ['float16', 'int8']


@pytest.fixture
def passages():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((90, 24)).astype(np.float32)
    return [{'docno': f'd{i}', 'lang': ('th', 'de', 'en')[i % 3], 'doc_vec': x} for i, x in enumerate(vectors)]


def make(path, docs, precision, **options):
    return MultilingualIndex(path, verbose=False).indexer(precision=precision, **options).index(docs)


def test_int8_by_hand():
    vectors = np.array([[1.27, -0.64, 0.005], [0, 0, 0], [-254, 127, 1]], np.float32)
    codes, scales = encode(vectors, 'int8')
    assert codes.dtype == np.int8
    assert codes.tolist() == [[127, -64, 0], [0, 0, 0], [-127, 64, 0]]  # 0.5 and 63.5 go to the even number
    np.testing.assert_allclose(scales, [0.01, 0, 2], rtol=1e-6)
    np.testing.assert_allclose(decode((codes, scales))[0:1], [[1.27, -0.64, 0]], rtol=1e-6)


@pytest.mark.parametrize('size', [1e-44, 1e-38, 1e-3, 1, 3.4028234e38])
def test_what_is_lost(size):
    vectors = np.random.default_rng(1).uniform(-size, size, (50, 30)).astype(np.float32)
    codes, scales = encode(vectors, 'int8')
    stored = decode((codes, scales))
    assert np.abs(codes).max() <= 127 and np.isfinite(stored[:]).all()
    bound = np.abs(vectors).max(1, keepdims=True).astype(np.float64) / 127 * 0.5001 + 2e-45
    if size > 1e-40:
        assert (np.abs(stored[:].astype(np.float64) - vectors) <= bound).all()


@pytest.mark.parametrize('precision', REDUCED)
def test_scores_are_those_of_the_stored_vectors(tmp_path, passages, precision):
    index = make(tmp_path / 'x', passages, precision)
    stored = np.asarray(index.open().vecs)
    assert stored.dtype == np.float32 and not (stored == [doc['doc_vec'] for doc in passages]).all()
    queries = np.random.default_rng(2).standard_normal((4, 24)).astype(np.float32)
    topics = pd.DataFrame({'qid': list('abcd'), 'query_vec': list(queries)})
    expected = exact_scores(queries, stored)
    for run in (index.retriever(9)(topics), index.retriever(9, langs='de')(topics)):
        for qid, of_query in run.groupby('qid'):
            scores = expected['abcd'.index(qid)]
            np.testing.assert_array_equal(of_query['score'], scores[of_query['docid']])
            pool = np.isin(index.langs(), of_query['doc_lang'])
            assert sorted(of_query['score']) == sorted(scores[pool])[-9:]
    run = index.retriever(9)(topics)
    again = index.scorer()(run)
    pd.testing.assert_series_equal(again['score'], run['score'])
    plain = make(tmp_path / 'plain', [{**d, 'doc_vec': v} for d, v in zip(passages, stored)], 'float32')
    expected = plain.retriever(9, drop_query_vec=True)(topics)
    pd.testing.assert_frame_equal(expected, run.drop(columns='query_vec'))


@pytest.mark.parametrize('precision', REDUCED)
@pytest.mark.parametrize('small, whole', [
    (IVF(lists=16, probes=2), IVF(lists=16, probes=16)),
    (IVFPQ(lists=8, code_bytes=6, probes=2, rescore=2.0), IVFPQ(lists=8, code_bytes=24, probes=8, rescore=8.0)),
    (HNSW(neighbours=4, ef_construction=8, ef_search=10), HNSW(ef_search=2000, rescore=4.0)),
], ids=['ivf', 'ivfpq', 'hnsw'])  # fmt: skip
def test_approximate_search_scores_what_is_stored(tmp_path, precision, small, whole):
    """What is found has the scores and order of exact search in that precision; with all effort, all is found."""
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((1500, 24)).astype(np.float32)
    langs = [('th', 'de', 'en')[i % 3] for i in range(1500)]
    index = MultilingualIndex(tmp_path / 'x', verbose=False).indexer(precision=precision)
    index = index.index_arrays([f'd{i}' for i in range(1500)], vectors, langs)
    topics = pd.DataFrame({'qid': [f'q{i}' for i in range(30)],
                           'query_vec': list(vectors[::50] + 0.3 * rng.standard_normal((30, 24)).astype(np.float32))})
    for languages in (None, 'de'):
        exact = index.retriever(1500, langs=languages, separate=False)(topics)
        best = exact[exact['rank'] < 10]
        run = index.retriever(10, langs=languages, backend=small, separate=False)(topics)
        kept = exact.merge(run[['qid', 'docno']], on=['qid', 'docno'])
        columns = ['qid', 'docno', 'docid', 'score', 'doc_lang']
        pd.testing.assert_frame_equal(run[columns], kept[columns])
        recall = len(run.merge(best, on=['qid', 'docno'])) / len(best)
        assert 0.3 < recall < 1
        run = index.retriever(10, langs=languages, backend=whole, separate=False)(topics)
        pd.testing.assert_frame_equal(run, best.reset_index(drop=True))


@pytest.mark.parametrize('precision', REDUCED)
def test_the_bytes_do_not_show_how_it_was_built(tmp_path, passages, content, precision):
    expected = content(make(tmp_path / 'whole', passages, precision).path)
    index = make(tmp_path / 'x', passages[:40], precision)
    index.indexer(mode='append', part_size=7).index(passages[40:])
    assert content(index.path) == expected

    def broken():
        yield from passages[:50]
        raise OSError

    index = MultilingualIndex(tmp_path / 'y', verbose=False)
    with pytest.raises(OSError):
        index.indexer(precision=precision, part_size=9).index(broken())
    index.indexer(mode='resume').index(passages)
    assert content(index.path) == expected
    assert make(tmp_path / 'float32', passages, 'float32').fingerprint() != index.fingerprint()


@pytest.mark.parametrize('precision, files', [
    ('float16', {'vecs.f2': 90 * 48}), ('int8', {'vecs.i1': 90 * 24, 'scales.f4': 90 * 4}),
])  # fmt: skip
def test_its_files(tmp_path, passages, precision, files):
    index = make(tmp_path / 'x', passages, precision)
    assert json.loads((index.path / 'pt_meta.json').read_text())['precision'] == precision
    assert {name: (index.path / name).stat().st_size for name in files} == files and not (index.path / 'flex').exists()
    index.verify()
    name = list(files)[-1]
    data = bytearray((index.path / name).read_bytes())
    data[3] ^= 1
    (index.path / name).write_bytes(data)
    with pytest.raises(ValueError, match=f'{name} has changed'):
        index.verify()


@pytest.mark.parametrize('precision', REDUCED)
def test_retrievers_of_flex_say_what_they_cannot_read(tmp_path, passages, precision):
    index = make(tmp_path / 'x', passages, precision)
    topics = pd.DataFrame({'qid': ['a'], 'query_vec': [passages[0]['doc_vec']]})
    message = rf"stores {precision} vectors, and FlexIndex's retrievers read float32; use retriever\(\)"
    for retriever in (
        lambda: index.np_retriever()(topics), index.torch_retriever, index.np_vecs, index.faiss_flat_retriever,
        lambda: index.ladr()(topics), lambda: index.vec_loader()(pd.DataFrame({'docno': ['d0']})),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            retriever()


def test_what_cannot_be_stored_or_mixed(tmp_path, passages):
    with pytest.raises(ValueError, match="there is no precision 'int4'; vectors are stored as float32, float16, int8"):
        make(tmp_path / 'x', passages, 'int4')
    index = MultilingualIndex(tmp_path / 'x', verbose=False)
    large = {**passages[60], 'doc_vec': np.full(24, -7e4, np.float32)}
    with pytest.raises(ValueError, match=r"document 'd60' has the value -70000, .* up to 65504; .*precision='float32'"):
        index.indexer(precision='float16').index([*passages[:60], large])
    assert Build(index.path).progress()['count'] == 60
    with pytest.raises(ValueError, match=r"stores float16 vectors, so precision='int8' cannot be added"):
        index.indexer(mode='resume', precision='int8').index(passages)
    index.indexer(mode='resume').index(passages)
    with pytest.raises(ValueError, match=r"stores float16 vectors, so precision='float32' cannot be added"):
        index.indexer(mode='append', precision='float32').index([{**passages[0], 'docno': 'new'}])
    assert len(index.indexer(mode='append').index([{**passages[0], 'docno': 'new'}])) == 91
    assert len(index.indexer(mode='overwrite', precision='int8').index(passages)) == 90


@pytest.mark.parametrize('precision, vector', [
    ('int8', [1, *[0.0039] * 1023]), ('int8', [1, *[0.0040] * 1023]), ('float16', [1e-8] * 4), ('float32', [1e-8] * 4),
])  # fmt: skip
def test_a_build_is_resumed_where_much_of_a_vector_is_lost(tmp_path, precision, vector):
    """The 1,023 numbers are rounded to 0, or just not; with a little noise also in the other direction."""
    vector = np.array(vector, np.float32)
    docs = [{'docno': f'd{i}', 'lang': 'de', 'doc_vec': vector} for i in range(6)]
    index = MultilingualIndex(tmp_path / 'x', verbose=False)
    with pytest.raises(ValueError, match='occurs twice'):
        index.indexer(precision=precision).index([*docs[:4], docs[0]])
    with pytest.raises(ValueError, match="document 'd2' has another vector"):
        index.indexer(mode='resume').index([*docs[:2], {**docs[2], 'doc_vec': 2 * np.float32(1e4) * vector}])
    index.indexer(mode='resume').index({**doc, 'doc_vec': vector * np.float32(0.99)} for doc in docs)
    assert len(index) == 6

"""The index as an artifact, as a FLEX index, and as an object that follows its folder."""
import json
import pickle
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from importlib.metadata import EntryPoint
from pathlib import Path
from threading import Thread

import numpy as np
import pandas as pd
import pyterrier as pt
import pyterrier_dr
import pytest
from pyterrier_dr import FlexIndex

from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.indexing import index as module


def make_plain(path, docs):
    FlexIndex(path, verbose=False).index([{k: doc[k] for k in ('docno', 'doc_vec')} for doc in docs])
    return path


def distinct(n, d=8):
    """Documents without equal scores, as FLEX's own retrievers order those in no particular way."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((n, d), np.float32)
    return [{'docno': f'dé{i}', 'lang': ('de', 'en')[i % 2], 'doc_vec': v} for i, v in enumerate(vectors)]


def queries(n=4, d=8):
    vectors = np.random.default_rng(1).standard_normal((n, d), np.float32)
    return pd.DataFrame({'qid': [f'q{i}' for i in range(n)], 'query': ['?'] * n, 'query_vec': list(vectors)})


def test_what_it_knows_of_its_documents(build, docs):
    index = build(docs)
    assert index.built() and len(index) == 90
    assert index.languages() == ['de', 'en', 'th']
    assert index.langs().tolist() == [doc['lang'] for doc in docs]
    assert np.asarray(index.docnos()).tolist() == list(index.docnos()) == [doc['docno'] for doc in docs]
    np.testing.assert_array_equal(index.np_vecs(), np.stack([doc['doc_vec'] for doc in docs]))
    part = list(index.get_corpus_iter(3, 5))
    assert [(doc['docno'], doc['lang']) for doc in part] == [(doc['docno'], doc['lang']) for doc in docs[3:5]]


@pytest.mark.parametrize('n', [1, 2, 300])
def test_a_flex_index_opens_it(build, n):
    docs = distinct(n)
    index = build(docs)
    assert index.index_path == index.path / 'flex'
    plain = FlexIndex(index.path / 'flex', verbose=False)
    assert list(plain.docnos()) == [doc['docno'] for doc in docs]
    assert plain.docnos().inv[np.array([docs[-1]['docno']])].tolist() == [n - 1]
    if n > 2:  # FlexIndex's own retrievers need as many documents as results, and more than one
        ours, theirs = index.retriever(2)(queries()), plain.np_retriever(num_results=2)(queries())
        assert ours['docno'].tolist() == theirs['docno'].tolist()


RETRIEVERS = {
    'numpy': lambda index: index.np_retriever(num_results=5),
    'torch': lambda index: index.torch_retriever(num_results=5),
    'faiss_flat': lambda index: index.faiss_flat_retriever() % 5,
    'faiss_hnsw': lambda index: index.faiss_hnsw_retriever(num_results=5, ef_search=200, cache=False),
    'scorer': lambda index: index.retriever(5) >> pt.apply.generic(lambda run: run.drop(columns='docid'))
    >> index.scorer(),
    'ladr': lambda index: index.retriever(3) >> index.ladr(40, num_results=5),
    'gar': lambda index: index.retriever(3) >> index.gar(40, num_results=60) % 5,
}


@pytest.mark.parametrize('retriever', RETRIEVERS.values(), ids=RETRIEVERS.keys())
def test_flex_retrievers_find_what_the_exact_one_finds(build, retriever):
    index = build(distinct(60))
    found = retriever(index)(queries()).sort_values(['qid', 'rank'])
    assert found['docno'].tolist() == index.retriever(5)(queries())['docno'].tolist()


def test_pseudo_relevance_feedback(build):
    index = build(distinct(60))
    prf = index.retriever(3) >> index.vec_loader() >> pyterrier_dr.AveragePrf(k=3)
    first = index.retriever(3)(queries())
    for row in prf(queries()).itertuples():
        docids = first.loc[first['qid'] == row.qid, 'docid']
        query = queries().set_index('qid').loc[row.qid, 'query_vec']
        np.testing.assert_allclose(row.query_vec, np.vstack([query, index.np_vecs()[docids]]).mean(0), rtol=1e-5)
    assert len((prf >> index.retriever(2))(queries())) == 8


def test_vectors_are_loaded_by_docno_whatever_index_a_docid_is_of(build):
    index, other = build(distinct(60)), build(distinct(60)[:20:-2], 'other')
    of = {doc['docno']: doc['doc_vec'] for doc in distinct(60)}
    for pipeline in (other.retriever(3), other.retriever(3) >> index.scorer()):
        found = (pipeline >> index.vec_loader())(queries())
        np.testing.assert_array_equal(np.stack(found['doc_vec']), np.stack([of[docno] for docno in found['docno']]))
    by_docid = index.vec_loader()(index.retriever(3)(queries()).drop(columns='docno'))
    assert np.array_equal(np.stack(by_docid['doc_vec']), index.np_vecs()[by_docid['docid']])


def test_an_encoder_streams_into_it_batch_by_batch(tmp_path, encoder, texts, docs, build, content):
    index = MultilingualIndex(tmp_path / 'stream.flex', verbose=False)
    pulled = []
    pipeline = encoder.doc_encoder() >> index
    assert pipeline.index((pulled.append(doc) or doc for doc in texts), batch_size=20) is index
    assert encoder.calls[1:] == [20, 20, 20, 20, 10] and len(pulled) == 90
    assert content(index.path) == content(build(docs).path)
    assert pt.inspect.indexer_inputs(index) == pt.inspect.indexer_inputs(index.indexer()) == [
        ['docno', 'doc_vec', 'lang']
    ]


def test_a_reader_of_an_index_that_is_replaced_meanwhile_has_the_new_one_whole(build, monkeypatch):
    index, real, done = build(distinct(60)), module.open_collection, []

    def replaced_meanwhile(*args):
        if not done:
            done.append(index.indexer(mode='overwrite').index(distinct(70)))
        return real(*args)

    monkeypatch.setattr(module, 'open_collection', replaced_meanwhile)
    reader = MultilingualIndex(index.path, verbose=False)
    assert len(reader.docnos()) == len(reader.open().vecs) == 70 and done


def test_an_object_follows_its_folder(build, docs):
    index = build(distinct(60))
    reader = MultilingualIndex(index.path, verbose=False)
    retriever, flat = reader.retriever(1), reader.faiss_flat_retriever()
    before = retriever(queries()), flat(queries())
    index.indexer(mode='overwrite').index({**doc, 'doc_vec': -doc['doc_vec']} for doc in distinct(70))
    assert len(reader) == 70 and reader.fingerprint() == index.fingerprint()
    assert retriever(queries())['docno'].tolist() != before[0]['docno'].tolist()
    fresh = reader.faiss_flat_retriever()(queries())
    assert fresh.groupby('qid')['docno'].first().tolist() == retriever(queries())['docno'].tolist()


@pytest.mark.parametrize('retriever', RETRIEVERS.values(), ids=RETRIEVERS.keys())
def test_flex_retrievers_made_after_a_replacement_are_of_the_new_index(build, retriever):
    """The first that asks is no method of ours, and finds in the index's cache what is of the old vectors."""
    index = build(distinct(60))
    reader = MultilingualIndex(index.path, verbose=False)
    retriever(reader)(queries())
    index.indexer(mode='overwrite').index({**doc, 'doc_vec': -doc['doc_vec']} for doc in distinct(70))
    found = retriever(reader)(queries()).sort_values(['qid', 'rank'])
    assert found['docno'].tolist() == index.retriever(5)(queries())['docno'].tolist()


def test_the_fingerprint_is_of_the_content(build, docs, tmp_path):
    index = build(docs)
    assert MultilingualIndex(tmp_path / 'none').fingerprint() is None
    assert index.fingerprint() == build(docs, 'again.flex').fingerprint() != build(docs[1:], 'y.flex').fingerprint()


@pytest.fixture
def serve():
    """Serves a folder from this machine to itself, as the hub would."""
    servers = []

    def serve(folder) -> str:
        quiet = type('Quiet', (SimpleHTTPRequestHandler,), {'log_message': lambda *_: None})
        handler = partial(quiet, directory=folder)
        servers.append(HTTPServer(('127.0.0.1', 0), handler))
        Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f'http://127.0.0.1:{servers[-1].server_port}'

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_entry_points_name_the_indexes():
    tomllib = pytest.importorskip('tomllib')
    project = tomllib.loads((Path(__file__).parents[2] / 'pyproject.toml').read_text())['project']
    declared = project['entry-points']['pyterrier.artifact']
    for name, target in declared.items():
        kind = EntryPoint(name, target, 'pyterrier.artifact').load()
        assert name == f'{kind.ARTIFACT_TYPE}.{kind.ARTIFACT_FORMAT}'
    assert set(declared) == {'dense_index.multilingual', 'sparse_index.bm25_multilingual'}


def test_loaded_as_an_artifact(build, docs, tmp_path, serve, monkeypatch):
    ours = EntryPoint('dense_index.multilingual', 'pyterrier_hybrid.indexing:MultilingualIndex', 'pyterrier.artifact')
    known = pt.utils.entry_points
    monkeypatch.setattr(pt.utils, 'entry_points', lambda group: [*known(group), *[ours] * (group == ours.group)])
    monkeypatch.setattr(pt.io, 'pyterrier_home', lambda: str(tmp_path / 'home'))
    index = build(docs)
    assert MultilingualIndex.load(index.path).languages() == ['de', 'en', 'th']
    index.build_package(str(tmp_path / 'x.tar.lz4'), verbose=False)
    for kind in (MultilingualIndex, pt.Artifact):
        loaded = kind.from_url(f'{serve(tmp_path)}/x.tar.lz4')
        assert isinstance(loaded, MultilingualIndex)
        assert loaded.fingerprint() == index.fingerprint() and loaded.languages() == index.languages()
        loaded.verify()


def test_a_pickled_index_is_its_path(build, docs):
    index = build(docs)
    index.open()
    pickled = pickle.dumps(index.retriever(3, langs='de'))
    assert len(pickled) < 2000
    topics = pd.DataFrame({'qid': ['q'], 'query_vec': [np.ones(8, np.float32)]})
    pd.testing.assert_frame_equal(pickle.loads(pickled)(topics), index.retriever(3, langs='de')(topics))


@pytest.mark.parametrize('given', [
    lambda docs: [doc['lang'] for doc in docs],
    lambda docs: {doc['docno']: doc['lang'] for doc in docs},
])  # fmt: skip
def test_a_plain_flex_index_with_languages_given(tmp_path, build, docs, given):
    topics = pd.DataFrame({'qid': ['q'], 'query_vec': [np.ones(8, np.float32)]})
    index = MultilingualIndex(make_plain(tmp_path / 'plain.flex', docs), doc_langs=given(docs), verbose=False)
    ours = build(docs)
    assert index.langs().tolist() == ours.langs().tolist()
    for langs in (None, 'th'):
        pd.testing.assert_frame_equal(index.retriever(9, langs=langs)(topics), ours.retriever(9, langs=langs)(topics))
    index.indexer(mode='append').index([{**docs[0], 'docno': 'new'}])
    assert MultilingualIndex(index.path).langs().tolist() == [*ours.langs(), 'th']


@pytest.mark.parametrize('langs, message', [
    (None, r'was built without languages; give them as MultilingualIndex\(path, doc_langs=...\)'),
    (['de'] * 89, '89 languages are given for the 90 documents of the index'),
    (['German'] * 90, "document 'th/0' has the language 'German'"),
    ({'th/0': 'th'}, "document 'de/0' has the language None"),
])  # fmt: skip
def test_a_plain_flex_index_without_its_languages(tmp_path, docs, langs, message):
    path = make_plain(tmp_path / 'plain.flex', docs)
    index = MultilingualIndex(path, doc_langs=langs, verbose=False)
    assert index.built()
    with pytest.raises(ValueError, match=message):
        index.open()
    index.indexer(mode='overwrite').index(docs)
    assert MultilingualIndex(path).languages() == ['de', 'en', 'th']


@pytest.fixture
def built_before(build, docs):
    """An index of the format of earlier versions: FLEX's files and ours in one folder, without digests."""
    path = build(docs).path
    meta = json.loads((path / 'pt_meta.json').read_text())
    for file in (path / 'flex').iterdir():
        file.rename(path / file.name)
    (path / 'flex').rmdir()
    del meta['files']
    (path / 'pt_meta.json').write_text(json.dumps({**meta, 'format': 'flex'}))
    return path


def test_an_index_built_before_still_opens(built_before, build, docs):
    index, now = MultilingualIndex(built_before, verbose=False), build(docs, 'now')
    assert index.built() and index.languages() == now.languages() and index.fingerprint() == now.fingerprint()
    pd.testing.assert_frame_equal(index.retriever(7, langs='de')(queries()), now.retriever(7, langs='de')(queries()))
    assert len(index.faiss_flat_retriever()(queries())) == 4 * 90 and index.index_path == index.path
    assert list(FlexIndex(built_before).docnos()) == [doc['docno'] for doc in docs]
    with pytest.raises(ValueError, match='no digests of the files'):
        index.verify()


@pytest.mark.parametrize('mode', ['append', 'overwrite'])
def test_an_index_built_before_becomes_one_of_now(built_before, docs, mode):
    index = MultilingualIndex(built_before, verbose=False)
    before = index.retriever(3)
    assert len(before(queries())) == 12
    index.indexer(mode=mode).index([{**docs[0], 'docno': 'new'}])
    assert len(index) == (91 if mode == 'append' else 1) and index.index_path == index.path / 'flex'
    index.verify()
    assert len(before(queries())) == 4 * min(3, len(index))
    assert not (index.path / 'vecs.f4').exists()


@pytest.mark.parametrize('mode', ['append', 'overwrite'])
def test_an_index_that_was_given_its_languages_knows_them_once_it_is_built_again(tmp_path, docs, mode):
    path = make_plain(tmp_path / 'plain.flex', docs[:30])
    index = MultilingualIndex(path, doc_langs=[doc['lang'] for doc in docs[:30]], verbose=False)
    assert len(index.langs()) == 30
    found = index.indexer(mode=mode).index(docs[30:])
    assert found is index and found.langs().tolist() == [doc['lang'] for doc in docs[30 * (mode == 'overwrite') :]]


def test_languages_are_the_same_whatever_they_come_in(tmp_path, docs):
    path = make_plain(tmp_path / 'plain.flex', docs)
    langs = [doc['lang'] for doc in docs]
    series = pd.Series(langs, index=range(90, 0, -1))
    given = langs, tuple(langs), np.array(langs), np.array(langs, dtype=object), series
    prints = {MultilingualIndex(path, doc_langs=one, verbose=False).fingerprint() for one in given}
    assert len(prints) == 1
    by_docno = {doc['docno']: lang for doc, lang in zip(docs, langs)}
    mappings = by_docno, {np.str_(docno): np.str_(lang) for docno, lang in by_docno.items()}
    assert len({MultilingualIndex(path, doc_langs=one, verbose=False).fingerprint() for one in mappings}) == 1


def test_languages_in_a_long_array_are_told_apart(tmp_path):
    """numpy shows no more than the first and the last of more than 1,000."""
    path = make_plain(tmp_path / 'plain.flex', [{'docno': str(i), 'doc_vec': np.ones(2)} for i in range(2000)])
    langs = np.array(['de'] * 1000 + ['en'] * 1000)
    other = np.where(np.arange(2000) == 500, 'en', langs)
    one, two = (MultilingualIndex(path, doc_langs=given, verbose=False) for given in (langs, other))
    assert one.fingerprint() != two.fingerprint() and one.retriever() != two.retriever()


def test_langs_is_the_old_name_of_doc_langs(tmp_path, docs):
    path = make_plain(tmp_path / 'plain.flex', docs)
    with pytest.warns(FutureWarning, match='doc_langs='):
        index = MultilingualIndex(path, langs=[doc['lang'] for doc in docs])
    assert index.languages() == ['de', 'en', 'th']


def test_languages_are_not_given_twice(build, docs):
    with pytest.raises(ValueError, match=r"x.flex knows its documents' languages; open it without doc_langs="):
        MultilingualIndex(build(docs).path, doc_langs=['de'] * 90).languages()


def write_nothing(path):
    pass


def write_half(path):
    path.mkdir()
    (path / 'vecs.f4').write_bytes(b'1234')


def write_other(path):
    path.mkdir()
    (path / 'pt_meta.json').write_text('{"type": "sparse_index", "format": "pisa"}')


@pytest.mark.parametrize('write, message', [
    (write_nothing, r'there is no index at .*x.flex; build one with \(encoder.doc_encoder\(\) >> index\).index'),
    (write_half, r"the index at .* is half-written .* build it again with indexer\(mode='overwrite'\)"),
    (write_other, 'holds something else than a dense index'),
])  # fmt: skip
def test_what_is_no_finished_index_is_refused(tmp_path, write, message):
    write(tmp_path / 'x.flex')
    index = MultilingualIndex(tmp_path / 'x.flex')
    assert not index.built()
    for access in (len, MultilingualIndex.langs, MultilingualIndex.docnos, MultilingualIndex.np_vecs):
        with pytest.raises(FileNotFoundError, match=message):
            access(index)


def test_a_damaged_description_is_refused(build, docs):
    index = build(docs)
    (index.path / 'pt_meta.json').write_text('{"type": "dense_')
    with pytest.raises(ValueError, match=r'pt_meta.json is not JSON'):
        index.built()


@pytest.mark.parametrize('change', [
    lambda meta: [], lambda meta: None, lambda meta: 'x',
    *(lambda meta, name=name: {k: v for k, v in meta.items() if k != name}
      for name in ('vec_size', 'doc_count', 'max_norm', 'fingerprint', 'languages')),
    *(lambda meta, field=field: {**meta, **field} for field in (
        {'vec_size': '8'}, {'vec_size': 0}, {'doc_count': -1}, {'doc_count': 10**30}, {'doc_count': True},
        {'max_norm': float('nan')}, {'max_norm': 'x'}, {'languages': 'de'}, {'languages': ['de', 7]},
        {'languages': []}, {'fingerprint': 7}, {'files': []}, {'files': {'../x': 1}},
    )),
])  # fmt: skip
def test_metadata_that_cannot_be_are_refused_with_the_file(build, docs, change):
    index = build(docs)
    path = index.path / 'pt_meta.json'
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(ValueError, match=r'x\.flex'):
        MultilingualIndex(index.path).open()


def test_deeply_nested_metadata_are_refused(build, docs):
    index = build(docs)
    (index.path / 'pt_meta.json').write_text('[' * 100_000)
    with pytest.raises(ValueError, match=r'pt_meta.json'):
        index.open()


def test_verbosity(build, docs, capfd):
    index = build(docs)
    topics = pd.DataFrame({'qid': ['q'], 'query_vec': [np.ones(8, np.float32)]})
    index.retriever()(topics)
    list(index.get_corpus_iter())
    assert capfd.readouterr() == ('', '')
    index.verbose = True
    index.indexer(mode='overwrite').index(docs)
    index.retriever()(topics)
    assert 'searching' not in capfd.readouterr().err
    index.indexer(mode='overwrite').index(docs)
    index.retriever(verbose=True)(topics)
    out = capfd.readouterr()
    assert out.out == '' and 'indexing' in out.err and 'searching' in out.err

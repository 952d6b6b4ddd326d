"""The index as a PyTerrier artifact: building, rebuilding, opening."""
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyterrier as pt
import pytest

from pyterrier_hybrid.indexing import IndexingMode
from pyterrier_hybrid.lexical import BM25Index, storage
from pyterrier_hybrid.lexical import index as module
from pyterrier_hybrid.lexical.index import BM25Indexer

DOCUMENTS = [
    {'docno': 'd2', 'text': 'the red house', 'lang': 'en'},
    {'docno': 'd1', 'text': 'das rote Haus', 'lang': 'de'},
    {'docno': 'd3', 'text': 'das Haus', 'lang': 'de'},
]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def index(tmp_path) -> BM25Index:
    return BM25Index(tmp_path / 'x.bm25', verbose=False).index(DOCUMENTS)


def test_what_an_index_says_of_itself(index):
    assert index.built() and len(index) == 3
    assert index.docnos() == ['d1', 'd2', 'd3']
    assert index.langs() == {'de': 2, 'en': 1}


def test_opening_again(index):
    opened = BM25Index.load(str(index.path))
    assert opened.docnos() == index.docnos() and opened.fingerprint() == index.fingerprint()
    assert opened.bm25() == index.bm25()


def test_artifact_type_and_package(index, tmp_path):
    assert pt.inspect.artifact_type_format(index) == ('sparse_index', 'bm25_multilingual')
    meta = {}
    index.build_package(str(tmp_path / 'x.tar.lz4'), metadata_out=meta, verbose=False)
    assert (meta['type'], meta['format']) == pt.inspect.artifact_type_format(BM25Index)


def test_indexing_is_inspectable(index):
    for indexer in (index, index.indexer()):
        assert pt.inspect.indexer_inputs(indexer) == [['docno', 'text', 'lang']]


def test_indexing_from_a_pipeline(tmp_path):
    index = BM25Index(tmp_path / 'x.bm25', verbose=False)
    (pt.apply.text(lambda row: row['text'] + ' tram') >> index).index(DOCUMENTS)
    assert len(index.bm25(query_lang='en').search('tram')) == 3


def test_no_index_yet(tmp_path):
    index = BM25Index(tmp_path / 'x.bm25')
    assert not index.built() and index.fingerprint() is None
    for ask in (index.bm25, index.langs, index.docnos, lambda: len(index)):
        with pytest.raises(FileNotFoundError, match=r'there is no index at .*x\.bm25'):
            ask()


@pytest.mark.parametrize('mode', ['create', 'overwrite'])
def test_create_and_overwrite_where_there_is_nothing(tmp_path, mode):
    index = BM25Index(tmp_path / 'x.bm25', verbose=False)
    assert index.indexer(mode=mode).index(iter(DOCUMENTS)) is index
    assert len(index) == 3


@pytest.mark.parametrize('mode', ['create', 'overwrite', 'resume'])
def test_modes_and_frames_as_the_dense_index_takes_them(tmp_path, index, mode):
    other = BM25Index(tmp_path / 'y.bm25', verbose=False)
    other.indexer(mode=IndexingMode[mode]).index(pd.DataFrame(DOCUMENTS).assign(more=1))
    assert other.fingerprint() == index.fingerprint()


def test_create_refuses_an_index_before_it_reads_a_document(index):
    def documents():
        raise RuntimeError('was read')
        yield

    for kind in (FileExistsError, ValueError):
        with pytest.raises(kind, match=r"x\.bm25 holds an index of 3 documents; .*mode='overwrite'"):
            index.index(documents())


def test_resuming_what_is_finished_reads_nothing(index, tmp_path):
    unread = iter(DOCUMENTS)
    assert index.indexer(mode='resume').index(unread) is index and len(list(unread)) == 3
    assert len(BM25Index(tmp_path / 'y.bm25', verbose=False).indexer(mode='resume').index(DOCUMENTS)) == 3


def test_overwriting_is_seen_by_every_object_at_this_path(index):
    other = BM25Index(index.path)
    assert other.bm25(query_lang='de').search('Haus das')['docno'].tolist() == ['d3', 'd1']
    index.indexer(mode='overwrite').index(DOCUMENTS[:2])
    assert index.docnos() == other.docnos() == ['d1', 'd2']
    assert other.bm25(query_lang='de').search('Haus das')['docno'].tolist() == ['d1']


@pytest.mark.parametrize('documents', [[], [*DOCUMENTS, DOCUMENTS[0]], [{'docno': 'd1', 'text': 'x', 'lang': 'xxxx'}]])
def test_bad_documents_leave_everything_as_it_was(index, tmp_path, documents):
    with pytest.raises(ValueError):
        index.indexer(mode='overwrite').index(documents)
    assert len(index) == 3
    fresh = BM25Index(tmp_path / 'deep' / 'y.bm25', verbose=False)
    with pytest.raises(ValueError):
        fresh.index(documents)
    assert names(tmp_path) == ['.x.bm25.lock', 'deep', 'x.bm25'] and names(tmp_path / 'deep') == ['.y.bm25.lock']


def test_a_corpus_that_breaks_off_leaves_nothing(tmp_path):
    def documents():
        yield DOCUMENTS[0]
        raise ConnectionError('lost')

    with pytest.raises(ConnectionError):
        BM25Index(tmp_path / 'x.bm25', verbose=False).index(documents())
    assert names(tmp_path) == ['.x.bm25.lock']


def test_the_second_of_two_writers_is_refused_before_it_reads(index):
    unread = iter(DOCUMENTS)

    def documents():
        with pytest.raises(ValueError, match=r'another process or thread is writing .*x\.bm25'):
            index.indexer(mode='overwrite').index(unread)
        yield DOCUMENTS[0]

    index.indexer(mode='overwrite').index(documents())
    assert len(index) == 1 and len(list(unread)) == 3


@pytest.mark.parametrize('moment', ['write', 'invert'])
def test_a_failure_leaves_the_old_index_in_place(index, monkeypatch, moment):
    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(storage if moment == 'write' else module, moment, fail)
    with pytest.raises(KeyboardInterrupt):
        index.indexer(mode='overwrite').index(DOCUMENTS[:1])
    assert len(index) == 3 and names(index.path.parent) == ['.x.bm25.lock', 'x.bm25']


def test_a_full_disk_is_told_with_the_path(index, monkeypatch):
    def full(*args, **kwargs):
        raise OSError('179695 requested and 24544 written')

    monkeypatch.setattr(np, 'save', full)
    with pytest.raises(OSError, match=r'x\.bm25 cannot be written, the disk is full .*24544 written'):
        index.indexer(mode='overwrite').index(DOCUMENTS[:1])
    assert len(index) == 3


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize(('files', 'message'), [
    ({'docs.npy': 'x'}, 'half-written'),
    ({'pt_meta.json': '{"type": "sparse'}, r'pt_meta\.json is not JSON'),
    ({'pt_meta.json': '[]'}, r'pt_meta\.json is no JSON object'),
    ({'pt_meta.json': '{"type": "dense_index", "format": "flex"}'}, 'not a BM25 index'),
    ({'pt_meta.json': '{"type": "sparse_index", "format": "bm25_multilingual"}'}, r"pt_meta\.json has no field"),
    ({'thesis.tex': 'years of work'}, 'not a BM25 index'),
])  # fmt: skip
def test_what_is_not_an_index_is_neither_read_nor_replaced(tmp_path, files, message, overwrite):
    path = tmp_path / 'folder'
    path.mkdir()
    for name, content in files.items():
        (path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        BM25Index(path).postings()
    with pytest.raises(ValueError, match=message):
        BM25Index(path, verbose=False).indexer(mode='overwrite' if overwrite else 'create').index(DOCUMENTS)
    assert {f.name: f.read_text() for f in path.iterdir()} == files
    assert names(tmp_path) == ['folder']


def test_a_reader_of_an_index_that_is_replaced_meanwhile_has_the_new_one_whole(index, monkeypatch):
    real, calls = np.load, []

    def load(*args, **kwargs):
        calls.append(args)
        if len(calls) == 3:
            index.indexer(mode='overwrite').index([{'docno': 'new', 'text': 'haus haus haus', 'lang': 'de'}])
        return real(*args, **kwargs)

    retriever = BM25Index(index.path).bm25(query_lang='de')
    monkeypatch.setattr(np, 'load', load)
    postings = BM25Index(index.path).postings()
    assert postings.docnos.tolist() == ['new'] and postings.tfs.tolist() == [3] and len(calls) > 9
    with pytest.raises(ValueError, match=r'call \.bm25\(\) again'):
        retriever.search('haus')


def test_verify_names_a_changed_file(index):
    index.verify()
    content = bytearray((index.path / 'lengths.npy').read_bytes())
    content[-1] ^= 16
    (index.path / 'lengths.npy').write_bytes(content)
    with pytest.raises(ValueError, match=r'lengths\.npy has changed'):
        index.verify()


def test_unknown_mode(tmp_path):
    with pytest.raises(ValueError, match="mode 'create', 'overwrite', 'resume', not 'append'"):
        BM25Indexer(BM25Index(tmp_path), mode='append')


def test_another_analysis_warns(index):
    meta = index.path / 'pt_meta.json'
    meta.write_text(json.dumps({**json.loads(meta.read_text()), 'analysis': '0 (Snowball 1)'}))
    with pytest.warns(UserWarning, match=r'built with analysis 0 \(Snowball 1\).*overwrite'):
        BM25Index(index.path).postings()


def test_searchers_are_kept(index):
    assert index.open().searcher(('de',), 0.9, 0.4) is index.open().searcher(('de',), 0.9, 0.4)
    assert index.open().searcher(('de',), 0.9, 0.4) is not index.open().searcher(('de',), 1.2, 0.4)


def test_progress_is_shown_unless_silenced(tmp_path, capfd):
    BM25Index(tmp_path / 'a', verbose=False).index(DOCUMENTS)
    assert capfd.readouterr() == ('', '')
    BM25Index(tmp_path / 'b').index(DOCUMENTS)
    assert 'BM25Index: 100%' in capfd.readouterr().err

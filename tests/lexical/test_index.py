"""The index as a PyTerrier artifact: building, rebuilding, opening."""
import json

import pyterrier as pt
import pytest

from pyterrier_hybrid.lexical import BM25Index
from pyterrier_hybrid.lexical.index import BM25Indexer

DOCUMENTS = [
    {'docno': 'd2', 'text': 'the red house', 'lang': 'en'},
    {'docno': 'd1', 'text': 'das rote Haus', 'lang': 'de'},
    {'docno': 'd3', 'text': 'das Haus', 'lang': 'de'},
]


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
    assert not index.built()
    for ask in (index.bm25, index.langs, index.docnos, index.fingerprint, lambda: len(index)):
        with pytest.raises(FileNotFoundError, match=r'there is no index at .*x\.bm25'):
            ask()


@pytest.mark.parametrize('mode', ['create', 'overwrite'])
def test_create_and_overwrite_where_there_is_nothing(tmp_path, mode):
    index = BM25Index(tmp_path / 'x.bm25', verbose=False)
    assert index.indexer(mode=mode).index(iter(DOCUMENTS)) is index
    assert len(index) == 3


def test_create_refuses_an_index_before_it_reads_a_document(index):
    def documents():
        raise RuntimeError('was read')
        yield

    with pytest.raises(FileExistsError, match="mode='overwrite'"):
        index.index(documents())


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
    assert [p.name for p in tmp_path.iterdir()] == ['x.bm25']


def test_a_corpus_that_breaks_off_leaves_nothing(tmp_path):
    def documents():
        yield DOCUMENTS[0]
        raise ConnectionError('lost')

    with pytest.raises(ConnectionError):
        BM25Index(tmp_path / 'x.bm25', verbose=False).index(documents())
    assert list(tmp_path.iterdir()) == []


def test_unknown_mode(tmp_path):
    with pytest.raises(ValueError, match="mode 'create' or 'overwrite', not 'append'"):
        BM25Indexer(BM25Index(tmp_path), mode='append')


def test_another_analysis_warns(index):
    meta = index.path / 'pt_meta.json'
    meta.write_text(json.dumps({**json.loads(meta.read_text()), 'analysis': '0 (Snowball 1)'}))
    with pytest.warns(UserWarning, match=r'built with analysis 0 \(Snowball 1\).*overwrite'):
        BM25Index(index.path).postings()


def test_searchers_are_kept(index):
    assert index.searcher(('de',), 0.9, 0.4) is index.searcher(('de',), 0.9, 0.4)
    assert index.searcher(('de',), 0.9, 0.4) is not index.searcher(('de',), 1.2, 0.4)


def test_progress_is_shown_unless_silenced(tmp_path, capfd):
    BM25Index(tmp_path / 'a', verbose=False).index(DOCUMENTS)
    assert capfd.readouterr() == ('', '')
    BM25Index(tmp_path / 'b').index(DOCUMENTS)
    assert 'BM25Index: 100%' in capfd.readouterr().err

import gzip

import ir_measures
import pytest

from pyterrier_hybrid.measures.trec_files import read_qrels_file, read_run_file


@pytest.fixture
def write(tmp_path):
    def write(content, name='file'):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / name
    return write


def test_qrels_as_ir_measures_reads_them(write):
    path = write('q1 de d1 1\nq1\ten\td2 0\n\nq2 Q0 Straße 2\n')
    expected = [tuple(row) for row in ir_measures.read_trec_qrels('q1 de d1 1\nq1 en d2 0\nq2 Q0 Straße 2')]
    assert [(r.query_id, r.doc_id, r.relevance, r.iteration) for r in read_qrels_file(path).itertuples()] == expected


@pytest.mark.parametrize('name', ['run', 'run.gz'])
def test_a_run_plain_or_gzipped_whatever_its_name(write, name):
    content = b'\xef\xbb\xbfq1 Q0 d1 1 2.5 tag\nq1 Q0 d2 2 -1e-3 tag\n'
    for path in (write(content, name), write(gzip.compress(content), name)):
        assert read_run_file(path).to_dict('list') == {
            'query_id': ['q1', 'q1'], 'doc_id': ['d1', 'd2'], 'score': [2.5, -.001]}


def test_an_empty_file_has_no_rows(write):
    assert read_run_file(write('')).empty and read_qrels_file(write('')).empty


@pytest.mark.parametrize(('read', 'content', 'what'), [
    (read_qrels_file, 'q1 de d1 1\nq1 d2 1\n', 'line 2 has 3 fields; it needs 4: query_id iteration doc_id relevance'),
    (read_qrels_file, 'q1 de d1 1.5\n', "line 1 has the relevance '1.5'; it must be a whole number"),
    (read_run_file, '# header\n', 'line 1 has 2 fields; it needs 6'),
    (read_run_file, 'q Q0 d 1 nan t\n', "line 1 has the score 'nan'; it must be a finite number"),
    (read_run_file, 'q Q0 d 1 high t\n', "line 1 has the score 'high'"),
    (read_run_file, 'q Q0 d 1 1_0 t\n', "line 1 has the score '1_0'; it must be a finite number"),
    (read_qrels_file, 'q de d 1_0\n', "line 1 has the relevance '1_0'; it must be a whole number"),
    (read_run_file, 'q Q0 d 1 3 t\nr Q0 d 1 3 t\n\nq Q0 d 2 1 t\n', "line 4 has the document 'd' of query 'q' again"),
    (read_run_file, b'q Q0 d 1 1 t\nq Q0 \xff 1 1 t\n', 'line 2 is not UTF-8'),
    (read_run_file, gzip.compress(b'q Q0 d 1 1 t\n' * 1000, mtime=0)[:-12], 'is damaged after line'),
    (read_qrels_file, 'q de ' + 'd' * 10**6 + ' x\n', 'line 1 has the relevance'),
])
def test_refuses_by_file_and_line(write, read, content, what):
    with pytest.raises(ValueError, match=what) as caught:
        read(write(content, 'the-file'))
    assert 'the-file' in str(caught.value) and len(str(caught.value)) < 500


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='missing'):
        read_run_file(tmp_path / 'missing')

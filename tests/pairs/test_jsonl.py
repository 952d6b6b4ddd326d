"""Reading JSON lines: which files, what comes out of them, and what is said about damaged ones."""
import gzip
import lzma

import pytest

from pyterrier_hybrid.pairs import jsonl
from pyterrier_hybrid.pairs.jsonl import jsonl_files, read_jsonl


def test_files_and_folders(tmp_path):
    for name in ('b.jsonl.xz', 'a.jsonl', 'c.jsonl.gz', 'notes.txt', 'd.json'):
        (tmp_path / name).touch()
    names = [path.name for path in jsonl_files([tmp_path / 'd.json', tmp_path])]
    assert names == ['d.json', 'a.jsonl', 'b.jsonl.xz', 'c.jsonl.gz']
    assert jsonl_files(str(tmp_path / 'a.jsonl')) == jsonl_files([tmp_path / 'a.jsonl'])


def test_no_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no file or folder of pairs at .*nowhere'):
        jsonl_files(tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match=r'no file in the folder .* ends in \.jsonl, \.jsonl\.gz, \.jsonl\.xz'):
        jsonl_files(tmp_path)
    with pytest.raises(ValueError, match='no file of pairs given'):
        jsonl_files([])


@pytest.mark.parametrize(('suffix', 'pack'), [('', bytes), ('.gz', gzip.compress), ('.xz', lzma.compress)])
def test_lines_with_their_numbers(tmp_path, suffix, pack):
    path = tmp_path / f'x.jsonl{suffix}'
    path.write_bytes(pack('\ufeff{"a": "ä"}\n\n[1]\r\n2'.encode()))
    assert list(read_jsonl([path])) == [(f'{path}, line', n, v) for n, v in ((1, {'a': 'ä'}), (3, [1]), (4, 2))]
    path.write_bytes(pack('\ufeff\n1'.encode()))
    assert list(read_jsonl([path])) == [(f'{path}, line', 2, 1)]


@pytest.mark.parametrize(
    ('second', 'message'),
    [
        (b'{"a": ', r'line 2 is not JSON \(Expecting value'),
        (b'not json', 'line 2 is not JSON'),
        (b'[' * 200_000, 'line 2 .* nested too deeply'),
        (b'{"n": ' + b'1' * 5000 + b'}', 'line 2 is not JSON'),
        (b'{"query": {"de": "first", "en": "x", "de": "second"}}', "line 2 has the field 'de' twice"),
        ('ä'.encode('latin-1'), 'line 2 is not UTF-8: unexpected end of data at byte 0'),
    ],
)
def test_malformed_line(tmp_path, second, message):
    path = tmp_path / 'x.jsonl'
    path.write_bytes(b'{}\n' + second)
    with pytest.raises(ValueError, match=f'x.jsonl, {message}'):
        list(read_jsonl([path]))


@pytest.mark.parametrize(('suffix', 'pack'), [('.gz', gzip.compress), ('.xz', lzma.compress)])
@pytest.mark.parametrize('damage', ['cut', 'plain'])
def test_damaged_archive(tmp_path, suffix, pack, damage):
    path = tmp_path / f'x.jsonl{suffix}'
    path.write_bytes(pack(b'{"a": 1}\n' * 100)[:-9] if damage == 'cut' else b'{"a": 1}\n')
    with pytest.raises(ValueError, match=rf'x\.jsonl\{suffix} is damaged or cut off after line \d+'):
        list(read_jsonl([path]))


@pytest.mark.parametrize('suffix', ['.gz', '.xz'])
def test_a_compressed_file_of_no_bytes(tmp_path, suffix):
    """As an interrupted copy leaves it; a plain file may be empty."""
    (tmp_path / 'a.jsonl').write_bytes(b'')
    assert list(read_jsonl(jsonl_files(tmp_path))) == []
    (tmp_path / f'x.jsonl{suffix}').write_bytes(b'')
    with pytest.raises(ValueError, match=rf'x\.jsonl\{suffix} is damaged or cut off: it has no bytes'):
        list(read_jsonl(jsonl_files(tmp_path)))


@pytest.mark.parametrize(('suffix', 'pack'), [('.gz', gzip.compress), ('.xz', lzma.compress)])
def test_a_line_is_read_no_further_than_a_row_may_be_long(tmp_path, monkeypatch, suffix, pack):
    """A small compressed file may unpack to more than the memory holds."""
    monkeypatch.setattr(jsonl, 'LONGEST', 1 << 20)
    path = tmp_path / f'x.jsonl{suffix}'
    path.write_bytes(pack(b'{}\n' + b' ' * (1 << 24)))
    with pytest.raises(ValueError, match=r'line 2 is longer than 1 MiB'):
        list(read_jsonl([path]))

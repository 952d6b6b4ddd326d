"""Import, open and read: a folder of pairs from end to end."""
import errno
import gzip
import json
import lzma
import pickle
from pathlib import Path

import numpy as np
import pytest

from pyterrier_hybrid.pairs.corpus import ParallelPairs
from pyterrier_hybrid.pairs.source import Stratum
from pyterrier_hybrid.publishing import scratch

ROWS = [
    {'id': 'b1', 'source': 'ntrex', 'text': {'de': 'Haus', 'en': 'house', 'ru': 'дом'}, 'licence': 'x'},
    {'id': 'q1', 'source': 'MKQA(dev 1)', 'query': {'en': 'q1 en', 'de': 'q1 de'}, 'positive': {'en': 'p1 en'}},
    {'id': 'q2', 'source': 'MKQA(dev 1)', 'query': {'en': 'q2 en'}, 'positive': {'en': 'p2 en', 'de': 'p2 de'},
     'negatives': {'de': ['n1', 'n2'], 'en': ['n3']}},
    {'id': 'q3', 'source': 'MKQA(dev 1)', 'query': {'en': 'q3 en', 'de': 'q3 de'}, 'positive': {'en': 'p3 en'}},
    {'id': 'b2', 'source': 'ntrex', 'text': {'de': 'Baum', 'en': 'tree'}},
    {'id': 'a/1', 'source': 'microsoft/AI', 'query': {'th': 'ถาม'}, 'positive': {'th': 'ตอบ'}},
]  # fmt: skip


def write(path: Path, rows: list) -> Path:
    text = ''.join(json.dumps(row, ensure_ascii=False) + '\n' for row in rows)
    pack = {'.gz': gzip.compress, '.xz': lzma.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(text.encode()))
    return path


@pytest.fixture
def pairs(tmp_path, build):
    return build(ROWS, tmp_path / 'pairs')


def test_sources_sorted_by_name(pairs):
    assert [(s.name, s.kind, len(s), s.languages) for s in pairs.sources] == [
        ('MKQA(dev 1)', 'qa', 3, ['de', 'en']),
        ('microsoft/AI', 'qa', 1, ['th']),
        ('ntrex', 'bitext', 2, ['de', 'en', 'ru']),
    ]
    assert pairs.languages == ['de', 'en', 'ru', 'th']
    assert len(pairs) == 6
    assert pairs['ntrex'] is pairs.sources[2]
    with pytest.raises(KeyError, match=r'no source .mkqa. in .*pairs.*; there are MKQA'):
        pairs['mkqa']


def test_strata_are_ranges_of_equal_languages(pairs):
    assert pairs['MKQA(dev 1)'].strata == [
        Stratum(('de', 'en'), ('en',), 0, 2, 2),
        Stratum(('en',), ('de', 'en'), 2, 3, 1),
    ]
    assert pairs['MKQA(dev 1)'].ids([0, 1, 2]) == ['q1', 'q3', 'q2']  # stable within a stratum
    assert pairs['ntrex'].strata == [
        Stratum(('de', 'en'), ('de', 'en'), 0, 1, 1),
        Stratum(('de', 'en', 'ru'), ('de', 'en', 'ru'), 1, 2, 1),
    ]


def test_texts(pairs):
    source = pairs['MKQA(dev 1)']
    rows = np.array([2, 0, 1, 0])
    assert source.texts('query', rows, ['en', 'de', 'en', 'en']) == ['q2 en', 'q1 de', 'q3 en', 'q1 en']
    assert source.texts('passage', [2, 0], ['de', 'en']) == ['p2 de', 'p1 en']
    assert source.negatives([2, 2, 0], ['de', 'en', 'en']) == [['n1', 'n2'], ['n3'], []]
    bitext = pairs['ntrex']
    assert bitext.texts('query', [1], ['ru']) == bitext.texts('passage', [1], ['ru']) == ['дом']
    assert bitext.negatives([0], ['de']) == [[]]
    assert source.texts('query', [], []) == []


def test_texts_that_are_not_there(pairs):
    source = pairs['MKQA(dev 1)']
    with pytest.raises(KeyError, match=r"source 'MKQA\(dev 1\)', row 2 has no query in 'de'"):
        source.texts('query', [0, 2], ['de', 'de'])
    with pytest.raises(KeyError, match="row 0 has no passage in 'zh'"):
        source.texts('passage', [0], ['zh'])
    with pytest.raises(IndexError, match='has no row 3; it has 3'):
        source.texts('query', [3], ['en'])
    with pytest.raises(IndexError, match='has no row -1'):
        source.ids([-1])
    with pytest.raises(ValueError, match="side is 'positive'; it must be 'query' or 'passage'"):
        source.texts('positive', [0], ['en'])
    with pytest.raises(ValueError, match='zip'):
        source.texts('query', [0, 1], ['en'])


def test_iter_texts_without_negatives(pairs):
    expected = [
        item for row in ROWS for side in ('query', 'positive', 'text') for item in row.get(side, {}).items()
    ]  # fmt: skip
    assert sorted(pairs.iter_texts()) == sorted(expected)


def test_no_table_where_no_negative_is_known(tmp_path, pairs):
    assert not list(pairs.folder.glob('negatives*'))
    assert pairs.negative_passages(['n1', 'p1 en']).tolist() == [-1, -1]


@pytest.mark.parametrize(
    'change',
    [
        lambda rows: rows.reverse(),
        lambda rows: rows.pop(),
        lambda rows: rows[1]['query'].update(de='other'),
        lambda rows: rows[1].update(id='other'),
        lambda rows: rows[2]['negatives'].update(en=['other']),
        lambda rows: rows[3].update(passage_id='p'),
        lambda rows: rows[3].update(query_id='q'),
        lambda rows: rows[1]['query'].pop('de'),
    ],
)
def test_fingerprint_is_of_the_content(tmp_path, pairs, change, build):
    rows = json.loads(json.dumps(ROWS))
    change(rows)
    assert build(rows, tmp_path / 'changed').fingerprint != pairs.fingerprint
    del rows[0]['source']
    assert build(ROWS, tmp_path / 'again').fingerprint == pairs.fingerprint


def test_from_jsonl_equals_from_rows(tmp_path, pairs, content):
    (tmp_path / 'in').mkdir()
    write(tmp_path / 'in' / 'a.jsonl', ROWS[:2])
    write(tmp_path / 'in' / 'b.jsonl.gz', ROWS[2:4])
    more = write(tmp_path / 'more.xz', ROWS[4:])
    read = ParallelPairs.from_jsonl([tmp_path / 'in', more], tmp_path / 'out', verbose=False)
    assert content(read.folder) == content(pairs.folder)


def test_repeated_rows_are_skipped_and_counted(tmp_path, pairs, build):
    twice = [*ROWS, {**ROWS[1], 'licence': 'y'}, ROWS[1]]
    again = build(twice, tmp_path / 'twice')
    assert again.fingerprint == pairs.fingerprint
    assert again.describe().repeated_rows_skipped == 2
    assert len(again) == 6


def test_an_id_may_repeat_across_sources(tmp_path, build):
    build([ROWS[0], {**ROWS[0], 'source': 'other'}], tmp_path / 'pairs')


@pytest.mark.parametrize(
    'change', [{'query': {'en': 'other'}}, {'passage_id': 'p'}, {'query_id': 'q'}, {'negatives': {'en': ['n']}}]
)
def test_an_id_with_two_texts(tmp_path, change):
    first = write(tmp_path / 'a.jsonl', ROWS[:2])
    second = write(tmp_path / 'b.jsonl', [ROWS[3], {**ROWS[1], **change}])
    message = r"the id 'q1' of the source 'MKQA\(dev 1\)' is used twice, .*: .*a\.jsonl, line 2, and .*b\.jsonl, line 2"
    with pytest.raises(ValueError, match=message):
        ParallelPairs.from_jsonl([first, second], tmp_path / 'pairs', verbose=False)
    assert {path.name for path in tmp_path.iterdir()} == {'a.jsonl', 'b.jsonl', '.pairs.lock'}


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('{"id": "1"', r'x\.jsonl, line 3 is not JSON'),
        ('{"id": "1", "source": "s", "text": {"en": ""}}', r"x\.jsonl, line 3: \"text\" in 'en' is an empty text"),
        ('{"id": "1", "source": "ntrex", "query": {"en": "q"}, "positive": {"en": "p"}}',
         r"x\.jsonl, line 3 is a qa row of the source 'ntrex', which has bitext rows since .*x\.jsonl, line 1"),
        (r'{"id": "1", "source": "s", "text": {"en": "half \ud800"}}',
         r"x\.jsonl, line 3, the row '1': its text in 'en' holds"),
        (r'{"id": "half \udc00", "source": "s", "text": {"en": "t"}}',
         r"x\.jsonl, line 3, the row 'half .*': its id holds"),
    ],
)  # fmt: skip
def test_a_malformed_line_leaves_nothing_behind(tmp_path, line, message):
    path = write(tmp_path / 'x.jsonl', ROWS[:2])
    path.write_text(path.read_text() + line + '\n')
    with pytest.raises(ValueError, match=message):
        ParallelPairs.from_jsonl(path, tmp_path / 'pairs', verbose=False)
    assert {p.name for p in tmp_path.iterdir()} == {'x.jsonl', '.pairs.lock'}


def test_rows_are_counted_from_one(tmp_path, build):
    with pytest.raises(ValueError, match=r'^row 2 has no "id"'):
        build([ROWS[0], {}], tmp_path / 'pairs')
    with pytest.raises(ValueError, match='no row of pairs in the input'):
        build([], tmp_path / 'pairs')


def test_existing_folders(tmp_path, pairs, build, content):
    before = content(pairs.folder)
    with pytest.raises(FileExistsError, match=r'pairs exists already; overwrite it'):
        build(ROWS[:1], pairs.folder)
    with pytest.raises(ValueError, match='has no "id"'):
        build([ROWS[0], {}], pairs.folder, overwrite=True)
    assert content(pairs.folder) == before
    assert len(build(ROWS[:1], pairs.folder, overwrite=True)) == 1
    assert {path.name for path in tmp_path.iterdir()} == {'pairs', '.pairs.lock'}
    (tmp_path / 'thesis').mkdir()
    (tmp_path / 'thesis' / 'chapter.tex').touch()
    with pytest.raises(FileExistsError, match=r'thesis has no manifest\.json: .* choose another path'):
        build(ROWS, tmp_path / 'thesis', overwrite=True)
    (tmp_path / 'empty').mkdir()
    assert len(build(ROWS, tmp_path / 'empty')) == 6


def test_what_a_killed_import_left_is_no_obstacle(tmp_path, build):
    left = scratch(tmp_path / 'pairs')
    (left / 'new').mkdir()
    (left / 'new' / '0.arrow').write_bytes(b'half')
    build(ROWS, tmp_path / 'pairs')
    assert {path.name for path in tmp_path.iterdir()} == {'pairs', '.pairs.lock'}


def test_folders_that_are_not_ours_stay(tmp_path, build):
    """Whatever an import may be tempted to work in: other names beside the target, and links to elsewhere."""
    mine = [tmp_path / name for name in ('.pairs.importing', '.pairs.replaced', '.pairs.partial', '.pairs.0.partial')]
    for folder in mine:
        folder.mkdir()
        (folder / 'thesis.tex').write_text('mine')
    (tmp_path / '.pairs.link.partial').symlink_to(mine[0])
    for _ in range(2):
        build(ROWS, tmp_path / 'pairs', overwrite=True)
    assert all((folder / 'thesis.tex').read_text() == 'mine' for folder in mine)
    assert (tmp_path / '.pairs.link.partial').is_symlink()


def test_one_import_at_a_time(tmp_path, build):
    def rows():
        yield ROWS[0]
        with pytest.raises(ValueError, match=r'another process or thread is writing .*pairs'):
            build(ROWS, tmp_path / 'pairs')
        yield ROWS[1]

    assert len(build(rows(), tmp_path / 'pairs')) == 2


def test_opening_what_is_not_whole(tmp_path, pairs):
    with pytest.raises(FileNotFoundError, match=r'no pairs at .*nowhere .*from_jsonl'):
        ParallelPairs(tmp_path / 'nowhere')
    table = next(pairs.folder.glob('ntrex*.arrow'))
    table.write_bytes(table.read_bytes() + b' ')
    with pytest.raises(ValueError, match=r'ntrex\.arrow has [\d,]+ bytes, .*: import the pairs anew'):
        ParallelPairs(pairs.folder)
    table.unlink()
    with pytest.raises(FileNotFoundError, match=r'ntrex\.arrow is missing'):
        ParallelPairs(pairs.folder)
    manifest = pairs.folder / 'manifest.json'
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), 'format': 9}))
    with pytest.raises(ValueError, match='is of format 9, not 2'):
        ParallelPairs(pairs.folder)


def test_travels_to_other_processes(pairs):
    source = pairs['MKQA(dev 1)']
    source.texts('query', [0], ['de'])
    copy, copied = pickle.loads(pickle.dumps((pairs, source)))
    assert copy.fingerprint == pairs.fingerprint
    assert copied.texts('query', [0], ['de']) == ['q1 de']
    assert (copied.passage_ids == source.passage_ids).all()


def test_silent_or_not(tmp_path, capfd, build):
    build(ROWS, tmp_path / 'a')
    assert capfd.readouterr() == ('', '')
    ParallelPairs.from_rows(ROWS, tmp_path / 'b')
    assert 'importing pairs' in capfd.readouterr().err


@pytest.mark.parametrize('where', ['spilling.pa.ipc.new_file', 'table.np.save', 'importing.write_manifest'])
def test_a_full_disk_names_the_folder_and_leaves_nothing(tmp_path, monkeypatch, where, build):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(f'pyterrier_hybrid.pairs.{where}', full)
    with pytest.raises(OSError, match=r'pairs cannot be written, the disk is full .* free some space') as error:
        build(ROWS, tmp_path / 'pairs')
    assert error.value.errno == errno.ENOSPC
    assert {path.name for path in tmp_path.iterdir()} == {'.pairs.lock'}

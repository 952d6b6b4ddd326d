"""Import, open and read: a folder of pairs from end to end."""
import errno
import gzip
import json
import lzma
import pickle
from pathlib import Path

import numpy as np
import pytest

from pyterrier_hybrid.pairs import source as source_module
from pyterrier_hybrid.pairs import spilling, table
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


def build(rows: list, folder: Path, **options) -> ParallelPairs:
    return ParallelPairs.from_rows(rows, folder, verbose=False, **options)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def pairs(tmp_path):
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


@pytest.mark.parametrize(
    ('rows', 'groups'),
    [
        # Equal passages of one language, whatever else the rows have; and transitively.
        ([({'en': 'A'}, {}), ({'en': 'A', 'de': 'B'}, {}), ({'de': 'B'}, {}), ({'de': 'C'}, {})], [0, 0, 0, 1]),
        # Given ids join what texts do not, and texts join what ids keep apart.
        ([({'en': 'A'}, {'passage_id': 'p'}), ({'en': 'B'}, {'passage_id': 'p'}), ({'en': 'p'}, {})], [0, 0, 1]),
        ([({'en': 'A'}, {'passage_id': 'p'}), ({'en': 'A'}, {'passage_id': 'r'})], [0, 0]),
        # Equal but for the language: the two vectors are equal too.
        ([({'en': 'Paris'}, {}), ({'fr': 'Paris'}, {}), ({'fr': 'paris'}, {})], [0, 0, 1]),
    ],
)
@pytest.mark.parametrize('spread', [False, True])
@pytest.mark.filterwarnings('ignore:the passage_id')  # see test_given
def test_passage_ids(rows, groups, spread, tmp_path):
    made = [
        {'id': str(i), 'source': f's{i}' if spread else 's', 'query': {'en': f'q{i}'}, 'positive': passage, **more}
        for i, (passage, more) in enumerate(rows)
    ]
    pairs = build(made, tmp_path / 'pairs')
    found = {}
    for source in pairs.sources:
        assert isinstance(source.passage_ids, np.memmap) and source.passage_ids.dtype == np.int64
        assert (source.passage_ids >= 0).all()
        found.update(zip(source.ids(range(len(source))), source.passage_ids.tolist()))
    found = [found[str(i)] for i in range(len(rows))]
    assert [found.index(number) for number in found] == [groups.index(group) for group in groups]


def groups(rows: list[dict], folder: Path) -> list[int]:
    """For each row, the first row of the same passage."""
    pairs = build([{'source': f's{"text" in row}', **row, 'id': str(i)} for i, row in enumerate(rows)], folder)
    numbers = {name: n for s in pairs.sources for name, n in zip(s.ids(range(len(s))), s.passage_ids.tolist())}
    found = [numbers[str(i)] for i in range(len(rows))]
    return [found.index(number) for number in found]


@pytest.mark.parametrize(
    ('rows', 'expected'),
    [
        # One question with two answers; the same in another language's words of it.
        ([({'en': 'Q'}, {'en': 'A'}), ({'en': 'Q'}, {'en': 'B'}), ({'en': 'R'}, {'en': 'C'})], [0, 0, 2]),
        ([({'en': 'Q', 'de': 'F'}, {'en': 'A'}), ({'de': 'F'}, {'de': 'B'}), ({'de': 'f'}, {'de': 'C'})], [0, 0, 2]),
        # The third row says that B answers Q, so the first two may not meet either.
        ([({'en': 'Q'}, {'en': 'A'}), ({'en': 'R'}, {'de': 'B'}), ({'en': 'Q'}, {'de': 'B'})], [0, 0, 0]),
        # A passage that is another's question: its vector is that of the question itself.
        ([({'en': 'Q'}, {'en': 'A'}), ({'en': 'R'}, {'en': 'Q'}), ({'en': 'S'}, {'en': 'B'})], [0, 0, 2]),
    ],
)
def test_rows_that_share_a_question_are_joined(rows, expected, tmp_path):
    assert groups([{'query': query, 'positive': positive} for query, positive in rows], tmp_path / 'p') == expected


def test_a_question_id_says_which_question_it_is(tmp_path):
    def row(name: str, passage: str, **given) -> dict:
        return {'query': {'en': name}, 'positive': {'en': passage}, **given}

    named = [row('Summary', 'A', query_id='1'), row('Summary', 'B', query_id='2'), row('Abstract', 'C', query_id='1')]
    unnamed = [row('Summary', 'D'), row('Summary', 'E'), row('1', 'F')]
    assert groups([*named, *unnamed], tmp_path / 'p') == [0, 1, 0, 3, 3, 5]


def test_a_question_that_is_a_text_of_bitext(tmp_path):
    rows = [{'text': {'de': 'F', 'en': 'Q'}}, {'query': {'de': 'F'}, 'positive': {'de': 'A'}}, {'text': {'en': 'R'}}]
    assert groups(rows, tmp_path / 'p') == [0, 0, 2]


def test_given_negatives_are_known_by_their_passages(tmp_path):
    negatives = {'en': ['P1 en', 'nobody has this', 'Q1'], 'de': ['P1 de', 'P2 de']}
    rows = [
        {'query': {'en': 'Q0'}, 'positive': {'en': 'P0'}, 'negatives': negatives},
        {'query': {'en': 'Q1'}, 'positive': {'en': 'P1 en', 'de': 'P1 de'}},
        {'query': {'en': 'Q2'}, 'positive': {'de': 'P2 de'}},
    ]
    pairs = build([{'id': str(i), 'source': 's', **row} for i, row in enumerate(rows)], tmp_path / 'p')
    numbers = dict(zip(pairs['s'].ids(range(3)), pairs['s'].passage_ids.tolist()))
    known = pairs.negative_passages(['P2 de', 'P1 en', 'nobody has this', 'P1 de', 'Q1', 'P1 en'])
    assert known.dtype == np.int64
    assert known.tolist() == [numbers['2'], numbers['1'], -1, numbers['1'], numbers['1'], numbers['1']]
    assert ParallelPairs(pairs.folder).negative_passages([]).shape == (0,)
    copy = pickle.loads(pickle.dumps(pairs))
    assert copy.negative_passages(['P1 de']) == numbers['1']


def test_no_table_where_no_negative_is_known(tmp_path, pairs):
    assert not list(pairs.folder.glob('negatives*'))
    assert pairs.negative_passages(['n1', 'p1 en']).tolist() == [-1, -1]


def test_bitext_shares_passages_by_any_text(tmp_path):
    texts = [{'en': 'Thanks', 'de': 'Danke'}, {'en': 'Thank you', 'de': 'Danke'}, {'en': 'Please', 'de': 'Bitte'}]
    pairs = build([{'id': str(i), 'source': 's', 'text': text} for i, text in enumerate(texts)], tmp_path / 'p')
    a, b, c = pairs['s'].passage_ids
    assert a == b != c


def many(count: int) -> list[dict]:
    """Rows of two sources and several coverages, with repeated passages, in no order."""
    draw = np.random.default_rng(3)
    langs = np.array(['de', 'en', 'ru', 'zh'])
    rows = []
    for i in range(count):
        query, positive = (sorted(draw.choice(langs, draw.integers(1, 4), replace=False).tolist()) for _ in range(2))
        if i % 3:
            row = {'query': {x: f'{x} question {i}' for x in query},
                   'positive': {x: f'{x} passage {i // 4} ' + 'ß' * (i % 50) for x in positive}}  # fmt: skip
            if i % 5 == 0:
                row['negatives'] = {x: [f'{x} not {i}', 'nor this'] for x in query}
        else:
            row = {'text': {x: f'{x} text {i}' for x in query}}
        rows.append({'id': f'row {i}', 'source': 'even' if i % 3 else 'third', **row})
    return rows


@pytest.mark.parametrize(('block', 'pending'), [(1 << 14, 64 << 20), (7, 900)])
def test_every_row_comes_back(tmp_path, monkeypatch, block, pending):
    for module in (source_module, table):
        monkeypatch.setattr(module, 'BLOCK', block)
    monkeypatch.setattr(spilling, 'PENDING', pending)
    rows = {row['id']: row for row in many(400)}
    pairs = build(list(rows.values()), tmp_path / 'pairs')
    seen = []
    for source in pairs.sources:
        assert [s.start for s in source.strata] == [0, *(s.stop for s in source.strata)][:-1]
        assert source.strata[-1].stop == len(source) == len(source.passage_ids)
        assert sorted(source.strata) == source.strata
        assert len(source.strata) == len({(s.query_langs, s.passage_langs) for s in source.strata})
        for stratum in source.strata:
            at = range(stratum.start, stratum.stop)
            ids = source.ids(at)
            assert ids == sorted(ids, key=lambda name: int(name.split()[1]))
            seen += ids
            for position, name in zip(at, ids):
                row = rows[name]
                query, passage = row.get('query', row.get('text')), row.get('positive', row.get('text'))
                for side, langs, texts in zip(('query', 'passage'), stratum, (query, passage)):
                    assert dict(zip(langs, source.texts(side, [position] * len(langs), langs))) == texts
                for lang in source.languages:
                    assert source.negatives([position], [lang]) == [row.get('negatives', {}).get(lang, [])]
    assert sorted(seen) == sorted(rows)


def test_same_rows_same_bytes(tmp_path, monkeypatch):
    a = build(many(300), tmp_path / 'a')
    b = build(many(300), tmp_path / 'b')
    monkeypatch.setattr(spilling, 'PENDING', 2000)
    c = build(many(300), tmp_path / 'c')  # spilled in another way
    assert content(tmp_path / 'a') == content(tmp_path / 'b') == content(tmp_path / 'c')
    assert a.fingerprint == b.fingerprint == c.fingerprint
    by_source = sorted(many(300), key=lambda row: row['source'])
    assert build(by_source, tmp_path / 'd').fingerprint == a.fingerprint


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
def test_fingerprint_is_of_the_content(tmp_path, pairs, change):
    rows = json.loads(json.dumps(ROWS))
    change(rows)
    assert build(rows, tmp_path / 'changed').fingerprint != pairs.fingerprint
    del rows[0]['source']
    assert build(ROWS, tmp_path / 'again').fingerprint == pairs.fingerprint


def test_from_jsonl_equals_from_rows(tmp_path, pairs):
    (tmp_path / 'in').mkdir()
    write(tmp_path / 'in' / 'a.jsonl', ROWS[:2])
    write(tmp_path / 'in' / 'b.jsonl.gz', ROWS[2:4])
    more = write(tmp_path / 'more.xz', ROWS[4:])
    read = ParallelPairs.from_jsonl([tmp_path / 'in', more], tmp_path / 'out', verbose=False)
    assert content(read.folder) == content(pairs.folder)


def test_repeated_rows_are_skipped_and_counted(tmp_path, pairs):
    twice = [*ROWS, {**ROWS[1], 'licence': 'y'}, ROWS[1]]
    again = build(twice, tmp_path / 'twice')
    assert again.fingerprint == pairs.fingerprint
    assert again.describe().repeated_rows_skipped == 2
    assert len(again) == 6


def test_an_id_may_repeat_across_sources(tmp_path):
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


def test_rows_are_counted_from_one(tmp_path):
    with pytest.raises(ValueError, match=r'^row 2 has no "id"'):
        build([ROWS[0], {}], tmp_path / 'pairs')
    with pytest.raises(ValueError, match='no row of pairs in the input'):
        build([], tmp_path / 'pairs')


def test_existing_folders(tmp_path, pairs):
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


def test_what_a_killed_import_left_is_no_obstacle(tmp_path):
    left = scratch(tmp_path / 'pairs')
    (left / 'new').mkdir()
    (left / 'new' / '0.arrow').write_bytes(b'half')
    build(ROWS, tmp_path / 'pairs')
    assert {path.name for path in tmp_path.iterdir()} == {'pairs', '.pairs.lock'}


def test_folders_that_are_not_ours_stay(tmp_path):
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


def test_one_import_at_a_time(tmp_path):
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


@pytest.mark.parametrize('names', [['microsoft/AI', '..', 'a b', '数据' * 60, '数据' * 60 + 'x'], ['squad', 'SQuAD']])
def test_any_source_name_has_its_own_file(tmp_path, names):
    pairs = build([{'id': '1', 'source': name, 'text': {'en': name}} for name in names], tmp_path / 'pairs')
    assert {s.name: s.texts('query', [0], ['en'])[0] for s in pairs.sources} == {name: name for name in names}
    files = [path.name for path in pairs.folder.iterdir()]
    assert len({name.casefold() for name in files}) == 2 * len(names) + 1
    assert max(map(len, files)) < 200


def test_travels_to_other_processes(pairs):
    source = pairs['MKQA(dev 1)']
    source.texts('query', [0], ['de'])
    copy, copied = pickle.loads(pickle.dumps((pairs, source)))
    assert copy.fingerprint == pairs.fingerprint
    assert copied.texts('query', [0], ['de']) == ['q1 de']
    assert (copied.passage_ids == source.passage_ids).all()


def test_silent_or_not(tmp_path, capfd):
    build(ROWS, tmp_path / 'a')
    assert capfd.readouterr() == ('', '')
    ParallelPairs.from_rows(ROWS, tmp_path / 'b')
    assert 'importing pairs' in capfd.readouterr().err


def test_real_data(data_root, tmp_path):
    path = data_root / 'train' / 'sections.qa.jsonl.xz'
    pairs = ParallelPairs.from_jsonl(path, tmp_path / 'pairs', verbose=False)
    assert {source.name: (len(source), len(source.strata)) for source in pairs.sources} == {
        'microsoft/AZD-for-beginners': (1102, 38),
        'microsoft/IoT-For-Beginners': (734, 14),
        'microsoft/Security-101': (131, 20),
        'microsoft/edgeai-for-beginners': (1553, 20),
    }
    with lzma.open(path, 'rt', encoding='utf-8') as lines:
        rows = list(map(json.loads, lines))
    texts = [item for row in rows for side in ('query', 'positive') for item in row[side].items()]
    assert sorted(pairs.iter_texts()) == sorted(texts)


@pytest.mark.parametrize('where', ['spilling.pa.ipc.new_file', 'table.np.save', 'importing.write_manifest'])
def test_a_full_disk_names_the_folder_and_leaves_nothing(tmp_path, monkeypatch, where):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(f'pyterrier_hybrid.pairs.{where}', full)
    with pytest.raises(OSError, match=r'pairs cannot be written, the disk is full .* free some space') as error:
        build(ROWS, tmp_path / 'pairs')
    assert error.value.errno == errno.ENOSPC
    assert {path.name for path in tmp_path.iterdir()} == {'.pairs.lock'}

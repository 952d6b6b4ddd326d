"""What goes into a folder of pairs comes back: every row, the same bytes, any name, real data."""
import json
import lzma

import numpy as np
import pytest

from pyterrier_hybrid.pairs import source as source_module
from pyterrier_hybrid.pairs import spilling, table
from pyterrier_hybrid.pairs.corpus import ParallelPairs


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
def test_every_row_comes_back(tmp_path, monkeypatch, block, pending, build):
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


def test_same_rows_same_bytes(tmp_path, monkeypatch, build, content):
    a = build(many(300), tmp_path / 'a')
    b = build(many(300), tmp_path / 'b')
    monkeypatch.setattr(spilling, 'PENDING', 2000)
    c = build(many(300), tmp_path / 'c')  # spilled in another way
    assert content(tmp_path / 'a') == content(tmp_path / 'b') == content(tmp_path / 'c')
    assert a.fingerprint == b.fingerprint == c.fingerprint
    by_source = sorted(many(300), key=lambda row: row['source'])
    assert build(by_source, tmp_path / 'd').fingerprint == a.fingerprint


@pytest.mark.parametrize('names', [['microsoft/AI', '..', 'a b', '数据' * 60, '数据' * 60 + 'x'], ['squad', 'SQuAD']])
def test_any_source_name_has_its_own_file(tmp_path, names, build):
    pairs = build([{'id': '1', 'source': name, 'text': {'en': name}} for name in names], tmp_path / 'pairs')
    assert {s.name: s.texts('query', [0], ['en'])[0] for s in pairs.sources} == {name: name for name in names}
    files = [path.name for path in pairs.folder.iterdir()]
    assert len({name.casefold() for name in files}) == 2 * len(names) + 1
    assert max(map(len, files)) < 200


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

"""JSON lines found by position and by id, against a list and a dict of the same objects."""
import json
import os
import pickle
import subprocess
import sys
from operator import itemgetter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_ext import jsonl
from datasets_ext.jsonl import JsonLines, JsonLinesDocs, records
from datasets_ext.records import TitledDoc

lines = st.lists(st.none() | st.tuples(st.text('aé𝄞7', min_size=1, max_size=2), st.text(max_size=9)), max_size=12)


def lines_of(path, content) -> JsonLines:
    """Writes objects, with blank lines where there is None."""
    path.write_text('\n'.join('' if each is None else json.dumps({'id': each[0], 'text': each[1]}) for each in content))
    return JsonLines(path, ((at, record['id']) for at, _, record in records(path)), lambda record: record['id'])


@settings(max_examples=150, deadline=None)
@given(lines, st.booleans(), st.randoms())
def test_against_a_list(tmp_path_factory, content, same_hash, random):
    """Also where all ids have one hash."""
    with pytest.MonkeyPatch.context() as patch:
        if same_hash:
            patch.setattr(jsonl, '_hash', lambda key: 7)
        found = lines_of(tmp_path_factory.mktemp('lines') / 'x.jsonl', content)
        expected = [{'id': key, 'text': text} for key, text in filter(None, content)]
        assert len(found) == len(expected) and list(found.read(range(len(expected)))) == expected
        positions = random.choices(range(len(expected)), k=5) if expected else []
        assert list(found.read(positions)) == [expected[at] for at in positions]
        firsts = {record['id']: record for record in reversed(expected)}
        keys = [*firsts, 'nobody', '\ud800', 7, None, *firsts]
        assert list(found.find(keys)) == [firsts[key] for key in keys if key in firsts]
        ids = [record['id'] for record in expected]
        assert sorted(found.repeated()) == sorted((ids.index(key), at) for at, key in enumerate(ids)
                                                  if ids.index(key) < at)


def test_ids_are_found_in_another_process(tmp_path):
    """Python's own hashes of texts are others there."""
    (tmp_path / 'x.jsonl').write_text('{"id": "a"}\n{"id": "b"}\n')
    lines = JsonLines(tmp_path / 'x.jsonl', [(0, 'a'), (12, 'b')], itemgetter('id'))
    for seed in ('1', '2'):
        found = subprocess.run(
            [sys.executable, '-c', 'import pickle, sys; print(*pickle.load(sys.stdin.buffer).find(["b", "a", "c"]))'],
            input=pickle.dumps(lines), stdout=subprocess.PIPE, env={**os.environ, 'PYTHONHASHSEED': seed}, check=True)
        assert found.stdout.decode().strip() == "{'id': 'b'} {'id': 'a'}"


def test_places_of_lines(tmp_path):
    found = lines_of(tmp_path / 'x.jsonl', [('a', ''), None, ('b', '')])
    assert [found.line(n) for n in (0, 1)] == [f'{tmp_path}/x.jsonl, line 1', f'{tmp_path}/x.jsonl, line 3']


def test_a_byte_order_mark_alone_is_a_blank_line(tmp_path):
    (tmp_path / 'x.jsonl').write_bytes('\ufeff\r\n{"id": 1}\r\n'.encode())
    assert list(records(tmp_path / 'x.jsonl')) == [(5, f'{tmp_path}/x.jsonl, line 2', {'id': 1})]


def test_docs(tmp_path):
    def make(record: dict) -> TitledDoc:
        return TitledDoc(record['id'], record['text'], '', '', 'de')

    found = lines_of(tmp_path / 'x.jsonl', [(key, f'text {key}') for key in 'abcdef'])
    docs = JsonLinesDocs(found, make, 'de', np.array([0, 2, 3, 5]))
    assert [doc.doc_id for doc in docs.docs_iter()] == ['a', 'c', 'd', 'f'] and docs.docs_count() == 4
    assert [doc.doc_id for doc in docs.docs_iter()[1:][::2]] == ['c', 'f'] and docs.docs_iter()[-1].doc_id == 'f'
    store = docs.docs_store()
    assert store.get('b').text == 'text b' and store.count() == 6 and store.built()
    assert [doc.doc_id for doc in store.get_many_iter(['f', 'x', 'a'])] == ['f', 'a']
    with pytest.raises(ValueError, match="looked up by doc_id, not by 'title'"):
        docs.docs_store('title')


def test_a_passage_that_stands_twice_is_counted_once(tmp_path):
    found = lines_of(tmp_path / 'x.jsonl', [(key, 'text') for key in 'abacaa'])
    docs = JsonLinesDocs(found, lambda record: TitledDoc(record['id'], 'text', '', '', 'de'), 'de', np.array([0, 1, 3]))
    assert docs.docs_store().count() == docs.docs_count() == 3


def test_a_line_has_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, 'LONGEST', 1 << 20)
    (tmp_path / 'x.jsonl').write_text('{}\n' + ' ' * (1 << 21))
    with pytest.raises(ValueError, match=r'x.jsonl, line 2 is longer than 1 MiB'):
        list(records(tmp_path / 'x.jsonl'))

"""Pairs out of SQuAD-format files, joined on their question ids."""
import gzip
import json
import lzma

import pytest

from pyterrier_hybrid.pairs import squad as squad_module
from pyterrier_hybrid.pairs.corpus import ParallelPairs


def squad(path, paragraphs):
    """Writes a file of (context, [(id, question, answer), ...])."""
    made = [
        {'context': context, 'qas': [
            {'id': name, 'question': question, 'answers': [{'text': answer, 'answer_start': context.index(answer)}]}
            for name, question, answer in questions
        ]}
        for context, questions in paragraphs
    ]  # fmt: skip
    text = json.dumps({'data': [{'title': 't', 'paragraphs': made}]})
    path.write_bytes(lzma.compress(text.encode()) if path.suffix == '.xz' else text.encode())
    return path


def test_joined_on_question_ids(tmp_path):
    bears = 'Bears sleep.', [('1', 'Who sleeps?', 'Bears'), ('2', 'What do they?', 'sleep')]
    en = squad(tmp_path / 'en.json', [bears, ('Birds fly.', [('3', 'Who flies?', 'Birds')])])
    de = squad(tmp_path / 'de.json.xz', [('Bären schlafen.', [('2', 'Was tun sie?', 'schlafen')])])
    pairs = ParallelPairs.from_squad({'en': en, 'de': de}, tmp_path / 'pairs', source='bears', verbose=False)
    source = pairs['bears']
    assert source.ids(range(3)) == ['2', '1', '3']
    assert source.texts('query', [0, 0, 1, 2], ['de', 'en', 'en', 'en']) == [
        'Was tun sie?', 'What do they?', 'Who sleeps?', 'Who flies?',
    ]  # fmt: skip
    assert source.texts('passage', [0, 2], ['de', 'en']) == ['Bären schlafen.', 'Birds fly.']
    two, one, three = source.passage_ids
    assert two == one != three


def test_bad_input(tmp_path):
    good = squad(tmp_path / 'en.json', [('Bears sleep.', [('1', 'Who sleeps?', 'Bears')])])
    mute = squad(tmp_path / 'mute.json', [('Nobody asks.', [])])
    (tmp_path / 'bad.json').write_text('{"data": [{}]}')
    (tmp_path / 'cut.json.xz').write_bytes(lzma.compress(good.read_bytes())[:-10])
    for files, error, message in (
        ({}, ValueError, 'no SQuAD-format file given'),
        ({'English': good}, ValueError, r"en\.json has the language 'English'"),
        ({'en': good, 'de': tmp_path / 'none.json'}, FileNotFoundError, r'no SQuAD-format file at .*none\.json'),
        ({'en': good, 'de': tmp_path / 'bad.json'}, ValueError, r"bad\.json: data\[0\] has no 'paragraphs'"),
        ({'en': tmp_path / 'cut.json.xz'}, ValueError, r'cut\.json\.xz is damaged or cut off'),
        ({'en': good, 'de': mute}, ValueError, r"mute\.json has no question with an answer; leave 'de' out"),
    ):
        with pytest.raises(error, match=message):
            ParallelPairs.from_squad(files, tmp_path / 'pairs', verbose=False)
        assert not (tmp_path / 'pairs').exists()


def test_what_is_wrong_in_a_file_is_left_out_or_refused(tmp_path):
    """Ids that are whole numbers, a title that is null; a wrong offset is mended, what has no answer is left out."""
    qas = [
        {'id': 7, 'question': 'Who sleeps?', 'answers': [{'text': 'Bears', 'answer_start': 0}]},
        {'id': 8, 'question': 'What do they?', 'answers': [{'text': 'sleep', 'answer_start': 3}]},
        {'id': 9, 'question': 'Who flies?', 'answers': []},
        {'id': 10, 'question': 'Where?', 'answers': [{'text': 'nowhere', 'answer_start': 0}]},
    ]
    path = tmp_path / 'en.json'
    path.write_text(json.dumps({'data': [{'title': None, 'paragraphs': [{'context': 'Bears sleep.', 'qas': qas}]}]}))
    with pytest.warns(UserWarning, match=r'wrong offset.*: 1 \(8\)') as caught:
        pairs = ParallelPairs.from_squad({'en': path}, tmp_path / 'pairs', verbose=False)
    assert pairs['squad'].ids(range(len(pairs))) == ['7', '8'] and caught[0].filename == __file__
    assert '1 (9)' in str(caught[0].message) and '1 (10)' in str(caught[0].message)
    with pytest.raises(ValueError, match=r'en\.json'):
        ParallelPairs.from_squad({'en': path}, tmp_path / 'strict', strict=True, verbose=False)


@pytest.mark.parametrize(('suffix', 'pack'), [('.gz', gzip.compress), ('.xz', lzma.compress)])
def test_a_file_is_unpacked_no_further_than_it_may_be_long(tmp_path, monkeypatch, suffix, pack):
    monkeypatch.setattr(squad_module, '_LARGEST', 1 << 20)
    path = tmp_path / f'bomb.json{suffix}'
    path.write_bytes(pack(b' ' * (1 << 22)))
    with pytest.raises(ValueError, match=r'bomb\.json.* has more than'):
        ParallelPairs.from_squad({'en': path}, tmp_path / 'pairs', verbose=False)


def test_real_validation_file(data_root, tmp_path):
    path = data_root / 'validation' / 'squadshifts_new_wiki.json.xz'
    with lzma.open(path) as file:
        paragraphs = [p for article in json.load(file)['data'] for p in article['paragraphs']]
    pairs = ParallelPairs.from_squad({'en': path}, tmp_path / 'pairs', verbose=False)
    source = pairs['squad']
    assert len(source) == sum(len(p['qas']) for p in paragraphs)
    groups = []  # of questions and paragraphs, joined by what they share
    for paragraph in (p for p in paragraphs if p['qas']):
        merged = {paragraph['context'], *(qa['question'] for qa in paragraph['qas'])}
        apart = [group for group in groups if not group & merged]
        groups = [*apart, merged.union(*(group for group in groups if group & merged))]
    assert len(set(source.passage_ids)) == len(groups) == 1577
    first = paragraphs[0]['qas'][0]
    assert (source.ids([0]), source.texts('query', [0], ['en'])) == ([first['id']], [first['question']])

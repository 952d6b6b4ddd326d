"""SQuAD-format files: what they become, and what is said of malformed ones."""
import copy
import json

import ir_datasets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_ext import squad_files
from datasets_ext.checks import LeftOut
from datasets_ext.squad import parse

CONTEXT = ' Eins ist da.  Zwei auch. '
FILE = {'data': [{'title': 'Zahlen', 'paragraphs': [
    {'context': CONTEXT, 'sentence_breaks': [[0, 13], [15, 26]],
     'qas': [{'id': 'q1', 'question': 'Wer?', 'answers': [{'answer_start': 15, 'text': 'Zwei'}]}]}]},
    {'title': 'Mehr', 'paragraphs': [
        {'context': 'Drei.', 'sentence_breaks': [[0, 5]], 'qas': []},
        {'context': 'Vier.', 'qas': [{'id': 'q2', 'question': 'Und?', 'answers': [{'answer_start': 0}]},
                                     {'id': 'q3', 'question': 'Nie?', 'answers': [], 'is_impossible': True}]}]}]}
PARAGRAPH = ('data', 0, 'paragraphs', 0)
QA = (*PARAGRAPH, 'qas', 0)


def changed(path: tuple, value=None) -> bytes:
    """FILE with another value at a path; without the last key where the value is ``None``."""
    data = copy.deepcopy(FILE)
    *parents, last = path
    at = data
    for key in parents:
        at = at[key]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return json.dumps(data).encode()


def test_parse():
    file = parse(json.dumps(FILE).encode(), 'de', 'x.json')
    assert [(d.doc_id, d.text, d.context, d.title, d.lang) for d in file.docs] == [
        ('de/0.0', ' Eins ist da.', CONTEXT, 'Zahlen', 'de'),  # not stripped
        ('de/0.1', 'Zwei auch. ', CONTEXT, 'Zahlen', 'de'),
        ('de/1.0', 'Drei.', 'Drei.', 'Mehr', 'de'),  # paragraphs are counted over the whole file
        ('de/2.0', 'Vier.', 'Vier.', 'Mehr', 'de'),  # without sentence breaks, the paragraph is the passage
    ]
    assert [tuple(q) for q in file.queries] == [('q1', 'Wer?', 'de'), ('q2', 'Und?', 'de')]
    assert file.answers == {'q1': 'de/0.1', 'q2': 'de/2.0'}


@pytest.mark.parametrize('position, sentence', [(0, 0), (12, 0), (15, 1), (25, 1)])
def test_the_sentence_that_holds_the_start(position, sentence):
    file = parse(changed((*QA, 'answers', 0), {'answer_start': position}), 'de', 'x.json')
    assert file.answers['q1'] == f'de/0.{sentence}'


@pytest.mark.parametrize('data, message', [
    (b'', 'x.json is not JSON .*cut short'),
    (json.dumps(FILE).encode()[:200], 'x.json is not JSON .*cut short'),
    (b'\xff\xfe\xfa', 'x.json is not JSON'),
    (b'[' * 200_000, 'nested too deeply'),
    (b'[]', r"x.json is \[\]; it must be an object with 'data'"),
    (b'{"data": 3}', r'x.json.data is 3; it must be of type list'),
    (changed((*PARAGRAPH, 'context')), r"x.json: data\[0\].paragraphs\[0\] has no 'context'"),
    (changed((*PARAGRAPH, 'context'), '  '), r'paragraphs\[0\].context is empty'),
    (changed((*PARAGRAPH, 'context'), 'a\ud800b'), r'context holds half a surrogate pair'),
    (changed((*PARAGRAPH, 'sentence_breaks'), [[0, 27]]), r'sentence_breaks\[0\] is \[0, 27\]; .* of 26 characters'),
    (changed((*PARAGRAPH, 'sentence_breaks'), [[0, 13], [12, 26]]), r'sentence_breaks\[1\] .* ending at 13'),
    (changed((*PARAGRAPH, 'sentence_breaks'), [[0, True]]), r'must be \[start, end\], two integers'),
    (changed((*PARAGRAPH, 'sentence_breaks'), [[0, 13], [13, 15]]), r'sentence_breaks\[1\] is a blank sentence'),
    (changed((*QA, 'id')), r"qas\[0\] has no 'id'"),
    (changed((*QA, 'id'), 7.5), r'qas\[0\].id is 7.5; it must be text or a whole number'),
    (changed((*QA, 'id'), True), r'qas\[0\].id is True; it must be text or a whole number'),
    (json.dumps(FILE).replace('"title"', '"title": "A", "title"', 1).encode(), "x.json has the field 'title' twice"),
    (b'{"data": ' + b'1' * 5000 + b'}', 'x.json is not JSON .*digits'),
    (changed((*QA, 'id'), 'two words'), r"qas\[0\].id is 'two words', which has a space"),
    (changed((*QA, 'id'), 'q2'), r"\(question 'q2'\) has the id of an earlier question"),
    (changed((*QA, 'question'), ''), r"\(question 'q1'\).question is empty"),
    (changed((*QA, 'answers'), []), r"\(question 'q1'\) has no answer"),
    (changed((*QA, 'answers', 0, 'answer_start'), 26), r"'q1'\) has an answer at 26, outside its paragraph of 26"),
    (changed((*QA, 'answers', 0, 'answer_start'), -1), 'has an answer at -1, outside'),
    (changed((*QA, 'answers', 0, 'answer_start'), 1.5), 'answer_start is 1.5; it must be of type int'),
    (changed((*QA, 'answers', 0), {'answer_start': 14}), 'has an answer at 14, which is in no sentence'),
    (changed((*QA, 'answers', 0, 'answer_start'), 16), "has the answer 'Zwei', but its paragraph has 'wei ' at 16"),
])
def test_malformed(data, message):
    with pytest.raises(ValueError, match=message):
        parse(data, 'de', 'x.json')


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 40) | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ['data', 'title', 'paragraphs', 'context', 'qas', 'id', 'question', 'answers', 'answer_start', 'text',
         'sentence_breaks', 'is_impossible']), inner, max_size=4),
    max_leaves=12)


def paths(value, path=()):
    """Every place in a JSON value."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths(inner, (*path, key))


def only_value_errors(data: bytes) -> None:
    try:
        file = parse(data, 'de', 'x.json')
    except ValueError as error:
        assert str(error).startswith('x.json')
    else:
        ids = {doc.doc_id for doc in file.docs}
        assert len(ids) == len(file.docs) and set(file.answers.values()) <= ids
        assert list(file.answers) == [query.query_id for query in file.queries]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(paths(FILE))[1:]), json_values)
def test_any_value_anywhere_is_read_or_refused(path, value):
    data = copy.deepcopy(FILE)
    at = data
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    only_value_errors(json.dumps(data).encode())


@settings(max_examples=200, deadline=None)
@given(json_values | st.builds(lambda inner: {'data': [{'paragraphs': [inner]}]}, json_values))
def test_any_json_is_read_or_refused(value):
    only_value_errors(json.dumps(value).encode())


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 700), st.binary(max_size=4), st.integers(0, 50))
def test_any_damage_to_the_bytes_is_read_or_refused(at, inserted, dropped):
    data = json.dumps(FILE).encode()
    only_value_errors(data[:at] + inserted + data[at + dropped:])


def test_squad_files(tmp_path):
    english = copy.deepcopy(FILE)
    english['data'][1]['paragraphs'].pop()  # q2 is not answered in English
    for lang, data in (('de', FILE), ('en', english)):
        (tmp_path / f'{lang}.json').write_text(json.dumps(data))
    ids = squad_files({'de': tmp_path / 'de.json', 'en': str(tmp_path / 'en.json')}, 'numbers')
    assert ids == ['numbers', 'numbers/de', 'numbers/de/de', 'numbers/de/en', 'numbers/en', 'numbers/en/de',
                   'numbers/en/en']
    crossing = ir_datasets.load('numbers/de/en')
    assert [query.query_id for query in crossing.queries_iter()] == ['q1']
    assert [tuple(qrel) for qrel in crossing.qrels_iter()] == [('q1', 'en/0.1', 1, 'en', 'de')]
    assert [ir_datasets.load(each).docs_count() for each in ids] == [7, 7, 4, 3, 7, 4, 3]
    assert ir_datasets.load('numbers/de').qrels_count() == 3

    squad_files({'en': tmp_path / 'en.json'}, 'numbers')  # the newer one stands, the older one's ids are gone
    assert 'numbers/de' not in ir_datasets.registry
    assert ir_datasets.docs_parent_id('numbers/en/en') == 'numbers'


@pytest.mark.parametrize('files, name, error, message', [
    ({}, 'mine', ValueError, "'mine' needs a mapping from language to file"),
    ({'German': 'good'}, 'mine', ValueError, "good.json has the language 'German'; a language is an ISO 639-1 code"),
    ({'de': 'nowhere'}, 'mine', FileNotFoundError, 'nowhere.json'),
    ({'de': 'bad'}, 'mine', ValueError, 'bad.json is not JSON'),
    ({'de': 'none'}, 'mine', ValueError, 'none.json holds no paragraph'),
    ({'de': 'good'}, 'xquad-r', ValueError, "there is a data set 'xquad-r' already"),
    ({'de': 'good'}, 'antique', ValueError, "there is a data set 'antique' already"),
    ({'de': 'good'}, 'my/set', ValueError, "'my/set' cannot name a data set"),
])
def test_squad_files_refuses(tmp_path, files, name, error, message):
    (tmp_path / 'good.json').write_text(json.dumps(FILE))
    (tmp_path / 'bad.json').write_text('{')
    (tmp_path / 'none.json').write_text('{"data": []}')
    with pytest.raises(error, match=message):
        squad_files({lang: tmp_path / f'{file}.json' for lang, file in files.items()}, name)
    assert 'mine' not in ir_datasets.registry


@pytest.mark.parametrize('files, message', [
    (['dev.de.json'], "'mine' needs a mapping from language to file"),
    ({'de': None}, "the file for 'de' of 'mine' is None; give its path"),
])
def test_squad_files_wants_a_mapping_to_paths(files, message):
    with pytest.raises(ValueError, match=message):
        squad_files(files, 'mine')


@pytest.mark.parametrize('unjudged', ['drop', 'keep'])
def test_files_without_any_answer_are_refused(tmp_path, unjudged):
    data = copy.deepcopy(FILE)
    for article in data['data']:
        for paragraph in article['paragraphs']:
            for qa in paragraph['qas']:
                qa['answers'] = None
    (tmp_path / 'none.json').write_text(json.dumps(data))
    with pytest.raises(ValueError, match="no question in the files of 'mine' has an answer, so nothing is judged"):
        squad_files({'de': tmp_path / 'none.json'}, 'mine', unjudged=unjudged)
    assert 'mine' not in ir_datasets.registry


def test_a_failed_call_leaves_the_older_data_set(tmp_path):
    (tmp_path / 'good.json').write_text(json.dumps(FILE))
    (tmp_path / 'bad.json').write_text('{')
    squad_files({'de': tmp_path / 'good.json'}, 'kept')
    with pytest.raises(ValueError):
        squad_files({'de': tmp_path / 'bad.json'}, 'kept')
    assert ir_datasets.load('kept/de').queries_count() == 2


def world(path, **languages) -> dict:
    """Writes a file for each language, of one paragraph, 'Wien liegt an der Donau, nicht Wien an der Elbe.'"""
    for lang, qas in languages.items():
        context = 'Wien liegt an der Donau, nicht Wien an der Elbe.'
        file = {'data': [{'title': None, 'paragraphs': [{'context': ' ', 'qas': []}, {'context': context, 'qas': [
            {'question': f'Frage {qa["id"]}?', **qa} for qa in qas]}]}]}
        (path / f'{lang}.json').write_text(json.dumps(file))
    return {lang: path / f'{lang}.json' for lang in languages}


def answer(text: str, start: object) -> dict:
    return {'text': text, 'answer_start': start}


def test_files_as_they_are_in_the_world(tmp_path):
    files = world(
        tmp_path,
        de=[{'id': 51870, 'answers': [answer('Donau', 18)]},
            {'id': 'near', 'answers': [answer('Wien', 28)]},
            {'id': 'near', 'answers': [answer('Wien', 31)]},
            {'id': 'second', 'answers': [answer('Oder', 3), answer('Elbe', 43)]},
            {'id': 'nowhere', 'answers': [answer('Oder', 3)]},
            {'id': 'none', 'answers': []},
            {'id': 'null', 'answers': None},
            {'id': 'blank', 'question': ' ', 'answers': [answer('Wien', 0)]},
            {'id': 'never', 'is_impossible': True, 'answers': []}],
        en=[{'id': 'none', 'answers': [answer('Wien', 0)]}])
    with pytest.warns(UserWarning) as warned:
        squad_files(files, 'welt')
    assert len(warned) == 1 and warned[0].filename == __file__
    said = str(warned[0].message)
    for part in ('paragraphs without text: 2', 'answers at a wrong offset, taken from the nearest place: 1 (near)',
                 'questions whose answers are not in their paragraph: 1 (nowhere)', 'questions without text: 1 (blank)',
                 'questions without an answer: 2 (none, null)', 'questions that occur twice: 1 (near)'):
        assert part in said, said
    german = ir_datasets.load('welt/de')
    assert [query.query_id for query in german.queries_iter()] == ['51870', 'near', 'second', 'none']
    assert [tuple(qrel)[:2] for qrel in german.qrels_iter()] == [
        ('51870', 'de/1.0'), ('near', 'de/1.0'), ('second', 'de/1.0'), ('none', 'en/1.0')]
    assert [query.query_id for query in ir_datasets.load('welt/de/en').queries_iter()] == ['none']
    assert {doc.title for doc in german.docs_iter()} == {''}
    with pytest.raises(ValueError, match=r'paragraphs\[0\].context is empty'):
        squad_files(files, 'streng', strict=True)


@pytest.mark.parametrize('wrong, sentence', [(16, 1), (3, 0), (25, 1), (None, 0), ('15', 0)])
def test_the_nearest_place_with_the_answer(wrong, sentence):
    """The answer is at 1 and at 15: the place nearest to the wrong offset, the first if there is no offset."""
    data = copy.deepcopy(FILE)
    paragraph = data['data'][0]['paragraphs'][0]
    paragraph.update(context=' da ist eins. zda ist zwei ', sentence_breaks=[[0, 13], [14, 27]])
    paragraph['qas'][0]['answers'] = [answer('da ', wrong)]
    left_out = LeftOut()
    assert parse(json.dumps(data).encode(), 'de', 'x.json', left_out).answers['q1'] == f'de/0.{sentence}'
    assert list(left_out.found.values()) == [['q1']]


def test_questions_without_answers_may_be_kept(tmp_path, recwarn):
    files = world(tmp_path, de=[{'id': 'one', 'answers': [answer('Wien', 0)]}, {'id': 'none', 'answers': []},
                                {'id': 'never', 'is_impossible': True, 'answers': []}])
    squad_files(files, 'welt', unjudged='keep')
    assert [query.query_id for query in ir_datasets.load('welt/de').queries_iter()] == ['one', 'none', 'never']
    assert [query.query_id for query in ir_datasets.load('welt/de/de').queries_iter()] == ['one', 'none', 'never']
    assert 'questions without an answer' not in str(recwarn.pop(UserWarning).message)


def test_one_id_for_two_questions_is_refused_by_name(tmp_path):
    files = world(tmp_path, de=[{'id': 'one', 'answers': [answer('Wien', 0)]},
                                {'id': 'one', 'question': 'Anders?', 'answers': [answer('Wien', 0)]}])
    with pytest.raises(ValueError, match=r"qas\[1\] \(question 'one'\) has the id of an earlier question"):
        squad_files(files, 'welt')

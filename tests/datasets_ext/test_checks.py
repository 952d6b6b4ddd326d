"""Checks of languages, texts and ids, and how values are shown in messages."""
import pytest

from datasets_ext.checks import LeftOut, check_id, check_lang, check_text, listed, parse_json, short


@pytest.mark.parametrize('code', ['de', 'yo', 'fil'])
def test_languages(code):
    assert check_lang(code, 'the file') == code


@pytest.mark.parametrize('code', ['', 'DE', 'german', 'd', 'zh-CN', 'dé', None, 3])
def test_what_is_no_language(code):
    with pytest.raises(ValueError, match=r'the file has the language .*; a language is an ISO 639-1 code'):
        check_lang(code, 'the file')


def test_texts():
    assert check_text(' a ', 'x') == ' a ' and check_text('', 'x', blank=True) == ''
    with pytest.raises(ValueError, match='x is empty'):
        check_text(' \n', 'x')
    with pytest.raises(ValueError, match='x holds half a surrogate pair'):
        check_text('\udfff', 'x', blank=True)


def test_ids():
    assert check_id('de/0.0', 'x') == 'de/0.0'
    for bad in ('a b', 'a\tb', 'a\u2003b', ' a'):
        with pytest.raises(ValueError, match=r'x is .*, which has a space; TREC files'):
            check_id(bad, 'x')


def test_ids_that_are_numbers():
    assert check_id(17, 'x') == '17'
    for bad in (True, 1.0, None, ['a']):
        with pytest.raises(ValueError, match=r'x is .*; it must be text or a whole number'):
            check_id(bad, 'x')


@pytest.mark.parametrize('data, message', [
    ('{"a": {"b": 1, "b": 1}}', "x has the field 'b' twice in one object"),
    ('{"a": 1', 'x is not JSON .*cut short'),
    ('[' * 10 ** 5, 'x is not readable: its JSON is nested too deeply'),
    ('1' * 5000, 'x is not JSON'),
    (b'\xff', 'x is not JSON'),
])
def test_json(data, message):
    with pytest.raises(ValueError, match=f'^{message}') as caught:
        parse_json(data, 'x')
    assert len(str(caught.value)) < 300
    assert parse_json(b'{"a": [{"a": 1}, {"a": 2}]}', 'x') == {'a': [{'a': 1}, {'a': 2}]}


def test_left_out():
    left_out = LeftOut()
    left_out.warn('x')  # nothing to say
    for name in ('b', 'a', 'c', 'd'):
        left_out.add('answers', name, 'no')
    left_out.add('questions', 'q' * 10 ** 6, 'no')
    message = r"x has faults, .*: answers: 4 \(a, b, c and 1 more\); questions: 1 \('q{1,60}\.\.\.\)"
    with pytest.warns(UserWarning, match=message):
        left_out.warn('x')
    with pytest.raises(ValueError, match='no'):
        LeftOut(strict=True).add('answers', 'a', 'no')


def test_messages_stay_short():
    assert short('a') == "'a'" and short('\ud800') == "'\\ud800'" and len(short(list(range(10 ** 6)))) <= 60
    assert len(short('a' * 1000)) == 60 and short('a' * 1000).endswith('...')
    assert listed('cab') == 'a, b, c' and listed('abcd', 2) == 'a, b and 2 more'

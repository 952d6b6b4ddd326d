"""Checks of languages, texts and ids, and how values are shown in messages."""
import pytest

from datasets_ext.checks import check_id, check_lang, check_text, listed, short


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


def test_messages_stay_short():
    assert short('a') == "'a'" and short('\ud800') == "'\\ud800'"
    assert len(short('a' * 1000)) == 60 and short('a' * 1000).endswith('...')
    assert listed('cab') == 'a, b, c' and listed('abcd', 2) == 'a, b and 2 more'

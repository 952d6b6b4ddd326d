"""Terms worked by hand, language by language."""
import pytest
import Stemmer

from pyterrier_hybrid.lexical import analyse
from pyterrier_hybrid.lexical.analysis import NGRAMS, SNOWBALL, ngrams

TERMS = [
    # Snowball stems, case, punctuation, compatibility forms
    ('en', 'The dogs were RUNNING, weren\'t they?', ['the', 'dog', 'were', 'run', 'weren', 't', 'they']),
    ('en', 'ﬁnally Ｆｕｌｌ x² a_b', ['final', 'full', 'x2', 'a_b']),
    ('de', 'Die Häuser am Fluß', ['die', 'haus', 'am', 'fluss']),
    ('ru', 'ёлки Книги', ['елк', 'книг']),
    ('el', 'ΌΔΟΣ όδος', ['οδ', 'οδ']),
    ('fr', "L'été à l’école", ['l', 'été', 'à', 'l', 'écol']),
    # Arabic: vowel signs, tatweel and forms of alef are the stemmer's work
    ('ar', 'الْكِتَابُ كتـاب ٢٠١٠', ['كتاب', 'كتاب', '2010']),
    ('ar', 'ـ', []),
    # Persian: the zero-width non-joiner separates
    ('fa', 'می\u200cخواهم ۱۲', ['می', 'خواهم', '12']),
    # Hindi: a word holds together at its vowel signs; nukta, virama and chandrabindu are not told apart
    ('hi', 'किताबें', ['किताब']),
    ('hi', 'क़लम \u0958लम', ['कलम', 'कलम']),
    ('hi', 'चाँद चांद', ['चांद', 'चांद']),
    ('hi', 'क्\u200dष क्ष', ['कष', 'कष']),
    # Turkish: two letters i, suffixes behind an apostrophe
    ('tr', "İstanbul'da ISI", ['istanbul', 'ıs']),
    ('tr', 'I\u0307zmir’e', ['izmir']),
    # scripts without spaces
    ('zh', '长城，2010年', ['长', '城', '长城', '2010', '年']),
    ('ja', 'ｶﾞﾗｽのコーヒー', [*'ガラスのコーヒー', 'ガラ', 'ラス', 'スの', 'のコ', 'コー', 'ーヒ', 'ヒー']),
    ('ja', '葛\U000e0100城', ['葛', '城', '葛城']),
    ('ko', '한국어 test', ['한', '국', '어', '한국', '국어', 'test']),
    ('th', 'ภาษาไทย ๒๕๔๓', ['ภาษา', 'าษาไ', 'ษาไท', 'าไทย', '2543']),
    ('th', 'กข', ['กข']),
    ('th', 'กข\u200bคง', ['กข', 'คง']),
    # the script decides, not the language
    ('en', 'the 東京 tower', ['the', '東', '京', '東京', 'tower']),
    ('xx', 'Words ไม้', ['words', 'ไม้']),
    # Vietnamese and Bengali have no stemmer
    ('vi', 'Việt Nam', ['việt', 'nam']),
    ('vi', 'Vie\u0323\u0302t', ['việt']),
    ('bn', 'বাংলা ১২', ['বাংলা', '12']),
    # case folding takes some letters apart, and they are put together again
    ('xx', '\u0390', ['\u0390']),
    # invisible characters, lone marks, lone surrogates, nothing
    ('en', '\ufeffab\u00adcd \u0301ef \ud800g', ['abcd', 'ef', 'g']),
    ('en', '?! ...', []),
    ('en', '', []),
]  # fmt: skip


@pytest.mark.parametrize(('lang', 'text', 'terms'), TERMS)
def test_terms(lang, text, terms):
    assert analyse(text, lang) == terms


@pytest.mark.parametrize('lang', sorted(SNOWBALL))
def test_every_stemmer_exists_and_is_used(lang):
    word = 'abcdefghijklmnop'
    assert analyse(word, lang) == [Stemmer.Stemmer(SNOWBALL[lang]).stemWord(word)]


def test_canonically_equal_texts_have_equal_terms():
    composed, decomposed = 'Crème brûlée', 'Cre\u0300me bru\u0302le\u0301e'
    assert composed != decomposed
    for lang in ('fr', 'vi', 'tr', 'hi'):
        assert analyse(composed, lang) == analyse(decomposed, lang)


def test_a_word_of_one_character_is_found_in_a_longer_run():
    assert set(analyse('猫', 'ja')) <= set(analyse('白猫が好き', 'ja'))


@pytest.mark.parametrize(('run', 'lengths', 'expected'), [
    ('abcd', (1, 2), ['a', 'b', 'c', 'd', 'ab', 'bc', 'cd']),
    ('a', (1, 2), ['a']),
    ('abc', (4,), ['abc']),
    ('abcd', (4,), ['abcd']),
    ('abcde', (4,), ['abcd', 'bcde']),
])  # fmt: skip
def test_ngrams(run, lengths, expected):
    assert ngrams(run, lengths) == expected


def test_ngram_kinds_are_the_groups_of_the_pattern():
    from pyterrier_hybrid.lexical.analysis import _RUNS

    assert {*_RUNS.groupindex} == {*NGRAMS, 'word'}

"""Terms worked by hand, language by language."""
import sys
import unicodedata

import pytest
import regex
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
    # final yeh without dots, and the yeh, keheh and heh of Persian and Urdu keyboards, and the other way round
    ('ar', 'المصرى المصري المصری على علي', ['مصر', 'مصر', 'مصر', 'عل', 'عل']),
    ('ar', 'كتاب کتاب هذه ہذہ', ['كتاب', 'كتاب', 'هذه', 'هذه']),
    ('ur', 'علی علي على پاکستان پاكستان', [*3 * ['علی'], 'پاکستان', 'پاکستان']),
    ('ur', 'یہ يه كِتاب کتاب', ['یہ', 'یہ', 'کتاب', 'کتاب']),
    ('ur', 'ہے ہی بھ به آم ام', ['ہے', 'ہی', 'بھ', 'بہ', 'آم', 'ام']),  # these Urdu tells apart
    ('fa', 'علی علي على كتاب کتاب کِتاب', [*3 * ['علی'], *3 * ['کتاب']]),
    ('fa', 'خانۀ خانهٔ خانه آب اب', ['خانه', 'خانه', 'خانه', 'اب', 'اب']),
    # Persian: the zero-width non-joiner separates
    ('fa', 'می\u200cخواهم ۱۲', ['می', 'خواهم', '12']),
    # Hindi: a word holds together at its vowel signs; nukta, virama and chandrabindu are not told apart
    ('hi', 'किताबें', ['किताब']),
    ('hi', 'क़लम \u0958लम', ['कलम', 'कलम']),
    ('hi', 'चाँद चांद', ['चांद', 'चांद']),
    ('hi', 'क्\u200dष क्ष', ['कष', 'कष']),
    # dead n as anusvara, candra e and o of loan words, the length of vowels; in Marathi and Nepali as well
    ('hi', 'हिन्दी हिंदी हिन्\u200dदी हिंदि', 4 * ['हिंद']),
    ('hi', 'कॉलेज कोलेज ऑफिस ओफिस कॅट केट', ['कोलेज', 'कोलेज', 'ओफिस', 'ओफिस', 'केट', 'केट']),
    ('hi', 'पैसा पेसा औरत ओरत आम अम भाई भाइ', ['पेस', 'पेस', 'ओरत', 'ओरत', 'अम', 'अम', 'भ', 'भ']),
    ('hi', 'लड़कियाँ लडकियां लड़की लडकि ऊन उन', [*4 * ['लडक'], 'उन', 'उन']),
    ('mr', 'हिन्दी हिंदि डॉक्टर डोक्टर', ['हिंदि', 'हिंदि', 'डोकटर', 'डोकटर']),
    ('ne', 'हिन्दी हिंदी मानिसहरूको मानीसहरुको', ['हिं', 'हिं', 'मानिस', 'मानिस']),
    # Turkish: two letters i, suffixes behind an apostrophe
    ('tr', "İstanbul'da ISI", ['istanbul', 'ıs']),
    ('tr', 'I\u0307zmir’e', ['izmir']),
    ('az', 'İlham ILIQ', ['ilham', 'ılıq']),
    # elsewhere a dotted capital I is an i, also where someone has lower-cased it before
    ('en', 'İstanbul I\u0307stanbul i\u0307stanbul Istanbul', 4 * ['istanbul']),
    ('xx', 'İzmir', ['izmir']),
    # a language by any of its codes
    ('deu', 'Häuser', ['haus']),
    ('ger', 'Häuser', ['haus']),
    ('nb', 'husene', ['hus']),
    ('nn', 'husene', ['hus']),
    ('nob', 'husene', ['hus']),
    ('tur', "İstanbul'da", ['istanbul']),
    ('arb', 'المصرى', ['مصر']),
    ('npi', 'हिन्दी', ['हिं']),
    ('cmn', '长城', ['长', '城', '长城']),
    ('und', 'Häuser', ['häuser']),
    # scripts without spaces
    ('zh', '长城，2010年', ['长', '城', '长城', '2010', '年']),
    ('ja', 'ｶﾞﾗｽのコーヒー', [*'ガラスのコーヒー', 'ガラ', 'ラス', 'スの', 'のコ', 'コー', 'ーヒ', 'ヒー']),
    ('ja', '葛\U000e0100城', ['葛', '城', '葛城']),
    ('ko', '한국어 test', ['한', '국', '어', '한국', '국어', 'test']),
    ('th', 'กินข้าว ๒๕', ['กิ', 'น', 'ข้', 'า', 'ว', 'กิน', 'นข้', 'ข้า', 'าว', 'กินข้', 'นข้า', 'ข้าว', '25']),
    ('th', 'กข', ['ก', 'ข', 'กข']),
    ('th', 'กข\u200bคง', ['ก', 'ข', 'กข', 'ค', 'ง', 'คง']),
    ('km', 'ខ្មែរ', ['ខ្មែ', 'រ', 'ខ្មែរ']),
    ('my', 'မြန်', ['မြ', 'န်', 'မြန်']),
    # the script decides, not the language
    ('en', 'the 東京 tower', ['the', '東', '京', '東京', 'tower']),
    ('xx', 'Words ไม้', ['words', 'ไ', 'ม้', 'ไม้']),
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


@pytest.mark.parametrize(('word', 'sentence', 'lang'), [
    ('แมว', 'แมวนอนบนเตียงในบ้าน', 'th'), ('กิน', 'เขาชอบกินข้าวเหนียว', 'th'), ('มี', 'เมืองนี้มีวัดเก่าแก่', 'th'),
    ('ณ', 'อยู่ณบ้าน', 'th'), ('ແມວ', 'ແມວນອນຢູ່ເທິງຕຽງ', 'lo'), ('ឆ្មា', 'សត្វឆ្មាដេក', 'km'), ('က', 'သူကစာဖတ်', 'my'),
])  # fmt: skip
def test_a_short_word_is_found_in_a_sentence_without_spaces(word, sentence, lang):
    """A word of up to three letters with their signs is a term, and a term of the sentence."""
    assert word in analyse(word, lang) and set(analyse(word, lang)) <= set(analyse(sentence, lang))


def lucene_hindi(text: str) -> str:
    """Lucene's HindiNormalizer, case by case (org.apache.lucene.analysis.hi)."""
    same = {'ँ': 'ं', 'ऩ': 'न', 'ऱ': 'र', 'ऴ': 'ळ', 'ॅ': 'े', 'ॆ': 'े', 'ॉ': 'ो', 'ॊ': 'ो', 'ऍ': 'ए', 'ऎ': 'ए', 'ऑ': 'ओ',
            'ऒ': 'ओ', 'ॲ': 'अ', 'आ': 'अ', 'ई': 'इ', 'ऊ': 'उ', 'ॠ': 'ऋ', 'ॡ': 'ऌ', 'ऐ': 'ए', 'औ': 'ओ', 'ी': 'ि', 'ू': 'ु',
            'ॄ': 'ृ', 'ॣ': 'ॢ', 'ै': 'े', 'ौ': 'ो', '\u093c': '', '\u094d': '', '\u200c': '', '\u200d': ''}
    return ''.join(same.get(letter, letter) for letter in text.replace('न्', 'ं'))


@pytest.mark.parametrize('lang', ['mr', 'hi'])
def test_devanagari_is_told_apart_as_by_lucene(lang):
    """Where no ending is cut off: the terms of two spellings are equal exactly if Lucene makes the spellings one."""
    letters = 'अआइईउऊऋॠएऐओऔऍऑॲकनटँंािीुूृॄेैोौॅॉ्\u093c'
    words = [f'क{a}{b}टक्ट' for a in letters for b in ('', 'न्', 'ि', 'ी', 'ं')]
    by_term, by_lucene = ({} for _ in range(2))
    for word in words:
        by_term.setdefault(tuple(analyse(word, lang)), []).append(word)
        by_lucene.setdefault(lucene_hindi(unicodedata.normalize('NFKC', word)), []).append(word)
    assert sorted(by_term.values()) == sorted(by_lucene.values())


def test_canonically_equal_texts_have_equal_terms():
    composed, decomposed = 'Crème brûlée', 'Cre\u0300me bru\u0302le\u0301e'
    assert composed != decomposed
    for lang in ('fr', 'vi', 'tr', 'hi'):
        assert analyse(composed, lang) == analyse(decomposed, lang)


def test_every_digit_has_a_term():
    """Digits that regex knows and this Python's Unicode does not stay as they are; all others become ASCII digits."""
    digits = [chr(code) for code in range(sys.maxunicode + 1) if regex.fullmatch(r'\p{Nd}', chr(code))]
    assert len(digits) >= 680
    for digit in digits:
        assert analyse(f'ab {digit}', 'en') == ['ab', str(unicodedata.decimal(digit, digit))]


def test_a_word_of_one_character_is_found_in_a_longer_run():
    assert set(analyse('猫', 'ja')) <= set(analyse('白猫が好き', 'ja'))


@pytest.mark.parametrize(('run', 'lengths', 'expected'), [
    ('abcd', (1, 2), ['a', 'b', 'c', 'd', 'ab', 'bc', 'cd']),
    ('a', (1, 2), ['a']),
    ('abc', (4,), ['abc']),
    ('abcd', (4,), ['abcd']),
    ('abcde', (4,), ['abcd', 'bcde']),
    ('ข้าว', (1, 2), ['ข้', 'า', 'ว', 'ข้า', 'าว']),
])  # fmt: skip
def test_ngrams(run, lengths, expected):
    assert ngrams(run, lengths) == expected


def test_ngram_kinds_are_the_groups_of_the_pattern():
    from pyterrier_hybrid.lexical.analysis import _RUNS

    assert {*_RUNS.groupindex} == {*NGRAMS, 'word'}

"""Turns text into index terms, by language: a pure function and its tables.

The steps are those of Lucene's analysers, without stop words (BM25 weighs those down by itself):

1. Unicode's NFKC_Casefold (compatibility forms, case, invisible characters), where a dotted capital I (U+0130) becomes
   ``i`` in every language (Lucene's ``LowerCaseFilter``), and digits of every script become ASCII digits (its
   ``DecimalDigitFilter``), except digits of later versions of Unicode than this Python's;
2. rules of a language that unify spellings (``REWRITES``, ``CHARACTERS``);
3. words: runs of letters, combining marks, numbers and underscores. Marks belong to the word, or else every Hindi word
   would be split at its vowel signs;
4. runs of a script that is written without spaces, in whatever language they occur, become n-grams of grapheme clusters
   (``NGRAMS``), so that a word of any length is found inside a run;
5. all other words are stemmed by Snowball if it has the language (``SNOWBALL``), and otherwise stay as they are;
   equivalent vowels are unified after that (``STEMS``), since the stemmer needs them.

A language is known by any of its ISO 639 codes: ``nob``, ``nb`` and ``nn`` are Norwegian, ``eng`` is ``en``.
"""
import unicodedata
from functools import cache

import regex
import Stemmer

#: The name of the analysis in an index's metadata. Change it with any change below: terms of two analyses do not match.
ANALYSIS = f'2 (Snowball {Stemmer.version()})'

#: ISO 639-1 code -> Snowball algorithm.
SNOWBALL = {
    'ar': 'arabic', 'ca': 'catalan', 'cs': 'czech', 'da': 'danish', 'de': 'german', 'el': 'greek', 'en': 'english',
    'eo': 'esperanto', 'es': 'spanish', 'et': 'estonian', 'eu': 'basque', 'fa': 'persian', 'fi': 'finnish',
    'fr': 'french', 'ga': 'irish', 'hi': 'hindi', 'hu': 'hungarian', 'hy': 'armenian', 'id': 'indonesian',
    'it': 'italian', 'lt': 'lithuanian', 'ne': 'nepali', 'nl': 'dutch', 'no': 'norwegian', 'pl': 'polish',
    'pt': 'portuguese', 'ro': 'romanian', 'ru': 'russian', 'sr': 'serbian', 'sv': 'swedish', 'ta': 'tamil',
    'tr': 'turkish', 'yi': 'yiddish',
}  # fmt: skip

# Dead n (U+0928 U+094D) becomes anusvara, and i and u lose the distinction of length, as in Lucene's
# ``HindiNormalizer``. Lucene makes them all short. Here they become long, as in most endings that Snowball knows, but
# short before the listed letters, as in Snowball's other endings.
_DEVANAGARI = [
    (regex.compile('\u0928\u094d'), '\u0902'),
    *((regex.compile(f'{before}(?{look}[{letters}])'), after) for short, long, letters in (
        ('\u093f', '\u0940', '\u092f\u090f'),
        ('\u0907', '\u0908', '\u092f\u090f'),
        ('\u0941', '\u0942', '\u0906\u090f\u0913'),
    ) for before, look, after in ((long, '=', short), (short, '!', long))),
]  # fmt: skip
#: ISO 639-1 code -> patterns and their replacements, in order. Turkish separates the suffixes of names by an
#: apostrophe; they are removed with it (Lucene's ``ApostropheFilter``).
REWRITES = {
    'hi': _DEVANAGARI, 'mr': _DEVANAGARI, 'ne': _DEVANAGARI,
    'tr': [(regex.compile(r"(?<=\w)['’]\w+"), '')],
}  # fmt: skip

_HINDI = str.maketrans({
    '\u093c': None, '\u094d': None, '\u0901': '\u0902',  # nukta, virama; candrabindu as anusvara
    '\u0929': '\u0928', '\u0931': '\u0930', '\u0934': '\u0933',  # letters with a nukta that NFKC composes
    '\u0945': '\u0947', '\u0946': '\u0947', '\u0949': '\u094b', '\u094a': '\u094b',  # candra and short e and o, signs
    '\u090d': '\u090f', '\u090e': '\u090f', '\u0911': '\u0913', '\u0912': '\u0913', '\u0972': '\u0905',  # and letters
})  # fmt: skip
_TURKISH = str.maketrans({'I': 'ı', 'İ': 'i'})
_YEHS = '\u064a\u0649\u06cc'  # yeh, its final form without dots, that of Persian and Urdu
_YEH_BARREES = '\u06d2\u06d3'
_HEHS = '\u0647\u06c1\u06c0\u06c2\u06d5'  # heh, heh goal, with hamza above, ae
_MARKS = dict.fromkeys([*map(chr, range(0x064B, 0x0653)), '\u0640', '\u0654', '\u0670'])  # of vowels, tatweel, hamza
#: ISO 639-1 code -> characters to replace before case folding.
#: Arabic and Persian follow Lucene's ``ArabicNormalizer`` and ``PersianNormalizer``, except for what Snowball does too:
#: final yeh without dots becomes yeh, and letters of Persian and Urdu keyboards become the language's own (also heh
#: doachashmee, as in ``SoraniNormalizer``). In Persian the zero-width non-joiner separates words
#: (``PersianCharFilter``). Urdu, which Lucene does not have, gets its own letters for those of Arabic keyboards, and
#: keeps its distinct letters: yeh barree, heh doachashmee, alef with madda. Hindi, Marathi and Nepali follow
#: ``HindiNormalizer``, Turkish and Azerbaijani ``TurkishLowerCaseFilter`` (dotted and dotless i are two letters).
CHARACTERS = {
    'ar': str.maketrans({
        **dict.fromkeys(_YEHS + _YEH_BARREES, '\u064a'), '\u06a9': '\u0643', '\u0654': None,
        **dict.fromkeys(_HEHS + '\u06be', '\u0647'),
    }),
    'az': _TURKISH,
    'fa': str.maketrans({
        **_MARKS, **dict.fromkeys(_YEHS + _YEH_BARREES, '\u06cc'), '\u0643': '\u06a9', '\u200c': ' ',
        **dict.fromkeys(_HEHS + '\u06be\u0629', '\u0647'), **dict.fromkeys('\u0622\u0623\u0625', '\u0627'),
    }),
    'hi': _HINDI, 'mr': _HINDI, 'ne': _HINDI,
    'tr': _TURKISH,
    'ur': str.maketrans({
        **_MARKS, **dict.fromkeys(_YEHS, '\u06cc'), '\u06d3': '\u06d2', '\u0643': '\u06a9',
        **dict.fromkeys(_HEHS + '\u0629\u06c3', '\u06c1'), **dict.fromkeys('\u0623\u0625', '\u0627'),
    }),
}  # fmt: skip

_LONG_VOWELS = str.maketrans(
    '\u0906\u0908\u090a\u0960\u0961\u0910\u0914\u0940\u0942\u0944\u0963\u0948\u094c',
    '\u0905\u0907\u0909\u090b\u090c\u090f\u0913\u093f\u0941\u0943\u0962\u0947\u094b')
#: ISO 639-1 code -> characters to replace in a stem: long vowels of Devanagari, as in Lucene's ``HindiNormalizer``.
STEMS = {'hi': _LONG_VOWELS, 'mr': _LONG_VOWELS, 'ne': _LONG_VOWELS}

#: Kind of run -> lengths of its n-grams. Chinese, Japanese and Korean get single characters and bigrams (Lucene's
#: ``CJKBigramFilter`` with ``outputUnigrams``), so that a word of one character is found inside a longer run. Thai,
#: Lao, Khmer and Burmese get one to three clusters, the length of most of their words.
NGRAMS = {'cjk': (1, 2), 'southeast_asian': (1, 2, 3)}

# The prolonged sound mark (U+30FC) belongs to Katakana words but, by Unicode, to no single script.
_CJK = r'\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\u30fc'
_SOUTHEAST_ASIAN = r'\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}'
_RUNS = regex.compile(
    rf'(?V1)(?P<cjk>[[\w\p{{M}}]&&[{_CJK}]]+)'
    rf'|(?P<southeast_asian>[[\w\p{{M}}]&&[{_SOUTHEAST_ASIAN}]]+)'
    rf'|(?P<word>[\w--[\p{{M}}{_CJK}{_SOUTHEAST_ASIAN}]][[\w\p{{M}}]--[{_CJK}{_SOUTHEAST_ASIAN}]]*)'
)
# NFKC_Casefold drops invisible characters. The zero-width space is not dropped, because it separates words.
_INVISIBLE = regex.compile(r'(?V1)[\p{Default_Ignorable_Code_Point}--\u200b]')
_CLUSTER = regex.compile(r'\X')
_OTHER_DIGIT = regex.compile(r'(?V1)[\p{Nd}--[0-9]]')


def analyse(text: str, lang: str) -> list[str]:
    """Returns the index terms of a text in a language.

    Args:
        text: a passage or a query.
        lang: its ISO 639 code, of two or three letters. A language that no table names gets words without stems.

    Returns:
        The terms in the order of the text, repetitions kept; empty where the text has no letter and no number.

    Example::

        >>> analyse('Die Häuser am Fluß', 'de')
        ['die', 'haus', 'am', 'fluss']
        >>> analyse('東京タワー2号', 'ja')
        ['東', '京', 'タ', 'ワ', 'ー', '東京', '京タ', 'タワ', 'ワー', '2', '号']
    """
    lang = tables_of(lang)
    terms = []
    stem = _stemmer(lang)
    for run in _RUNS.finditer(normalise(text, lang)):
        if run.lastgroup == 'word':
            terms.append(stem(run.group()).translate(STEMS.get(lang, {})))
        else:
            terms.extend(ngrams(run.group(), NGRAMS[run.lastgroup]))
    return [term for term in terms if term]  # the Arabic stemmer makes a lone tatweel empty


@cache
def tables_of(code: str) -> str:
    """Returns the code by which the tables know a language: its ISO 639-1 code, for both forms of Norwegian ``no``.

    >>> tables_of('deu'), tables_of('pes'), tables_of('nn'), tables_of('xx')
    ('de', 'fa', 'no', 'xx')
    """
    import langcodes

    standard = langcodes.standardize_tag(code, macro=True).partition('-')[0]
    return 'no' if standard in ('nb', 'nn') else standard


def normalise(text: str, lang: str) -> str:
    """Returns the normalised text: steps 1 and 2 of the analysis; ``lang`` is a code of :func:`tables_of`."""
    text = unicodedata.normalize('NFKC', text)
    for pattern, replacement in REWRITES.get(lang, ()):
        text = pattern.sub(replacement, text)
    if lang in CHARACTERS:
        text = text.translate(CHARACTERS[lang])
    text = _INVISIBLE.sub('', text).casefold().replace('i\u0307', 'i')
    text = _OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit.group(), digit.group())), text)
    return unicodedata.normalize('NFKC', text)


def ngrams(run: str, lengths: tuple[int, ...]) -> list[str]:
    """Returns a run's n-grams of each length; a run shorter than the shortest of them is a term by itself.

    They are n-grams of grapheme clusters (Unicode's UAX 29), so a letter stays with its vowel signs and tones.
    """
    clusters = _CLUSTER.findall(run)
    if len(clusters) < min(lengths):
        return [run]
    return [''.join(clusters[i:i + n]) for n in lengths for i in range(len(clusters) - n + 1)]


@cache
def _stemmer(lang: str):
    return Stemmer.Stemmer(SNOWBALL[lang]).stemWord if lang in SNOWBALL else str

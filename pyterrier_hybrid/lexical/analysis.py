"""Text to index terms, by language: one pure function, and the tables that it reads.

The steps are those of Lucene's analysers, without stop words (BM25 weighs those down by itself):

1. Unicode's NFKC_Casefold (compatibility forms, case, invisible characters), digits of every script as ASCII digits
   (Lucene's ``DecimalDigitFilter``), and what a language adds to that (``CHARACTERS``, ``SUFFIXES``);
2. words: runs of letters, combining marks, numbers and underscores. Marks belong to the word, or else every Hindi word
   would fall apart at its vowel signs;
3. runs of a script that is written without spaces, in whatever language they occur, become n-grams of characters
   (``NGRAMS``);
4. all other words are stemmed by Snowball where it has the language (``SNOWBALL``), and otherwise stay as they are.
"""
import unicodedata
from functools import cache

import regex
import Stemmer

#: Names the analysis in an index's metadata, since terms of two analyses must not meet: change it with what is below.
ANALYSIS = f'1 (Snowball {Stemmer.version()})'

#: ISO 639-1 code -> Snowball algorithm.
SNOWBALL = {
    'ar': 'arabic', 'ca': 'catalan', 'cs': 'czech', 'da': 'danish', 'de': 'german', 'el': 'greek', 'en': 'english',
    'eo': 'esperanto', 'es': 'spanish', 'et': 'estonian', 'eu': 'basque', 'fa': 'persian', 'fi': 'finnish',
    'fr': 'french', 'ga': 'irish', 'hi': 'hindi', 'hu': 'hungarian', 'hy': 'armenian', 'id': 'indonesian',
    'it': 'italian', 'lt': 'lithuanian', 'ne': 'nepali', 'nl': 'dutch', 'no': 'norwegian', 'pl': 'polish',
    'pt': 'portuguese', 'ro': 'romanian', 'ru': 'russian', 'sr': 'serbian', 'sv': 'swedish', 'ta': 'tamil',
    'tr': 'turkish', 'yi': 'yiddish',
}  # fmt: skip

#: ISO 639-1 code -> characters to replace before case folding, after Lucene's ``PersianCharFilter`` (the zero-width
#: non-joiner separates), ``HindiNormalizer`` (no nukta, no virama, chandrabindu as anusvara) and
#: ``TurkishLowerCaseFilter`` (dotted and dotless i are two letters).
CHARACTERS = {
    'fa': str.maketrans({'\u200c': ' '}),
    'hi': str.maketrans({
        '\u093c': None, '\u094d': None, '\u0901': '\u0902', '\u0929': '\u0928', '\u0931': '\u0930', '\u0934': '\u0933',
    }),
    'tr': str.maketrans({'I': 'ı', 'İ': 'i'}),
}  # fmt: skip

#: ISO 639-1 code -> what to cut off a word: Turkish sets the suffixes of names off with an apostrophe (Lucene's
#: ``ApostropheFilter``).
SUFFIXES = {'tr': regex.compile(r"(?<=\w)['’]\w+")}

#: Kind of run -> lengths of its n-grams. Chinese, Japanese and Korean have single characters beside their bigrams
#: (Lucene's ``CJKBigramFilter`` with ``outputUnigrams``): a word of one character is found inside a longer run as well.
NGRAMS = {'cjk': (1, 2), 'southeast_asian': (4,)}

# The prolonged sound mark (U+30FC) belongs to Katakana words but, by Unicode, to no single script.
_CJK = r'\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\u30fc'
_SOUTHEAST_ASIAN = r'\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}'
_RUNS = regex.compile(
    rf'(?V1)(?P<cjk>[[\w\p{{M}}]&&[{_CJK}]]+)'
    rf'|(?P<southeast_asian>[[\w\p{{M}}]&&[{_SOUTHEAST_ASIAN}]]+)'
    rf'|(?P<word>[\w--[\p{{M}}{_CJK}{_SOUTHEAST_ASIAN}]][[\w\p{{M}}]--[{_CJK}{_SOUTHEAST_ASIAN}]]*)'
)
# NFKC_Casefold drops what is invisible; the zero-width space is kept until here because it separates words.
_INVISIBLE = regex.compile(r'(?V1)[\p{Default_Ignorable_Code_Point}--\u200b]')
_OTHER_DIGIT = regex.compile(r'(?V1)[\p{Nd}--[0-9]]')


def analyse(text: str, lang: str) -> list[str]:
    """Returns the index terms of a text in a language.

    Args:
        text: a passage or a query.
        lang: its ISO 639-1 code. A language that no table names gets words without stems.

    Returns:
        The terms in the order of the text, repetitions kept; empty where the text has no letter and no number.

    Example::

        >>> analyse('Die Häuser am Fluß', 'de')
        ['die', 'haus', 'am', 'fluss']
        >>> analyse('東京タワー2号', 'ja')
        ['東', '京', 'タ', 'ワ', 'ー', '東京', '京タ', 'タワ', 'ワー', '2', '号']
    """
    terms = []
    stem = _stemmer(lang)
    for run in _RUNS.finditer(normalise(text, lang)):
        if run.lastgroup == 'word':
            terms.append(stem(run.group()))
        else:
            terms.extend(ngrams(run.group(), NGRAMS[run.lastgroup]))
    return [term for term in terms if term]  # the Arabic stemmer leaves nothing of a lone tatweel


def normalise(text: str, lang: str) -> str:
    """Returns the text as its words are compared: step 1 of the analysis."""
    text = unicodedata.normalize('NFKC', text)
    if lang in SUFFIXES:
        text = SUFFIXES[lang].sub('', text)
    if lang in CHARACTERS:
        text = text.translate(CHARACTERS[lang])
    text = _INVISIBLE.sub('', text).casefold()
    text = _OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit.group())), text)
    return unicodedata.normalize('NFKC', text)


def ngrams(run: str, lengths: tuple[int, ...]) -> list[str]:
    """Returns a run's n-grams of each length; a run shorter than the shortest of them is a term by itself."""
    if len(run) < min(lengths):
        return [run]
    return [run[i:i + n] for n in lengths for i in range(len(run) - n + 1)]


@cache
def _stemmer(lang: str):
    return Stemmer.Stemmer(SNOWBALL[lang]).stemWord if lang in SNOWBALL else str

"""How names and numbers are printed: measures, kinds of settings, languages, values."""
import math
import re
from functools import cache

from pyterrier_hybrid.languages import NAMES as LANGUAGES
from pyterrier_hybrid.measures.facts import Facts

SETTINGS = {'monolingual': 'Monolingual', 'crosslingual': 'Cross-lingual', 'multilingual': 'Multilingual'}
#: Short headings, so that a table fits a page.
SHORT = {'monolingual': 'Mono.', 'crosslingual': 'Cross.', 'multilingual': 'Multi.'}
#: Characters that a line of text cannot have: control characters, direction marks, half surrogate pairs, noncharacters.
_UNPRINTABLE = re.compile(r'[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]')


#: The facts about a measure (direction, unit, range) by its repr, such as ``'R@10'``.
facts_of = cache(Facts.of)


def better(measure: str) -> int:
    """1 if more of a measure is better, -1 if less is, 0 if neither is (LPR, which is read beside chance)."""
    return facts_of(measure).better


def direction(measure: str) -> str:
    """Which way a measure is better, in words; empty if neither is."""
    return {1: 'higher is better', -1: 'lower is better', 0: ''}[better(measure)]


def axis_title(measure: str, setting: str = '') -> str:
    """A measure, a kind of setting if one is given, and the direction: ``AP, multilingual (higher is better)``."""
    shown = ', '.join(shortened(part, 40) for part in (measure, setting_name(setting)) if part)
    return f'{shown} ({direction(measure)})' if direction(measure) else shown


def in_full(measure: str) -> str:
    """A measure with its title, unit and direction, as the heading of a separate figure."""
    known = facts_of(measure)
    title = f'{measure}: {known.title}' if known.title != measure else measure
    return ', '.join(filter(None, [title, known.unit and f'in {known.unit}', direction(measure)]))


def format_value(measure: str, value: float | None) -> str:
    """A value as it is printed: ranks as whole numbers, everything else with three decimals, a blank for NaN."""
    if value is None or math.isnan(value):
        return ''
    return f'{value:,.0f}' if facts_of(measure).unit == 'ranks' else f'{value:.3f}'


def signed(measure: str, value: float) -> str:
    """A difference with its sign; one that is printed as 0 has no sign."""
    shown = format_value(measure, abs(value))
    return f'{"−" if value < 0 else "+"}{shown}' if shown.strip('0.') else shown


def one_line(name: object) -> str:
    """A name as one line: white space becomes a single space, and characters that a line cannot have become �."""
    return _UNPRINTABLE.sub('\ufffd', ' '.join(str(name).split()))


def shortened(name: object, length: int) -> str:
    """A name in one line; a long one has an ellipsis in its middle."""
    name = one_line(name)
    return name if len(name) <= length else f'{name[:length // 2]}…{name[-((length - 1) // 2):]}'


def setting_name(kind: str) -> str:
    """A kind of setting inside a sentence: ``cross-lingual``; an unknown one as it is."""
    return SETTINGS[kind].lower() if kind in SETTINGS else kind


def language_name(lang: str) -> str:
    """A language's English name, or its code if the package has no name for it."""
    return LANGUAGES.get(lang, lang)


def language_with_code(lang: str) -> str:
    """``German (de)``, or the code alone."""
    return f'{LANGUAGES[lang]} ({lang})' if lang in LANGUAGES else lang

"""How the report calls things: kinds of settings, directions, languages."""
from pyterrier_hybrid.languages import NAMES as LANGUAGES

from ..presentation import better

SETTINGS = {'monolingual': 'Monolingual', 'crosslingual': 'Cross-lingual', 'multilingual': 'Multilingual'}
#: Headings that let a table fit a page.
SHORT = {'monolingual': 'Mono.', 'crosslingual': 'Cross.', 'multilingual': 'Multi.'}


def setting_name(kind: str) -> str:
    """A kind of setting inside a sentence: ``cross-lingual``; an unknown one as it is."""
    return SETTINGS[kind].lower() if kind in SETTINGS else kind


def direction(measure: str) -> str:
    """Which way a measure is better, in words; empty if neither is."""
    return {1: 'higher is better', -1: 'lower is better', 0: ''}[better(measure)]


def axis_title(measure: str) -> str:
    """A measure and its direction: ``AP (higher is better)``."""
    return f'{measure} ({direction(measure)})' if direction(measure) else measure


def language_name(lang: str) -> str:
    """A language's English name, or its code where the package has no name for it."""
    return LANGUAGES.get(lang, lang)


def language_with_code(lang: str) -> str:
    """``German (de)``, or the code alone."""
    return f'{LANGUAGES[lang]} ({lang})' if lang in LANGUAGES else lang

"""How names and numbers are printed: measures, kinds of settings, languages, values."""
import math

from pyterrier_hybrid.languages import NAMES as LANGUAGES

#: Measures of which less is better, and those of which neither more nor less is, by ir_measures' name.
LOWER_IS_BETTER = ('RankDistance',)
NEITHER_IS_BETTER = ('LPR',)
#: Values that are ranks, printed without decimals.
RANKS = ('RankDistance',)

SETTINGS = {'monolingual': 'Monolingual', 'crosslingual': 'Cross-lingual', 'multilingual': 'Multilingual'}
#: Headings that let a table fit a page.
SHORT = {'monolingual': 'Mono.', 'crosslingual': 'Cross.', 'multilingual': 'Multi.'}


def better(measure: str) -> int:
    """1 if more of a measure is better, -1 if less is, 0 if neither is (LPR, which is read beside chance).

    Args:
        measure: its repr, such as ``'R@10'``.
    """
    name = base_name(measure)
    return 0 if name in NEITHER_IS_BETTER else -1 if name in LOWER_IS_BETTER else 1


def direction(measure: str) -> str:
    """Which way a measure is better, in words; empty if neither is."""
    return {1: 'higher is better', -1: 'lower is better', 0: ''}[better(measure)]


def axis_title(measure: str) -> str:
    """A measure and its direction: ``AP (higher is better)``."""
    return f'{measure} ({direction(measure)})' if direction(measure) else measure


def format_value(measure: str, value: float) -> str:
    """A value as it is printed: ranks as whole numbers, everything else with three decimals, a blank for NaN."""
    if value is None or math.isnan(value):
        return ''
    return f'{value:,.0f}' if base_name(measure) in RANKS and 'norm=True' not in measure else f'{value:.3f}'


def signed(measure: str, value: float) -> str:
    """A difference with its sign, of which 0 has none."""
    return f'{"−" if value < 0 else "+" if value > 0 else ""}{format_value(measure, abs(value))}'


def base_name(measure: str) -> str:
    """A measure's name without parameters and cutoff: ``'RankDistance'`` of ``'RankDistance(rel=2)@10'``."""
    return measure.partition('@')[0].partition('(')[0]


def setting_name(kind: str) -> str:
    """A kind of setting inside a sentence: ``cross-lingual``; an unknown one as it is."""
    return SETTINGS[kind].lower() if kind in SETTINGS else kind


def language_name(lang: str) -> str:
    """A language's English name, or its code if the package has no name for it."""
    return LANGUAGES.get(lang, lang)


def language_with_code(lang: str) -> str:
    """``German (de)``, or the code alone."""
    return f'{LANGUAGES[lang]} ({lang})' if lang in LANGUAGES else lang

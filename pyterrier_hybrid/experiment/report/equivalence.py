"""Is there no difference that matters: two one-sided tests (TOST) against a stated margin, in words and as a table."""
import pandas as pd

from ..presentation import better
from .differences import MADE, baselines, bounds, check_differences, how_tested, probability, signed
from .markup import IN_WORDS, Group, element, header_row, table, text, words
from .words import setting_name

COLUMNS = [
    'system', 'baseline', 'measure', 'setting', 'difference', 'low', 'high', 'margin', 'p', 'p_corrected', 'equivalent',
    'n', *MADE,
]  # fmt: skip
_HEADINGS = [IN_WORDS, 'Difference', 'Interval', 'Margin', 'p', 'p, corrected', 'Questions']


def check_equivalence(rows: pd.DataFrame) -> None:
    """Refuses what is not a table of equivalence tests.

    Raises:
        ValueError: a missing column.
    """
    check_differences(rows, COLUMNS, 'equivalence', 'equivalence')


def equivalence_parts(rows: pd.DataFrame) -> list[str]:
    """What it is about, a line per measure and kind of setting, the table, and how it was tested."""
    about = (
        'A difference that is not significant is no evidence that there is none. Here a system counts as equivalent to '
        f'{baselines(rows)} only if the tests show that they differ by less than the margin, the greatest difference '
        'that was said not to matter.'
    )
    groups, lines = [], []
    for (measure, setting), some in rows.groupby(['measure', 'setting'], sort=False, observed=True):
        lines.append(element('li', text(summary(measure, setting, some))))
        groups.append(Group(text(f'{measure}, {setting_name(setting)}'), [
            (text(row.system), _cells(row, measure)) for row in some.itertuples()
        ]))  # fmt: skip
    caption = f'Equivalence to {baselines(rows)}'
    how = element('p', text(
        f'{how_tested(rows)} The intervals are those of each comparison alone; "equivalent" is said after the '
        'correction.'
    ), class_='notes')  # fmt: skip
    shown = table(caption, [header_row(['System', *_HEADINGS])], groups, 1 + len(_HEADINGS))
    return [element('p', text(about)), element('ul', *lines), shown, how]


def summary(measure: str, setting: str, rows: pd.DataFrame) -> str:
    """The verdicts on one measure and kind of setting in a line: which systems are equivalent, and which are not."""
    verdicts: dict[str, list[str]] = {'Equivalent': [], 'Open': [], 'Different': []}
    for row in rows.itertuples():
        verdicts[verdict(measure, row).partition(':')[0]].append(str(row.system))
    margins = ', '.join(dict.fromkeys(f'±{in_units(margin)}' for margin in rows['margin']))
    said = '; '.join(f'{word.lower()}: {", ".join(systems)}' for word, systems in verdicts.items() if systems)
    return f'{measure}, {setting_name(setting)} settings, within {margins}: {said}.'


def verdict(measure: str, row) -> str:
    """What a row says about two systems, in words: ``Equivalent``, ``Different`` or ``Open``, and why."""
    margin = in_units(row.margin)
    if row.equivalent:
        return f'Equivalent: less than {margin} apart'
    if row.low > row.margin or row.high < -row.margin:
        sign = 1 if row.difference > 0 else -1
        side = {1: 'better', -1: 'worse', 0: 'higher' if sign > 0 else 'lower'}[sign * better(measure)]
        return f'Different: {side} by more than {margin}'
    if -row.margin < row.low and row.high < row.margin:
        return f'Open: within {margin}, but not after the correction'
    return f'Open: the interval reaches beyond {margin}'


def in_units(margin: float) -> str:
    """A margin with the digits that it was given with."""
    return f'{margin:,.10g}'


def _cells(row, measure: str) -> list[str]:
    shown = [signed(measure, row.difference), bounds(measure, row), f'±{in_units(row.margin)}', probability(row.p),
             probability(row.p_corrected), f'{row.n:,}']  # fmt: skip
    return [words(verdict(measure, row)), *map(text, shown)]

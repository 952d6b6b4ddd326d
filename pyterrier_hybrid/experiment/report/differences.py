"""Is the difference real: every system against the baseline, and language by language, as tables."""
import pandas as pd

from ..languages_won import better_in
from ..presentation import format_value
from .markup import Group, details, element, header_row, table, text
from .words import language_with_code, setting_name

HEADINGS = ['Value', 'Baseline', 'Difference', 'Interval', 'Effect', 'p', 'p, corrected', 'Questions']
_TESTED = ['value', 'baseline_value', 'difference', 'low', 'high', 'effect', 'p', 'p_corrected', 'significant', 'n']
COLUMNS = ['system', 'baseline', 'measure', 'setting', *_TESTED]
LANGUAGE_COLUMNS = ['query_lang', *_TESTED, 'better']


def check_differences(differences: pd.DataFrame, columns: list[str], name: str, made_by: str) -> None:
    """Refuses what is not a table of comparisons.

    Args:
        differences: the table.
        columns: what it must have.
        name: the argument's, for the message.
        made_by: the function that makes such tables, for the message.

    Raises:
        ValueError: a missing column.
    """
    missing = [column for column in columns if column not in differences]
    if missing:
        raise ValueError(f'{name} has no column {", ".join(missing)}; give the table of {made_by}')


def differences_table(differences: pd.DataFrame) -> str:
    """A row per comparison, in groups by measure and kind of setting."""
    groups = []
    for (measure, setting), rows in differences.groupby(['measure', 'setting'], sort=False, observed=True):
        heading = text(f'{measure}, {setting_name(setting)}')
        groups.append(Group(heading, [(text(row.system), _cells(row, measure)) for row in rows.itertuples()]))
    caption = f'Differences from {baselines(differences)}; the significant ones are in bold'
    return table(caption, [header_row(['System', *HEADINGS])], groups, 1 + len(HEADINGS))


def language_differences(system: str, baseline: str, measure: str, setting: str, rows: pd.DataFrame) -> str:
    """A system against another language by language: folded, under the line that sums it up."""
    title = f'{system} against {baseline}, {measure}, {setting_name(setting)}: {better_in(rows)}'
    group = Group('', [(text(language_with_code(row.query_lang)), _cells(row, measure)) for row in rows.itertuples()])
    return details(title, table(title, [header_row(['Questions in', *HEADINGS])], [group], 1 + len(HEADINGS)))


def baselines(differences: pd.DataFrame) -> str:
    """The names of what systems are compared with."""
    return ', '.join(dict.fromkeys(map(str, differences['baseline'])))


def signed(measure: str, value: float) -> str:
    """A difference with its sign, of which 0 has none."""
    return f'{"−" if value < 0 else "+" if value > 0 else ""}{format_value(measure, abs(value))}'


def probability(p: float) -> str:
    """A p-value with three decimals, or below which it is; what it says if it is missing."""
    return 'none' if pd.isna(p) else '< 0.001' if p < 0.001 else f'{p:.3f}'


def _cells(row, measure: str) -> list[str]:
    difference = text(signed(measure, row.difference))
    bounded = pd.notna(row.low) and pd.notna(row.high)
    return [
        text(format_value(measure, row.value)), text(format_value(measure, row.baseline_value)),
        element('strong', difference) if row.significant else difference,
        text(f'{signed(measure, row.low)} to {signed(measure, row.high)}' if bounded else 'none'),
        'none' if pd.isna(row.effect) else f'{row.effect:.2f}'.replace('-', '−'), text(probability(row.p)),
        text(probability(row.p_corrected)), f'{row.n:,}',
    ]  # fmt: skip

"""Is the difference real: every system against the baseline, as a table."""
import pandas as pd

from ..presentation import format_value
from .markup import Group, element, header_row, table, text
from .words import setting_name

HEADINGS = ['Value', 'Baseline', 'Difference', 'Interval', 'Effect', 'p', 'p, corrected', 'Questions']
#: How a table was made; what :func:`how_tested` puts into words.
MADE = ['test', 'correction', 'comparisons', 'level']
TESTED = [
    'value', 'baseline_value', 'difference', 'low', 'high', 'effect', 'p', 'p_corrected', 'significant', 'n', *MADE
]  # fmt: skip
COLUMNS = ['system', 'baseline', 'measure', 'setting', *TESTED]
_TESTS = {
    't': 'paired t tests', 'wilcoxon': 'Wilcoxon signed-rank tests', 'randomization': 'randomisation tests',
    'tost': 'two one-sided t tests (TOST)',
}  # fmt: skip
_CORRECTIONS = {'holm': 'Holm’s correction', 'bonferroni': 'Bonferroni’s correction'}


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
        groups.append(Group(heading, [(text(row.system), tested_cells(row, measure)) for row in rows.itertuples()]))
    caption = f'Differences from {baselines(differences)}; the significant ones are in bold, with a star'
    return table(caption, [header_row(['System', *HEADINGS])], groups, 1 + len(HEADINGS))


def how_tested(differences: pd.DataFrame, compared: str = 'comparison') -> str:
    """How a table was made, in a sentence for each way that is in it.

    Args:
        differences: the table.
        compared: what the correction counts, a word in the singular.
    """
    ways = differences[MADE].astype(object).drop_duplicates().itertuples(index=False, name=None)
    unit = 'A question is one observation, in however many languages it is asked and answered.'
    return ' '.join([*(_way(*way, compared) for way in ways), unit])


def _way(test: str, correction: str | None, comparisons: int, level: float, compared: str) -> str:
    tests = _TESTS.get(test, f'{test} tests')
    corrected = _CORRECTIONS.get(correction, 'no correction')
    interval = f'{100 * (2 * level - 1):.4g}% t' if test == 'tost' else f'{100 * level:.4g}% bootstrap'
    return (
        f'{tests[0].upper()}{tests[1:]} over questions, {corrected} for {comparisons} {compared}'
        f'{"" if comparisons == 1 else "s"}; {interval} intervals.'
    )


def baselines(differences: pd.DataFrame) -> str:
    """The names of what systems are compared with."""
    return ', '.join(dict.fromkeys(map(str, differences['baseline'])))


def signed(measure: str, value: float) -> str:
    """A difference with its sign, of which 0 has none."""
    return f'{"−" if value < 0 else "+" if value > 0 else ""}{format_value(measure, abs(value))}'


def marked(measure: str, row) -> str:
    """A row's difference as markup, in bold and with a star if it is significant."""
    shown = text(signed(measure, row.difference))
    return element('strong', f'{shown}*') if row.significant else shown


def bounds(measure: str, row) -> str:
    """A row's interval in words; says so if there is none."""
    bounded = pd.notna(row.low) and pd.notna(row.high)
    return f'{signed(measure, row.low)} to {signed(measure, row.high)}' if bounded else 'none'


def probability(p: float) -> str:
    """A p-value with three decimals, or below which it is; what it says if it is missing."""
    return 'none' if pd.isna(p) else '< 0.001' if p < 0.001 else f'{p:.3f}'


def tested_cells(row, measure: str) -> list[str]:
    """The cells of a comparison, in the order of :data:`HEADINGS`."""
    return [
        text(format_value(measure, row.value)), text(format_value(measure, row.baseline_value)), marked(measure, row),
        text(bounds(measure, row)), 'none' if pd.isna(row.effect) else f'{row.effect:.2f}'.replace('-', '−'),
        text(probability(row.p)), text(probability(row.p_corrected)), f'{row.n:,}',
    ]  # fmt: skip

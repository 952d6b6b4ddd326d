"""Tables of tests: of differences, of equivalence, and by language."""
import pandas as pd

from pyterrier_hybrid.experiment.languages_won import COMPARISON, better_in
from pyterrier_hybrid.experiment.presentation import (
    better,
    format_value,
    language_name,
    language_with_code,
    setting_name,
    signed,
)
from pyterrier_hybrid.experiment.printed import Block, Column, PrintedCell, PrintedTable

#: The columns that say how a table was made; :func:`how_tested` puts them into words.
MADE = ['test', 'correction', 'comparisons', 'level']
_ALL = [*COMPARISON, 'difference', 'low', 'high', 'p', 'p_corrected', 'n', *MADE]
_DIFFERENCES = [*_ALL, 'value', 'baseline_value', 'effect', 'significant']
#: Each table that can be reported: the function that makes it, and the columns that it must have.
_TABLES = {
    'significance': ('compare_systems', _DIFFERENCES),
    'by_language': ('compare_by_language', [*_DIFFERENCES, 'query_lang', 'better']),
    'equivalence': ('equivalence', [*_ALL, 'margin', 'equivalent']),
}
_HEADINGS = ['Value', 'Baseline', 'Difference', 'Interval', 'Effect', 'p', 'p, corrected', 'Questions']
_IN_WORDS = Column('In words', words=True)
_TESTS = {
    't': 'paired t tests', 'wilcoxon': 'Wilcoxon signed-rank tests (not of the means shown)',
    'randomization': 'randomisation tests',
    'tost': 'two one-sided t tests (TOST)',
}  # fmt: skip
_INTERVALS = {
    ('bootstrap',): '{} bootstrap intervals', ('t',): '{} t intervals',
    ('bootstrap', 't'): '{} intervals, by the bootstrap or, for few degrees of freedom, by Student’s t',
}  # fmt: skip
_EFFECT = (
    'Effect: the difference in standard deviations of the paired differences of one question in one language setting '
    '(Cohen’s d for paired data).'
)
_FEW = 'Fewer than 20 degrees of freedom: too few questions, or very unequal ones, to rely on p and interval.'
_CORRECTIONS = {None: 'no correction', 'holm': 'Holm’s correction', 'bonferroni': 'Bonferroni’s correction'}


def check_tested(tests: pd.DataFrame, name: str) -> None:
    """Raises ValueError if a table of comparisons, given as the argument ``name``, lacks a column."""
    made_by, columns = _TABLES[name]
    missing = [column for column in columns if column not in tests]
    if missing:
        raise ValueError(f'{name} has no column {", ".join(missing)}; give the table of {made_by}')


def differences_table(differences: pd.DataFrame) -> PrintedTable:
    """A row per comparison, in blocks by measure and kind of setting."""
    blocks = [
        Block([(str(row.system), _tested_cells(row, measure)) for row in rows.itertuples()], heading)
        for measure, _, heading, rows in _by_setting(differences)
    ]
    caption = f'Differences from {baselines(differences)}; the significant ones are in bold, with a star'
    return PrintedTable(caption, [*map(Column, _HEADINGS)], blocks, _notes(differences, _EFFECT))


def equivalence_table(rows: pd.DataFrame) -> PrintedTable:
    """A row per equivalence test, in words and in numbers."""
    headings = ['Difference', 'Interval', 'Margin', 'p', 'p, corrected', 'Questions']

    def cells(measure: str, row) -> list[PrintedCell]:
        shown = [
            verdict(measure, row), signed(measure, row.difference), _interval(measure, row), f'±{in_units(row.margin)}',
        ]  # fmt: skip
        return [*map(PrintedCell, shown), *_probabilities(row)]

    blocks = [
        Block([(str(row.system), cells(measure, row)) for row in some.itertuples()], heading)
        for measure, _, heading, some in _by_setting(rows)
    ]
    alone = 'The intervals are those of each comparison alone; "equivalent" is said after the correction.'
    columns = [_IN_WORDS, *map(Column, headings)]
    return PrintedTable(f'Equivalence to {baselines(rows)}', columns, blocks, _notes(rows, alone))


def equivalence_lines(rows: pd.DataFrame) -> list[str]:
    """The verdicts on each measure and kind of setting in a line: which systems are equivalent, and which are not."""
    lines = []
    for measure, setting, _, some in _by_setting(rows):
        verdicts: dict[str, list[str]] = {'Equivalent': [], 'Open': [], 'Different': []}
        for row in some.itertuples():
            verdicts[verdict(measure, row).partition(':')[0]].append(str(row.system))
        margins = ', '.join(dict.fromkeys(f'±{in_units(margin)}' for margin in some['margin']))
        said = '; '.join(f'{word.lower()}: {", ".join(systems)}' for word, systems in verdicts.items() if systems)
        lines.append(f'{measure}, {setting_name(setting)} settings, within {margins}: {said}.')
    return lines


def by_language_tables(tests: pd.DataFrame) -> list[PrintedTable]:
    """Tests by question language, as tables.

    Returns:
        A line per comparison ("better in 9 of 11 languages, significantly in 7"); the difference in each language; a
        table of every test for each measure and kind of setting.
    """
    several = tests['baseline'].nunique() > 1
    langs = sorted({*map(str, tests['query_lang'])})
    lines, grid, every = [], [], []
    for measure, _, heading, found in _by_setting(tests):
        compared = [
            (f'{system} against {baseline}' if several else str(system), rows)
            for (system, baseline), rows in found.groupby(['system', 'baseline'], sort=False, observed=True)
        ]
        lines.append(Block([(pair, [PrintedCell(better_in(rows))]) for pair, rows in compared], heading))
        grid.append(Block([(pair, _by_language(measure, rows, langs)) for pair, rows in compared], heading))
        every.append(PrintedTable(f'{heading}, test by test', [*map(Column, _HEADINGS)], [
            Block([
                (language_with_code(str(row.query_lang)), _tested_cells(row, measure)) for row in rows.itertuples()
            ], f'{pair}: {better_in(rows)}')
            for pair, rows in compared
        ], _notes(found, _EFFECT, 'language'), 'Questions in'))  # fmt: skip
    caption = f'In how many languages of the questions a system is better than {baselines(tests)}'
    columns = [Column(lang, title=language_name(lang)) for lang in langs]
    won = PrintedTable(caption, [_IN_WORDS], lines, [how_tested(tests, 'language')])
    caption = 'Differences in each language; the significant ones are in bold, with a star'
    return [won, PrintedTable(caption, columns, grid), *every]


def how_tested(tests: pd.DataFrame, compared: str = 'comparison') -> str:
    """Sentences on how a table was made, one for each way in it; ``compared`` names what the correction counts."""
    ways = tests[MADE].astype(object).drop_duplicates().itertuples(index=False, name=None)
    unit = 'A question is one observation, in however many languages it is asked and answered.'
    kinds = tuple(sorted(set(tests.get('interval', ['t' if set(tests['test']) == {'tost'} else 'bootstrap']))))
    return ' '.join([*(_way(*way, compared, _INTERVALS.get(kinds, '{} intervals')) for way in ways), unit])


def _notes(tests: pd.DataFrame, about: str, compared: str = 'comparison') -> list[str]:
    """The notes below a table of tests. If a row has few degrees of freedom, the first note is on that."""
    few = [_FEW] if any(tests.get('few', [])) else []
    cells = sorted({*filter(None, tests.get('left_out', []))})
    left_out = [f'Left out, with a single question each: {"; ".join(cells)}.'] if cells else []
    return [*few, how_tested(tests, compared), about, *left_out]


def verdict(measure: str, row) -> str:
    """The result of a row in words: ``Equivalent``, ``Different`` or ``Open``, and why."""
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


def baselines(tests: pd.DataFrame) -> str:
    """The names of the baselines."""
    return ', '.join(dict.fromkeys(map(str, tests['baseline'])))


def in_units(margin: float) -> str:
    """A margin with all its digits."""
    return f'{margin:,.10g}'


def _by_setting(tests: pd.DataFrame):
    """Yields measure, kind of setting, both as a heading, and their rows."""
    for (measure, setting), rows in tests.groupby(['measure', 'setting'], sort=False, observed=True):
        yield measure, setting, f'{measure}, {setting_name(setting)}', rows


def _way(test: str, correction: str | None, comparisons: int, level: float, compared: str, interval: str) -> str:
    tests = _TESTS.get(test, f'{test} tests')
    corrected = _CORRECTIONS.get(correction, f'the correction {correction}')
    width = f'{100 * (2 * level - 1 if test == "tost" else level):.4g}%'
    return (
        f'{tests[0].upper()}{tests[1:]} over questions, {corrected} for {comparisons} {compared}'
        f'{"" if comparisons == 1 else "s"}; {interval.format(width)}.'
    )


def _tested_cells(row, measure: str) -> list[PrintedCell]:
    """The cells of a comparison, in the order of the headings."""
    effect = 'none' if pd.isna(row.effect) else f'{round(row.effect, 2) + 0:.2f}'.replace('-', '−').replace('inf', '∞')
    values = (format_value(measure, value) for value in (row.value, row.baseline_value))
    rest = PrintedCell(_interval(measure, row)), PrintedCell(effect)
    return [*map(PrintedCell, values), _difference(measure, row), *rest, *_probabilities(row)]


def _probabilities(row) -> list[PrintedCell]:
    """The p-values, with a note if there are few degrees of freedom, and the number of questions."""
    note = int(bool(getattr(row, 'few', False)))
    both = [PrintedCell(_probability(p), note=note) for p in (row.p, row.p_corrected)]
    return [*both, PrintedCell(f'{row.n:,}')]


def _difference(measure: str, row) -> PrintedCell:
    """A row's difference, in bold and with a star if it is significant."""
    return PrintedCell(f'{signed(measure, row.difference)}{"*" if row.significant else ""}', bool(row.significant))


def _by_language(measure: str, rows: pd.DataFrame, langs: list[str]) -> list[PrintedCell]:
    found = {str(row.query_lang): _difference(measure, row) for row in rows.itertuples()}
    return [found.get(lang, PrintedCell(blank='–')) for lang in langs]


def _interval(measure: str, row) -> str:
    bounded = pd.notna(row.low) and pd.notna(row.high)
    return f'{signed(measure, row.low)} to {signed(measure, row.high)}' if bounded else 'none'


def _probability(p: float) -> str:
    return 'none' if pd.isna(p) else '< 0.001' if p < 0.001 else f'{p:.3f}'

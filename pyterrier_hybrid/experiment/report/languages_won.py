"""In how many languages a system is better than another: a line for each comparison, and the languages behind it."""
from collections.abc import Mapping
from itertools import groupby

import pandas as pd

from ..languages_won import better_in
from .differences import HEADINGS, TESTED, how_tested, marked, tested_cells
from .markup import IN_WORDS, Group, details, element, header_row, table, text, words
from .words import language_name, language_with_code, setting_name

LANGUAGE_COLUMNS = ['query_lang', *TESTED, 'better']
#: By (system, baseline, measure, setting), what compare_by_language returns.
ByLanguage = Mapping[tuple[str, str, str, str], pd.DataFrame]


def languages_won(by_language: ByLanguage) -> list[str]:
    """A line per comparison ("better in 9 of 11 languages, significantly in 7"), how it was tested, and folded tables.

    The folded ones hold the difference in each language, and every test in it.
    """
    if not by_language:
        return []
    baselines = list(dict.fromkeys(str(baseline) for _, baseline, _, _ in by_language))
    langs = sorted({str(lang) for rows in by_language.values() for lang in rows['query_lang']})
    lines, grid, tests = [], [], []
    for (measure, setting), compared in _by_measure(by_language):
        heading = text(f'{measure}, {setting_name(setting)}')
        pairs = [text(f'{a} against {b}' if len(baselines) > 1 else a) for a, b, _ in compared]
        frames = [rows for _, _, rows in compared]
        lines.append(Group(heading, [(pair, [words(better_in(rows))]) for pair, rows in zip(pairs, frames)]))
        grid.append(Group(heading, [(pair, _differences(measure, rows, langs)) for pair, rows in zip(pairs, frames)]))
        title = f'{measure}, {setting_name(setting)}, test by test'
        parts = [Group(f'{pair}: {better_in(rows)}', _tests(measure, rows)) for pair, rows in zip(pairs, frames)]
        tests.append(details(title, table(title, [header_row(['Questions in', *HEADINGS])], parts, 1 + len(HEADINGS))))
    title = 'Differences in each language; the significant ones are in bold, with a star'
    caption = f'In how many languages of the questions a system is better than {", ".join(baselines)}'
    header = header_row(['System', *(element('abbr', lang, title=language_name(lang)) for lang in langs)])
    return [
        table(caption, [header_row(['System', IN_WORDS])], lines, 2),
        element('p', text(how_tested(pd.concat(by_language.values()), 'language')), class_='notes'),
        details(title, table(title, [header], grid, 1 + len(langs))), *tests,
    ]  # fmt: skip


def _by_measure(by_language: ByLanguage):
    """The comparisons by (measure, setting), in the order in which they first come."""
    order = {key: i for i, key in reversed(list(enumerate((m, s) for _, _, m, s in by_language)))}
    entries = sorted(by_language.items(), key=lambda entry: order[entry[0][2:]])
    for key, found in groupby(entries, key=lambda entry: entry[0][2:]):
        yield key, [(system, baseline, rows) for (system, baseline, _, _), rows in found]


def _differences(measure: str, rows: pd.DataFrame, langs: list[str]) -> list[str]:
    cells = {str(row.query_lang): marked(measure, row) for row in rows.itertuples()}
    return [cells.get(lang, '<td class="blank">–</td>') for lang in langs]


def _tests(measure: str, rows: pd.DataFrame) -> list[tuple[str, list[str]]]:
    return [(text(language_with_code(row.query_lang)), tested_cells(row, measure)) for row in rows.itertuples()]

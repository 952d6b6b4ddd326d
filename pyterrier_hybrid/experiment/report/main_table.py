"""The main table: each system's means over the settings of a kind, with the paper's figures where they compare."""
import pandas as pd

from ..presentation import better, format_value
from ..result import Result
from .blanks import BlankNotes
from .markup import Group, element, table, text
from .paper import SOURCE, comparable, paper_values
from .words import SETTINGS, SHORT, direction


def main_table(result: Result, notes: BlankNotes) -> str:
    """The table as markup. The best of the result's systems in a column is in bold, where a measure has a best."""
    ours = result.table()
    groups = [Group('', _our_rows(ours, notes))]
    if len(result.chance):
        row = [_chance(result, measure) if kind == 'multilingual' else '' for measure, kind in ours.columns]
        groups[0].rows.append((text('chance'), row))
    paper = _paper_rows(result, ours.columns)
    if paper:
        groups[0] = Group('This experiment', groups[0].rows)
        groups.append(Group(f'The paper ({SOURCE})', paper))
    caption = f'{result.dataset}: means over the settings of each kind'
    note = ''
    if len(result.chance):
        note = element('p', text(
            'Chance is what a system without any preference for a language has; for rank distance, one that ranks at '
            'random.'
        ), class_='notes')  # fmt: skip
    return table(caption, _header(ours.columns), groups, 1 + ours.shape[1]) + note


def languages_of(result: Result) -> list[str]:
    """The languages of the questions, those of blank cells too, sorted."""
    return sorted({*map(str, result.per_query['query_lang'].unique()), *map(str, result.blanks['query_lang'].unique())})


def _header(columns: pd.MultiIndex) -> list[str]:
    measures = list(dict.fromkeys(columns.get_level_values('measure')))
    first = [element('th', 'System', scope='col', rowspan=2)]
    second = []
    for measure in measures:
        kinds = [kind for m, kind in columns if m == measure]
        hint = element('small', direction(measure)) if direction(measure) else ''
        first.append(element('th', text(measure) + hint, scope='colgroup', colspan=len(kinds)))
        second += [element('th', element('abbr', SHORT[kind], title=SETTINGS[kind]), scope='col') for kind in kinds]
    return [element('tr', *first), element('tr', *second)]


def _our_rows(ours: pd.DataFrame, notes: BlankNotes) -> list[tuple[str, list[str]]]:
    best = {}
    for column in ours.columns:
        sign = better(column[0])
        if sign and ours[column].notna().sum() > 1:
            best[column] = (ours[column] * sign).max() * sign
    rows = []
    for system, values in ours.iterrows():
        cells = []
        for (measure, kind), value in values.items():
            missing = pd.isna(value)
            shown = '' if missing else text(format_value(measure, value))
            if value == best.get((measure, kind)):
                shown = element('strong', shown)
            cells.append(notes.cell(shown, missing, notes.marks(system, measure, kind)))
        rows.append((text(system), cells))
    return rows


def _chance(result: Result, measure: str) -> str:
    rows = result.chance[result.chance['measure'] == measure]
    return text(format_value(measure, float(rows['value'].mean()))) if len(rows) else ''


def _paper_rows(result: Result, columns: pd.MultiIndex) -> list[tuple[str, list[str]]]:
    if not comparable(result.dataset, languages_of(result)):
        return []
    found = {column: paper_values(result.dataset, *column) for column in columns}
    systems = next((list(values.index) for values in found.values() if len(values)), [])
    return [
        (text(system), [
            text(format_value(measure, values.at[system, 'mean'])) if len(values) else ''
            for (measure, _), values in found.items()
        ])
        for system in systems
    ]  # fmt: skip

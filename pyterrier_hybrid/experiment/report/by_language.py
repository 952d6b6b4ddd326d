"""Every measure by question language, folded away, as in the paper's tables 3 to 8, 12 and 13, with its figures."""
import pandas as pd

from ..presentation import format_value
from ..result import KINDS, Result
from .blanks import BlankNotes
from .main_table import languages_of
from .markup import Group, details, element, header_row, table, text
from .paper import SOURCE, comparable, paper_values
from .words import language_name, setting_name


def language_tables(result: Result, notes: BlankNotes) -> list[str]:
    """A folded table per measure and kind of setting of which the result has values."""
    there = set(result.by_setting()[['measure', 'setting']].itertuples(index=False, name=None))
    return [_table(result, m, kind, notes) for m in result.measures for kind in KINDS if (m, kind) in there]


def _table(result: Result, measure: str, kind: str, notes: BlankNotes) -> str:
    values = result.by_query_language(measure, kind)
    groups = [Group('', [
        (text(system), [
            notes.cell(
                '' if pd.isna(value) else text(format_value(measure, value)), pd.isna(value),
                notes.marks(system, measure, kind, lang),
            )
            for lang, value in row.items()
        ])
        for system, row in values.iterrows()
    ])]  # fmt: skip
    paper = paper_values(result.dataset, measure, kind)
    if len(paper) and comparable(result.dataset, languages_of(result)):
        groups[0] = Group('This experiment', groups[0].rows)
        rows = [(text(s), [text(format_value(measure, row[lang])) for lang in values]) for s, row in paper.iterrows()]
        groups.append(Group(f'The paper ({SOURCE})', rows))
    title = f'{measure}, {setting_name(kind)} settings, by question language'
    header = header_row(['System', *(element('abbr', lang, title=language_name(lang)) for lang in values)])
    return details(title, table(title, [header], groups, 1 + values.shape[1]))

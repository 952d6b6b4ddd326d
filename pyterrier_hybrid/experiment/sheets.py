"""A result as a printed table: header, rows of text, what is best, and what has to be said below it."""
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from .presentation import better, format_value
from .result import KINDS, Result

SHORT = {'monolingual': 'Mono.', 'crosslingual': 'Cross.', 'multilingual': 'Multi.'}
CHANCE = 'by chance'


@dataclass(frozen=True)
class Sheet:
    """A table to be printed.

    Attributes:
        groups: the upper line of the header: a text and the number of columns that it spans.
        columns: the lower line, one text per column.
        rows: a label and a text per column; blank where there is no value.
        best: for each row and column, whether it is the best of several systems.
        notes: sentences below the table.
    """

    groups: list[tuple[str, int]]
    columns: list[str]
    rows: list[tuple[str, list[str]]]
    best: list[list[bool]]
    notes: list[str]


def summary_sheet(result: Result, measures: Sequence[str] | None = None) -> Sheet:
    """The paper's summary (arXiv 2408.10536, tables 1 and 2): macro averages, a group of columns per measure.

    Args:
        result: the result.
        measures: which of its measures; None for all.

    Raises:
        ValueError: a measure that the result does not have.
    """
    chosen = list(result.measures if measures is None else measures)
    for measure in chosen:
        result.check_measure(measure)
    table = result.table()
    table = table[[column for column in table.columns if column[0] in chosen]]
    chance = result.chance.groupby('measure')['value'].mean()
    lines = {CHANCE: [chance.get(m) if kind == 'multilingual' else None for m, kind in table.columns]}
    groups = [(measure, sum(m == measure for m, _ in table.columns)) for measure in chosen]
    return _sheet(
        table, [m for m, _ in table.columns], [group for group in groups if group[1]],
        [SHORT[kind] for _, kind in table.columns], lines, [*blank_notes(result, chosen), *result.notes],
    )  # fmt: skip


def language_sheet(result: Result, measure: str, setting: str) -> Sheet:
    """One measure in one kind of setting by the questions' language, as in the paper's tables 3 to 8.

    Raises:
        ValueError: a measure or setting of which the result has nothing.
    """
    table = result.by_query_language(measure, setting)
    rows = result.chance[(result.chance['measure'] == measure) & (setting == 'multilingual')]
    chance = rows.set_index('query_lang')['value']
    lines = {CHANCE: [*(chance.get(lang) for lang in table.columns), chance.mean() if len(chance) else None]}
    table = table.assign(mean=table.mean(axis=1))
    groups = [(f'{measure}, {setting}, by the language of the questions', len(table.columns))]
    return _sheet(table, [measure] * len(table.columns), groups, list(table.columns), lines, result.notes)


def _sheet(table: pd.DataFrame, measures, groups, columns, lines, notes) -> Sheet:
    texts = [[format_value(m, value) for m, value in zip(measures, row)] for row in table.to_numpy(dtype=float)]
    best = [[False] * len(columns) for _ in texts]
    for j, measure in enumerate(measures):
        values = (table.iloc[:, j] * better(measure)).dropna()
        if len(values) > 1 and better(measure):
            first = texts[table.index.get_loc(values.idxmax())][j]
            same = [row[j] == first for row in texts]  # what is printed alike is marked alike
            for flags, mark in zip(best, same if not all(same) else []):
                flags[j] = mark
    rows = list(zip(map(str, table.index), texts))
    for label, values in lines.items():
        if any(value is not None for value in values):
            rows.append((label, [format_value(m, float('nan') if v is None else v) for m, v in zip(measures, values)]))
            best.append([False] * len(columns))
    return Sheet(groups, columns, rows, best, list(notes))


def blank_notes(result: Result, measures: Sequence[str], *, every: bool = False) -> list[str]:
    """What the averages of a summary leave out, and why: a sentence for the systems of which the same is true.

    Args:
        result: the result.
        measures: which of its measures.
        every: speak of all blank cells; otherwise of those in a column that some system has a value in, and of measures
            that no system has any of.
    """
    keys = ['system', 'measure', 'setting']
    filled = result.by_setting().groupby(keys).size()
    columns = result.table().columns
    without = set(measures) - {measure for measure, _ in columns}
    kinds = {kind for _, kind in columns}
    cells: dict[tuple, list[str]] = {}
    for (system, measure, kind), rows in result.blanks.groupby(keys, sort=False, observed=True):
        shown = (measure, kind) in columns or (measure in without and (kind in kinds or not kinds))
        if measure in measures and (every or shown):
            n = filled.get((system, measure, kind), 0)
            some = f'the mean over {n} of {n + len(rows)} settings' if n else 'blank'
            why = '; '.join(dict.fromkeys(rows['reason']))
            cells.setdefault((system, some, why), []).append(f'{measure} {SHORT[kind]}')
    systems: dict[tuple, list[str]] = {}
    for (system, some, why), names in cells.items():
        systems.setdefault((', '.join(names), some, why), []).append(str(system))
    return [f'{", ".join(of)}, {names}: {some}, because {why}.' for (names, some, why), of in systems.items()]


def tidy_cells(result: Result) -> pd.DataFrame:
    """Every cell of a result, those without a value with their reason.

    Returns:
        ``system, setting, query_lang, doc_lang, measure, value, n, reason``, in the order of systems, kinds of
        settings, measures, languages; ``value`` and ``reason`` are missing in turn.
    """
    cells = pd.concat([result.by_setting(), result.blanks.assign(n=0)], ignore_index=True)
    order = {'system': result.systems, 'setting': list(KINDS), 'measure': result.measures}
    keys = {name: cells[name].map({value: i for i, value in enumerate(values)}) for name, values in order.items()}
    languages = {name: cells[name].fillna('') for name in ('query_lang', 'doc_lang')}
    order = pd.DataFrame({**keys, **languages}).sort_values([*keys, *languages], kind='stable').index
    names = ['system', 'setting', 'query_lang', 'doc_lang', 'measure', 'value', 'n', 'reason']
    return cells.reindex(columns=names).loc[order].reset_index(drop=True)

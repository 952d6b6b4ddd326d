"""Turns a result into tables, which every output (see :mod:`~.exports`) renders."""
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
from ir_measures import R, parse_measure

from pyterrier_hybrid.experiment.frames import SETTING_KINDS
from pyterrier_hybrid.experiment.paper import SOURCE, comparable, paper_values
from pyterrier_hybrid.experiment.presentation import SETTINGS, SHORT, better, direction, format_value, language_name
from pyterrier_hybrid.experiment.printed import Block, Column, PrintedCell, PrintedTable
from pyterrier_hybrid.measures import RankDistance

if TYPE_CHECKING:
    from pyterrier_hybrid.experiment.result import Result

CHANCE = 'by chance'
#: The mark of a system whose runs were cut.
CUT = ' †'


def summary_table(result: 'Result', measures: Sequence[str] | None = None, *, paper: bool = False) -> PrintedTable:
    """The paper's summary (arXiv 2408.10536, tables 1 and 2): macro averages, a group of columns per measure.

    Args:
        measures: which of the result's measures; None for all.
        paper: whether to add the paper's own figures, if the result is on a whole data set of the paper.

    Raises:
        ValueError: a measure that the result does not have.
    """
    chosen = list(result.measures if measures is None else measures)
    for measure in chosen:
        result.check_measure(measure)
    values = result.table()
    values = values[[column for column in values.columns if column[0] in chosen]]
    columns = {
        (measure, kind): Column(SHORT[kind], measure, direction(measure), SETTINGS[kind])
        for measure, kind in values.columns
    }
    chance = result.chance.groupby('measure')['value'].mean()
    by_chance = {key: chance[key[0]] for key in columns if key[1] == SETTING_KINDS[-1] and key[0] in chance}
    blanks = result.blanks[result.blanks['measure'].isin(chosen)]
    without = set(chosen) - {measure for measure, _ in columns}
    kinds = {kind for _, kind in columns} or set(SETTING_KINDS)
    keys = [*blanks[['measure', 'setting']].itertuples(index=False, name=None)]
    shown = [key if key in columns or (key[0] in without and key[1] in kinds) else None for key in keys]
    labels = {key: f'{key[0]} {SHORT[key[1]]}' for key in dict.fromkeys(keys)}
    filled = result.by_setting().groupby(['system', 'measure', 'setting']).size()
    marks, notes = _blank_notes(
        blanks['system'], shown, blanks['reason'], labels, {(s, (m, kind)): n for (s, m, kind), n in filled.items()}
    )
    printed = {}
    if paper and comparable(result.dataset, languages_of(result)):
        printed = {column: dict(paper_values(result.dataset, *column).get('mean', {})) for column in columns}
    caption = f'{result.dataset}: means over the settings of each kind'
    return _table(result, caption, values, columns, {c: c for c in columns}, by_chance, marks, notes, printed)


def language_table(result: 'Result', measure: str, setting: str, *, paper: bool = False) -> PrintedTable:
    """One measure in one kind of setting by the questions' language, as in the paper's tables 3 to 8, 12 and 13.

    The last column is the mean over all settings of the kind, the figure of :func:`summary_table`. Raises
    ValueError if the result has no value for the measure or setting.
    """
    values = result.by_query_language(measure, setting)
    title = f'{measure}, {setting}, by the language of the questions'
    columns = {lang: Column(lang, title, direction(measure), language_name(lang)) for lang in values}
    columns['mean'] = Column('mean', title, direction(measure))
    by_chance = {}
    if setting == SETTING_KINDS[-1]:
        chance = result.chance[result.chance['measure'] == measure].set_index('query_lang')['value']
        by_chance = {**chance, 'mean': chance.mean()} if len(chance) else {}
    chosen = (result.blanks['measure'] == measure) & (result.blanks['setting'] == setting)
    blanks, cells = result.blanks[chosen], result.by_setting()
    cells = cells[(cells['measure'] == measure) & (cells['setting'] == setting)]
    marks, notes = _blank_notes(
        blanks['system'], blanks['query_lang'], blanks['reason'], {lang: lang for lang in blanks['query_lang']},
        cells.groupby(['system', 'query_lang']).size().to_dict(),
    )  # fmt: skip
    marks |= {(system, 'mean'): number for (system, _), number in reversed(marks.items())}
    printed = {}
    if paper and comparable(result.dataset, languages_of(result)):
        found = paper_values(result.dataset, measure, setting)
        printed = {column: dict(found[column]) for column in columns if column in found}
    values = values.assign(mean=result.table()[measure, setting])
    return _table(
        result, title, values, columns, dict.fromkeys(columns, (measure, setting)), by_chance, marks, notes, printed
    )


def marked(result: 'Result', system: str) -> str:
    """A system's name, with a mark if its runs were cut."""
    return f'{system}{CUT}' if system in result.cut else str(system)


def cut_notes(result: 'Result') -> list[str]:
    """The note that explains the mark, if a system has it."""
    if not result.cut:
        return []
    depths = ', '.join(f'{system} at {depth:,} passages' for system, depth in result.cut.items())
    common = min(filter(None, result.cut.values()), default=0)  # a system that returned nothing has depth 0
    return [
        f'{CUT.strip()} The runs were cut ({depths}): compare rank distances with those of whole rankings at a common '
        'depth only' + (f', as by RankDistance@{common}.' if common else '.')
    ]


def ceiling_notes(result: 'Result', columns: Iterable[tuple[str, str]]) -> list[str]:
    """Notes on measures of a table that a reader may misread; ``columns`` are (measure, kind of setting)."""
    languages, notes = _relevant_languages(result), []
    for name in (measure for measure, kind in columns if kind == SETTING_KINDS[-1]):
        try:
            measure = parse_measure(name)
        except Exception:  # a name read from a file may be any text
            continue
        k = measure.params.get('cutoff')
        if not isinstance(k, int):
            continue
        if measure.NAME == R.NAME and k < languages:
            notes.append(
                f'{measure!r} is at most {k}/{languages}, {k / languages:.3f}, for a question with a relevant passage '
                f'in each of {languages} languages; nDCG@{k} and Success@{k} reach 1.'
            )
        if measure.NAME == RankDistance.NAME and not measure['complete']:
            notes.append(
                f'{measure!r} falls from {k} to as little as 1 when the first relevant passage enters the first {k}: '
                f'read it beside R@{k}, or RankDistance(complete=True)@{k}, over questions with every language found.'
            )
    return notes


def languages_of(result: 'Result') -> list[str]:
    """The languages of the questions, including those of blank cells, sorted."""
    return sorted({*map(str, result.per_query['query_lang'].unique()), *map(str, result.blanks['query_lang'].unique())})


def _relevant_languages(result: 'Result') -> int:
    """The greatest number of languages in which a question has relevant passages, as far as the result shows."""
    if len(result.matrix):
        return int(result.matrix.groupby('query_lang')['doc_lang'].nunique().max())
    return result.per_query['doc_lang'].nunique() or len(languages_of(result))


def _table(
    result: 'Result', caption: str, values: pd.DataFrame, columns: Mapping[Hashable, Column],
    shown: Mapping[Hashable, tuple[str, str]], by_chance: Mapping[Hashable, float], marks: Mapping[tuple, int],
    notes: list[str], printed: Mapping[Hashable, Mapping[str, float]],
) -> PrintedTable:  # fmt: skip
    """Makes the table of values: a row per system, the rows of chance and of the paper, and notes.

    ``shown`` has the measure and the kind of setting of each column.
    """
    measures = {column: measure for column, (measure, _) in shown.items()}
    notes += [*cut_notes(result), *ceiling_notes(result, dict.fromkeys(shown.values())), *result.notes]
    best = {column: _best(measures[column], values[column]) for column in columns}
    rows = []
    for system in values.index:
        cells = []
        for column in columns:
            shown, note = format_value(measures[column], values.at[system, column]), marks.get((system, column), 0)
            strong = bool(shown) and shown == best[column]
            cells.append(PrintedCell(shown, strong, note, '' if shown else 'blank' if note else 'not evaluated'))
        rows.append((marked(result, system), cells))

    def others(given: Mapping) -> list[PrintedCell]:
        return [PrintedCell(format_value(measures[column], given.get(column))) for column in columns]

    if by_chance:
        rows.append((CHANCE, others(by_chance)))
    names = dict.fromkeys(name for of in printed.values() for name in of)
    theirs = [(name, others({column: of.get(name) for column, of in printed.items()})) for name in names]
    blocks = [Block(rows, 'This experiment'), Block(theirs, f'The paper ({SOURCE})')] if theirs else [Block(rows)]
    return PrintedTable(caption, list(columns.values()), blocks, notes)


def _best(measure: str, values: pd.Series) -> str:
    """The best value as printed, since values with the same printed form get the same mark; empty if all are equal."""
    values, sign = values.dropna(), better(measure)
    shown = {format_value(measure, value) for value in values}
    if not sign or len(shown) < 2:
        return ''
    return format_value(measure, values.max() if sign > 0 else values.min())


def _blank_notes(
    systems: Sequence[str], keys: Sequence[Hashable], reasons: Sequence[str], labels: Mapping[Hashable, str],
    filled: Mapping[tuple, int],
) -> tuple[dict[tuple, int], list[str]]:  # fmt: skip
    """Notes on the settings that averages leave out, and why: one sentence for all systems with the same reason.

    Args:
        systems, keys, reasons: of each blank setting; the key is that of its column, or None if it has no column.
        labels: the names of columns in sentences.
        filled: how many settings have a value, by system and column.

    Returns:
        The number of the note on each cell, by system and column, and the notes.
    """
    why: dict[tuple, list[str]] = {}
    for system, key, reason in zip(systems, keys, reasons):
        if key is not None:
            why.setdefault((str(system), key), []).append(str(reason))
    cells: dict[tuple, list] = {}
    for (system, key), found in why.items():
        n = filled.get((system, key), 0)
        some = f'the mean over {n} of {n + len(found)} settings' if n else 'blank'
        cells.setdefault((system, some, '; '.join(dict.fromkeys(found))), []).append(key)
    same: dict[tuple, list[str]] = {}
    for (system, some, reason), found in cells.items():
        same.setdefault((tuple(found), some, reason), []).append(system)
    marks = {(s, key): i for i, ((found, *_), of) in enumerate(same.items(), 1) for s in of for key in found}
    notes = [
        f'{", ".join(of)}, {", ".join(labels[key] for key in found)}: {some}, because {reason}.'
        for (found, some, reason), of in same.items()
    ]
    return marks, notes


def tidy_cells(result: 'Result') -> pd.DataFrame:
    """Every cell of a result, those without a value with their reason.

    Returns:
        ``system, setting, query_lang, doc_lang, measure, value, n, cut, reason``, in the order of systems, kinds of
        settings, measures, languages; ``value`` and ``reason`` are missing in turn; ``cut`` is the depth at which the
        system's multilingual runs were cut, missing for whole rankings.
    """
    cells = pd.concat([result.by_setting(), result.blanks.assign(n=0)], ignore_index=True)
    cells['cut'] = cells['system'].map(result.cut).where(cells['setting'] == SETTING_KINDS[-1]).astype('Int64')
    order = {'system': result.systems, 'setting': list(SETTING_KINDS), 'measure': result.measures}
    keys = {name: cells[name].map({value: i for i, value in enumerate(values)}) for name, values in order.items()}
    languages = {name: cells[name].fillna('') for name in ('query_lang', 'doc_lang')}
    order = pd.DataFrame({**keys, **languages}).sort_values([*keys, *languages], kind='stable').index
    names = ['system', 'setting', 'query_lang', 'doc_lang', 'measure', 'value', 'n', 'cut', 'reason']
    return cells.reindex(columns=names).loc[order].reset_index(drop=True)

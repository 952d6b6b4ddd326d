"""Exports a result as text, Markdown, LaTeX, HTML and CSV. The same result gives the same bytes."""
import re
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pyterrier_hybrid.experiment.presentation import one_line, shortened
from pyterrier_hybrid.experiment.printed import PrintedTable
from pyterrier_hybrid.experiment.rows import tidy_cells
from pyterrier_hybrid.files import replace_text

if TYPE_CHECKING:
    from pyterrier_hybrid.experiment.result import Result

#: LaTeX's special characters. Brackets and stars are among them because, at the beginning of a line, LaTeX reads them
#: as arguments of the line end before.
_LATEX = {
    '&': r'\&', '%': r'\%', '$': r'\$', '#': r'\#', '_': r'\_', '{': r'\{', '}': r'\}', '~': r'\textasciitilde{}',
    '^': r'\textasciicircum{}', '\\': r'\textbackslash{}', '<': r'\textless{}', '>': r'\textgreater{}',
    '|': r'\textbar{}', '[': '{[}', ']': '{]}', '*': '{*}', '†': r'\dag{}',
}  # fmt: skip
#: Characters that GitHub's Markdown, with mathematics, reads as markup: anywhere in a line, or at its beginning.
_MARKDOWN = re.compile(r'[\\`*\[\]<>|~&$]|(?<!\w)_|_(?!\w)|^[#+-]|^\d+[.)](?=\s)')
#: A cell that begins with one of these is read as a formula by spreadsheets.
_FORMULA = tuple('=+-@\t\r\n|%')


def text(table: PrintedTable, width: int | None = None) -> str:
    """A table as lines for a terminal: labels to the left, values to the right, notes below.

    Groups of columns that do not fit into ``width`` characters, by default the terminal's, go below the others.
    """
    width = shutil.get_terminal_size().columns if width is None else width
    two = table.has_two_heading_rows()
    over = ['', *(part for group, _, span in table.groups() for part in (group, *[''] * (span - 1)))]
    names = [column.name for column in table.columns] if two else table.headings()
    rows = ([shortened(label, 48), *(cell.text for cell in cells)] for label, cells in table.rows())
    lines = [[one_line(cell) for cell in line] for line in ([over] * two + [[table.head, *names], *rows])]
    widths = [2 + max(map(len, column)) for column in zip(*lines)]
    parts, first = [[0]], 1
    for *_, span in table.groups():
        columns, first = range(first, first + span), first + span
        if len(parts[-1]) > 1 and sum(widths[i] for i in (*parts[-1], *columns)) - 2 > width:
            parts.append([0])
        parts[-1] += columns
    ways = '; '.join(f'{group}: {hint}' for group, hint, _ in table.groups() if hint and len(table.groups()) > 1)
    blocks = []
    for part in parts:
        cells = [[line[i] for i in part] for line in lines]
        blocks.append(aligned([line for line in cells if any(line[1:]) or len(parts) == 1]))
    head = f'{table.caption} ({ways})' if ways else table.full_caption()
    return '\n'.join([one_line(head), '', *blocks, *map(one_line, table.notes)])


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Cells of text as lines of equal columns, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    rows = ([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines)
    return '\n'.join('  '.join(row).rstrip() for row in rows)


def markdown(table: PrintedTable) -> str:
    """A table in GitHub's flavour of Markdown, the best in bold, notes below."""
    lines = [['', *map(_as_markdown, table.headings())]] + [
        [_as_markdown(label), *(('**%s**' if c.strong else '%s') % _as_markdown(c.text) for c in cells)]
        for label, cells in table.rows()
    ]  # fmt: skip
    widths = [max(3, *map(len, column)) for column in zip(*lines)]
    rows = [_line([cell.ljust(widths[0]) if i == 0 else cell.rjust(widths[i]) for i, cell in enumerate(line)])
            for line in lines]  # fmt: skip
    rule = _line(['-' * widths[0], *('-' * (width - 1) + ':' for width in widths[1:])])
    title = [_as_markdown(table.groups()[0][0]), ''] if len(table.groups()) == 1 else []
    notes = (part for note in table.notes for part in ('', _as_markdown(note)))
    return '\n'.join([*title, rows[0], rule, *rows[1:], *notes]) + '\n'


def latex(table: PrintedTable) -> str:
    """A table as a ``tabular`` (with booktabs), the best in bold, notes as comments."""
    over, edges, first = [], [], 2
    for group, _, span in table.groups():
        over.append(rf'\multicolumn{{{span}}}{{c}}{{{_escape(group)}}}')
        edges.append(rf'\cmidrule(lr){{{first}-{first + span - 1}}}')
        first += span
    two = table.has_two_heading_rows()
    upper = [rf' & {" & ".join(over)} \\', ' '.join(edges)] if two else []
    heads = [column.name for column in table.columns] if two else table.headings()
    rows = [
        ' & '.join([_escape(label), *((r'\textbf{%s}' if c.strong else '%s') % _escape(c.text) for c in cells)])
        for label, cells in table.rows()
    ]  # fmt: skip
    return '\n'.join([
        *(f'% {one_line(line)}' for line in ([] if two else [table.full_caption()]) + table.notes),
        rf'\begin{{tabular}}{{l{"r" * len(table.columns)}}}', r'\toprule', *upper,
        rf' & {" & ".join(map(_escape, heads))} \\', r'\midrule',
        *(rf'{row} \\' for row in rows), r'\bottomrule', r'\end{tabular}', '',
    ])  # fmt: skip


def html(table: PrintedTable) -> str:
    """A table as an element of a page or a notebook; every text is escaped."""
    return str(templates().get_template('macros.html').module.show(table))


@cache
def templates():
    """The jinja2 environment of the report's templates, in which every text is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def as_text(value: object) -> object:
        return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    return Environment(
        loader=PackageLoader('pyterrier_hybrid.experiment', 'report'), autoescape=True, undefined=StrictUndefined,
        finalize=as_text, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def csv(result: 'Result', path: str | Path | None = None) -> str:
    """Every cell as CSV, blank ones with their reason (:func:`~.rows.tidy_cells`), written to ``path`` if there is one.

    Values have all their digits. A text that a spreadsheet would read as a formula has an apostrophe before it.
    """
    cells = tidy_cells(result)
    for name in cells.columns.drop(['value', 'n', 'cut']):
        cells[name] = cells[name].map(_no_formula, na_action='ignore')
    content = cells.to_csv(index=False, lineterminator='\n')
    if path is not None:
        replace_text(path, content)
    return content


def _line(cells: list[str]) -> str:
    return f'| {" | ".join(cells)} |'


def _as_markdown(content: str) -> str:
    return _MARKDOWN.sub(lambda found: rf'{found[0][:-1]}\{found[0][-1]}', one_line(content))


def _escape(content: str) -> str:
    return ''.join(_LATEX.get(character, character) for character in one_line(content))


def _no_formula(content: object) -> str:
    content = str(content).encode(errors='replace').decode()  # replaces halves of surrogate pairs
    return f"'{content}" if content.startswith(_FORMULA) else content

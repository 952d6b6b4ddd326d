"""A result for readers and other programs: text, Markdown, LaTeX, HTML and CSV, the same bytes for the same result."""
import re
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pyterrier_hybrid.experiment.result import Result
from pyterrier_hybrid.experiment.rows import Table, tidy_cells

_LATEX = {'&': r'\&', '%': r'\%', '$': r'\$', '#': r'\#', '_': r'\_', '{': r'\{', '}': r'\}', '~': r'\textasciitilde{}',
          '^': r'\textasciicircum{}', '\\': r'\textbackslash{}'}  # fmt: skip


def text(table: Table, width: int | None = None) -> str:
    """A table as lines for a terminal: labels to the left, values to the right, notes below.

    Args:
        table: the table.
        width: of a line, at most; groups of columns that do not fit go below the others. None for the terminal's.
    """
    width = shutil.get_terminal_size().columns if width is None else width
    two = table.has_two_heading_rows()
    over = ['', *(part for group, _, span in table.groups() for part in (group, *[''] * (span - 1)))]
    names = [column.name for column in table.columns] if two else table.headings()
    rows = ([label, *(cell.text for cell in cells)] for label, cells in table.rows())
    lines = [over] * two + [[table.head, *names], *rows]
    widths = [2 + max(map(len, column)) for column in zip(*lines)]
    parts, first = [[0]], 1
    for *_, span in table.groups():
        columns, first = range(first, first + span), first + span
        if len(parts[-1]) > 1 and sum(widths[i] for i in (*parts[-1], *columns)) - 2 > width:
            parts.append([0])
        parts[-1] += columns
    ways = '; '.join(f'{group}: {hint}' for group, hint, _ in table.groups() if hint)
    blocks = (aligned([[line[i] for i in part] for line in lines]) for part in parts)
    return '\n'.join([f'{table.caption} ({ways})' if ways else table.caption, '', *blocks, *table.notes])


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Cells of text as lines of equal columns, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    rows = ([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines)
    return '\n'.join('  '.join(row).rstrip() for row in rows)


def markdown(table: Table) -> str:
    """A table in GitHub's flavour of Markdown, the best in bold, notes below."""
    lines = [['', *table.headings()]] + [
        [label, *(f'**{cell.text}**' if cell.strong else cell.text for cell in cells)]
        for label, cells in table.rows()
    ]  # fmt: skip
    lines = [[cell.replace('|', r'\|') for cell in line] for line in lines]
    widths = [max(3, *map(len, column)) for column in zip(*lines)]
    rows = [_line([cell.ljust(widths[0]) if i == 0 else cell.rjust(widths[i]) for i, cell in enumerate(line)])
            for line in lines]  # fmt: skip
    rule = _line(['-' * widths[0], *('-' * (width - 1) + ':' for width in widths[1:])])
    title = [table.groups()[0][0], ''] if len(table.groups()) == 1 else []
    return '\n'.join([*title, rows[0], rule, *rows[1:], *(part for note in table.notes for part in ('', note))]) + '\n'


def latex(table: Table) -> str:
    """A table as a ``tabular`` (with booktabs), the best in bold, notes as comments."""
    head, edges, first = [], [], 2
    for group, _, span in table.groups():
        head.append(rf'\multicolumn{{{span}}}{{c}}{{{_escape(group)}}}')
        edges.append(rf'\cmidrule(lr){{{first}-{first + span - 1}}}')
        first += span
    rows = [
        ' & '.join([_escape(label), *(rf'\textbf{{{cell.text}}}' if cell.strong else cell.text for cell in cells)])
        for label, cells in table.rows()
    ]  # fmt: skip
    return '\n'.join([
        *(f'% {note}' for note in table.notes),
        rf'\begin{{tabular}}{{l{"r" * len(table.columns)}}}', r'\toprule', rf' & {" & ".join(head)} \\',
        ' '.join(edges),
        rf' & {" & ".join(_escape(column.name) for column in table.columns)} \\', r'\midrule',
        *(rf'{row} \\' for row in rows), r'\bottomrule', r'\end{tabular}', '',
    ])  # fmt: skip


def html(table: Table) -> str:
    """A table as an element of a page or a notebook; every text is escaped."""
    return str(templates().get_template('macros.html').module.show(table))


@cache
def templates():
    """The jinja2 environment of the report's templates, in which every text is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader('pyterrier_hybrid.experiment', 'report'), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False,
    )  # fmt: skip


def csv(result: Result, path: str | Path | None = None) -> str:
    """Every cell of a result as CSV (:func:`~.rows.tidy_cells`), written to ``path`` if there is one.

    Values have all their digits.
    """
    content = tidy_cells(result).to_csv(index=False, lineterminator='\n')
    if path is not None:
        Path(path).write_text(content, encoding='utf-8')
    return content


def _line(cells: list[str]) -> str:
    return f'| {" | ".join(cells)} |'


def _escape(content: str) -> str:
    return re.sub(r'[&%$#_{}~^\\]', lambda found: _LATEX[found[0]], content)

"""A result for other programs: Markdown, LaTeX and CSV. The same result gives the same bytes."""
import re
from pathlib import Path

from .result import Result
from .sheets import Sheet, tidy_cells

_LATEX = {'&': r'\&', '%': r'\%', '$': r'\$', '#': r'\#', '_': r'\_', '{': r'\{', '}': r'\}', '~': r'\textasciitilde{}',
          '^': r'\textasciicircum{}', '\\': r'\textbackslash{}'}  # fmt: skip


def markdown(sheet: Sheet) -> str:
    """A sheet as a GitHub-flavoured table, the best in bold, notes below."""
    heads = [group for group, span in sheet.groups for _ in range(span)]
    several = len(set(heads)) > 1
    head = [f'{g} {c}' if several else c for g, c in zip(heads, sheet.columns)]
    lines = [['', *head]] + [
        [label, *(f'**{cell}**' if best else cell for cell, best in zip(cells, flags))]
        for (label, cells), flags in zip(sheet.rows, sheet.best)
    ]
    lines = [[cell.replace('|', r'\|') for cell in line] for line in lines]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(head) + 1)]
    rows = [_line([cell.ljust(widths[0]) if i == 0 else cell.rjust(widths[i]) for i, cell in enumerate(line)])
            for line in lines]  # fmt: skip
    rule = _line(['-' * widths[0], *('-' * (width - 1) + ':' for width in widths[1:])])
    title = [] if several or not sheet.groups else [sheet.groups[0][0], '']
    return '\n'.join([*title, rows[0], rule, *rows[1:], *_paragraphs(sheet.notes)]) + '\n'


def latex(sheet: Sheet) -> str:
    """A sheet as a ``tabular`` (with booktabs), the best in bold, notes as comments."""
    spans = ' & '.join(rf'\multicolumn{{{span}}}{{c}}{{{_escape(group)}}}' for group, span in sheet.groups)
    edges, first = [], 2
    for _, span in sheet.groups:
        edges.append(rf'\cmidrule(lr){{{first}-{first + span - 1}}}')
        first += span
    rows = [
        ' & '.join([_escape(label), *(rf'\textbf{{{cell}}}' if best else cell for cell, best in zip(cells, flags))])
        for (label, cells), flags in zip(sheet.rows, sheet.best)
    ]
    return '\n'.join([
        *(f'% {note}' for note in sheet.notes),
        rf'\begin{{tabular}}{{l{"r" * len(sheet.columns)}}}', r'\toprule', rf' & {spans} \\', ' '.join(edges),
        rf' & {" & ".join(map(_escape, sheet.columns))} \\', r'\midrule', *(rf'{row} \\' for row in rows),
        r'\bottomrule', r'\end{tabular}', '',
    ])  # fmt: skip


def csv(result: Result, path: str | Path | None = None) -> str:
    """Every cell of a result as CSV (:func:`~.sheets.tidy_cells`), written to ``path`` if there is one.

    Values have all their digits.
    """
    text = tidy_cells(result).to_csv(index=False, lineterminator='\n')
    if path is not None:
        Path(path).write_text(text, encoding='utf-8')
    return text


def _line(cells: list[str]) -> str:
    return f'| {" | ".join(cells)} |'


def _paragraphs(notes: list[str]) -> list[str]:
    return [line for note in notes for line in ('', note)]


def _escape(text: str) -> str:
    return re.sub(r'[&%$#_{}~^\\]', lambda found: _LATEX[found[0]], text)

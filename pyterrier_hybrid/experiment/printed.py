"""A table that can be printed. Every output (see :mod:`~.exports`) renders it."""
from dataclasses import dataclass, field
from itertools import groupby


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its heading.
        group: a heading that it shares with the columns beside it.
        hint: a text below that heading, such as which direction is better.
        title: its heading in full, where ``name`` is short.
        words: whether its cells hold sentences.
    """

    name: str
    group: str = ''
    hint: str = ''
    title: str = ''
    words: bool = False


@dataclass(frozen=True)
class PrintedCell:
    """A cell of a table.

    Attributes:
        text: what it shows; empty if it has no value.
        strong: whether it is highlighted: the best of several systems, or significant.
        note: the number of the note on it, from 1; 0 for none.
        blank: what a page shows instead of an empty text.
    """

    text: str = ''
    strong: bool = False
    note: int = 0
    blank: str = ''


@dataclass(frozen=True)
class Block:
    """Rows of a table that belong together: a label and a cell per column each, below a heading if there is one."""

    rows: list[tuple[str, list[PrintedCell]]]
    heading: str = ''


@dataclass(frozen=True)
class PrintedTable:
    """A table that can be printed.

    Attributes:
        caption: what it shows.
        columns: all but the first, which holds the labels.
        blocks: its rows.
        notes: sentences below it, numbered from 1.
        head: the heading of the labels.
    """

    caption: str
    columns: list[Column]
    blocks: list[Block]
    notes: list[str] = field(default_factory=list)
    head: str = 'System'

    def rows(self) -> list[tuple[str, list[PrintedCell]]]:
        """All rows, a block's heading as a row without values."""
        empty = [PrintedCell()] * len(self.columns)
        return [row for block in self.blocks for row in ([(block.heading, empty)] * bool(block.heading) + block.rows)]

    def groups(self) -> list[tuple[str, str, int]]:
        """The upper heading row: heading, hint and number of columns of each group."""
        keys = groupby((column.group, column.hint) for column in self.columns)
        return [(*key, len(list(same))) for key, same in keys]

    def full_caption(self) -> str:
        """The caption. If the columns have a single group, its heading and hint are added if the caption lacks them."""
        if len(self.groups()) != 1:
            return self.caption
        (group, hint, _), = self.groups()
        return ', '.join(part for part in (self.caption, '' if group in self.caption else group, hint) if part)

    def has_two_heading_rows(self) -> bool:
        """Whether groups need a row of their own: there are several, and one has several columns."""
        return len(self.groups()) > 1 and any(span > 1 for *_, span in self.groups())

    def has_numbered_notes(self) -> bool:
        """Whether a cell names a note by its number."""
        return any(cell.note for _, cells in self.rows() for cell in cells)

    def headings(self) -> list[str]:
        """The columns' headings in one row, with their groups if there are several."""
        several = len(self.groups()) > 1
        return [f'{column.group} {column.name}' if several and column.group else column.name for column in self.columns]

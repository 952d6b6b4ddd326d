"""HTML in pieces. What comes from a result is text and goes through :func:`text`; everything else here is markup."""
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple


class Group(NamedTuple):
    """Rows of a table that belong together, under a heading of their own unless it is empty."""

    heading: str
    rows: list[tuple[str, list[str]]]


def text(value: object) -> str:
    """Any value as text of a page."""
    return escape(str(value))


def element(name: str, *content: str, **attributes: object) -> str:
    """An element with markup as its content; ``class_`` is the attribute class, ``aria_label`` is aria-label."""
    given = ''.join(f' {key.rstrip("_").replace("_", "-")}="{escape(str(v))}"' for key, v in attributes.items())
    return f'<{name}{given}>{"".join(content)}</{name}>'


def section(ident: str, heading: str, *content: str) -> str:
    """A section of the page, that the page's list of contents can name."""
    return f'<section id="{ident}">\n<h2>{text(heading)}</h2>\n' + '\n'.join(content) + '\n</section>'


def details(summary: str, *content: str) -> str:
    """What is folded away until the reader opens it."""
    return element('details', element('summary', text(summary)), *content)


def header_row(cells: Iterable[str]) -> str:
    """A heading row of column headings, given as markup; a cell without a ``th`` of its own gets one."""
    headings = (cell if cell.startswith('<th') else element('th', cell, scope='col') for cell in cells)
    return element('tr', *headings)


def words(line: str) -> str:
    """A cell that holds a sentence, which may be broken into lines."""
    return element('td', text(line), class_='words')


#: The heading of such cells.
IN_WORDS = element('th', 'In words', scope='col', class_='words')


def table(caption: str, header: Sequence[str], groups: Sequence[Group], columns: int) -> str:
    """A table that scrolls inside a box of its own.

    Args:
        caption: text that says what is in it.
        header: its heading rows, markup.
        groups: its rows: the row's heading and its cells, all markup; a cell without a ``td`` of its own gets one.
        columns: how many columns there are, the row headings among them.
    """
    bodies = []
    for group in groups:
        rows = []
        if group.heading:
            heading = element('th', element('span', group.heading), scope='rowgroup', colspan=columns)
            rows.append(element('tr', heading, class_='group'))
        for head, cells in group.rows:
            data = (cell if cell.startswith('<td') else element('td', cell) for cell in cells)
            rows.append(element('tr', element('th', head, scope='row'), *data))
        bodies.append(element('tbody', '\n'.join(rows)))
    inner = element('table', element('caption', element('span', text(caption))), element('thead', *header), *bodies)
    return element('div', inner, class_='scroll', role='region', tabindex=0, aria_label=caption)

"""Blank cells and their reasons, as numbered notes under the tables."""
import pandas as pd

from ..result import Result
from .markup import element, text
from .words import setting_name


class BlankNotes:
    """The reasons of a result's blank cells, numbered in the order in which they come.

    Args:
        result: its ``blanks`` are read; a value that is missing without an entry there was not evaluated.
    """

    def __init__(self, result: Result):
        self._blanks, self._systems = result.blanks, result.systems
        self._reasons = list(dict.fromkeys(map(str, self._blanks['reason'])))

    def marks(self, system: str, measure: str, setting: str, query_lang: str | None = None) -> str:
        """Links to the notes on the blank cells of a system, measure and kind of setting; empty if it has none."""
        rows = self._blanks
        chosen = (rows['system'] == system) & (rows['measure'] == measure) & (rows['setting'] == setting)
        if query_lang is not None:
            chosen &= rows['query_lang'] == query_lang
        numbers = sorted({self._reasons.index(str(reason)) + 1 for reason in rows.loc[chosen, 'reason']})
        links = ' '.join(element('a', f'[{n}]', href=f'#blank-{n}') for n in numbers)
        return element('sup', links) if links else ''

    def cell(self, shown: str, missing: bool, marks: str) -> str:
        """A cell: its value and, where some or all of it is blank, the notes on it."""
        if not missing:
            return shown + marks
        return element('td', f'blank{marks}' if marks else 'not evaluated', class_='blank')

    def html(self) -> str:
        """The notes as an ordered list; empty if nothing is blank."""
        if not self._reasons:
            return ''
        items = [
            element('li', text(f'{reason[:1].upper()}{reason[1:]}: {self._where(rows)}.'), id=f'blank-{n}')
            for n, reason in enumerate(self._reasons, start=1)
            for rows in [self._blanks[self._blanks['reason'].astype(str) == reason]]
        ]
        heading = element('p', 'Blank cells. They are not zeros, and no mean counts them.', class_='notes')
        return heading + element('ol', '\n'.join(items), class_='notes')

    def _where(self, rows: pd.DataFrame) -> str:
        """Which cells: ``RankDistance, LPR in 11 monolingual and 110 cross-lingual settings of all systems``."""
        measures: dict[tuple, list[str]] = {}
        for (setting, measure), some in rows.groupby(['setting', 'measure'], sort=False, observed=True):
            systems = tuple(dict.fromkeys(map(str, some['system'])))
            count = len(some[['query_lang', 'doc_lang']].drop_duplicates())
            measures.setdefault((systems, setting, count), []).append(str(measure))
        settings: dict[tuple, list[tuple[int, str]]] = {}
        for (systems, setting, count), names in measures.items():
            settings.setdefault((systems, tuple(names)), []).append((count, setting_name(setting)))
        return '; '.join(
            f'{", ".join(names)} in {" and ".join(f"{count} {kind}" for count, kind in counts)} '
            f'{"setting" if counts[-1][0] == 1 else "settings"} of '
            + ('all systems' if len(systems) == len(self._systems) else ', '.join(systems))
            for (systems, names), counts in settings.items()
        )

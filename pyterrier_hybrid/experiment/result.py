"""The result of an experiment: a value per system, setting, measure and question, and the tables made of these."""
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from ir_measures.measures import Measure

from pyterrier_hybrid.experiment.contributions import NothingToCompare
from pyterrier_hybrid.experiment.exports import csv, html, latex, markdown
from pyterrier_hybrid.experiment.frames import (
    BLANK_COLUMNS,
    CELL,
    CHANCE_COLUMNS,
    COLUMNS,  # noqa: F401  (imported from here)
    MATRIX_COLUMNS,
    SETTING_KINDS,
)
from pyterrier_hybrid.experiment.languages_won import compare_by_language
from pyterrier_hybrid.experiment.printed import PrintedTable
from pyterrier_hybrid.experiment.rows import language_table, summary_table
from pyterrier_hybrid.experiment.significance import compare, equivalence
from pyterrier_hybrid.experiment.storage import load_result, save_result, verify_result
from pyterrier_hybrid.measures.facts import Facts

if TYPE_CHECKING:
    from pyterrier_hybrid.experiment.study_result import StudyResult


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """The outcome of :func:`MultilingualExperiment`.

    Attributes:
        per_query: one row per system, setting, measure and question: ``system, setting, query_lang, doc_lang`` (missing
            in the multilingual setting), ``measure, qid, value``. All but ``value`` may be categorical.
        systems, measures: their names, in the order given.
        dataset: the collection's name.
        blanks: the cells that have no value, and why: ``system, setting, query_lang, doc_lang, measure, reason``.
        matrix: the language matrix of each system, see :meth:`language_matrix`: ``system, query_lang, doc_lang, rank,
            AP, n``, n the number of questions.
        chance: the values of a system without any preference for a language, for the measures for which they are known
            (LPR, RankDistance): ``measure, query_lang, value``, over all questions about which the measure can say
            something. For a system with values for fewer questions, a note has chance over the same questions.
        cut: the systems whose multilingual runs were cut, and the depth, which is the length of their longest list. In
            RankDistance, documents that such a system has not retrieved count as if they followed in random order. Do
            not compare its values with those of full rankings; tables mark them.
        facts: the direction, unit and range of each measure, by its name.
        notes: sentences to be printed under a table, such as that a system's runs are cut at a depth.
        provenance: what the figures were made from: versions, fingerprints, model names, settings; JSON values. The
            same inputs give the same content.
    """

    per_query: pd.DataFrame
    systems: list[str]
    measures: list[str]
    dataset: str
    blanks: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=BLANK_COLUMNS))
    matrix: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=MATRIX_COLUMNS))
    chance: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=CHANCE_COLUMNS))
    notes: list[str] = field(default_factory=list)
    provenance: dict = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Adds the facts of measures that were given without them."""
        self.facts.update({name: Facts.of(name) for name in self.measures if name not in self.facts})

    def __repr__(self) -> str:
        systems, measures = ', '.join(self.systems), ', '.join(self.measures)
        return f'<Result on {self.dataset}: {systems:.200}; by {measures:.200}>'

    def _repr_html_(self) -> str:
        return html(self._rows(None, None))

    compare = compare
    equivalence = equivalence
    compare_by_language = compare_by_language
    to_csv = csv
    save = save_result
    load = staticmethod(load_result)
    verify = staticmethod(verify_result)

    def by_setting(self) -> pd.DataFrame:
        """The mean over the questions of every single setting.

        Returns:
            Columns ``system, setting, query_lang, doc_lang`` (None in the multilingual settings), ``measure, value,
            n``, n the number of questions.
        """
        grouped = self.per_query.groupby(CELL, sort=False, dropna=False, observed=True)['value']
        cells = grouped.agg(value='mean', n='size').reset_index()
        return cells.astype(dict.fromkeys(CELL, object)).where(cells.notna(), None).astype({'value': float, 'n': int})

    def table(self) -> pd.DataFrame:
        """The paper's summary (arXiv 2408.10536, tables 1 and 2): each figure is the mean over the settings of a kind.

        Returns:
            One row per system, columns (measure, setting); NaN where a measure does not apply (see :attr:`blanks`).
        """
        means = self.by_setting().groupby(['system', 'measure', 'setting'], sort=False)['value'].mean()
        columns = [(measure, kind) for measure in self.measures for kind in SETTING_KINDS]
        columns = pd.MultiIndex.from_tuples(columns, names=['measure', 'setting'])
        table = means.unstack(['measure', 'setting']).reindex(index=self.systems, columns=columns)
        return table[[column for column in columns if table[column].notna().any()]]

    def by_query_language(self, measure: str, setting: str) -> pd.DataFrame:
        """One measure in one kind of setting: a row per system, a column per question language, macro-averaged.

        Raises:
            ValueError: the result has no value for the measure or setting; names those it has.
        """
        self.check(measure, setting)
        rows = self.by_setting()
        rows = rows[(rows['measure'] == measure) & (rows['setting'] == setting)]
        means = rows.groupby(['system', 'query_lang'], sort=False)['value'].mean().unstack('query_lang')
        return means.reindex(index=self.systems, columns=sorted(means.columns))

    def language_matrix(self, system: str, value: str = 'rank') -> pd.DataFrame:
        """How a system ranks relevant passages of each language for questions of each language, over the whole pool.

        See :func:`pyterrier_hybrid.measures.language_matrix`, whose frame this is.

        Args:
            system: its name.
            value: ``'rank'`` (the mean rank) or ``'AP'`` (average precision when those passages alone are relevant).

        Raises:
            ValueError: an unknown system or value, or a system without multilingual settings.
        """
        if value not in ('rank', 'AP'):
            raise ValueError(f"a language matrix holds 'rank' or 'AP', not {value!r}")
        rows = self.matrix[self.matrix['system'] == system]
        if not len(rows):
            known = ', '.join(map(str, self.matrix['system'].unique())) or 'none'
            raise ValueError(f'there is no language matrix of system {system!r}; there is one of: {known}')
        return rows.pivot(index='query_lang', columns='doc_lang', values=value).astype(float)

    def check_measure(self, measure: str) -> None:
        """Raises ValueError, with the known names, for a measure that the result does not have."""
        if measure not in self.measures:
            raise ValueError(f'the result has no measure {measure!r}; it has {", ".join(self.measures)}')

    def check(self, measure: str, setting: str) -> None:
        """Raises ValueError, with the reason or the known names, for a measure or setting without values."""
        self.check_measure(measure)
        if setting not in SETTING_KINDS:
            raise ValueError(f'the result has no setting {setting!r}; it has {", ".join(SETTING_KINDS)}')
        chosen = (self.per_query['measure'] == measure) & (self.per_query['setting'] == setting)
        if not chosen.any():
            blank = self.blanks[(self.blanks['measure'] == measure) & (self.blanks['setting'] == setting)]
            reason = blank['reason'].iloc[0] if len(blank) else 'that kind of setting was not evaluated'
            raise ValueError(f'{measure} has no value in the {setting} settings: {reason}')

    def to_markdown(self, measures: Sequence[str] | None = None, *, setting: str | None = None) -> str:
        """The summary as a Markdown table, best figures in bold; with ``setting``, one measure by question language.

        Args:
            measures: which measures, by name; None for all.
            setting: a kind of setting. The table then has a column per language, for the one measure named.

        Raises:
            ValueError: an unknown measure or setting, or ``setting`` with several measures.
        """
        return markdown(self._rows(measures, setting))

    def to_latex(self, measures: Sequence[str] | None = None, *, setting: str | None = None) -> str:
        """The same as a LaTeX ``tabular`` for booktabs; see :meth:`to_markdown`."""
        return latex(self._rows(measures, setting))

    def _rows(self, measures: Sequence[str] | None, setting: str | None) -> PrintedTable:
        measures = [measures] if isinstance(measures, str) else measures
        if setting is None:
            return summary_table(self, measures)
        if measures is None or len(measures) != 1:
            raise ValueError('a table by question language is of one measure; name it')
        return language_table(self, measures[0], setting)

    def report(
        self,
        path: str | Path,
        *,
        baseline: str | None = None,
        margin: float | Mapping[str, float] | Mapping[Measure, float] | None = None,
        study: 'StudyResult | None' = None,
        title: str | None = None,
        verbose: bool = False,
    ) -> Path:
        """Writes one HTML file with tables, figures and what they were made from; see :func:`~.report.write_report`.

        Args:
            path, study, title: as there; it also says what is raised.
            baseline: a system; the differences to it are tested, over all languages and, by the measures that have
                a better direction, in each language.
            margin: with a baseline, the systems are also tested for equivalence to it, see :meth:`equivalence`.
            verbose: show a progress bar.

        Returns:
            The file's path.

        Raises:
            ValueError: a margin without a baseline, or an unknown name.
        """
        from pyterrier_hybrid.experiment.report import write_report

        if margin is not None and baseline is None:
            raise ValueError('margin is of the difference to a baseline; give baseline= too')
        tests = {}
        if baseline is not None:
            tests['significance'] = self.compare(baseline)
            with suppress(NothingToCompare):  # LPR, for example, has no better direction
                tests['by_language'] = self.compare_by_language(baseline, verbose=verbose)
            if margin is not None:
                tests['equivalence'] = self.equivalence(baseline, margin=margin)
        return write_report(self, path, study=study, title=title, **tests)

    def to_parquet(self, path: str | Path) -> None:
        """The old name of :meth:`save`, which writes a folder."""
        warnings.warn('Result.to_parquet is Result.save now, which writes a folder', FutureWarning, stacklevel=2)
        self.save(path)

    @staticmethod
    def read_parquet(path: str | Path) -> 'Result':
        """The old name of :meth:`load`, which also reads a single Parquet file of an earlier version."""
        warnings.warn('Result.read_parquet is Result.load now', FutureWarning, stacklevel=2)
        return load_result(path)

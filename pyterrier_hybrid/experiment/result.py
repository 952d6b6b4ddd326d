"""What an experiment found: a value per system, setting, measure and question, and the tables made of it."""
from dataclasses import dataclass

import pandas as pd

COLUMNS = ['system', 'setting', 'query_lang', 'doc_lang', 'measure', 'qid', 'value']


@dataclass(frozen=True)
class Result:
    """The outcome of :func:`MultilingualExperiment`.

    Attributes:
        per_query: one row per system, setting, measure and question: ``system, setting, query_lang, doc_lang`` (None in
            the multilingual setting), ``measure, qid, value``.
        systems, measures: their names, in the order given.
        dataset: the collection's name.
    """

    per_query: pd.DataFrame
    systems: list[str]
    measures: list[str]
    dataset: str

    def by_setting(self) -> pd.DataFrame:
        """The mean over the questions of every single setting.

        Returns:
            Columns ``system, setting, query_lang, doc_lang, measure, value, n``, n the number of questions.
        """
        keys = COLUMNS[:5]
        grouped = self.per_query.groupby(keys, sort=False, dropna=False)['value']
        return grouped.agg(value='mean', n='size').reset_index()

    def table(self) -> pd.DataFrame:
        """The paper's tables 3 to 6: each figure is the mean over the settings of its kind.

        Returns:
            One row per system, columns (measure, setting); blank where a measure does not apply.
        """
        means = self.by_setting().groupby(['system', 'measure', 'setting'], sort=False)['value'].mean()
        table = means.unstack(['measure', 'setting'])
        kinds = [k for k in ('monolingual', 'crosslingual', 'multilingual') if k in set(self.per_query['setting'])]
        columns = [(m, k) for m in self.measures for k in kinds if (m, k) in table.columns]
        names = ['measure', 'setting']
        return table.reindex(index=self.systems, columns=pd.MultiIndex.from_tuples(columns, names=names))

    def by_query_language(self, measure: str, setting: str) -> pd.DataFrame:
        """One measure in one kind of setting: a row per system, a column per question language, macro-averaged."""
        rows = self.by_setting()
        rows = rows[(rows['measure'] == measure) & (rows['setting'] == setting)]
        return rows.pivot_table(index='system', columns='query_lang', values='value', sort=False).reindex(self.systems)

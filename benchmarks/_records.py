"""Records of runs on a real encoder: one file a run and collection, from which every table and test is computed.

A record is JSON: the run (name, mix, seed), its settings, versions, cost, the figure of every language setting, and
what each question contributes to every figure of the table. Reading it needs neither the encoder nor the data.
"""
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pyterrier_hybrid.experiment import Result
from pyterrier_hybrid.experiment.contributions import by_question
from pyterrier_hybrid.experiment.paired import paired_t, t_interval, tost
from pyterrier_hybrid.files import replace_text

RECORDS = Path(__file__).parent / 'records'
#: Figures of the tables: measure and kind of setting.
FIGURES = [
    *((measure, kind) for measure in ('AP', 'R@1', 'R@10') for kind in ('monolingual', 'crosslingual', 'multilingual')),
    *((measure, 'multilingual') for measure in ('RankDistance', 'LPR', 'TLR@20')),
]
#: Measures in ranks: lower is better, and they need fewer digits.
RANKS = ('RankDistance',)


@dataclass(frozen=True, eq=False)
class Record:
    """One run on one collection.

    Attributes:
        about: run, mix, seed, dataset, settings, versions, cost.
        cells: ``setting, query_lang, doc_lang, measure, value``, one row per language setting and measure.
        questions: what each question contributes to each figure, columns of :data:`FIGURES`, indexed by qid; the mean
            of a column is the figure.
        df: the degrees of freedom of each column.
    """

    about: dict
    cells: pd.DataFrame
    questions: pd.DataFrame
    df: dict[tuple[str, str], float]

    @property
    def figures(self) -> pd.Series:
        """The table's figures, by measure and kind of setting."""
        return self.cells.groupby(['measure', 'setting'], sort=False)['value'].mean()


def place(run: str, dataset: str, folder: Path = RECORDS) -> Path:
    """The path of a record."""
    return folder / dataset / f'{run}.json'


def write(result: Result, run: str, about: dict, folder: Path = RECORDS) -> None:
    """Writes the record of a result of one system."""
    cells = result.by_setting()
    rows = [[*cell, measure, _short(measure, value)] for *cell, measure, value in
            cells[['setting', 'query_lang', 'doc_lang', 'measure', 'value']].itertuples(index=False)]  # fmt: skip
    questions, df = _contributions(result.per_query)
    if questions.isna().all().any():
        raise ValueError(f'no question of {run} contributes to {questions.columns[questions.isna().all()].tolist()}')
    columns = {f'{measure} {kind}': [_short(measure, value) for value in questions[measure, kind]]
               for measure, kind in questions}  # fmt: skip
    content = {
        'run': run, 'dataset': result.dataset, **about, 'cells': rows,
        'degrees_of_freedom': {' '.join(figure): round(value, 1) for figure, value in df.items()},
        'questions': {'qid': questions.index.tolist(), **columns},
    }  # fmt: skip
    path = place(run, result.dataset, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ',\n'.join(f'"{key}": {json.dumps(value, separators=(",", ":"))}' for key, value in content.items())
    replace_text(path, f'{{\n{lines}\n}}\n')


def read(run: str, dataset: str, folder: Path = RECORDS) -> Record | None:
    """Reads a record; None if there is none."""
    path = place(run, dataset, folder)
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding='utf-8'))
    cells = pd.DataFrame(content.pop('cells'), columns=['setting', 'query_lang', 'doc_lang', 'measure', 'value'])
    questions = content.pop('questions')
    index = pd.Index(questions.pop('qid'), name='qid')
    columns = {tuple(name.rsplit(' ', 1)): values for name, values in questions.items()}
    frame = pd.DataFrame(columns, index=index, dtype=float)
    every = (frame.count() - 1).to_dict()  # a record without degrees of freedom has every question in every cell
    df = {tuple(name.rsplit(' ', 1)): value for name, value in content.pop('degrees_of_freedom', {}).items()}
    return Record(content, cells, frame, {**every, **df})


def compared(runs: list[Record], baselines: list[Record], margin: float = 0.01) -> pd.DataFrame:
    """Tests a system against a baseline, both the mean over their seeds, question by question.

    The tests generalise to new questions for these encoders; the tables beside them show how much seeds differ.

    Returns:
        Indexed by measure and kind of setting: ``difference, low, high`` (95%), ``p`` (paired t), ``p_equivalent``
        (TOST within ``margin``; NaN for ranks), ``languages_won`` (NaN for LPR, which has no better direction),
        ``languages``.
    """
    found = {}
    for figure in FIGURES:
        one, other = (pd.concat([r.questions[figure] for r in side], axis=1).mean(axis=1) for side in (runs, baselines))
        differences = (one - other).dropna().to_numpy()
        df = min(record.df[figure] for record in (*runs, *baselines))
        low, high = t_interval(differences, 0.95, df)
        better = -1 if figure[0] in RANKS else 1
        langs = [_by_language(side, figure) for side in (runs, baselines)]
        found[figure] = {
            'difference': differences.mean(), 'low': low, 'high': high, 'p': paired_t(differences, df).p,
            'p_equivalent': np.nan if figure[0] in RANKS else tost(differences, margin, df),
            'languages_won': np.nan if figure[0] == 'LPR' else (better * (langs[0] - langs[1]) > 0).sum(),
            'languages': len(langs[0]),
        }  # fmt: skip
    return pd.DataFrame.from_dict(found, orient='index')


def _by_language(side: list[Record], figure: tuple[str, str]) -> pd.Series:
    """The mean of a figure over seeds, by the questions' language."""
    cells = pd.concat([record.cells for record in side])
    chosen = cells[(cells['measure'] == figure[0]) & (cells['setting'] == figure[1])]
    return chosen.groupby('query_lang')['value'].mean()


def _contributions(per_query: pd.DataFrame) -> tuple[pd.DataFrame, dict[tuple[str, str], float]]:
    """The contributions of questions to each figure, and its degrees of freedom, by ``contributions.by_question``.

    They are linear in the values, so the difference of two systems' contributions is the contribution to their
    difference.
    """
    rows = per_query.astype(dict.fromkeys(['query_lang', 'doc_lang', 'measure', 'setting', 'qid'], object))
    rows = rows.assign(cell=rows['query_lang'] + '>' + rows['doc_lang'].fillna(''))
    columns, df = {}, {}
    for (measure, kind), chosen in rows.groupby(['measure', 'setting'], sort=False):
        values = chosen['value'].to_numpy(float)
        of_question, qids = chosen['qid'].factorize()
        found = by_question(chosen['cell'].factorize()[0], of_question, values, np.zeros_like(values))
        columns[measure, kind], df[measure, kind] = pd.Series(found.differences, index=qids), found.df
    return pd.DataFrame(columns).sort_index(), df


def _short(measure: str, value: float) -> float | None:
    """A value with as many digits as the tables and tests need; None if there is no value."""
    return None if pd.isna(value) else round(float(value), 0 if measure in RANKS else 5)

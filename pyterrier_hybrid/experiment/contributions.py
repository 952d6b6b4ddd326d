"""The contribution of each question to the difference of two systems in a table: the unit of every test here.

A question asked in 11 languages over passages in 10 others gives 110 correlated values. These are one observation, not
110: a test that resamples or flips them one by one finds almost any difference significant.
"""
from typing import NamedTuple

import numpy as np
import pandas as pd

_CELL = ['query_lang', 'doc_lang']
#: A deviation of less than this share of the greatest value is a rounding error.
_ROUNDING = 1e-12


class Contributions(NamedTuple):
    """Two systems, question by question.

    Attributes:
        value, baseline_value: the figures that are compared, means over cells of means over questions.
        difference: float, ``value - baseline_value``.
        differences: float64 (n,), what the questions contribute to it, for the t test, TOST and intervals. Their mean
            is the difference, and their variance over n is unbiased for its sampling variance if cells share no
            questions or all.
        raw: float64 (n,), the same without the correction for small cells, for tests that exchange the systems or
            compare ranks: n/C times the sum of value/n_c over the question's cells. It is 0 if the systems are equal.
        df: the degrees of freedom of ``differences``.
        deviation: the standard deviation of a paired difference in one cell, the root of the mean variance over cells.
        left_out: the cells with values of a single question, which has no variance: ``de`` or ``de>en``.
    """

    value: float
    baseline_value: float
    difference: float
    differences: np.ndarray
    raw: np.ndarray
    df: float
    deviation: float
    left_out: tuple[str, ...] = ()

    @property
    def effect(self) -> float:
        """The difference in standard deviations of one question in one cell (Cohen's d for paired data).

        Infinite if no question's difference deviates from its cell's mean, and 0 if nothing differs.
        """
        if self.difference == 0:
            return 0.0
        with np.errstate(divide='ignore'):
            return float(np.float64(self.difference) / self.deviation)


class NothingToCompare(ValueError):
    """There is nothing in which two systems can be compared."""


class TooFewQuestions(NothingToCompare):
    """No cell has two questions with values of both systems: there is no sample."""


def contributions(rows: pd.DataFrame, system: str, baseline: str) -> Contributions:
    """Returns the contributions of questions to the difference of two systems, see :func:`by_question`.

    Only cells and questions for which both systems have a value count.

    Args:
        rows: the rows of ``Result.per_query`` of one measure and kind of setting.
        system, baseline: the systems; positive differences are in favour of ``system`` if more is better.

    Raises:
        TooFewQuestions: no cell has two questions with values of both.
    """
    rows = rows[rows['system'].isin([system, baseline])]
    rows = rows.astype(dict.fromkeys([*_CELL, 'qid'], object)).fillna({'doc_lang': ''})  # join drops missing keys
    values = [rows[rows['system'] == name].set_index([*_CELL, 'qid'])['value'] for name in (system, baseline)]
    both = values[0].to_frame('a').join(values[1].rename('b'), how='inner').sort_index().reset_index()
    single = both.groupby(_CELL)['a'].transform('size') < 2
    if single.all():
        raise TooFewQuestions(
            f'no language setting has two questions with values for both {system!r} and {baseline!r}, which a '
            'comparison needs'
        )
    left_out = [f'{q}>{d}' if d else q for q, d in both.loc[single, _CELL].itertuples(index=False)]
    both = both[~single]
    cells, questions = both.groupby(_CELL).ngroup().to_numpy(), both['qid'].factorize()[0]
    return by_question(cells, questions, both['a'].to_numpy(), both['b'].to_numpy())._replace(left_out=tuple(left_out))


def by_question(cells: np.ndarray, questions: np.ndarray, a: np.ndarray, b: np.ndarray) -> Contributions:
    """Computes what questions contribute to the difference of two systems.

    The table's figure is the mean over the C cells (a question language, a passage language) of the mean over the n_c
    questions of the cell. With n the questions of all cells, a question contributes::

        D + n/C * sum over its cells c of f_c (difference - cell mean) / n_c,    f_c = sqrt(n_c (n-1) / ((n_c-1) n))

    where D is the difference of the figures. In every cell f_c makes the variance of these terms equal to s_c^2 / n_c.
    The degrees of freedom are nu = (sum h_q^2)^2 / sum h_q^4 - 1, where h_q is the sum of 1/(C n_c) over the cells of a
    question (Satterthwaite's, for independent questions of equal variance). If every question is in every cell, as in
    XQuAD-R, a question contributes the mean of its differences and nu is n - 1.

    Deviations of less than 1e-12 of the greatest value are rounding errors, and count as 0.

    Args:
        cells: int (m,), the cell of each value, from 0 to C - 1, each of them twice or more.
        questions: int (m,), its question, from 0 to n - 1, none twice in a cell.
        a, b: float64 (m,), the values of the system and the baseline.
    """
    n_c, n = np.bincount(cells), questions.max() + 1
    tiny = _ROUNDING * max(np.abs(a).max(), np.abs(b).max())
    per_cell = np.bincount(cells, a - b) / n_c
    deviations = a - b - per_cell[cells]
    variances = np.bincount(cells, deviations**2) / (n_c - 1)
    variances[variances <= tiny**2] = 0.0
    difference = float(per_cell.mean())
    difference = 0.0 if abs(difference) <= tiny else difference

    weight = 1 / (len(n_c) * n_c)[cells]
    f = np.sqrt(n_c * (n - 1) / ((n_c - 1) * n))
    around = n * np.bincount(questions, f[cells] * weight * deviations)
    if around.std(ddof=1) <= tiny:
        around[:] = 0.0
    raw = n * np.bincount(questions, weight * (a - b))
    h = np.bincount(questions, weight)
    h = h / h.max()  # only so that nu is exactly n - 1 if all are equal
    return Contributions(
        float(weight @ a), float(weight @ b), difference, difference + around,
        raw if tiny == 0 else np.round(raw / tiny) * tiny,  # so that equal sums are equal in any order of addition
        float((h**2).sum() ** 2 / (h**4).sum() - 1), float(np.sqrt(variances.mean())),
    )  # fmt: skip


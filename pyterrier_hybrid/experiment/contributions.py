"""What each question contributes to a figure of a table: the unit of every test here.

A question asked in 11 languages over passages in 10 others gives 110 values that rise and fall together. They are one
observation and not 110: resampling or flipping them one by one would find almost any difference significant.
"""
from typing import NamedTuple

import numpy as np
import pandas as pd

_CELL = ['query_lang', 'doc_lang']


class Contributions(NamedTuple):
    """Two systems, question by question.

    Attributes:
        value, baseline_value: the figures that are compared, means over cells of means over questions.
        differences: float64 (n,), by question; their mean is ``value - baseline_value``.
    """

    value: float
    baseline_value: float
    differences: np.ndarray


class TooFewQuestions(ValueError):
    """Fewer than two questions have values of both systems, which is no sample."""


def contributions(rows: pd.DataFrame, system: str, baseline: str) -> Contributions:
    """What the questions contribute to the difference of two systems.

    The table's figure is the mean over cells c (a question language, a passage language) of the mean over the n_c
    questions of the cell. It is also the mean over all n questions of n/C times the sum over the question's cells of
    value/n_c, C the number of cells: that is a question's contribution. If every question is in every cell, as in
    XQuAD-R, it is the mean of the question's values.

    Only cells and questions count for which both systems have a value.

    Args:
        rows: the rows of ``Result.per_query`` of one measure and kind of setting.
        system, baseline: the systems; positive differences are in favour of ``system`` if more is better.

    Raises:
        TooFewQuestions: fewer than two questions with values of both.
    """
    rows = rows[rows['system'].isin([system, baseline])]
    rows = rows.astype(dict.fromkeys([*_CELL, 'qid'], object)).fillna({'doc_lang': ''})  # a missing key would be lost
    values = [rows[rows['system'] == name].set_index([*_CELL, 'qid'])['value'] for name in (system, baseline)]
    both = values[0].to_frame('a').join(values[1].rename('b'), how='inner')
    questions = both.index.get_level_values('qid').factorize()[0]
    n = int(questions.max(initial=-1)) + 1
    if n < 2:
        raise TooFewQuestions(
            f'{n} {"question has a value" if n == 1 else "questions have values"} for both {system!r} and '
            f'{baseline!r}; a comparison needs two or more'
        )
    size = both.groupby(_CELL)['a'].transform('size').to_numpy()
    weight = 1 / (size * len(both.index.droplevel('qid').unique()))
    difference = both['a'].to_numpy() - both['b'].to_numpy()
    by_question = np.bincount(questions, difference * weight, n) * n
    return Contributions(
        float(both['a'].to_numpy() @ weight), float(both['b'].to_numpy() @ weight),
        by_question.round(12),  # differences that are equal stay equal, and 0 stays 0, in whatever order they are added
    )  # fmt: skip

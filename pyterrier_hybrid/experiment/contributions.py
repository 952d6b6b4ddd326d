"""What each question contributes to a figure of a table: the unit of every test here.

A question asked in 11 languages over passages in 10 others gives 110 values that rise and fall together. They are one
observation and not 110: resampling or flipping them one by one would find almost any difference significant.
"""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .result import Result


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


def contributions(
    result: Result, system: str, baseline: str, measure: str, setting: str, *, query_lang: str | None = None
) -> Contributions:
    """What the questions contribute to the difference of two systems in one kind of setting.

    The table's figure is the mean over cells c (a question language, a passage language) of the mean over the n_c
    questions of the cell. It is also the mean over all n questions of n/C times the sum over the question's cells of
    value/n_c, C the number of cells: that is a question's contribution. Where every question is in every cell, as in
    XQuAD-R, it is the mean of the question's values.

    Only cells and questions count for which both systems have a value.

    Args:
        result: the result.
        system, baseline: the systems; positive differences are in favour of ``system`` where more is better.
        measure: the measure.
        setting: the kind of settings.
        query_lang: the questions' language; None for all.

    Raises:
        ValueError: an unknown system or measure.
        TooFewQuestions: fewer than two questions with values of both.
    """
    check_systems(result, [system, baseline])
    result.check_measure(measure)
    rows = result.per_query
    rows = rows[(rows['measure'] == measure) & (rows['setting'] == setting) & rows['system'].isin([system, baseline])]
    if query_lang is not None:
        rows = rows[rows['query_lang'] == query_lang]
    rows = rows.assign(doc_lang=rows['doc_lang'].astype(object).fillna(''))  # a missing key would be dropped
    cells = ['query_lang', 'doc_lang']
    values = [
        rows[rows['system'] == name].astype(dict.fromkeys([*cells, 'qid'], object)).set_index([*cells, 'qid'])['value']
        for name in (system, baseline)
    ]
    both = values[0].to_frame('a').join(values[1].rename('b'), how='inner')
    questions = both.index.get_level_values('qid').factorize()[0]
    n = questions.max(initial=-1) + 1
    if n < 2:
        raise TooFewQuestions(
            f'{n} {"question has a value" if n == 1 else "questions have values"} of {measure} in the {setting} '
            f'settings for both {system!r} and {baseline!r}; a comparison needs two or more'
        )
    size = both.groupby(cells)['a'].transform('size').to_numpy()
    weight = 1 / (size * len(both.index.droplevel('qid').unique()))
    difference = both['a'].to_numpy() - both['b'].to_numpy()
    by_question = np.bincount(questions, difference * weight, n) * n
    return Contributions(
        float(both['a'].to_numpy() @ weight), float(both['b'].to_numpy() @ weight),
        by_question.round(12),  # differences that are equal stay equal, and 0 stays 0, in whatever order they are added
    )  # fmt: skip


def check_systems(result: Result, systems: Sequence[str]) -> None:
    """Refuses systems that a result does not have.

    Raises:
        ValueError: with the names there are, or if a system would be compared with itself.
    """
    for system in systems:
        if system not in result.systems:
            raise ValueError(f'the result has no system {system!r}; it has {", ".join(result.systems)}')
    if len(set(systems)) < len(systems):
        raise ValueError(f'{systems[0]!r} cannot be compared with itself')

"""What is known by pairs of languages: the language matrix of a system, and what chance would give."""
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from ir_measures.measures import Measure

from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet
from pyterrier_hybrid.experiment.result import CHANCE_COLUMNS, MATRIX_COLUMNS
from pyterrier_hybrid.experiment.setting import Setting
from pyterrier_hybrid.measures import facts
from pyterrier_hybrid.measures.matrix import average_precisions, mean_ranks
from pyterrier_hybrid.measures.relevant import Relevant


def matrix(system: str, query_lang: str, relevant: Relevant, collection: EvaluationSet) -> pd.DataFrame:
    """One row of a language matrix, see :func:`pyterrier_hybrid.measures.language_matrix`: questions in one language.

    Args:
        system: its name.
        query_lang: the questions' language.
        relevant: the relevant passages of the multilingual setting.
        collection: what the passages' languages are numbered by.

    Returns:
        A row for each language in which there are relevant passages: ``system, query_lang, doc_lang, rank, AP, n``.
    """
    by_rank = mean_ranks(relevant, len(collection.languages), pool=relevant.pool)
    by_ap = average_precisions(relevant, len(collection.languages))
    n = np.count_nonzero(~np.isnan(by_rank), axis=0)
    rows = [
        (system, query_lang, lang, np.nanmean(by_rank[:, i]), np.nanmean(by_ap[:, i]), int(n[i]))
        for i, lang in enumerate(collection.languages) if n[i]
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=MATRIX_COLUMNS)


def chance(measures: Sequence[Measure], settings: Iterable[Setting], collection: EvaluationSet) -> pd.DataFrame:
    """What a system without preference for a language has in the multilingual settings, by the measures that know it.

    The mean of :func:`pyterrier_hybrid.measures.facts.chance` over the questions on which the measure says something.

    Returns:
        ``measure, query_lang, value``.
    """
    rows = []
    for setting in settings:
        if setting.doc_lang is not None:
            continue
        judged = collection.judged(setting)
        relevant = judged.ranked(np.zeros(len(judged.queries), int), np.zeros(judged.n_queries, int))
        for measure in measures:
            values = facts.chance(measure, relevant)
            if values is not None and np.isfinite(values).any():
                rows.append((repr(measure), setting.query_lang, float(np.nanmean(values))))
    return pd.DataFrame(rows, columns=CHANCE_COLUMNS)

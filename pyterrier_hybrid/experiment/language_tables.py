"""What is known by pairs of languages: the language matrix of a system, and what chance would give."""
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from ir_measures.measures import Measure

from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet, Judged
from pyterrier_hybrid.experiment.result import CHANCE_COLUMNS, MATRIX_COLUMNS
from pyterrier_hybrid.experiment.setting import Setting
from pyterrier_hybrid.measures.lpr import language_preference
from pyterrier_hybrid.measures.matrix import average_precisions, mean_ranks
from pyterrier_hybrid.measures.rank_distance import chance_distance
from pyterrier_hybrid.measures.relevant import languages_per_query


def matrix(system: str, query_lang: str, judged: Judged, ranks: np.ndarray, collection: EvaluationSet) -> pd.DataFrame:
    """One row of a language matrix, see :func:`pyterrier_hybrid.measures.language_matrix`: questions in one language.

    Args:
        system: its name.
        query_lang: the questions' language.
        judged: the multilingual setting.
        ranks: int (n,), of its relevant passages.
        collection: what the passages' languages are numbered by.

    Returns:
        A row for each language in which there are relevant passages: ``system, query_lang, doc_lang, rank, AP, n``.
    """
    where = ranks, judged.queries, judged.langs, judged.n_queries, len(collection.languages)
    by_rank = mean_ranks(*where, pool=judged.pool)
    by_ap = average_precisions(*where)
    n = np.count_nonzero(~np.isnan(by_rank), axis=0)
    rows = [
        (system, query_lang, lang, np.nanmean(by_rank[:, i]), np.nanmean(by_ap[:, i]), int(n[i]))
        for i, lang in enumerate(collection.languages) if n[i]
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=MATRIX_COLUMNS)


def chance(measures: Sequence[Measure], settings: Iterable[Setting], collection: EvaluationSet) -> pd.DataFrame:
    """What a system without preference for a language has in the multilingual settings, by LPR and RankDistance.

    1/n for LPR and :func:`chance_distance` for RankDistance over the whole pool (1 if it is normalised), the mean over
    the questions on which the measure says something, n the number of languages of a question's relevant passages.

    Returns:
        ``measure, query_lang, value``.
    """
    rows = []
    for setting in settings:
        if setting.doc_lang is not None:
            continue
        judged = collection.judged(setting)
        for measure in measures:
            values = _chance(measure, judged)
            if len(values):
                rows.append((repr(measure), setting.query_lang, float(values.mean())))
    return pd.DataFrame(rows, columns=CHANCE_COLUMNS)


def _chance(measure: Measure, judged: Judged) -> np.ndarray:
    """The chance value of every question on which a measure says something; none of a measure without one."""
    keep = judged.relevance >= measure.params.get('rel', 1)
    queries, langs, n = judged.queries[keep], judged.langs[keep], judged.n_queries
    several = languages_per_query(queries, langs, n)
    if measure.NAME == 'LPR':
        at_best = language_preference(np.ones(len(queries), int), queries, langs, np.full(n, judged.query_lang), n)
        return at_best.chance[at_best.applies & (several > 1)]
    if measure.NAME == 'RankDistance' and 'cutoff' not in measure.params:
        distance = chance_distance(several[several > 1], judged.pool)
        return np.ones(len(distance)) if measure.params.get('norm') else distance
    return np.empty(0)

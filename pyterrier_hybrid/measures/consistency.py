"""MRC: whether a question gets the same ranking in every language in which it is asked."""
from collections.abc import Iterable, Mapping
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd

from pyterrier_hybrid.languages import check_language
from pyterrier_hybrid.measures.base import count
from pyterrier_hybrid.measures.ranking import rank_judged
from pyterrier_hybrid.measures.table import read_run
from pyterrier_hybrid.ranking.separation import join

_Scores = dict[str, float]


def rank_correlation(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Spearman's correlation, with mid-ranks, of the scores (by docno) that two lists give to all of their documents.

    A document that is missing from a list gets the list's lowest score minus 1. If a list gives all documents the same
    score, as an empty list does, the correlation is 0.
    """
    union = sorted({*one, *other})
    ranks = []
    for scores in (one, other):
        absent = min(scores.values(), default=0.) - 1.
        ranks.append(pd.Series([scores.get(docno, absent) for docno in union]).rank() - (len(union) + 1) / 2)
    spread = np.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1]))
    return float(ranks[0] @ ranks[1] / spread) if spread else 0.


def mrc(runs: Mapping[str, Any], k: int, *, questions: Mapping[str, Iterable[str]] | None = None) -> float:
    """Multilingual rank consistency at k: how similar the rankings of the translations of a question are.

    Spearman's correlation between the scores that two translations of a question give to the union of their top k
    (:func:`rank_correlation`), mean over the language pairs of a question, then over the questions that exist in
    several languages. Ranges over -1..1, higher is better: 1 if a question gets one order of documents in every
    language.

    It needs no judgements: a system that returns the same wrong documents in every language is consistent. It is a
    function over runs, not a measure of ir_measures, because a value depends on several runs. Equal scores that the
    retrievers of this package separated (:mod:`pyterrier_hybrid.ranking.separation`) count as equal again.

    Args:
        runs: for each language of the questions its run, in any form that ir_measures takes, or with PyTerrier's column
            names. The same question has the same query id in every run.
        k: how many documents of every list count, by (-score, docno).
        questions: for each language the ids of the questions that were asked; a question for which nothing was
            retrieved counts as an empty list (correlation 0). By default, the questions in the runs.

    Raises:
        ValueError: fewer than two languages, no question in several languages, a language without its questions, or a
            run that cannot be read.

    Yang, Jiang and Baldwin, "Language Bias in Information Retrieval: The Nature of the Beast and Mitigation Methods",
    MRL 2024 (arXiv 2509.06195), where it is called Mean Rank Correlation.
    """
    try:
        count(k)
    except ValueError as error:
        raise ValueError(f'mrc(k={k!r:.80}): {error}') from None
    if len(runs) < 2:
        raise ValueError(f'mrc compares languages, and there are runs in {len(runs)}: {", ".join(runs) or "none"}')
    missing = sorted(set(runs) ^ set(questions)) if questions is not None else []
    if missing:
        raise ValueError(f'runs and questions differ in their languages: {", ".join(missing)}')
    lists = {check_language(lang, 'a run of mrc'): _top_scores(run, k) for lang, run in sorted(runs.items())}
    asked = {lang: set(lists[lang]) | set(questions[lang] if questions is not None else ()) for lang in lists}
    values = []
    for question in sorted(set().union(*asked.values())):
        tops = [lists[lang].get(question, {}) for lang in lists if question in asked[lang]]
        if len(tops) > 1:
            values.append(np.mean([rank_correlation(one, other) for one, other in combinations(tops, 2)]))
    if not values:
        raise ValueError(f'no question is in two of the runs ({", ".join(lists)}); the same question has the same '
                         'query id in every language')
    return float(np.mean(values))


def _top_scores(run: Any, k: int) -> dict[str, _Scores]:
    """The scores of every query's first k documents, by docno. Scores that our retrievers separated are equal again."""
    table = read_run(run)
    nobody = np.zeros(0, dtype=np.int64)
    ranking = rank_judged(table, table.query_ids, nobody, nobody.astype(object), k)
    docnos = table.doc_ids[table.doc[ranking.top_rows]]
    scores = table.value[ranking.top_rows]
    ends = np.searchsorted(ranking.top_queries, np.arange(len(table.query_ids) + 1))
    lists = [slice(*bounds) for bounds in pairwise(ends.tolist())]
    return {query_id: dict(zip(docnos[rows].tolist(), join(scores[rows]).tolist()))
            for query_id, rows in zip(table.query_ids, lists)}

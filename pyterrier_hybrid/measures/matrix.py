"""The language matrix: how documents of each language fare with the questions of each language."""
from typing import Any

import numpy as np
import pandas as pd

from pyterrier_hybrid.measures.base import count, languages, one_of
from pyterrier_hybrid.measures.doc_languages import Languages
from pyterrier_hybrid.measures.evaluation import Evaluation
from pyterrier_hybrid.measures.judgements import read_judgements
from pyterrier_hybrid.measures.rank_distance import place_unretrieved, was_retrieved
from pyterrier_hybrid.measures.table import read_run


def mean_ranks(ranks: np.ndarray, queries: np.ndarray, langs: np.ndarray, n_queries: int, n_langs: int, *,
               cutoff: int | None = None, pool: int | None = None, lengths: np.ndarray | None = None) -> np.ndarray:
    """Each query's mean rank of its relevant documents in each language: float64 (n_queries, n_langs).

    NaN where it has none. Unretrieved documents rank as in :class:`RankDistance`.

    Args:
        ranks: int (n,), one per relevant document, counted from 1; 0 or less if it was not retrieved.
        queries: int (n,), the query's position.
        langs: int (n,), the document's language, from 0.
        n_queries, n_langs: their numbers.
        cutoff, pool, lengths: see :func:`rank_distance.unretrieved_ranks`.
    """
    placed = place_unretrieved(ranks, queries, n_queries, cutoff=cutoff, pool=pool, lengths=lengths)
    return _cell_means(placed.astype(np.float64), queries, langs, n_queries, n_langs)


def average_precisions(ranks: np.ndarray, queries: np.ndarray, langs: np.ndarray, n_queries: int, n_langs: int, *,
                       cutoff: int | None = None) -> np.ndarray:
    """Each query's average precision when relevant are its documents in one language alone.

    Documents of other languages stay in the ranking as non-relevant.

    Args:
        ranks, queries, langs, n_queries, n_langs: as in :func:`mean_ranks`.
        cutoff: k, or None.

    Returns:
        float64 (n_queries, n_langs), NaN where a query has no relevant document in a language.
    """
    retrieved = was_retrieved(ranks, cutoff)
    cells = queries * n_langs + langs
    order = np.lexsort((ranks, cells, ~retrieved))[:retrieved.sum()]
    new_cell = np.diff(cells[order], prepend=-1) != 0
    starts = np.maximum.accumulate(np.where(new_cell, np.arange(len(order)), 0))
    precision = np.zeros(len(ranks))
    precision[order] = (np.arange(len(order)) - starts + 1) / ranks[order]
    return _cell_means(precision, queries, langs, n_queries, n_langs)


def _cell_means(values: np.ndarray, queries: np.ndarray, langs: np.ndarray, n_queries: int,
                n_langs: int) -> np.ndarray:
    cells, size = queries * n_langs + langs, n_queries * n_langs
    number = np.bincount(cells, minlength=size)
    mean = np.divide(np.bincount(cells, values, minlength=size), number, out=np.full(size, np.nan), where=number > 0)
    return mean.reshape(n_queries, n_langs)


def language_matrix(qrels: Any, run: Any, value: str = 'rank', *, cutoff: int | None = None, pool: int | None = None,
                    rel: int = 1, langs: Languages | None = None, query_lang: str | None = None) -> pd.DataFrame:
    """How relevant documents of each language fare with the questions of each language, over the pooled ranking.

    M[a, b] is, per query in a, the mean rank of its relevant documents in b (``value='rank'``) or the average precision
    when those alone are relevant (``value='AP'``), then the mean over the queries in a that have a relevant document in
    b. It shows where a bias that the other measures sum up in one number comes from.

    Args:
        qrels: qrels in any form that ir_measures takes, or with PyTerrier's column names; as everywhere here, with the
            documents' languages in ``iteration`` and the queries' in ``query_lang``.
        run: the run, in any form that ir_measures takes, or with PyTerrier's column names.
        value: 'rank' or 'AP'.
        cutoff: k; beyond it a document counts as unretrieved.
        pool: the number of documents ranked; with ``value='rank'``, an unretrieved document has this rank where there
            is no cutoff.
        rel: least relevance of a document that counts as relevant.
        langs: languages of the documents about which the qrels say nothing.
        query_lang: language of the queries about which neither qrels nor run say anything.

    Returns:
        A frame of floats, a row for each language of queries (``query_lang``) and a column for each language of
        relevant documents (``doc_lang``), both sorted; NaN where no query in a has a relevant document in b.

    Raises:
        ValueError: what the measures refuse (unknown languages, duplicate documents, scores that are not finite), or
            qrels without a relevant document.
    """
    for name, given, clean in (('value', value, one_of('rank', 'AP')), ('cutoff', cutoff, count), ('pool', pool, count),
                               ('rel', rel, count), ('langs', langs, languages)):
        if given is not None:
            try:
                clean(given)
            except ValueError as error:
                raise ValueError(f'language_matrix({name}={given!r:.80}): {error}') from None
    evaluation = Evaluation(read_judgements(qrels), read_run(run))
    relevant = evaluation.relevant(rel, None if langs is None else languages(langs))
    if not len(relevant.ranks):
        raise ValueError(f'the qrels have no document of relevance {rel} or more')
    query_langs = evaluation.query_langs(query_lang)
    n_langs = len(evaluation.languages)
    where = relevant.ranks, relevant.queries, relevant.langs, relevant.n_queries, n_langs
    if value == 'AP':
        by_query = average_precisions(*where, cutoff=cutoff)
    else:
        by_query = mean_ranks(*where, cutoff=cutoff, pool=pool, lengths=evaluation.ranking.lengths)
    frame = pd.DataFrame(by_query, columns=pd.Index(evaluation.languages, name='doc_lang'))
    rows = pd.Index(np.array(evaluation.languages, dtype=object)[query_langs], name='query_lang')
    matrix = frame.groupby(rows).mean().sort_index()
    return matrix[sorted(evaluation.languages[lang] for lang in np.unique(relevant.langs))]


def diagonal_advantage(matrix: pd.DataFrame) -> pd.Series:
    """How much better the documents in a question's own language fare: mean over b != a of M[a, b] - M[a, a].

    Over ranks, positive means that the own language ranks higher; over AP, where more is better, negative does.

    Args:
        matrix: from :func:`language_matrix`.

    Returns:
        A value per language of queries; NaN for one without documents of its own, or without any other language.
    """
    advantage = {}
    for lang, row in matrix.iterrows():
        advantage[lang] = row.drop(lang).mean() - row[lang] if lang in row.index else np.nan
    return pd.Series(advantage, index=matrix.index, name='diagonal_advantage', dtype=np.float64)

"""The language matrix: how high documents of each language rank for the questions of each language."""
from typing import Any

import numpy as np
import pandas as pd

from pyterrier_hybrid.measures.base import count, language, languages, one_of
from pyterrier_hybrid.measures.doc_languages import Languages
from pyterrier_hybrid.measures.effectiveness import average_precision
from pyterrier_hybrid.measures.evaluation import Evaluation
from pyterrier_hybrid.measures.judgements import read_judgements
from pyterrier_hybrid.measures.rank_distance import depths
from pyterrier_hybrid.measures.relevant import Relevant
from pyterrier_hybrid.measures.table import read_run


def mean_ranks(relevant: Relevant, n_langs: int, *, cutoff: int | None = None, pool: int | None = None) -> np.ndarray:
    """Each query's mean rank of its relevant documents in each language.

    With a pool of N, a document that was not retrieved has the rank (m+1+N)/2, where m is the length of the query's
    list: its expected rank if such documents follow in random order. With a cutoff, or without a pool, it has the rank
    that :class:`RankDistance` gives it.

    Returns:
        float64 (n_queries, n_langs), NaN where a query has no relevant document in a language.
    """
    expects = pool is not None and cutoff is None
    behind = (relevant.lengths + 1 + pool) / 2 if expects else depths(relevant, cutoff) + 1.
    placed = np.where(relevant.retrieved(cutoff), relevant.ranks, behind[relevant.queries])
    cells, size = relevant.queries * n_langs + relevant.langs, relevant.n_queries * n_langs
    total = np.bincount(cells, minlength=size)
    means = np.divide(np.bincount(cells, placed, size), total, out=np.full(size, np.nan), where=total > 0)
    return means.reshape(-1, n_langs)


def average_precisions(relevant: Relevant, n_langs: int, *, cutoff: int | None = None) -> np.ndarray:
    """Each query's average precision when only its documents in one language are relevant; see :func:`mean_ranks`.

    Documents of other languages stay in the ranking as non-relevant.
    """
    cells, size = relevant.queries * n_langs + relevant.langs, relevant.n_queries * n_langs
    values = average_precision(relevant.ranks, cells, size, cutoff)
    values[np.bincount(cells, minlength=size) == 0] = np.nan
    return values.reshape(-1, n_langs)


def language_matrix(qrels: Any, run: Any, value: str = 'rank', *, cutoff: int | None = None, pool: int | None = None,
                    rel: int = 1, langs: Languages | None = None, query_lang: str | None = None) -> pd.DataFrame:
    """How relevant documents of each language fare with the questions of each language, over the pooled ranking.

    For a query in language a, take the mean rank of its relevant documents in language b (``value='rank'``), or the
    average precision when only these are relevant (``value='AP'``). M[a, b] is the mean of that over the queries in a
    that have a relevant document in b. The matrix shows between which languages a bias lies that the other measures
    state as one number.

    Args:
        qrels: qrels in any form that ir_measures takes, or with PyTerrier's column names; as everywhere here, with the
            documents' languages in ``iteration`` and the queries' in ``query_lang``.
        run: the run, in any form that ir_measures takes, or with PyTerrier's column names.
        value: 'rank' or 'AP'.
        cutoff: k; beyond it a document counts as unretrieved.
        pool: the number of documents ranked, which places documents that were not retrieved; see :func:`mean_ranks`.
        rel: least relevance of a document that counts as relevant.
        langs: languages of the documents for which the qrels have none.
        query_lang: language of the queries for which neither the qrels nor the run have one.

    Returns:
        A frame of floats, a row for each language of queries (``query_lang``) and a column for each language of
        relevant documents (``doc_lang``), both sorted; NaN where no query in a has a relevant document in b.

    Raises:
        ValueError: what the measures refuse (unknown languages, duplicate documents, scores that are not finite), or
            qrels without a relevant document.
    """
    for name, given, clean in (('value', value, one_of('rank', 'AP')), ('cutoff', cutoff, count), ('pool', pool, count),
                               ('rel', rel, count), ('langs', langs, languages), ('query_lang', query_lang, language)):
        if given is not None:
            try:
                clean(given)
            except ValueError as error:
                raise ValueError(f'language_matrix({name}={given!r:.80}): {error}') from None
    evaluation = Evaluation(read_judgements(qrels), read_run(run))
    relevant = evaluation.relevant(rel, None if langs is None else languages(langs))
    if pool is not None:
        evaluation.check_pool(pool, relevant, 'language_matrix')
    if not len(relevant.ranks):
        raise ValueError(f'the qrels have no document of relevance {rel} or more')
    query_langs = evaluation.query_langs(query_lang)
    n_langs = len(evaluation.languages)
    if value == 'AP':
        by_query = average_precisions(relevant, n_langs, cutoff=cutoff)
    else:
        by_query = mean_ranks(relevant, n_langs, cutoff=cutoff, pool=pool)
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

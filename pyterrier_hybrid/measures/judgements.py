"""Qrels as arrays in query order, with the languages that they state."""
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pyterrier_hybrid.languages import QUERY_LANG, check_language
from pyterrier_hybrid.measures.table import Table, read_qrels

#: Values of TREC's second column that are not a language.
UNKNOWN = ('', '0', 'Q0')


@dataclass(frozen=True)
class Judgements:
    """The judged documents, n of them, in the order of their queries.

    Attributes:
        query_ids: the queries, in the order in which the qrels name them first.
        queries: int64 (n,), ascending, positions in ``query_ids``.
        doc_ids: object (n,), docnos.
        relevance: int64 (n,).
        doc_langs: object (n,), the language that ``iteration`` gives, None where it is unknown.
        query_langs: object (number of queries,), the language that ``query_lang`` gives, None where it is unknown.
    """

    query_ids: list[str]
    queries: np.ndarray
    doc_ids: np.ndarray
    relevance: np.ndarray
    doc_langs: np.ndarray
    query_langs: np.ndarray


def read_judgements(qrels: Any) -> Judgements:
    """Reads qrels of any form that ir_measures takes; see :func:`read_qrels`.

    Raises:
        ValueError: what :func:`read_qrels` refuses; a document that is judged twice for a query with two relevances or
            two iterations; an iteration or query_lang that is neither empty nor a language; a query in two languages.
    """
    table = read_qrels(qrels)
    iterations = table.column('iteration', np.arange(len(table.query)))
    keep = _distinct(table, iterations)
    order = keep[np.argsort(table.query[keep], kind='stable')]
    doc_ids = table.doc_ids[table.doc[order]] if len(order) else np.zeros(0, dtype=object)
    queries = table.query[order].astype(np.int64)
    return Judgements(
        table.query_ids, queries, doc_ids, table.value[order],
        _languages(iterations[order], lambda row: f'the iteration of document {doc_ids[row]!r:.80} in the qrels of '
                                                  f'query {table.query_ids[queries[row]]!r:.80}'),
        query_languages(table, np.arange(len(table.query_ids))),
    )


def query_languages(table: Table, queries: np.ndarray) -> np.ndarray:
    """The languages of queries in the column ``query_lang`` of a run or of qrels, object (n,); None if it has none.

    ``queries`` are positions in ``table.query_ids``, int (n,).

    Raises:
        ValueError: a value that is not a language code, or a query with two languages.
    """
    found = np.full(len(queries), None, dtype=object)
    if QUERY_LANG not in table.extra or not len(queries):
        return found
    codes, distinct = pd.factorize(table.extra[QUERY_LANG])
    seen = np.zeros((len(table.query_ids), len(distinct) + 1), dtype=bool)
    seen[table.query, codes] = True  # a missing value has the code -1, the last column
    known = [code for code, lang in enumerate(distinct) if lang not in UNKNOWN]
    seen = seen[queries][:, known]
    langs = [check_language(distinct[code], f'query {table.query_ids[queries[int(np.argmax(seen[:, i]))]]!r:.80}')
             if seen[:, i].any() else None for i, code in enumerate(known)]
    for i in np.flatnonzero(seen.sum(axis=1) > 1):
        both = ' and '.join(sorted(langs[j] for j in np.flatnonzero(seen[i])))
        raise ValueError(f'query {table.query_ids[queries[i]]!r:.80} has the languages {both} in {QUERY_LANG}; a query '
                         'has one language, so give each language its own query id or its own evaluation')
    for i in np.flatnonzero(seen.any(axis=1)):
        found[i] = langs[int(np.argmax(seen[i]))]
    return found


def _distinct(table: Table, iterations: np.ndarray) -> np.ndarray:
    """The first row of each judgement; repetitions are left out. Raises ValueError for two different judgements."""
    rows = pd.DataFrame({'query': table.query, 'doc': table.doc, 'value': table.value, 'iteration': iterations})
    rows = rows[~rows.duplicated()]
    twice = rows[rows.duplicated(['query', 'doc'], keep=False)]
    if len(twice):
        query, doc = twice['query'].iloc[0], twice['doc'].iloc[0]
        twice = twice[(twice['query'] == query) & (twice['doc'] == doc)]
        found = ' and '.join(f'{row.value} ({row.iteration})' for row in twice.itertuples())
        raise ValueError(f'the qrels judge document {table.doc_ids[doc]!r:.80} of query {table.query_ids[query]!r:.80} '
                         f'more than once, and differently, as {found}; keep one of these judgements')
    return rows.index.to_numpy()


def _languages(values: np.ndarray, where: Callable[[int], str]) -> np.ndarray:
    """Replaces values that mean an unknown language by None; raises ValueError for any other that is not a language."""
    codes, distinct = pd.factorize(values)
    known = [None if str(value) in UNKNOWN else value for value in distinct]
    for code, value in enumerate(known):
        if value is not None:
            check_language(value, where(int(np.argmax(codes == code))))
    return np.array([*known, None], dtype=object)[codes]

"""Runs and qrels of any form as arrays. Ids become integers once, for all measures."""
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from pyterrier_hybrid.languages import DOC_LANG, QUERY_LANG

#: Rows factorised at a time: pandas needs about 27 bytes a row for it, which may be more than the run itself.
_CHUNK = 1 << 20
_PYTERRIER_NAMES = {'query_id': 'qid', 'doc_id': 'docno', 'relevance': 'label'}


@dataclass(frozen=True)
class Table:
    """The rows of a run or of qrels, n of them.

    Attributes:
        query_ids: the distinct query ids, in the order in which they appear first.
        query: int32 (n,), each row's position in ``query_ids``.
        doc_ids: object (number of distinct documents,), the distinct docnos.
        doc: int32 (n,), each row's position in ``doc_ids``.
        value: (n,), scores (floating, as they came) or relevance (int64).
        extra: the further columns, by name.
    """

    query_ids: list[str]
    query: np.ndarray
    doc_ids: np.ndarray
    doc: np.ndarray
    value: np.ndarray
    extra: dict[str, pd.Series] = field(default_factory=dict)

    def column(self, name: str, rows: np.ndarray) -> np.ndarray:
        """The values of an extra column in some rows, as objects; None for missing values and missing columns."""
        if name not in self.extra:
            return np.full(len(rows), None, dtype=object)
        values = self.extra[name].take(rows)
        return values.astype(object).where(values.notna() & (values != ''), None).to_numpy(dtype=object)


def read_run(run: Any) -> Table:
    """Reads a run: a DataFrame, a dict of dicts, or an iterable of named tuples (as from a TREC file).

    Needs ``query_id, doc_id, score`` (or PyTerrier's ``qid, docno``); keeps ``query_lang`` and ``doc_lang``.

    Raises:
        ValueError: a missing column, an id that is missing or not a string, a score that is not a number.
    """
    return _read(run, 'run', 'score', (QUERY_LANG, DOC_LANG))


def read_qrels(qrels: Any) -> Table:
    """Reads qrels: a DataFrame, a dict of dicts, or an iterable of named tuples (as from a TREC file).

    Needs ``query_id, doc_id, relevance`` (or PyTerrier's ``qid, docno, label``); keeps ``iteration`` and
    ``query_lang``.

    Raises:
        ValueError: a missing column, an id that is missing or not a string, a relevance that is not a whole number.
    """
    table = _read(qrels, 'qrels', 'relevance', ('iteration', QUERY_LANG))
    if not np.isfinite(table.value).all() or (table.value % 1).any():
        raise ValueError('the qrels have a relevance that is not a whole number')
    return Table(table.query_ids, table.query, table.doc_ids, table.doc, table.value.astype(np.int64), table.extra)


def _read(data: Any, what: str, value: str, optional: tuple[str, ...]) -> Table:
    if isinstance(data, pd.DataFrame):
        return _from_frame(data, what, value, optional)
    if isinstance(data, dict):
        return _from_dicts(data, what, value)
    if isinstance(data, Iterable) and not isinstance(data, str | bytes):
        return _from_tuples(data, what, value, optional)
    hint = f'; read a TREC file with ir_measures.read_trec_{what}(path)' if isinstance(data, str) else ''
    raise ValueError(f'the {what} must be a DataFrame, a dict of dicts or an iterable of named tuples, not {data!r:.80}'
                     + hint)


def _from_frame(frame: pd.DataFrame, what: str, value: str, optional: tuple[str, ...]) -> Table:
    names = {name: name if name in frame.columns else _PYTERRIER_NAMES.get(name, name)
             for name in ('query_id', 'doc_id', value)}
    missing = [name for name, found in names.items() if found not in frame.columns]
    if missing:
        raise ValueError(f'the {what} has no column {", ".join(missing)}; it has {", ".join(map(str, frame.columns))}')
    query, query_ids = _factorize(frame[names['query_id']], what, 'query_id')
    doc, doc_ids = _factorize(frame[names['doc_id']], what, 'doc_id')
    return Table(list(query_ids), query, doc_ids, doc, _numbers(frame[names[value]], what, value),
                 {name: frame[name] for name in optional if name in frame.columns})


def _from_dicts(data: dict[str, dict[str, float]], what: str, value: str) -> Table:
    for query_id, docs in data.items():
        if not isinstance(docs, dict):
            raise ValueError(f'the {what} of query {query_id!r:.80} must be a dict from docno to {value}, not '
                             f'{docs!r:.80}')
        _refuse_ids([query_id], what, 'query_id')
    query_ids = [query_id for query_id, docs in data.items() if docs]
    sizes = [len(data[query_id]) for query_id in query_ids]
    query = np.repeat(np.arange(len(query_ids), dtype=np.int32), sizes)
    docs = np.fromiter(chain.from_iterable(data[q] for q in query_ids), dtype=object, count=len(query))
    doc, doc_ids = _factorize(docs, what, 'doc_id')
    del docs
    types = {kind for query_id in query_ids for kind in set(map(type, data[query_id].values()))}
    if any(issubclass(kind, str | type(None)) for kind in types):
        raise ValueError(f'the {what} has a {value} that is not a number (a string or None)')
    numbers = np.fromiter(chain.from_iterable(data[q].values() for q in query_ids), dtype=np.float64, count=len(query))
    return Table(query_ids, query, doc_ids, doc, numbers)


def _from_tuples(data: Iterable[Any], what: str, value: str, optional: tuple[str, ...]) -> Table:
    columns: dict[str, list] = {}
    for row in data:
        if not columns:
            fields = getattr(row, '_fields', ())
            missing = [name for name in ('query_id', 'doc_id', value) if name not in fields]
            if missing:
                raise ValueError(f'the {what} must be an iterable of named tuples with query_id, doc_id and {value}; '
                                 f'{row!r:.80} has no {", ".join(missing)}')
            columns = {name: [] for name in ('query_id', 'doc_id', value, *optional) if name in fields}
        for name, values in columns.items():
            values.append(getattr(row, name))
    columns = columns or {name: [] for name in ('query_id', 'doc_id', value)}
    return _from_frame(pd.DataFrame(columns), what, value, optional)


def _factorize(ids: pd.Series | np.ndarray, what: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Each id's position among the distinct ids, int32, and the distinct ids in order of first appearance."""
    values = ids.array if isinstance(ids, pd.Series) else ids  # unlike a Series, an array is sliced by position
    codes = np.empty(len(ids), dtype=np.int32)
    position: dict[str, int] = {}
    for start in range(0, len(ids), _CHUNK):
        part, distinct = pd.factorize(values[start:start + _CHUNK])
        if part.min() < 0:
            raise ValueError(f'the {what} has no {name} in row {start + int(np.argmin(part)) + 1}')
        distinct = np.asarray(distinct, dtype=object)
        _refuse_ids(distinct, what, name)
        codes[start:start + _CHUNK] = np.array([position.setdefault(one, len(position)) for one in distinct])[part]
    return codes, np.fromiter(position, dtype=object, count=len(position))


def _refuse_ids(ids: Iterable[Any], what: str, name: str) -> None:
    for one in ids:
        if not isinstance(one, str):
            raise ValueError(f'the {what} has the {name} {one!r:.80} ({type(one).__name__}); ids are strings, '
                             'convert them with astype(str)')


def _numbers(column: pd.Series, what: str, name: str) -> np.ndarray:
    """Returns the column as floats, without a copy if it has floats already; missing values become NaN."""
    if column.dtype == object:
        text = next((value for value in column if isinstance(value, str)), None)
    else:
        text = None if pd.api.types.is_numeric_dtype(column.dtype) else column.dtype
    if text is not None:
        raise ValueError(f'the {what} has a {name} that is not a number ({text!r:.80})')
    kept = column.dtype in (np.dtype('float32'), np.dtype('float64'))
    return column.to_numpy() if kept else column.to_numpy(dtype=np.float64, na_value=np.nan)

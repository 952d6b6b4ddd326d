"""TREC's qrels and run files, plain or gzipped, with errors that name the line."""
import gzip
import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd


def read_qrels_file(path: str | Path) -> pd.DataFrame:
    """Reads ``query_id iteration doc_id relevance``, separated by white space.

    Returns:
        ``query_id, iteration, doc_id, relevance``.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: another number of fields, a relevance that is not a whole number, or bytes that are not UTF-8; the
            message names the line.
    """
    return _read(path, 'query_id iteration doc_id relevance', 'relevance', int).reset_index(drop=True)


def read_run_file(path: str | Path) -> pd.DataFrame:
    """Reads ``query_id Q0 doc_id rank score tag``, separated by white space. The rank is not used.

    Returns:
        ``query_id, doc_id, score``.

    Raises what :func:`read_qrels_file` raises, and ValueError for a score that is not a finite number, and for a
    document that occurs twice for a query.
    """
    frame = _read(path, 'query_id Q0 doc_id rank score tag', 'score', _finite)[['query_id', 'doc_id', 'score']]
    twice = frame.duplicated(['query_id', 'doc_id'])
    if twice.any():
        line = twice.idxmax()
        query, doc = frame.loc[line, ['query_id', 'doc_id']]
        raise ValueError(f'{path}, line {line} has the document {doc!r:.80} of query {query!r:.80} again; a run ranks '
                         'each document once')  # fmt: skip
    return frame.reset_index(drop=True)


def _finite(text: str) -> float:
    score = float(text)
    if not math.isfinite(score):
        raise ValueError
    return score


def _read(path: str | Path, form: str, number_field: str, as_number: Callable[[str], float]) -> pd.DataFrame:
    """The rows, indexed by their line numbers."""
    names, lines = form.split(), []
    columns: list[list] = [[] for _ in names]
    field = names.index(number_field)
    line = 0
    with open(path, 'rb') as raw, (gzip.open(raw) if raw.peek(2)[:2] == b'\x1f\x8b' else raw) as file:
        try:
            for line, text in enumerate(file, 1):
                values = text.decode('utf-8-sig' if line == 1 else 'utf-8').split()
                if not values:
                    continue
                if len(values) != len(names):
                    raise ValueError(f'{path}, line {line} has {len(values)} fields; it needs {len(names)}: {form}')
                try:
                    values[field] = as_number(values[field].replace('_', 'x'))  # Python would read 1_0 as 10
                except ValueError:
                    raise ValueError(f'{path}, line {line} has the {number_field} {values[field]!r:.80}; it must be a '
                                     f'{"whole" if as_number is int else "finite"} number') from None
                lines.append(line)
                for column, value in zip(columns, values):
                    column.append(value)
        except UnicodeDecodeError:
            raise ValueError(f'{path}, line {line} is not UTF-8') from None
        except (EOFError, gzip.BadGzipFile) as error:
            raise ValueError(f'{path} is damaged after line {line}: {error}') from None
    return pd.DataFrame(dict(zip(names, columns)), index=lines)

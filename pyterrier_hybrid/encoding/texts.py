"""Checks of what is handed over for encoding."""
from collections.abc import Iterable, Sequence

import pandas as pd
import pyterrier as pt


def check_texts(texts: Sequence, what: str, names: Iterable | None = None, *, empty: bool = True) -> None:
    """Refuses what is not a string and, where asked to, what holds nothing but white space.

    Args:
        texts: what should be strings.
        what: 'query' or 'document', for the message.
        names: ids in the order of the texts; their positions if None.
        empty: whether an empty text is fine. It is for a document, which some collections have; an empty query is a
            mistake, and would be given a ranking all the same.

    Raises:
        ValueError: names the first such text.
    """
    for name, text in zip(range(len(texts)) if names is None else names, texts):
        if not isinstance(text, str):
            raise ValueError(f'{what} {name!r} is not a string: {text!r}')
        if not empty and not text.strip():
            raise ValueError(f'{what} {name!r} is empty; drop it from the topics or give it a text')


def check_column(frame: pd.DataFrame, column: str) -> None:
    """Refuses a frame without the column that holds the texts, and says which columns it has.

    Raises:
        pyterrier.validate.InputValidationError: a KeyError; PyTerrier's inspection of pipelines relies on this class.
    """
    try:
        with pt.validate.any(frame) as v:
            v.columns(includes=[column])
    except pt.validate.InputValidationError as error:
        columns = ', '.join(map(str, frame.columns)) or 'no columns at all'
        raise pt.validate.InputValidationError(
            f'there is no column {column!r} to encode; the input has {columns}.', error.modes
        ) from None

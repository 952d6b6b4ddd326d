"""Checks of texts before they are encoded."""
from collections.abc import Iterable, Sequence

import pandas as pd
import pyterrier as pt

#: A question in eleven languages, for checking an encoder if there are few other texts.
PROBES = [
    'Who wrote Faust, and when was the second part of it published?',
    'Wer schrieb den Faust, und wann erschien der zweite Teil?',
    '¿Quién escribió Fausto y cuándo se publicó la segunda parte?',
    'Ποιος έγραψε τον Φάουστ και πότε εκδόθηκε το δεύτερο μέρος;',
    'Кто написал «Фауста» и когда вышла вторая часть?',
    'من كتب فاوست ومتى نُشر الجزء الثاني منه؟',
    'फ़ाउस्ट किसने लिखा और उसका दूसरा भाग कब प्रकाशित हुआ?',
    'ใครเป็นผู้เขียนเฟาสต์ และภาคที่สองตีพิมพ์เมื่อใด',
    "Faust'u kim yazdı ve ikinci bölümü ne zaman yayımlandı?",
    'Ai đã viết Faust và phần thứ hai được xuất bản khi nào?',
    '谁写了《浮士德》？第二部是什么时候出版的？',
]


def check_texts(texts: Sequence, what: str, names: Iterable | None = None, *, empty: bool = True) -> None:
    """Refuses values that are not strings, half a surrogate pair and, with ``empty=False``, texts of white space alone.

    JSON can spell half of a surrogate pair (``"\\ud83d"``), and Python keeps it in a string. No tokenizer accepts it,
    and it cannot be written to a file.

    Args:
        texts: what should be strings.
        what: 'query' or 'document', for the message.
        names: ids in the order of the texts; their positions if None.
        empty: whether an empty text is allowed. Some collections have empty documents; an empty query is a mistake, and
            would get a ranking otherwise.

    Raises:
        ValueError: names the first such text.
    """
    for name, text in zip(range(len(texts)) if names is None else names, texts):
        if not isinstance(text, str):
            raise ValueError(f'{what} {name!r:.80} is not a string but {type(text).__name__}: {text!r:.80}')
        if not empty and not text.strip():
            raise ValueError(f'{what} {name!r:.80} is empty; drop it from the topics or give it a text')
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f'{what} {name!r:.80} holds half a surrogate pair ({text[error.start]!a}) at character {error.start}, '
                "which is no character; repair it, for example by text.encode('utf-16', 'surrogatepass').decode("
                "'utf-16', 'replace')"
            ) from None


def check_column(frame: pd.DataFrame, column: str, key: str) -> None:
    """Raises PyTerrier's InputValidationError, a KeyError, for a frame without the column of texts; says which it has.

    A pipeline's frame also has the column of ids, ``key`` (``qid`` or ``docno``); one without it is accepted too.
    PyTerrier's inspection of pipelines learns both forms from here, and relies on this class of error.
    """
    try:
        with pt.validate.any(frame) as v:
            v.columns(includes=[key, column])
            v.columns(includes=[column])
    except pt.validate.InputValidationError as error:
        columns = ', '.join(map(str, frame.columns)) or 'no columns at all'
        raise pt.validate.InputValidationError(
            f'there is no column {column!r} to encode; the input has {columns}.', error.modes
        ) from None

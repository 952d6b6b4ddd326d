"""One row of the interchange format, checked.

A row is JSON, either a query and its passage in some languages (``qa``)::

    {"id": "q1", "source": "mkqa", "query": {"de": "..."}, "positive": {"de": "...", "en": "..."},
     "passage_id": "p7", "negatives": {"de": ["...", "..."]}}

or one text in several languages (``bitext``)::

    {"id": "s1", "source": "ntrex", "text": {"de": "...", "en": "..."}}

``passage_id``, ``query_id`` and ``negatives`` are optional, and further fields (a licence, a document) are left out.
The languages of query and passage may differ: such a row serves cross-lingual batches.

Rows that share a passage or a question never occur in one batch (see :mod:`.identity`). Passages are the same if their
texts or their ``passage_id`` are equal. Questions are the same if their texts are equal. If a row has a ``query_id``,
only the ``query_id`` counts: it is for questions with too few words, such as 'Summary' over every chapter, or a
fragment of a text. Give a passage that also answers the question of another row the ``passage_id`` or ``query_id`` of
that row; otherwise it would be a wrong answer to it in a batch.
"""
import re
from collections.abc import Mapping
from typing import NamedTuple

from pyterrier_hybrid.languages import check_language

QA = 'qa'
BITEXT = 'bitext'


class Row(NamedTuple):
    """A checked row; the mappings go from language to text, in the order of the languages' codes.

    Attributes:
        id: the row's name within its source.
        source: the name of the collection the row comes from.
        kind: ``'qa'`` or ``'bitext'``.
        query: the query in each language; for bitext, the text.
        positive: the passage in each language; for bitext, the same mapping as ``query``.
        passage_id: the passage's name where the data gives one.
        negatives: for a language, texts that do not answer the query.
        query_id: the question's name where its words do not say which question it is.
    """

    id: str
    source: str
    kind: str
    query: dict[str, str]
    positive: dict[str, str]
    passage_id: str | None
    negatives: dict[str, list[str]]
    query_id: str | None = None


def check_row(value: object, where: str) -> Row:
    """Checks one row of the interchange format.

    Args:
        value: the decoded JSON value.
        where: the row's place, for messages (``'pairs.jsonl, line 3'``).

    Raises:
        ValueError: names ``where`` and what is wrong: not an object, a field that is missing, empty or not a string,
            an odd language code, an empty text, both ``text`` and ``query``, or half a surrogate pair.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f'{where} is not a JSON object but {type(value).__name__}')
    name, source = (_name(value, field, where) for field in ('id', 'source'))
    passage_id, query_id = (
        None if value.get(field) is None else _name(value, field, where) for field in ('passage_id', 'query_id')
    )
    if 'text' in value and (value['text'] is not None or value.get('query') is None):
        others = ('query', 'positive', 'negatives', 'query_id')
        surplus = [field for field in others if value.get(field) is not None]
        if surplus:
            raise ValueError(
                f'{where} has both "text" and "{surplus[0]}"; a row has either "text" (bitext) or "query" and '
                '"positive" (qa)'
            )
        text = _texts(value, 'text', where)
        row = Row(name, source, BITEXT, text, text, passage_id, {})
    else:
        query, positive = (_texts(value, field, where) for field in ('query', 'positive'))
        negatives = _negatives(value.get('negatives'), where)
        row = Row(name, source, QA, query, positive, passage_id, negatives, query_id)
    _check_unicode(row, where)
    return row


def _name(value: Mapping, field: str, where: str) -> str:
    """A field that must be a string with something in it."""
    name = value.get(field)
    if name is None:
        raise ValueError(f'{where} has no "{field}"')
    if not isinstance(name, str):
        raise ValueError(f'{where} has the {field} {name!r:.80}; it must be a string')
    if not name.strip():
        raise ValueError(f'{where} has an empty "{field}"')
    return name


def _texts(value: Mapping, field: str, where: str) -> dict[str, str]:
    """The texts of one field, by language."""
    if field not in value:
        raise ValueError(f'{where} has no "{field}"; a row has "query" and "positive" (qa) or "text" (bitext)')
    texts = value[field]
    if not isinstance(texts, Mapping) or not texts:
        raise ValueError(f'{where}: "{field}" must map languages to texts, as in {{"de": "..."}}; it is {texts!r:.80}')
    for lang, text in texts.items():
        check_language(lang, f'{where}: "{field}"')
        _check_text(text, f'{where}: "{field}" in {lang!r}')
    return dict(sorted(texts.items()))


def _negatives(value: object, where: str) -> dict[str, list[str]]:
    """The given negatives by language, without the languages that have none."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f'{where}: "negatives" must map languages to lists of texts; it is {value!r:.80}')
    for lang, texts in value.items():
        check_language(lang, f'{where}: "negatives"')
        if not isinstance(texts, list | tuple):
            raise ValueError(f'{where}: "negatives" in {lang!r} must be a list of texts; it is {texts!r:.80}')
        for text in texts:
            _check_text(text, f'{where}: "negatives" in {lang!r}')
    return {lang: list(texts) for lang, texts in sorted(value.items()) if texts}


def _check_text(text: object, what: str) -> None:
    if not isinstance(text, str):
        raise ValueError(f'{what} is not a text but {text!r:.80}')
    if not text.strip():
        raise ValueError(f'{what} is an empty text; leave the language out where there is none')


def _check_unicode(row: Row, where: str) -> None:
    """Refuses half a surrogate pair, as JSON can spell it: no file and no tokenizer can hold it."""
    texts = {name: getattr(row, name) or '' for name in ('id', 'source', 'passage_id', 'query_id')}
    for field in ('query', 'positive') if row.kind == QA else ('query',):
        name = field if row.kind == QA else 'text'
        texts |= {f'{name} in {lang!r}': text for lang, text in getattr(row, field).items()}
    texts |= {f'negatives in {lang!r}': ' '.join(each) for lang, each in row.negatives.items()}
    try:
        ' '.join(texts.values()).encode()
    except UnicodeEncodeError:
        field, half = next((name, half) for name, text in texts.items() if (half := re.search('[\ud800-\udfff]', text)))
        raise ValueError(
            f'{where}, the row {row.id!r:.80}: its {field} holds half a surrogate pair ({half[0]!a}), which is no '
            'character; mend the text'
        ) from None

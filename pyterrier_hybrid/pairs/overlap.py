"""Evaluation texts that occur in training pairs, so that "zero-shot" is checked and not claimed."""
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyterrier as pt

from datasets_ext.opening import irds_dataset
from pyterrier_hybrid.pairs.source import Source

#: An evaluation text of this many words or more, and of twice as many letters, is looked for inside longer texts as
#: well. The letters matter where each is a word: eight Thai letters are a "moreover" that stands in every text.
ANCHOR = 8

_COLUMNS = ['what', 'eval_id', 'source', 'id', 'side', 'lang', 'equal', 'text']
#: Scripts written without spaces: every character is a word of its own.
_SPACELESS = ('CJK', 'HIRAGANA', 'KATAKANA', 'THAI', 'LAO', 'KHMER', 'MYANMAR')


class _Wanted(NamedTuple):
    what: str
    eval_id: str
    text: str
    words: tuple[str, ...]


class _ToWords(dict):
    """For ``str.translate``: punctuation and symbols become spaces, characters of spaceless scripts words."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if unicodedata.category(char)[0] not in 'LNM':
            self[code] = ' '
        else:
            self[code] = f' {char} ' if unicodedata.name(char, '').startswith(_SPACELESS) else char
        return self[code]


_TO_WORDS = _ToWords()


def words(text: str) -> tuple[str, ...]:
    """A text's words without case, width and punctuation (NFKC, casefold; letters, marks and digits are kept)."""
    return tuple(unicodedata.normalize('NFKC', text).casefold().translate(_TO_WORDS).split())


def shared_texts(sources: Iterable[Source], dataset: object, *, verbose: bool = True) -> pd.DataFrame:
    """Lists the questions and passages of an evaluation data set that occur in training sources.

    A text occurs if a training text (query, passage, bitext or given negative) has the same words in the same order. A
    text with at least ``ANCHOR`` words and 2 ``ANCHOR`` letters also occurs if a longer training text contains it.
    Case, width and punctuation are ignored, languages are not compared, and in scripts without spaces each character is
    a word. Memory grows with the evaluation data set and with what is found, not with the pairs.

    A passage that has a title is looked for with it and without it.

    A given negative teaches no answer, but the encoder is trained on its text, so it is listed, with its own ``side``.

    Args:
        sources: the training sources.
        dataset: an ir_datasets id (``'xquad-r/en'``; PyTerrier's prefixes ``irds:`` and ``hybrid:`` may stand before
            it), an ir_datasets data set, or PyTerrier's view of one.
        verbose: show a progress bar.

    Returns:
        One row for each occurrence: ``what`` (``'question'`` or ``'passage'``), ``eval_id`` (the qid or docno),
        ``source`` and ``id`` (the training row), ``side`` (``'query'``, ``'passage'``, ``'text'`` or ``'negatives'``),
        ``lang`` (of the training text), ``equal`` (False: stands inside a longer text), and ``text``, the evaluation
        text. No rows: nothing is shared.

    Raises:
        ValueError: an unknown data set, or one that has neither questions nor passages.
        TypeError: something that is no data set.
    """
    found = occurrences(sources, _evaluation_texts(dataset), negatives=True, verbose=verbose)
    if found is None:
        raise ValueError(f'the data set {dataset} has neither questions nor passages to look for')
    return found


def occurrences(
    sources: Iterable[Source], texts: Iterable[tuple[str, str, str]], *, negatives: bool = False, verbose: bool = True
) -> pd.DataFrame | None:
    """Lists where evaluation texts occur in training sources.

    Args:
        sources, verbose: as in :func:`shared_texts`.
        texts: ``(what, id, text)`` of each evaluation text.
        negatives: search the given negatives too.

    Returns:
        As :func:`shared_texts`; None if no text has a word to look for.
    """
    whole: dict[tuple[str, ...], list[_Wanted]] = defaultdict(list)
    anchors: dict[tuple[str, ...], list[_Wanted]] = defaultdict(list)
    for what, eval_id, text in texts:
        wanted = _Wanted(what, eval_id, text, words(text))
        if len(wanted.words) >= ANCHOR and sum(map(len, wanted.words)) >= 2 * ANCHOR:
            anchors[wanted.words[:ANCHOR]].append(wanted)
        elif wanted.words:
            whole[wanted.words].append(wanted)
    if not whole and not anchors:
        return None
    found = []
    for source in pt.tqdm(list(sources), desc='overlap', unit=' sources', disable=not verbose):
        for side, lang, first, cells in source.iter_columns(negatives=negatives):
            for row, text in _texts(cells, first):
                tokens = words(text)
                for wanted in _occurring(tokens, whole, anchors):
                    place = (source.name, source.ids([row])[0], side, lang)
                    found.append((wanted.what, wanted.eval_id, *place, tokens == wanted.words, wanted.text))
    return pd.DataFrame(found, columns=_COLUMNS)


def _texts(cells: pa.Array, first: int) -> Iterator[tuple[int, str]]:
    """Yields ``(row, text)`` for a block of a column, of texts or of lists of them, that begins at row ``first``."""
    for row, cell in enumerate(cells.to_pylist(), first):
        yield from ((row, text) for text in ([cell] if isinstance(cell, str) else cell or ()))


def _occurring(tokens: tuple[str, ...], whole: dict, anchors: dict) -> Iterator[_Wanted]:
    """The wanted texts that are in a training text, each once."""
    yield from whole.get(tokens, ())
    seen = set()
    for start in range(len(tokens) - ANCHOR + 1):
        for wanted in anchors.get(tokens[start : start + ANCHOR], ()):
            key = (wanted.what, wanted.eval_id)
            if key not in seen and tokens[start : start + len(wanted.words)] == wanted.words:
                seen.add(key)
                yield wanted


def _evaluation_texts(dataset: object) -> Iterator[tuple[str, str, str]]:
    """Yields ``(what, id, text)`` for the questions and passages of a data set."""
    dataset = irds_dataset(dataset)
    if dataset.has_queries():
        yield from (('question', query.query_id, query.default_text()) for query in dataset.queries_iter())
    if dataset.has_docs():
        for doc in dataset.docs_iter():  # whose title, if it has one, may be a part of what is trained on or not
            texts = dict.fromkeys([doc.default_text(), getattr(doc, 'text', doc.default_text())])
            yield from (('passage', doc.doc_id, text) for text in texts)

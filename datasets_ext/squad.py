"""SQuAD-format files as passages, questions and judgements.

A file is ``{"data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question", "answers": [{"answer_start",
"text"}]}]}]}]}``. LAReQA's retrieval variants (arXiv 2004.05484, section 3) add ``sentence_breaks`` to a paragraph, the
``[start, end]`` of each sentence in code points: the passages are then the sentences, otherwise the whole paragraphs.
The relevant passage of a question is the one in which its first answer starts. Questions marked ``is_impossible``
(SQuAD 2.0) have no answer anywhere and are left out.

Whatever a file holds, parsing it succeeds or raises a ``ValueError`` that names the file and the place in it.
"""
import json
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from datasets_ext.checks import check_id, check_lang, check_text, short
from datasets_ext.docs import MemoryDocs
from datasets_ext.records import Doc, Qrel, Query
from datasets_ext.shape import check_name, register


class SquadFile(NamedTuple):
    """One language's file.

    Attributes:
        docs: the passages in file order, ids ``<lang>/<paragraph>.<sentence>``, both counted from 0, paragraphs over
            the whole file.
        queries: the questions in file order, with the file's own ids.
        answers: question id -> id of the relevant passage.
    """

    docs: list[Doc]
    queries: list[Query]
    answers: dict[str, str]


def squad_files(paths: Mapping[str, str | Path], name: str) -> list[str]:
    """Makes SQuAD-format files, one per language, the data set ``name``, with ``name/<ql>`` and ``name/<ql>/<dl>``.

    A question that has the same id in several files is the same question: its answers in all of them are relevant.
    Files are read and checked now, and kept in memory.

    Args:
        paths: language -> file.
        name: the id to be; a name given to earlier files then stands for these.

    Returns:
        The ids, ``name`` first.

    Raises:
        ValueError: no files, an unknown language, a name that is taken, or what ``parse`` raises.
        OSError: a file that cannot be read.

    >>> squad_files({'de': 'dev.de.json', 'fr': 'dev.fr.json'}, 'my-qa')                           # doctest: +SKIP
    ['my-qa', 'my-qa/de', 'my-qa/de/de', 'my-qa/de/fr', 'my-qa/fr', 'my-qa/fr/de', 'my-qa/fr/fr']
    """
    check_name(name)
    if not paths or not isinstance(paths, Mapping):
        raise ValueError(f'{name!r} needs a mapping from language to file, such as {{"de": "dev.de.json"}}; it was '
                         f'given {paths!r}')
    missing = [lang for lang, path in paths.items() if not isinstance(path, str | Path)]
    if missing:
        raise ValueError(f'the file for {missing[0]!r} of {name!r} is {paths[missing[0]]!r}; give its path')
    files = {check_lang(lang, f'the file {path}'): parse(Path(path).read_bytes(), lang, str(path))
             for lang, path in paths.items()}
    for lang, file in files.items():
        if not file.docs:
            raise ValueError(f'{paths[lang]} holds no paragraph')
    return register(
        name,
        docs={lang: MemoryDocs(lambda file=file: file.docs, lang) for lang, file in files.items()},
        queries=lambda ql: files[ql].queries,
        qrels=lambda ql, dl: qrels(files[ql], files[dl], ql, dl),
    )


def qrels(asked: SquadFile, searched: SquadFile, ql: str, dl: str) -> list[Qrel]:
    """The judgements of the questions of one file on the passages of another, joined on the question's id."""
    return [Qrel(q.query_id, searched.answers[q.query_id], 1, dl, ql)
            for q in asked.queries if q.query_id in searched.answers]


def parse(data: bytes, lang: str, where: str) -> SquadFile:
    """Reads one SQuAD-format file.

    Args:
        data: the file's bytes.
        lang: the language of its paragraphs and questions.
        where: the file, for messages.

    Raises:
        ValueError: not JSON, a missing or wrong field, an empty text, sentence breaks that are not increasing or lie
            outside their paragraph, an answer that does not start in a sentence of its paragraph or is not there, a
            question id that occurs twice.
    """
    try:
        content = json.loads(data)
    except RecursionError:
        raise ValueError(f'{where} is not a SQuAD-format file: its JSON is nested too deeply') from None
    except ValueError as error:
        raise ValueError(f'{where} is not JSON ({error}); it may have been cut short, fetch it again') from error
    result = SquadFile([], [], {})
    number = -1
    for i, article in enumerate(_field(content, 'data', list, where)):
        place = f'{where}: data[{i}]'
        title = _field(article, 'title', str, place) if isinstance(article, dict) and 'title' in article else ''
        for j, paragraph in enumerate(_field(article, 'paragraphs', list, place)):
            number += 1
            _add_paragraph(result, paragraph, title, lang, number, f'{place}.paragraphs[{j}]')
    return result


def _add_paragraph(result: SquadFile, paragraph: dict, title: str, lang: str, number: int, place: str) -> None:
    context = check_text(_field(paragraph, 'context', str, place), f'{place}.context')
    breaks = _breaks(paragraph, context, place)
    ids = [f'{lang}/{number}.{k}' for k in range(len(breaks))]
    for doc_id, (start, end) in zip(ids, breaks):
        result.docs.append(Doc(doc_id, context[start:end], context, title, lang))
    starts = [start for start, _ in breaks]
    for k, qa in enumerate(_field(paragraph, 'qas', list, place)):
        where = f'{place}.qas[{k}]'
        if isinstance(qa, dict) and qa.get('is_impossible') is True:
            continue
        query_id = check_id(_field(qa, 'id', str, where), f'{where}.id')
        where = f'{where} (question {query_id!r})'
        if query_id in result.answers:
            raise ValueError(f'{where} has the id of an earlier question; ids are unique within a file')
        question = check_text(_field(qa, 'question', str, where), f'{where}.question')
        result.queries.append(Query(query_id, question, lang))
        position = _answer_start(qa, context, where)
        sentence = bisect_right(starts, position) - 1
        if sentence < 0 or position >= breaks[sentence][1]:
            raise ValueError(f'{where} has an answer at {position}, which is in no sentence of its paragraph')
        result.answers[query_id] = ids[sentence]


def _breaks(paragraph: dict, context: str, place: str) -> list[tuple[int, int]]:
    """The [start, end) of each passage of a paragraph: its sentences, or all of it."""
    if 'sentence_breaks' not in paragraph:
        return [(0, len(context))]
    breaks, last = [], 0
    for k, pair in enumerate(_field(paragraph, 'sentence_breaks', list, place)):
        where = f'{place}.sentence_breaks[{k}]'
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(n) is int for n in pair)):
            raise ValueError(f'{where} is {short(pair)}; it must be [start, end], two integers')
        start, end = pair
        if not last <= start < end <= len(context):
            raise ValueError(f'{where} is [{start}, {end}]; it must lie after the one before, ending at {last}, and '
                             f'inside its paragraph of {len(context)} characters')
        if not context[start:end].strip():
            raise ValueError(f'{where} is a blank sentence')
        breaks.append((start, end))
        last = end
    return breaks


def _answer_start(qa: dict, context: str, where: str) -> int:
    answers = _field(qa, 'answers', list, where)
    if not answers:
        raise ValueError(f'{where} has no answer; give one, or mark the question "is_impossible": true')
    position = _field(answers[0], 'answer_start', int, f'{where}.answers[0]')
    if not 0 <= position < len(context):
        raise ValueError(f'{where} has an answer at {position}, outside its paragraph of {len(context)} characters')
    if 'text' in answers[0]:
        text = _field(answers[0], 'text', str, f'{where}.answers[0]')
        if not context.startswith(text, position):
            raise ValueError(f'{where} has the answer {short(text)}, but its paragraph has '
                             f'{short(context[position:position + len(text)])} at {position}; offsets count code '
                             f'points, not bytes')
    return position


def _field(record: object, name: str, kind: type, place: str):
    """``record[name]``, which must be there and of exactly this type (``True`` is not an ``int``)."""
    if not isinstance(record, dict):
        raise ValueError(f'{place} is {short(record)}; it must be an object with {name!r}')
    if name not in record:
        raise ValueError(f'{place} has no {name!r}')
    if type(record[name]) is not kind:
        raise ValueError(f'{place}.{name} is {short(record[name])}; it must be of type {kind.__name__}')
    return record[name]

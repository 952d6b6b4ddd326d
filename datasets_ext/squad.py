"""SQuAD-format files as passages, questions and judgements.

A file is ``{"data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question", "answers": [{"answer_start",
"text"}]}]}]}]}``. LAReQA's retrieval variants (arXiv 2004.05484, section 3) add ``sentence_breaks`` to a paragraph, the
``[start, end]`` of each sentence in code points: the passages are then the sentences, otherwise the whole paragraphs.
The relevant passage of a question is the one in which its first answer starts. Questions marked ``is_impossible``
(SQuAD 2.0) have no answer anywhere.

Parsing a file either succeeds or raises a ``ValueError`` that names the file and the place in it.
"""
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from datasets_ext.checks import LeftOut, check_id, check_lang, check_text, check_unjudged, parse_json, short
from datasets_ext.docs import MemoryDocs
from datasets_ext.records import Doc, Qrel, Query
from datasets_ext.shape import check_name, register

_UNANSWERED = 'questions without an answer'


class SquadFile(NamedTuple):
    """One language's file.

    Attributes:
        docs: the passages in file order, with ids ``<lang>/<paragraph>.<sentence>``. Both numbers count from 0,
            paragraphs over the whole file.
        queries: the questions that are answered in it, in file order, with the file's own ids.
        answers: question id -> id of the relevant passage.
        unanswered: the other questions.
    """

    docs: list[Doc]
    queries: list[Query]
    answers: dict[str, str]
    unanswered: list[Query]


def squad_files(
    paths: Mapping[str, str | Path],
    name: str,
    *,
    unjudged: Literal['drop', 'keep'] = 'drop',
    strict: bool = False,
) -> list[str]:
    """Makes SQuAD-format files, one per language, the data set ``name``, with ``name/<ql>`` and ``name/<ql>/<dl>``.

    A question that has the same id in several files is the same question: its answers in all of them are relevant.
    Files are read and checked now, and kept in memory.

    Faults of published files are left out or corrected, and one warning counts and names them: an answer at a wrong
    offset whose text is in the paragraph is moved to the nearest place with that text (``parse`` has the other faults).
    A title that is null is no title, and a whole number as an id becomes its digits.

    Args:
        paths: language -> file.
        name: the id to be; a name given to earlier files then stands for these.
        unjudged: whether questions that no file answers are dropped or kept. Those that are marked ``is_impossible``
            are not counted as faults.
        strict: whether to refuse what is otherwise left out or corrected, and unmarked questions without an answer.

    Returns:
        The ids, ``name`` first.

    Raises:
        ValueError: no files, an unknown language, a name that is taken, no answers, or what ``parse`` raises.
        OSError: a file that cannot be read.

    >>> squad_files({'de': 'dev.de.json', 'fr': 'dev.fr.json'}, 'my-qa')                           # doctest: +SKIP
    ['my-qa', 'my-qa/de', 'my-qa/de/de', 'my-qa/de/fr', 'my-qa/fr', 'my-qa/fr/de', 'my-qa/fr/fr']
    """
    check_name(name)
    check_unjudged(unjudged)
    if not paths or not isinstance(paths, Mapping):
        raise ValueError(f'{name!r} needs a mapping from language to file, such as {{"de": "dev.de.json"}}; it was '
                         f'given {short(paths)}')
    missing = [lang for lang, path in paths.items() if not isinstance(path, str | Path)]
    if missing:
        raise ValueError(f'the file for {missing[0]!r} of {name!r} is {short(paths[missing[0]])}; give its path')
    left_out = LeftOut(strict)
    files = {check_lang(lang, f'the file {path}'): parse(Path(path).read_bytes(), lang, str(path), left_out)
             for lang, path in paths.items()}
    for lang, file in files.items():
        if not file.docs:
            raise ValueError(f'{paths[lang]} holds no paragraph')
    answered = {query_id for file in files.values() for query_id in file.answers}
    if not answered:
        raise ValueError(f'no question in the files of {name!r} has an answer, so nothing is judged')
    if unjudged == 'keep':
        left_out.found.pop(_UNANSWERED, None)
    left_out.warn(name)
    kept = {lang: [query for query in file.unanswered if unjudged == 'keep' or query.query_id in answered]
            for lang, file in files.items()}
    asked = {lang: file.queries + kept[lang] for lang, file in files.items()}
    return register(
        name,
        docs={lang: MemoryDocs(lambda file=file: file.docs, lang) for lang, file in files.items()},
        queries=asked.__getitem__,
        qrels=lambda ql, dl: qrels(asked[ql], files[dl], ql, dl),
    )


def qrels(asked: Iterable[Query], searched: SquadFile, ql: str, dl: str) -> list[Qrel]:
    """The judgements of the questions of one file on the passages of another, joined on the question's id."""
    return [Qrel(q.query_id, searched.answers[q.query_id], 1, dl, ql) for q in asked if q.query_id in searched.answers]


def parse(data: bytes, lang: str, where: str, left_out: LeftOut | None = None) -> SquadFile:
    """Reads one SQuAD-format file.

    Args:
        data: the file's bytes.
        lang: the language of its paragraphs and questions.
        where: the file, for messages.
        left_out: notes the faults that are left out or corrected; without it, they raise an error. The faults are: a
            paragraph or question without text, a question without answers or whose answers are not in its paragraph, a
            question that occurs twice with the same relevant passage, and an answer at a wrong offset whose text is in
            the paragraph.

    Raises:
        ValueError: not JSON, a missing or wrong field, half a surrogate pair, sentence breaks that are not increasing
            or lie outside their paragraph, an id with a space, two questions with one id.
    """
    left_out = left_out or LeftOut(strict=True)
    content = parse_json(data, where)
    result, again = SquadFile([], [], {}, []), {}
    number = -1
    for i, article in enumerate(_field(content, 'data', list, where)):
        place = f'{where}: data[{i}]'
        titled = isinstance(article, dict) and article.get('title') is not None
        title = check_text(_field(article, 'title', str, place), f'{place}.title', blank=True) if titled else ''
        for j, paragraph in enumerate(_field(article, 'paragraphs', list, place)):
            number += 1
            _add_paragraph(result, again, paragraph, title, lang, number, f'{place}.paragraphs[{j}]', left_out)
    return result


def _add_paragraph(
    result: SquadFile, known: dict, paragraph: dict, title: str, lang: str, number: int, place: str, left_out: LeftOut
) -> None:
    context = check_text(_field(paragraph, 'context', str, place), f'{place}.context', blank=True)
    if not context.strip():
        return left_out.add('paragraphs without text', place, f'{place}.context is empty')
    breaks = _breaks(paragraph, context, place)
    ids = [f'{lang}/{number}.{k}' for k in range(len(breaks))]
    for doc_id, (start, end) in zip(ids, breaks):
        result.docs.append(Doc(doc_id, context[start:end], context, title, lang))
    for k, qa in enumerate(_field(paragraph, 'qas', list, place)):
        where = f'{place}.qas[{k}]'
        impossible = isinstance(qa, dict) and qa.get('is_impossible') is True
        query_id = check_id(_field(qa, 'id', object, where), f'{where}.id')
        where = f'{where} (question {short(query_id)})'
        text = check_text(_field(qa, 'question', str, where), f'{where}.question', blank=True)
        if not text.strip():
            left_out.add('questions without text', query_id, f'{where}.question is empty')
            continue
        sentence = None if impossible else _answered(qa, query_id, context, breaks, where, left_out)
        found = (text, None if sentence is None else ids[sentence])
        if query_id in known:
            twice = f'{where} has the id of an earlier question; ids are unique within a file'
            if known[query_id] != found:
                raise ValueError(twice)
            left_out.add('questions that occur twice', query_id, twice)
            continue
        known[query_id] = found
        query = Query(query_id, text, lang)
        if sentence is None:
            result.unanswered.append(query)
        else:
            result.queries.append(query)
            result.answers[query_id] = ids[sentence]


def _answered(
    qa: dict, query_id: str, context: str, breaks: list[tuple[int, int]], where: str, left_out: LeftOut
) -> int | None:
    """The number of the passage in which the first answer starts that can be found; None if none can.

    Answers are looked for at their offsets first, then at the nearest place with their text.
    """
    answers = _field(qa, 'answers', list, where) if qa.get('answers') is not None else []
    if not answers:
        left_out.add(_UNANSWERED, query_id,
                     f'{where} has no answer; give one, or mark the question "is_impossible": true')
        return None
    refusals = []
    for n, answer in enumerate(answers):
        try:
            return _placed(answer, n, context, breaks, where)
        except ValueError as error:  # noqa: PERF203
            if left_out.strict:
                raise
            refusals.append(str(error))
    for answer in answers:
        text, start = (answer.get('text'), answer.get('answer_start')) if isinstance(answer, dict) else (None, None)
        if isinstance(text, str) and text.strip():
            near = sorted((match.start() for match in re.finditer(f'(?={re.escape(text)})', context)),
                          key=lambda at: abs(at - start) if type(start) is int else at)
            for at in near:
                if (sentence := _holding(breaks, at)) is not None:
                    left_out.add('answers at a wrong offset, taken from the nearest place', query_id, refusals[0])
                    return sentence
    left_out.add('questions whose answers are not in their paragraph', query_id, refusals[0])
    return None


def _holding(breaks: list[tuple[int, int]], position: int) -> int | None:
    """The number of the passage that holds a position; None if there is none."""
    sentence = bisect_right(breaks, position, key=lambda pair: pair[0]) - 1
    return sentence if sentence >= 0 and position < breaks[sentence][1] else None


def _breaks(paragraph: dict, context: str, place: str) -> list[tuple[int, int]]:
    """The [start, end) of each passage of a paragraph: its sentences, or the whole paragraph."""
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


def _placed(answer: dict, number: int, context: str, breaks: list[tuple[int, int]], where: str) -> int:
    """The number of the passage in which an answer starts; raises ValueError if its text is not at its offset."""
    position = _field(answer, 'answer_start', int, f'{where}.answers[{number}]')
    if not 0 <= position < len(context):
        raise ValueError(f'{where} has an answer at {short(position)}, outside its paragraph of {len(context)} '
                         f'characters')
    text = _field(answer, 'text', str, f'{where}.answers[{number}]') if 'text' in answer else ''
    if not context.startswith(text, position):
        raise ValueError(f'{where} has the answer {short(text)}, but its paragraph has '
                         f'{short(context[position:position + len(text)])} at {position}; offsets count code '
                         f'points, not bytes')
    sentence = _holding(breaks, position)
    if sentence is None:
        raise ValueError(f'{where} has an answer at {position}, which is in no sentence of its paragraph')
    return sentence


def _field(record: object, name: str, kind: type, place: str):
    """Returns ``record[name]``; raises ValueError unless it is of exactly this type (``True`` is not an ``int``)."""
    if not isinstance(record, dict):
        raise ValueError(f'{place} is {short(record)}; it must be an object with {name!r}')
    if name not in record:
        raise ValueError(f'{place} has no {name!r}')
    if kind is not object and type(record[name]) is not kind:
        raise ValueError(f'{place}.{name} is {short(record[name])}; it must be of type {kind.__name__}')
    return record[name]

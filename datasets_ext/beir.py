"""A folder in BEIR's format as a data set: BEIR itself (arXiv 2104.08663), BEIR-NL and the like, or data of your own.

A folder holds ``corpus.jsonl`` (``{"_id", "title", "text"[, "lang"]}`` a line), ``queries.jsonl`` (``{"_id",
"text"[, "lang"]}``) and ``qrels/<split>.tsv`` (``query-id``, ``corpus-id``, ``score``, after a line that names them).
"""
import os
import re
from array import array
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from datasets_ext.checks import LeftOut, check_id, check_lang, check_text, check_unjudged, listed, short
from datasets_ext.jsonl import JsonLines, JsonLinesDocs, records
from datasets_ext.records import Qrel, Query, TitledDoc
from datasets_ext.shape import check_name, register

#: (question id, passage id) -> relevance, number of the line.
Judged = dict[tuple[str, str], tuple[int, int]]


def beir_folder(
    path: str | Path,
    name: str,
    *,
    lang: str | None = None,
    split: str = 'test',
    unjudged: Literal['drop', 'keep'] = 'drop',
    strict: bool = False,
) -> list[str]:
    """Makes a folder in BEIR's format the data set ``name``, with ``name/<ql>`` and ``name/<ql>/<dl>``.

    Everything is read once and checked. Questions and judgements are then kept in memory; passages are read from the
    file, which must stay as it is. ``text`` is the corpus's ``text``; BEIR's own figures are on title and text
    together, which ``pt.apply.text(lambda d: d['title'] + ' ' + d['text'])`` before the indexer does.

    Faults of published folders are left out, and one warning counts and names them: judgements of missing passages or
    questions (BEIR's ArguAna has one), passages whose ``text`` is missing or null, questions without text, a passage or
    question that occurs twice. A passage whose text is blank is kept, since it may be judged. ``"title": null`` is no
    title, a whole number as an id becomes its digits, and a judgement that occurs twice counts once.

    Args:
        path: the folder.
        name: the id to be; a name given to an earlier folder then stands for this one.
        lang: the language of all passages and questions. None if each line of both files has its own ``lang``.
        split: which of ``qrels/*.tsv`` to use. Questions that only another split judges are left out.
        unjudged: whether questions that no split judges are dropped (and counted in the warning) or kept.
        strict: whether to refuse what is otherwise left out, and questions that are dropped.

    Returns:
        The ids, ``name`` first.

    Raises:
        FileNotFoundError: the folder lacks a file.
        ValueError: a line that is malformed, without language or with another one than ``lang``; an id with a space;
            two passages (in whatever languages) or two questions of a language with the same id; two judgements that
            contradict each other; a split that judges nothing; or, if ``strict``, what is otherwise left out. The
            message names the file, the line and the id. Or a split that is no name.
        TypeError: a path that is none.

    >>> beir_folder('scifact-nl', 'scifact-nl', lang='nl')                                         # doctest: +SKIP
    ['scifact-nl', 'scifact-nl/nl', 'scifact-nl/nl/nl']
    """
    check_name(name)
    check_unjudged(unjudged)
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f'path is {short(path)}; give the path of a folder in BEIR\'s format')
    if not isinstance(split, str):
        raise ValueError(f'split is {short(split)}; give the name of a file in qrels without .tsv, such as \'test\'')
    folder, left_out = Path(path), LeftOut(strict)
    if lang is not None:
        check_lang(lang, 'the argument lang')
    splits = {file.stem: file for file in sorted((folder / 'qrels').glob('*.tsv'))}
    for file in (folder / 'corpus.jsonl', folder / 'queries.jsonl'):
        if not file.is_file():
            raise FileNotFoundError(f'there is no {file}; a BEIR folder has corpus.jsonl, queries.jsonl, qrels/*.tsv')
    if split not in splits:
        raise FileNotFoundError(f'there is no {folder / "qrels" / split}.tsv; choose split= from '
                                f'{listed(splits) or "qrels/*.tsv, of which there are none"}')

    judged = {each: _judgements(file) for each, file in splits.items()}
    queries = _queries(folder / 'queries.jsonl', lang, left_out)
    corpus, where = _corpus(folder / 'corpus.jsonl', lang, {doc_id for _, doc_id in judged[split]}, left_out)
    rows = []
    for (query_id, doc_id), (score, number) in judged.pop(split).items():
        line = f'{splits[split]}, line {number} judges the'
        if query_id not in queries:
            left_out.add('judgements of questions that are not in queries.jsonl', query_id,
                         f'{line} question {short(query_id)}, which is not in queries.jsonl')
        elif doc_id not in where:
            left_out.add('judgements of passages that are not in corpus.jsonl', doc_id,
                         f'{line} passage {short(doc_id)}, which is not in corpus.jsonl')
        else:
            rows.append((query_id, doc_id, score, where[doc_id]))
    if not rows:
        raise ValueError(f'{splits[split]} judges nothing')

    asked = dict.fromkeys(query_id for query_id, *_ in rows)
    known = {*asked, *(query_id for elsewhere in judged.values() for query_id, _ in elsewhere)}
    for query_id in (query_id for query_id in queries if query_id not in known):
        if unjudged == 'keep':
            asked[query_id] = None
        else:
            left_out.add('questions that nobody judged', query_id,
                         f'{folder / "queries.jsonl"} has the question {short(query_id)}, which no file of '
                         f'{folder / "qrels"} judges; judge it, take it out, or keep it by unjudged=\'keep\'')
    left_out.warn(name)
    return register(
        name,
        docs={dl: docs for dl, docs in corpus.items() if dl},
        pool=corpus[None],
        queries=lambda ql: [Query(q, queries[q][ql], ql) for q in asked if ql in queries[q]],
        query_langs=sorted({ql for query_id in asked for ql in queries[query_id]}),
        qrels=lambda ql, dl: [Qrel(q, d, score, dl, ql) for q, d, score, at in rows if at == dl and ql in queries[q]],
        qrel_defs={score: 'as the folder has it' for score in sorted({score for _, _, score, _ in rows})},
    )


def _checked(path: Path, lang: str | None, left_out: LeftOut) -> Iterator[tuple[int, str, str, str, dict]]:
    """Yields the offset, place, id, language and content of each line with a text; raises ValueError for faults."""
    for offset, where, record in records(path):
        if '_id' not in record:
            raise ValueError(f"{where} has no '_id'")
        key = check_id(record['_id'], f"{where}: '_id'")
        named = f'{where} (id {short(key)})'
        if record.get('text') is None:
            left_out.add('lines without a text', key, f"{named} has no 'text'")
            continue
        for field in ('text', 'title'):
            value = '' if record.get(field) is None else record[field]
            if not isinstance(value, str):
                raise ValueError(f'{where}: {field!r} is {short(value)}; it must be text')
            check_text(value, f'{named}: {field!r}', blank=True)
        own = record.get('lang')
        if lang and own not in (None, lang):
            raise ValueError(f'{named} has the language {short(own)}, but lang={lang!r} was given for all')
        if not lang and own is None:
            raise ValueError(f'{named} has no "lang"; add one to each line, or give lang= for all')
        yield offset, named, key, lang or check_lang(own, named), record


def _corpus(
    path: Path, lang: str | None, wanted: set[str], left_out: LeftOut
) -> tuple[dict[str | None, JsonLinesDocs], dict[str, str]]:
    """Returns the passages of each language, and of all under None; and the language of each passage in ``wanted``."""
    langs, codes, where = {}, array('i'), {}

    def places() -> Iterator[tuple[int, str]]:
        for offset, _, key, dl, _ in _checked(path, lang, left_out):
            codes.append(langs.setdefault(dl, len(langs)))
            if key in wanted:
                where.setdefault(key, dl)
            yield offset, key

    def make(record: dict) -> TitledDoc:
        return TitledDoc(str(record['_id']), record['text'], '', record.get('title') or '', lang or record['lang'])

    lines = JsonLines(path, places(), lambda record: str(record['_id']))
    if not codes:
        raise ValueError(f'{path} holds no passage')
    there = np.ones(len(codes), bool)
    for first, again in lines.repeated():
        one, other = map(make, lines.read([first, again]))
        twice = (f'{lines.line(again)} (id {short(one.doc_id)}) has the id of an earlier passage, in {one.lang}; ids '
                 f'are unique over all languages')
        if one != other:
            raise ValueError(twice)
        left_out.add('passages that occur twice', one.doc_id, twice)
        there[again] = False
    only, everything = next(iter(langs)) if len(langs) == 1 else None, None if there.all() else np.flatnonzero(there)
    corpus = {None: JsonLinesDocs(lines, make, only, everything)}
    for dl, code in sorted(langs.items()):
        chosen = np.flatnonzero(there & (np.asarray(codes) == code))
        corpus[dl] = corpus[None] if only else JsonLinesDocs(lines, make, dl, chosen)
    return corpus, where


def _queries(path: Path, lang: str | None, left_out: LeftOut) -> dict[str, dict[str, str]]:
    """Returns question id -> language -> text; a question may be asked in several languages."""
    queries = {}
    for _, where, query_id, ql, record in _checked(path, lang, left_out):
        text, earlier = record['text'], queries.get(query_id, {}).get(ql)
        twice = f'{where} has the id of an earlier question in {ql}'
        if not text.strip():
            left_out.add('empty questions', query_id, f'{where} is an empty question')
        elif earlier is None:
            queries.setdefault(query_id, {})[ql] = text
        elif earlier == text:
            left_out.add('questions that occur twice', query_id, twice)
        else:
            raise ValueError(twice)
    return queries


def _judgements(path: Path) -> Judged:
    """Returns the relevance of each pair of question and passage that the file judges."""
    judged = {}
    for number, line in enumerate(path.read_bytes().removeprefix(BOM_UTF8).split(b'\n'), 1):
        where = f'{path}, line {number}'
        columns = line.decode(errors='replace').rstrip('\r').split('\t')
        if not line.strip() or (number == 1 and columns[-1] == 'score'):
            continue
        if len(columns) != 3 or not re.fullmatch('-?[0-9]{1,9}', columns[2]):
            raise ValueError(f'{where} is {short(columns)}; it must be a question id, a passage id and a whole number, '
                             f'with tabs between')
        query_id, doc_id, score = columns[0], columns[1], int(columns[2])
        earlier, line = judged.setdefault((query_id, doc_id), (score, number))
        if earlier != score:
            raise ValueError(f'{where} judges {short(query_id)} and {short(doc_id)} again, with another score: {score} '
                             f'after {earlier} in line {line}; keep one of them')
    return judged

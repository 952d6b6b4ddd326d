"""A folder in BEIR's format as a data set: BEIR itself (arXiv 2104.08663), BEIR-NL and the like, or data of your own.

A folder holds ``corpus.jsonl`` (``{"_id", "title", "text"[, "lang"]}`` a line), ``queries.jsonl`` (``{"_id",
"text"[, "lang"]}``) and ``qrels/<split>.tsv`` (``query-id``, ``corpus-id``, ``score``, after a line that names them).
"""
import hashlib
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ir_datasets.formats import BaseDocs
from ir_datasets.indices import DEFAULT_DOCSTORE_OPTIONS, PickleLz4FullStore
from ir_datasets.lazy_libs import tqdm
from ir_datasets.util import home_path

from datasets_ext.checks import check_id, check_lang, check_text, listed, short
from datasets_ext.docs import DocsIter
from datasets_ext.records import Qrel, Query, TitledDoc
from datasets_ext.shape import check_name, register


def beir_folder(path: str | Path, name: str, *, lang: str | None = None, split: str = 'test') -> list[str]:
    """Makes a folder in BEIR's format the data set ``name``, with ``name/<ql>`` and ``name/<ql>/<dl>``.

    Everything is read once and checked; ids and judgements are then kept in memory, passages are read from the file.
    ``text`` is the corpus's ``text``; BEIR's own figures are on title and text together, which
    ``pt.apply.text(lambda d: d['title'] + ' ' + d['text'])`` before the indexer does.

    Args:
        path: the folder.
        name: the id to be; a name given to an earlier folder then stands for this one.
        lang: the language of all passages and questions. None if each line of both files has its own ``lang``.
        split: which of ``qrels/*.tsv`` to use. Questions that only another split judges are left out.

    Returns:
        The ids, ``name`` first.

    Raises:
        FileNotFoundError: the folder lacks a file.
        ValueError: a malformed line, an id that occurs twice (in whatever languages), a line without language or with
            another one than ``lang``, a question that no split judges, a judgement of an unknown question or passage.
            The message names the file, the line and the id.

    >>> beir_folder('scifact-nl', 'scifact-nl', lang='nl')                                         # doctest: +SKIP
    ['scifact-nl', 'scifact-nl/nl', 'scifact-nl/nl/nl']
    """
    check_name(name)
    folder = Path(path)
    if lang is not None:
        check_lang(lang, 'the argument lang')
    splits = {file.stem: file for file in sorted((folder / 'qrels').glob('*.tsv'))}
    for file in (folder / 'corpus.jsonl', folder / 'queries.jsonl'):
        if not file.is_file():
            raise FileNotFoundError(f'there is no {file}; a BEIR folder has corpus.jsonl, queries.jsonl, qrels/*.tsv')
    if split not in splits:
        raise FileNotFoundError(f'there is no {folder / "qrels" / split}.tsv; choose split= from '
                                f'{listed(splits) or "qrels/*.tsv, of which there are none"}')

    docs, counts = _languages(folder / 'corpus.jsonl', lang)
    queries = _queries(folder / 'queries.jsonl', lang)
    judged = {each: list(_judgements(file, queries, docs)) for each, file in splits.items()}
    if not judged[split]:
        raise ValueError(f'{splits[split]} judges nothing')
    unjudged = queries.keys() - {query_id for rows in judged.values() for query_id, _, _ in rows}
    if unjudged:
        raise ValueError(f'{folder / "queries.jsonl"} has questions that no file of {folder / "qrels"} judges: '
                         f'{listed(unjudged)}; judge them or take them out')

    rows = [(query_id, doc_id, score, docs[doc_id]) for query_id, doc_id, score in judged[split]]
    asked = dict.fromkeys(query_id for query_id, *_ in rows)
    langs = sorted({ql for query_id in asked for ql in queries[query_id]})
    corpus = {dl: CorpusDocs(folder / 'corpus.jsonl', lang, [dl], counts) for dl in sorted(counts)}
    return register(
        name,
        docs=corpus,
        pool=CorpusDocs(folder / 'corpus.jsonl', lang, sorted(counts), counts),
        queries=lambda ql: [Query(q, queries[q][ql], ql) for q in asked if ql in queries[q]],
        query_langs=langs,
        qrels=lambda ql, dl: [Qrel(q, d, score, dl, ql) for q, d, score, at in rows if at == dl and ql in queries[q]],
        qrel_defs={score: 'as the folder has it' for score in sorted({score for _, _, score, _ in rows})},
    )


class CorpusDocs(BaseDocs):
    """The passages of ``corpus.jsonl`` in some languages, read from the file as they are asked for.

    Args:
        path: ``corpus.jsonl``, already checked.
        lang: the language of lines that have none.
        langs: the languages to give.
        counts: language -> number of its passages.
    """

    def __init__(self, path: Path, lang: str | None, langs: list[str], counts: dict[str, int]):
        self._path = path
        self._lang = lang
        self._langs = langs
        self._count = sum(counts[each] for each in langs)
        self._total = sum(counts.values())

    def _all(self) -> Iterator[TitledDoc]:
        for _, record in _records(self._path):
            title, lang = record.get('title', ''), record.get('lang', self._lang)
            yield TitledDoc(record['_id'], record['text'], '', title, lang)

    def _read(self, positions: range | None) -> Iterator[TitledDoc]:
        docs = self._all() if self._count == self._total else (doc for doc in self._all() if doc.lang in self._langs)
        return docs if positions is None else islice(docs, positions.start, positions.stop, positions.step)

    def docs_iter(self) -> DocsIter:
        """A new iterator in file order; slices of it skip, without a docstore."""
        return DocsIter(self._read, self.docs_count)

    def docs_store(self, field: str = 'doc_id', options=DEFAULT_DOCSTORE_OPTIONS) -> PickleLz4FullStore:
        """The passages of all languages by id, in the ir_datasets home; built on the first lookup."""
        stat = self._path.stat()
        version = f'{self._path.resolve()}\n{stat.st_size}\n{stat.st_mtime_ns}\n{self._lang}'
        digest = hashlib.sha256(version.encode()).hexdigest()[:16]
        path = str(home_path() / 'beir_folder' / f'{digest}.pklz4')
        return PickleLz4FullStore(
            path, self._all, TitledDoc, field, ['doc_id'], count_hint=self._total, options=options)

    def docs_count(self) -> int:
        """The number of passages."""
        return self._count

    def docs_cls(self) -> type[TitledDoc]:
        """``TitledDoc``."""
        return TitledDoc

    def docs_lang(self) -> str | None:
        """The language, or None where there are several."""
        return self._langs[0] if len(self._langs) == 1 else None


def _records(path: Path) -> Iterator[tuple[str, dict]]:
    """The place (for messages) and content of each line that is not blank."""
    with path.open('rb') as file:
        for number, line in enumerate(tqdm().tqdm(file, desc=str(path), unit=' lines', delay=2, leave=False), 1):
            where = f'{path}, line {number}'
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f'{where} is not JSON ({error})') from error
            if not isinstance(record, dict):
                raise ValueError(f'{where} is not a JSON object')
            yield where, record


def _checked(path: Path, lang: str | None) -> Iterator[tuple[str, str, str, dict]]:
    """The place, id, language and content of each line."""
    for where, record in _records(path):
        for field, absent in (('_id', None), ('text', None), ('title', '')):
            value = record.get(field, absent)
            if not isinstance(value, str):
                raise ValueError(f'{where}: {field!r} is {short(value)}; it must be text')
            check_text(value, f'{where}: {field!r}', blank=True)
        check_id(record['_id'], f"{where}: '_id'")
        where = f'{where} (id {record["_id"]!r})'
        if lang and record.get('lang', lang) != lang:
            raise ValueError(f'{where} has the language {record["lang"]!r}, but lang={lang!r} was given for all')
        if not lang and 'lang' not in record:
            raise ValueError(f'{where} has no "lang"; add one to each line, or give lang= for all')
        yield where, record['_id'], lang or check_lang(record['lang'], where), record


def _languages(path: Path, lang: str | None) -> tuple[dict[str, str], dict[str, int]]:
    """Passage id -> language, and how many passages each language has."""
    docs, counts = {}, {}
    for where, doc_id, dl, _ in _checked(path, lang):
        if doc_id in docs:
            raise ValueError(f'{where} has the id of an earlier passage, in {docs[doc_id]}; ids are unique over all '
                             f'languages')
        docs[doc_id] = dl
        counts[dl] = counts.get(dl, 0) + 1
    if not docs:
        raise ValueError(f'{path} holds no passage')
    return docs, counts


def _queries(path: Path, lang: str | None) -> dict[str, dict[str, str]]:
    """Question id -> language -> text; one question may be asked in several languages."""
    queries = {}
    for where, query_id, ql, record in _checked(path, lang):
        if not record['text'].strip():
            raise ValueError(f'{where} is an empty question')
        if ql in queries.setdefault(query_id, {}):
            raise ValueError(f'{where} has the id of an earlier question in {ql}')
        queries[query_id][ql] = record['text']
    return queries


def _judgements(path: Path, queries: dict, docs: dict) -> Iterator[tuple[str, str, int]]:
    """Question id, passage id and relevance of each line."""
    seen = {}
    for number, line in enumerate(path.read_bytes().split(b'\n'), 1):
        where = f'{path}, line {number}'
        columns = line.decode(errors='replace').rstrip('\r').split('\t')
        if not line.strip() or (number == 1 and columns[-1] == 'score'):
            continue
        if len(columns) != 3 or not re.fullmatch('-?[0-9]+', columns[2]):
            raise ValueError(f'{where} is {columns}; it must be a question id, a passage id and a whole number, with '
                             f'tabs between')
        query_id, doc_id, score = columns[0], columns[1], int(columns[2])
        if query_id not in queries:
            raise ValueError(f'{where} judges the question {query_id!r}, which is not in queries.jsonl')
        if doc_id not in docs:
            raise ValueError(f'{where} judges the passage {doc_id!r}, which is not in corpus.jsonl')
        if seen.setdefault((query_id, doc_id), score) != score:
            raise ValueError(f'{where} judges {query_id!r} and {doc_id!r} again, with another score')
        yield query_id, doc_id, score

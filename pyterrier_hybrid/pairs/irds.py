"""Rows from ir_datasets' training sets: judged pairs, joined across languages on question and passage ids."""
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import ir_datasets
import numpy as np
import pyterrier as pt

from datasets_ext.checks import LeftOut
from datasets_ext.records import Doc, TitledDoc
from pyterrier_hybrid.languages import check_language
from pyterrier_hybrid.pairs.jsonl import Placed

#: mMARCO by language. English is MS MARCO itself. The others are from the second translation, which has more languages
#: than the first; its code for Dutch is dt.
MMARCO = {
    'en': 'msmarco-passage/train',
    **{x: f'mmarco/v2/{x}/train' for x in ('ar', 'de', 'es', 'fr', 'hi', 'id', 'it', 'ja', 'pt', 'ru', 'vi', 'zh')},
    'nl': 'mmarco/v2/dt/train',
}
#: Mr. TyDi by language. Its questions are not translations of each other: each language is a source of its own.
MR_TYDI = {x: f'mr-tydi/{x}/train' for x in ('ar', 'bn', 'en', 'fi', 'id', 'ja', 'ko', 'ru', 'sw', 'te', 'th')}


def irds_rows(
    datasets: Iterable[str | Mapping[str, str]], folder: Path, strict: bool, verbose: bool
) -> Iterator[Placed]:
    """Yields a row for each judged pair (relevance 1 or more).

    Questions and passages are in the languages that ir_datasets states, which need not be the same (WikiCLIR).
    Collections are read once, in order, and only the judged passages kept, in files; in memory are the pairs' ids. A
    text that is blank counts as missing in its language.

    Args:
        datasets, strict, verbose: as in ``ParallelPairs.from_irds``.
        folder: where the files go.
    """
    for source, ids in _grouped(datasets).items():
        opened = {lang: _load(name) for lang, name in ids.items()}
        left_out = LeftOut(strict)
        pairs = dict.fromkeys(
            (qrel.query_id, qrel.doc_id)
            for dataset in opened.values() for qrel in dataset.qrels_iter() if qrel.relevance >= 1
        )  # fmt: skip
        queries = _Texts(folder / 'queries', {q for q, _ in pairs})
        passages = _Texts(folder / 'passages', {p for _, p in pairs})
        for lang, dataset in opened.items():
            asked, answered = _languages(dataset, lang, ids[lang])
            queries.fill((asked, q.query_id, q.default_text()) for q in dataset.queries_iter())
            docs = pt.tqdm(dataset.docs_iter(), desc=ids[lang], unit=' passages', disable=not verbose)
            passages.fill((_own(doc) or answered, doc.doc_id, doc.default_text()) for doc in docs)
        for number, (query, passage) in enumerate(pairs, 1):
            asked = _found(queries, query, 'question', source, left_out)
            answer = _found(passages, passage, 'passage', source, left_out)
            if asked and answer:
                yield f'{source}, judged pair', number, {
                    'id': f'{query} {passage}', 'source': source, 'query': asked, 'positive': answer,
                    'passage_id': f'{source} {passage}',
                }  # fmt: skip
        left_out.warn(source, stacklevel=7)


class _Texts:
    """Texts by id and language, in a file; the first of an id in a language counts."""

    def __init__(self, path: Path, wanted: set[str]):
        self._at = {name: at for at, name in enumerate(wanted)}
        self._bounds: dict[str, np.ndarray] = {}
        self._path = path
        self._path.write_bytes(b'')
        self._texts = b''

    def fill(self, texts: Iterable[tuple[str, str, str]]) -> None:
        """Keeps the wanted ones among texts, each with its language and id before it."""
        with open(self._path, 'ab') as file:
            end = file.tell()
            for lang, name, text in texts:
                at = self._at.get(name)
                if at is None or not text.strip():
                    continue
                if lang not in self._bounds:
                    self._bounds[lang] = np.zeros((len(self._at), 2), np.int64)
                if not self._bounds[lang][at, 1]:
                    data = text.encode('utf-8', 'surrogatepass')  # refused by name, as a row
                    file.write(data)
                    self._bounds[lang][at] = end, end + len(data)
                    end += len(data)
        self._texts = np.memmap(self._path, np.uint8, 'r') if end else b''

    def get(self, name: str) -> dict[str, str]:
        """The texts of an id by language, as far as there are some."""
        places = ((lang, *bounds[self._at[name]].tolist()) for lang, bounds in self._bounds.items())
        return {lang: bytes(self._texts[a:b]).decode('utf-8', 'surrogatepass') for lang, a, b in places if b}


def _found(texts: _Texts, name: str, what: str, source: str, left_out: LeftOut) -> dict[str, str]:
    """The texts of an id by language."""
    found = texts.get(name)
    if not found:
        left_out.add(f'judgements of {what}s without a text', name,
                     f'the judgements of {source} name the {what} {name!r:.80}, which has no text in any language')
    return found


def _grouped(datasets: Iterable[str | Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Groups data sets into sources: source name -> language -> data-set id."""
    if isinstance(datasets, str | Mapping):
        raise ValueError(f'give a list of data sets, as in [{datasets!r}]')
    groups: dict[str, dict[str, str]] = {}
    for item in datasets:
        if isinstance(item, Mapping):
            placed = [('+'.join(item.values()), lang, name) for lang, name in item.items()]
        else:
            placed = [_marco(item) or (item, _stated_language(item), item)]
        for source, lang, name in placed:
            check_language(lang, f'the data set {name}')
            first = groups.setdefault(source, {}).setdefault(lang, name)
            if first != name:
                raise ValueError(f'{first} and {name} are both {lang!r} of {source}; give one of them')
    if not groups:
        raise ValueError('no data set given; name at least one, such as MMARCO["en"]')
    return groups


def _marco(name: str) -> tuple[str, str, str] | None:
    """Source, language and id for an id of MS MARCO or mMARCO, whose splits have the same ids in all languages."""
    collection, *rest = name.split('/')
    if collection == 'msmarco-passage':
        return '/'.join(['mmarco', *rest]), 'en', name
    lang, *split = (rest[1:] if rest[:1] == ['v2'] else rest) or [None]
    if collection != 'mmarco' or lang is None:
        return None
    return '/'.join(['mmarco', *split]), {'dt': 'nl'}.get(lang, lang), name


def _load(name: str) -> ir_datasets.Dataset:
    try:
        dataset = ir_datasets.load(name)
    except KeyError as error:
        raise ValueError(f'ir_datasets has no data set {name!r}') from error
    for part in ('docs', 'queries', 'qrels'):
        if not getattr(dataset, f'has_{part}')():
            raise ValueError(f'the data set {name} has no {part}, so no pairs; one of its subsets may have them')
    return dataset


def _languages(dataset: ir_datasets.Dataset, lang: str, name: str) -> tuple[str, str]:
    """The languages of a data set's questions and passages: those that it states, if they are two, else the given one.

    Raises ValueError if the given one is neither.
    """
    stated = dataset.queries_lang(), dataset.docs_lang()
    if None in stated or stated[0] == stated[1]:
        return lang, lang
    if lang not in stated:
        raise ValueError(f'{name} has questions in {stated[0]!r} and passages in {stated[1]!r}, and none in {lang!r}')
    return stated


def _own(doc: object) -> str | None:
    """The language of a passage that knows its own, as those of this package's data sets do."""
    return doc.lang if isinstance(doc, Doc | TitledDoc) else None


def _stated_language(name: str) -> str:
    lang = _load(name).queries_lang()
    if lang is None:
        raise ValueError(f'ir_datasets does not state the language of {name}; give it, as in {{"en": "{name}"}}')
    return lang

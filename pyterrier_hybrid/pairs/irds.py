"""Rows out of ir_datasets' training sets: judged pairs, joined across languages on question and passage ids."""
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import ir_datasets
import numpy as np
import pyterrier as pt

from datasets_ext.checks import LeftOut
from pyterrier_hybrid.languages import check_language
from pyterrier_hybrid.pairs.jsonl import Placed

#: mMARCO by language: English is MS MARCO itself, the others are the second translation, which has more languages than
#: the first; Dutch is called dt there.
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
        queries = {lang: _Texts(folder / f'{lang}.queries', {q for q, _ in pairs}) for lang in opened}
        passages = {lang: _Texts(folder / f'{lang}.passages', {p for _, p in pairs}) for lang in opened}
        for lang, dataset in opened.items():
            queries[lang].fill((q.query_id, q.default_text()) for q in dataset.queries_iter())
            docs = pt.tqdm(dataset.docs_iter(), desc=ids[lang], unit=' passages', disable=not verbose)
            passages[lang].fill((doc.doc_id, doc.default_text()) for doc in docs)
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
    """Texts by id, in a file; the first of an id counts."""

    def __init__(self, path: Path, wanted: set[str]):
        self._at = {name: at for at, name in enumerate(wanted)}
        self._bounds = np.zeros((len(wanted), 2), np.int64)
        self._path = path
        self._texts = b''

    def fill(self, texts: Iterable[tuple[str, str]]) -> None:
        """Keeps the wanted ones among the texts."""
        end = 0
        with open(self._path, 'wb') as file:
            for name, text in texts:
                at = self._at.get(name)
                if at is not None and text.strip() and not self._bounds[at, 1]:
                    data = text.encode('utf-8', 'surrogatepass')  # refused by name, as a row
                    file.write(data)
                    self._bounds[at] = end, end + len(data)
                    end += len(data)
        self._texts = np.memmap(self._path, np.uint8, 'r') if end else b''

    def get(self, name: str) -> str | None:
        """The text, None if there is none."""
        start, stop = self._bounds[self._at[name]]
        return bytes(self._texts[start:stop]).decode('utf-8', 'surrogatepass') or None


def _found(texts: dict[str, _Texts], name: str, what: str, source: str, left_out: LeftOut) -> dict[str, str]:
    """The texts of an id by language."""
    found = {lang: text for lang, by_id in texts.items() if (text := by_id.get(name))}
    if not found:
        left_out.add(f'judgements of {what}s without a text', name,
                     f'the judgements of {source} name the {what} {name!r:.80}, which has no text in any language')
    return found


def _grouped(datasets: Iterable[str | Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Source name -> language -> data-set id."""
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
    """Source, language and id of an id of MS MARCO or mMARCO, whose ids for one split mean the same everywhere."""
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


def _stated_language(name: str) -> str:
    lang = _load(name).queries_lang()
    if lang is None:
        raise ValueError(f'ir_datasets does not state the language of {name}; give it, as in {{"en": "{name}"}}')
    return lang

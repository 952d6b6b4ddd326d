"""The shape of every data set of this package: ``<name>``, ``<name>/<ql>``, ``<name>/<ql>/<dl>``.

``<name>`` has only documents, those of all languages. ``<name>/<ql>`` has the questions asked in ``ql`` over all of
them (multilingual); ``<name>/<ql>/<dl>`` has the questions asked in ``ql`` over the documents written in ``dl``
(monolingual if both are equal, cross-lingual otherwise), without the questions that are judged only in other languages.

``register`` is the one function that makes ids. It takes the content of a collection (documents by language, questions
by language, judgements by pair of languages) as functions that are called on first use, so registering costs nothing:

    >>> from datasets_ext.shape import Doc, MemoryDocs, Qrel, Query, register
    >>> register('capitals',
    ...          docs={'de': MemoryDocs(lambda: [Doc('de/0.0', 'Paris liegt in Frankreich.', '', '', 'de')], 'de'),
    ...                'en': MemoryDocs(lambda: [Doc('en/0.0', 'Paris is in France.', '', '', 'en')], 'en')},
    ...          queries=lambda ql: [Query('q1', {'de': 'Wo liegt Paris?', 'en': 'Where is Paris?'}[ql], ql)],
    ...          qrels=lambda ql, dl: [Qrel('q1', f'{dl}/0.0', 1, dl, ql)])
    ['capitals', 'capitals/de', 'capitals/de/de', 'capitals/de/en', 'capitals/en', 'capitals/en/de', 'capitals/en/en']

The content must meet these conditions (``squad_files`` and ``beir_folder`` check them for a user's data):

* ``Doc.lang`` and ``Query.query_lang`` are ISO 639-1 codes, and are the only place where a language is written;
* ``doc_id`` is unique over all languages;
* the same question has the same ``query_id`` in every language it is asked in;
* ``qrels(ql, dl)`` names questions of ``queries(ql)`` and documents of ``docs[dl]``, with ``iteration=dl``.
"""
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import ir_datasets
from ir_datasets.datasets.base import Dataset
from ir_datasets.formats import BaseDocs, BaseQrels, BaseQueries
from ir_datasets.util import MetadataComponent, MetadataProvider

from datasets_ext.about import Computed
from datasets_ext.checks import short
from datasets_ext.docs import MemoryDocs
from datasets_ext.records import Doc, Qrel, Query, TrecQrel, judged_once

__all__ = ['REGISTERED', 'Doc', 'MemoryDocs', 'Qrel', 'Query', 'check_name', 'register']

QREL_DEFS = {1: 'holds the answer'}


class LangQueries(BaseQueries):
    """A queries handler over a function that returns the questions of one language."""

    def __init__(self, load: Callable[[], Sequence[Query]], lang: str):
        self._load = load
        self._lang = lang

    def queries_iter(self) -> Iterator[Query]:
        """A new iterator over the questions."""
        return iter(self._load())

    def queries_cls(self) -> type[Query]:
        """``Query``."""
        return Query

    def queries_lang(self) -> str:
        """The language the questions are asked in."""
        return self._lang


class LangQrels(BaseQrels):
    """A qrels handler over a function that returns the judgements."""

    def __init__(self, load: Callable[[], Sequence[Qrel]], defs: Mapping[int, str]):
        self._load = load
        self._defs = dict(defs)

    def qrels_iter(self) -> Iterator[Qrel]:
        """A new iterator over the judgements."""
        return iter(self._load())

    def qrels_cls(self) -> type[TrecQrel]:
        """``TrecQrel``: those fields of the records, which are ``Qrel``, that ir_datasets' exporters write."""
        return TrecQrel

    def qrels_defs(self) -> dict[int, str]:
        """The meaning of each relevance level."""
        return self._defs


#: The ids that this package has registered, with their data sets; ``hybrid:`` serves these.
REGISTERED: dict[str, Dataset] = {}
#: The collections that come with the package; a user's data cannot have their names.
SHIPPED: set[str] = set()


def check_name(name: str) -> str:
    """Returns a name for a user's own data set, if it is allowed.

    A user's name may be used again, and then stands for the new data. A name of this package or of ir_datasets may not.

    Raises:
        ValueError: the name cannot be part of an id, or is taken.
    """
    if not isinstance(name, str) or not re.fullmatch(r'[A-Za-z0-9][A-Za-z0-9._-]*', name):
        raise ValueError(f'{short(name)} cannot name a data set; use letters, digits, ".", "_" and "-"')
    theirs = {known.split('/')[0] for known, dataset in ir_datasets.registry._registered.items()
              if REGISTERED.get(known) is not dataset}
    if name in SHIPPED | theirs:
        raise ValueError(f'there is a data set {name!r} already; choose another name')
    return name


def add(dataset_id: str, dataset: Dataset, metadata: MetadataProvider) -> None:
    """Registers one id, with counts from ``metadata``.

    An id of this package is replaced. An id that ir_datasets itself has keeps its data set there: ``irds:`` then serves
    theirs, ``hybrid:`` ours.
    """
    dataset = Dataset(MetadataComponent(dataset_id, dataset, metadata), dataset)
    known = ir_datasets.registry._registered
    if dataset_id not in known or known[dataset_id] is REGISTERED.get(dataset_id):
        known[dataset_id] = dataset
    REGISTERED[dataset_id] = dataset


def register(
    name: str,
    *,
    docs: Mapping[str, BaseDocs],
    queries: Callable[[str], Sequence[Query]],
    qrels: Callable[[str, str], Sequence[Qrel]],
    pool: BaseDocs | None = None,
    query_langs: Sequence[str] | None = None,
    qrel_defs: Mapping[int, str] = QREL_DEFS,
    documentation: Callable[[str], Any] = lambda key: None,
    metadata: MetadataProvider | None = None,
) -> list[str]:
    """Registers ``name``, ``name/<ql>`` and ``name/<ql>/<dl>`` in ir_datasets; reads nothing.

    If a collection of that name was registered here before, all of its ids are removed first, since the new one may
    have other languages.

    Args:
        name: the collection's id.
        docs: language -> docs handler (``MemoryDocs``, or any of ir_datasets' whose documents are ``Doc``).
        queries: ``queries(ql)`` returns the questions asked in ``ql``; called on first use, at most once per language.
        qrels: ``qrels(ql, dl)`` returns the judgements of questions asked in ``ql`` on documents in ``dl``; likewise.
        pool: docs handler over all languages; the handlers of ``docs`` one after another by default, in memory.
            With one language there is one handler, so that ``docs_parent_id`` of every id is ``name``.
        query_langs: languages with questions; those of ``docs`` by default.
        qrel_defs: relevance -> meaning.
        documentation: id without ``name/`` ('_' for ``name``) -> a component with a ``documentation()`` method, as
            ir_datasets' ``YamlDocumentation`` returns.
        metadata: provides the counts while no data is loaded; computed from the data by default.

    Returns:
        The ids, ``name`` first.
    """
    queries, given = lru_cache(None)(queries), qrels

    @lru_cache(None)
    def qrels(ql: str, dl: str) -> list[Qrel]:
        return judged_once(given(ql, dl), f'{name}/{ql}/{dl}')

    docs = dict(docs)
    if len(docs) == 1:
        pool = pool or next(iter(docs.values()))
        docs = dict.fromkeys(docs, pool)
    elif pool is None:
        pool = MemoryDocs(lambda: list(chain.from_iterable(d.docs_iter() for d in docs.values())), None)

    def asked(ql: str, dl: str) -> list[Query]:
        here, elsewhere = ({qrel.query_id for each in langs for qrel in qrels(ql, each)} for langs in ([dl], docs))
        return [query for query in queries(ql) if query.query_id in here or query.query_id not in elsewhere]

    sets = {name: Dataset(pool, documentation('_'))}
    for ql in query_langs or docs:
        sets[f'{name}/{ql}'] = Dataset(
            pool,
            LangQueries(lambda ql=ql: queries(ql), ql),
            LangQrels(lambda ql=ql: list(chain.from_iterable(qrels(ql, dl) for dl in docs)), qrel_defs),
            documentation(ql),
        )
        for dl, handler in docs.items():
            sets[f'{name}/{ql}/{dl}'] = Dataset(
                handler,
                LangQueries(lambda ql=ql, dl=dl: asked(ql, dl), ql),
                LangQrels(lambda ql=ql, dl=dl: qrels(ql, dl), qrel_defs),
                documentation(f'{ql}/{dl}'),
            )
    for old in [known for known in REGISTERED if known.split('/')[0] == name]:
        if ir_datasets.registry._registered.get(old) is REGISTERED.pop(old):
            del ir_datasets.registry._registered[old]
    metadata = metadata or Computed(sets)
    for dataset_id, dataset in sets.items():
        add(dataset_id, dataset, metadata)
    return list(sets)

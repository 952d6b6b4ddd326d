"""MIRACL (TACL 2023, arXiv 2210.09984) with its languages pooled: questions in one or all of 18, passages in all.

It is built on ir_datasets' own ``miracl/<lang>/<split>``, which is the monolingual setting:

* ``miracl-multi``: the passages of all languages; ``miracl-multi/<split>``: with the questions of all languages;
  ``miracl-multi/<ql>/<split>``: with those of one.
* ``miracl-multi/judged/<split>``, ``miracl-multi/judged/<ql>/<split>``: the same questions over the judged passages
  alone. Such a pool has few wrong passages, so **scores on it are inflated** and cannot be compared with any others.

Ids of passages and questions are ``<lang>:<upstream id>``, since ir_datasets' ids repeat across languages. All relevant
passages of a question are in its own language, so rank distance does not apply.
"""
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

import ir_datasets
from ir_datasets.datasets import miracl
from ir_datasets.datasets.base import Dataset
from ir_datasets.util import DownloadConfig, MetadataComponent

from datasets_ext import downloads
from datasets_ext.about import Computed, Documentation, shipped
from datasets_ext.checks import short
from datasets_ext.miracl_docs import JudgedDocs, LanguageDocs, PooledDocs, pooled_id
from datasets_ext.records import Qrel, Query, judged_once
from datasets_ext.shape import LangQrels, LangQueries, add

NAME = 'miracl-multi'
#: MIRACL's languages.
LANGUAGES = tuple(sorted(key for key in miracl.subsets if '/' not in key))
#: Split -> the languages that have questions in it; test-a and test-b have no public judgements.
SPLITS = {split: tuple(lang for lang in LANGUAGES if f'{lang}/{split}' in miracl.subsets)
          for split in ('train', 'dev', 'test-a', 'test-b')}
JUDGED = ('train', 'dev')


@lru_cache(None)
def queries(lang: str, split: str) -> list[Query]:
    """The questions of one language, under their pooled ids; a ``ValueError`` names a cached file that is damaged."""
    upstream = ir_datasets.load(f'miracl/{lang}/{split}')
    _verify(upstream.queries_path, f'{lang}/{split}/topics')
    return [Query(pooled_id(lang, q.query_id), q.text, lang) for q in upstream.queries_iter()]


@lru_cache(None)
def qrels(lang: str, split: str) -> list[Qrel]:
    """The judgements of one language, under their pooled ids; a ``ValueError`` names a cached file that is damaged."""
    upstream = ir_datasets.load(f'miracl/{lang}/{split}')
    _verify(upstream.qrels_path, f'{lang}/{split}/qrels')
    judged = (Qrel(pooled_id(lang, q.query_id), pooled_id(lang, q.doc_id), q.relevance, lang, lang)
              for q in upstream.qrels_iter())
    return judged_once(judged, f'miracl/{lang}/{split}')


def judged_ids(lang: str, split: str) -> set[str]:
    """The pooled ids of the passages of one language that a split judges."""
    return {qrel.doc_id for qrel in qrels(lang, split)} if lang in SPLITS[split] else set()


def pooled_miracl(langs: Iterable[str], split: str, *, judged: bool = False) -> Dataset:
    """MIRACL over some of its languages: only their questions, over only their passages.

    Args:
        langs: two or more of the 18 codes (one is taken too), in any order.
        split: 'train', 'dev', 'test-a' or 'test-b'. A language without questions in it gives its passages.
        judged: whether the pool is the judged passages only, which inflates scores.

    Returns:
        An ir_datasets data set. In PyTerrier it is ``datasets_ext.provider.HybridDataset(it, 'a name')``.

    Raises:
        ValueError: an unknown language or split, no language, or none that has questions in the split.
        TypeError: ``langs`` that are no codes.

    >>> pooled_miracl(['sw', 'de'], 'dev')
    Dataset(id='miracl-multi(de,sw)/dev', provides=['docs', 'queries', 'qrels'])
    """
    if not isinstance(langs, Iterable):
        raise TypeError(f'langs is {short(langs)}; give codes of MIRACL\'s languages, such as [\'sw\', \'de\']')
    langs = [langs] if isinstance(langs, str) else list(langs)
    unknown = [lang for lang in langs if lang not in LANGUAGES]
    if unknown or not langs:
        raise ValueError(f'MIRACL has no {", ".join(map(repr, unknown)) or "pool without a language"}; its '
                         f'languages are {", ".join(LANGUAGES)}')
    langs = sorted(set(langs))
    if split not in [*SPLITS] or (judged and split not in JUDGED):
        raise ValueError(f'MIRACL has no {"judged " * judged}split {split!r}; choose one of '
                         f'{", ".join(JUDGED if judged else SPLITS)}')
    asked = [lang for lang in langs if lang in SPLITS[split]]
    if not asked:
        raise ValueError(f'MIRACL has no {split} questions in {", ".join(langs)}; those with some are '
                         f'{", ".join(SPLITS[split])}')
    dataset = _dataset(_judged_pool(langs, split) if judged else _pool(langs), asked, split)
    dataset_id = f'{NAME}({",".join(langs)})/{"judged/" * judged}{split}'
    return Dataset(MetadataComponent(dataset_id, dataset, Computed({dataset_id: dataset})), dataset)


def register() -> None:
    """Registers ``miracl-multi`` and all ids under it; reads and downloads nothing."""
    documentation, metadata, pool = Documentation(NAME), shipped(), _pool(LANGUAGES)
    add(NAME, Dataset(pool, documentation('_')), metadata)
    for split, asked in SPLITS.items():
        pools = {'': pool, **({'judged/': _judged_pool(asked, split)} if split in JUDGED else {})}
        for part, docs in pools.items():
            for ql, langs in {'': asked, **{f'{lang}/': [lang] for lang in asked}}.items():
                key = f'{part}{ql}{split}'
                add(f'{NAME}/{key}', _dataset(docs, langs, split, documentation(key)), metadata)


def _verify(path: Callable[[], str], key: str) -> None:
    """Fetches a file if needed, and checks it: ir_datasets checks a file only when it fetches it."""
    entry, name = DownloadConfig.context('miracl').contents()[f'v1.0/{key}'], f'miracl/{key}'
    try:
        found = Path(path())
    except OSError as error:
        raise downloads.unreachable(entry, name, error) from error
    downloads.verified(found, entry, name)


def _pool(langs: Sequence[str]) -> PooledDocs:
    return PooledDocs({lang: LanguageDocs(lang) for lang in langs})


def _judged_pool(langs: Sequence[str], split: str) -> PooledDocs:
    return PooledDocs({lang: JudgedDocs(lang, split, partial(judged_ids, lang, split)) for lang in langs
                       if lang in SPLITS[split]})


def _dataset(docs: PooledDocs, asked: Sequence[str], split: str, *more: Any) -> Dataset:
    """Makes a data set of the questions in some languages over a pool."""
    lang = asked[0] if len(asked) == 1 else None
    return Dataset(
        docs,
        LangQueries(lambda: list(chain.from_iterable(queries(ql, split) for ql in asked)), lang),
        LangQrels(lambda: list(chain.from_iterable(qrels(ql, split) for ql in asked)), miracl.QRELS_DEFS)
        if split in JUDGED else None,
        *more,
    )

"""MIRACL's passages of several languages as one collection, over ir_datasets' own ``miracl/<lang>`` entries.

Passage ids repeat across the languages, so ``12#3`` of the German collection is ``de:12#3`` here. No data is stored a
second time: iteration streams ir_datasets' own files one after another, and a lookup by id asks ir_datasets' own
docstore of that language, which ir_datasets builds, from pickles, when a passage of that language is first looked up.
Neither needs topics or qrels.
"""
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from io import BufferedReader
from itertools import groupby, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import ir_datasets
from ir_datasets.datasets import miracl
from ir_datasets.datasets.base import Dataset
from ir_datasets.indices import DocstoreOptions
from ir_datasets.util import home_path

from datasets_ext.checks import listed
from datasets_ext.docs import Docs
from datasets_ext.jsonl import LONGEST, JsonLines, JsonLinesDocs, records
from datasets_ext.records import TitledDoc


def pooled_id(lang: str, upstream: str) -> str:
    """The id that a passage or question of ``miracl/<lang>`` has in the pool."""
    return f'{lang}:{upstream}'


def _pooled(lang: str, docs: Iterable) -> Iterator[TitledDoc]:
    """Turns ir_datasets' documents of one language into those of the pool; adds the place to ir_datasets' errors."""
    count = 0
    try:
        for doc in docs:
            yield TitledDoc(f'{lang}:{doc.doc_id}', doc.text, '', doc.title, lang)
            count += 1
    except (EOFError, zlib.error, gzip.BadGzipFile, ValueError, KeyError) as error:
        raise ValueError(f'miracl/{lang} cannot be read beyond {count:,} passages ({error!r}); a file in '
                         f'{home_path() / "miracl" / "v1.0" / lang / "docs"} is cut short or damaged, delete it and '
                         f'load it again') from error
    except OSError as error:
        raise FileNotFoundError(f'miracl/{lang} cannot be read beyond {count:,} passages, as a file is not cached and '
                                f'could not be downloaded ({error}). Fetch it elsewhere and put it at '
                                f'{home_path() / "downloads"}/<its MD5>, which ir_datasets logs') from error


def _stream(upstream: Dataset) -> Iterator[miracl.MiraclDoc]:
    """Yields the passages of ``miracl/<lang>`` from its files, like ir_datasets, but refuses very long lines."""
    for shard in upstream.docs_handler()._dlcs:
        with shard.stream() as file, BufferedReader(file, 1 << 20) as lines:
            if not lines.peek(1):
                raise ValueError('a file is empty')  # gzip takes one of no bytes for one of no lines
            while line := lines.readline(LONGEST):
                if len(line) == LONGEST:
                    raise ValueError(f'a line is longer than {LONGEST >> 20} MiB')
                record = json.loads(line)
                yield miracl.MiraclDoc(record['docid'], record['title'], record['text'])


class LanguageDocs(Docs):
    """All passages of one language, under their pooled ids. They are streamed; a slice skips those before it."""

    def _upstream(self):
        return ir_datasets.load(f'miracl/{self._lang}')

    def read(self, positions: range | None) -> Iterator[TitledDoc]:
        """The passages at some positions, or all of them for None."""
        cut = (None,) if positions is None else (positions.start, positions.stop, positions.step)
        upstream = self._upstream()
        docs = upstream.docs_iter()[slice(*cut)] if upstream.docs_store().built() else islice(_stream(upstream), *cut)
        return _pooled(self._lang, docs)

    def lookup(self, ids: Iterable[str], options: DocstoreOptions) -> Iterator[TitledDoc]:
        """The passages of some pooled ids, from ir_datasets' docstore."""
        upstream = [doc_id.partition(':')[2] for doc_id in ids if doc_id.startswith(f'{self._lang}:')]
        return _pooled(self._lang, self._upstream().docs_handler().docs_store(options=options).get_many_iter(upstream))

    def docs_count(self) -> int:
        """The number of passages, by ir_datasets' metadata."""
        return self._upstream().docs_count()


class JudgedDocs(Docs):
    """The passages of one language that the qrels of a split judge.

    They are collected once, into a file of JSON lines in ir_datasets' home: from ir_datasets' docstore of the language
    if there is one, otherwise in one pass over its corpus.

    Args:
        lang: the language.
        split: the split, for the file's place.
        judged: returns the pooled ids of the judged passages.
    """

    def __init__(self, lang: str, split: str, judged: Callable[[], set[str]]):
        super().__init__(lang)
        self._split, self._judged = split, judged
        self._all = LanguageDocs(lang)

    @property
    def path(self) -> Path:
        """The file."""
        return home_path() / 'miracl-multi' / 'judged' / self._split / f'{self._lang}.jsonl'

    def _collect(self) -> None:
        missing = set(self._judged())
        if ir_datasets.load(f'miracl/{self._lang}').docs_store().built():
            docs = self._all.docs_store().get_many_iter(sorted(missing))
        else:
            docs = (doc for doc in self._all.docs_iter() if doc.doc_id in missing)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.path.parent) as folder:
            partial = Path(folder) / self.path.name
            with partial.open('w') as file:
                for doc in docs:
                    missing.discard(doc.doc_id)
                    file.write(json.dumps({'doc_id': doc.doc_id, 'title': doc.title, 'text': doc.text}) + '\n')
            if missing:
                raise ValueError(f'miracl/{self._lang} lacks passages that its {self._split} qrels judge: '
                                 f'{listed(missing)}; its corpus files are incomplete, delete them and load it again')
            if not self.path.exists():  # another process may have collected them too, and be reading its file
                partial.replace(self.path)

    @cached_property
    def _docs(self) -> JsonLinesDocs:
        if not self.path.exists():
            self._collect()
        ids = []

        def places() -> Iterator[tuple[int, str]]:
            for offset, where, record in records(self.path):
                if not all(isinstance(record.get(field), str) for field in ('doc_id', 'title', 'text')):
                    raise ValueError(f'{where} lacks a doc_id, a title or a text; delete the file')
                ids.append(record['doc_id'])
                yield offset, record['doc_id']

        lines = JsonLines(self.path, places(), lambda record: record['doc_id'])
        if len(ids) != len(set(ids)) or set(ids) != self._judged():
            raise ValueError(f'{self.path} does not hold the passages that the {self._split} qrels judge; delete it')
        return JsonLinesDocs(
            lines, lambda doc: TitledDoc(doc['doc_id'], doc['text'], '', doc['title'], self._lang), self._lang)

    def read(self, positions: range | None) -> Iterator[TitledDoc]:
        """The passages at some positions, or all of them for None."""
        return self._docs.read(positions)

    def lookup(self, ids: Iterable[str], options: DocstoreOptions) -> Iterator[TitledDoc]:
        """The passages of some pooled ids."""
        return self._docs.lookup(ids, options)

    def docs_count(self) -> int | None:
        """The number of passages, or None before they are collected (ir_datasets then asks the metadata)."""
        return self._docs.docs_count() if self.path.exists() else None

    def size(self) -> int:
        """The number of passages; collects them."""
        return self._docs.docs_count()


class PooledDocs(Docs):
    """The passages of several languages, one language after another.

    Args:
        parts: language -> its passages.
    """

    def __init__(self, parts: Mapping[str, LanguageDocs | JudgedDocs]):
        super().__init__(next(iter(parts)) if len(parts) == 1 else None)
        self._parts = dict(parts)

    @property
    def languages(self) -> list[str]:
        """The languages."""
        return list(self._parts)

    def in_languages(self, langs: Iterable[str]) -> 'PooledDocs':
        """Returns the passages in some of the languages, without opening the files of the others."""
        chosen = set(langs)
        return PooledDocs({lang: part for lang, part in self._parts.items() if lang in chosen})

    def read(self, positions: range | None) -> Iterator[TitledDoc]:
        """The passages at some positions, or all of them for None."""
        if positions is None:
            for part in self._parts.values():
                yield from part.read(None)
            return
        first = 0
        for part in self._parts.values():
            last = first + part.size()
            here = positions[_index(positions, first):_index(positions, last)]
            if here:
                yield from part.read(range(here.start - first, here.stop - first, here.step))
            first = last

    def lookup(self, ids: Iterable[str], options: DocstoreOptions) -> Iterator[TitledDoc]:
        """The passages of some pooled ids, by language, each from the docstore of its language."""
        known = sorted(doc_id for doc_id in ids if isinstance(doc_id, str) and ':' in doc_id)
        for lang, group in groupby(known, key=lambda doc_id: doc_id.partition(':')[0]):
            if lang in self._parts:
                yield from self._parts[lang].lookup(group, options)

    def docs_count(self) -> int | None:
        """The number of passages, or None if a language does not know it yet."""
        counts = [part.docs_count() for part in self._parts.values()]
        return None if None in counts else sum(counts)

    def size(self) -> int:
        """The number of passages; may have to collect them."""
        return sum(part.size() for part in self._parts.values())


def _index(positions: range, value: int) -> int:
    """The index of the first position that is ``value`` or more."""
    return max(0, -((positions.start - value) // positions.step))

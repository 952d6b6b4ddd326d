"""One dense index over passages of many languages: a FLEX index that knows each document's language."""
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyterrier as pt
from npids import Lookup
from pyterrier_dr import FlexIndex

from pyterrier_hybrid.indexing.build import Build
from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.indexer import IndexingMode, MultilingualIndexer
from pyterrier_hybrid.indexing.publish import replaced
from pyterrier_hybrid.indexing.retriever import ExactRetriever
from pyterrier_hybrid.indexing.storage import META, Collection, map_vectors, open_collection
from pyterrier_hybrid.languages import LANG, check_language
from pyterrier_hybrid.ranking.scores import max_norm


@dataclass(frozen=True, eq=False)
class OpenedIndex(Collection):
    """An index's documents, and what identifies them.

    Attributes:
        meta: the content of ``pt_meta.json``.
        max_norm: the greatest Euclidean norm of a vector.
        fingerprint: a digest of vectors, docnos and languages.
    """

    meta: dict
    max_norm: float
    fingerprint: str


class MultilingualIndex(FlexIndex):
    """A dense index of documents in several languages, searched exactly in all of them or in some.

    The folder is a FLEX index (``vecs.f4``, ``docnos.npids``, ``pt_meta.json``), and this class a
    :class:`pyterrier_dr.FlexIndex`: its retrievers, scorer, pseudo-relevance feedback and LADR work on it. Added are
    each document's language and docnos that hold any text and any number of documents. Similarity is the dot product;
    for cosine, let the encoder normalise.

    A build is absent or whole, whenever it is killed; see :class:`MultilingualIndexer`. An object notices when its
    index has been replaced, and serves the new one from the next call on.

    Example::

        index = MultilingualIndex('xquad-r.flex')
        (encoder.doc_encoder() >> index).index(dataset.get_corpus_iter())
        everywhere = encoder.query_encoder() >> index.retriever()
        in_german = encoder.query_encoder() >> index.retriever(100, langs='de')

    Args:
        path: the folder.
        verbose: show progress bars.
        langs: for a FLEX index that was built without languages: one code per document, in the index's order, or a
            mapping from docno to code.
    """

    def __init__(self, path: str | Path, *, verbose: bool = True, langs: Sequence[str] | Mapping | None = None):
        super().__init__(path, verbose=verbose)
        self._langs = langs
        self._opened: OpenedIndex | None = None
        self._stamp = None

    def index(self, docs: Iterable[dict]) -> 'MultilingualIndex':
        """Indexes documents with ``docno``, ``doc_vec`` and ``lang``: ``indexer(mode='create').index(docs)``."""
        return self.indexer().index(docs)

    def indexer(self, *, mode: IndexingMode | str = 'create', part_size: int = 8192) -> MultilingualIndexer:
        """An indexer, to create, overwrite, resume or append; see :class:`MultilingualIndexer`."""
        return MultilingualIndexer(self, mode, part_size=part_size)

    def index_inputs(self) -> list[list[str]]:
        """The columns that documents need."""
        return self.indexer().index_inputs()

    def retriever(
        self,
        num_results: int = 1000,
        *,
        langs: str | Iterable[str] | None = None,
        drop_query_vec: bool = False,
        device: str | None = None,
    ) -> ExactRetriever:
        """An exact retriever, in all languages or in ``langs``; see :class:`ExactRetriever`."""
        return ExactRetriever(self, num_results, langs=langs, drop_query_vec=drop_query_vec, device=device)

    def built(self) -> bool:
        """Whether there is a finished FLEX index at the path."""
        return _read_meta(self.index_path) is not None

    def languages(self) -> list[str]:
        """The languages of the documents, sorted."""
        return list(self.open().languages)

    def langs(self) -> np.ndarray:
        """Each document's language code, by docid: an array of str, ``(n,)``."""
        return self.open().langs()

    def docnos(self) -> Docnos:
        """The docnos by docid, and the docids by docno; ``np.asarray`` of it is an array of str, ``(n,)``."""
        return self.open().docnos

    def fingerprint(self) -> str | None:
        """A digest of the vectors, docnos and languages; None if there is no finished index.

        Of an index that was built without languages, it digests the languages given, and the files' size and time.
        """
        meta = _read_meta(self.index_path)
        if meta is None or 'fingerprint' in meta:
            return meta and meta['fingerprint']
        langs = self._langs
        stat = (self.index_path / 'vecs.f4').stat()
        content = [meta, stat.st_size, stat.st_mtime_ns, sorted(langs.items()) if isinstance(langs, Mapping) else langs]
        return blake2b(repr(content).encode(), digest_size=16).hexdigest()

    def get_corpus_iter(
        self, start_idx: int | None = None, stop_idx: int | None = None, verbose: bool = True
    ) -> Iterator[dict]:
        """The documents with ``docno``, ``doc_vec`` and ``lang``, from ``start_idx`` up to ``stop_idx``."""
        docids = range(len(self))[start_idx:stop_idx]
        opened = self.open()
        for docid in pt.tqdm(docids, desc='documents', unit='doc', disable=not (verbose and self.verbose)):
            lang = opened.languages[opened.lang_ids[docid]]
            yield {'docno': opened.docnos.fwd[docid], 'doc_vec': opened.vecs[docid], LANG: lang}

    def open(self) -> OpenedIndex:
        """The index's arrays, memory-mapped; opened again if the index has been replaced since the last call.

        Raises:
            FileNotFoundError: there is no index, or a half-written one.
            ValueError: it is damaged, of another format, or of no known languages.
        """
        while self._stamp is None or self._stamp != _stamp(self.index_path):
            stamp = _stamp(self.index_path)
            if stamp is None:
                raise FileNotFoundError(_why_missing(self.index_path))
            self._opened = self._load()
            self._cache = {}  # what FlexIndex's retrievers keep of the vectors
            self._stamp = stamp
        return self._opened

    def payload(self, return_dvecs: bool = True, return_docnos: bool = True) -> list:
        """FlexIndex's accessor, which its retrievers read the index through: docnos, vectors, metadata."""
        opened = self.open()
        return [opened.docnos] * return_docnos + [opened.vecs] * return_dvecs + [opened.meta]

    def _load(self) -> OpenedIndex:
        meta, path, langs = _read_meta(self.index_path), self.index_path, self._langs
        if 'languages' in meta:
            if langs is not None:
                raise ValueError(f'the index at {path} holds the languages of its documents; open it without langs=')
            collection = open_collection(path, meta)
            known = {'max_norm': meta['max_norm'], 'fingerprint': meta['fingerprint']}
            return OpenedIndex(**vars(collection), meta=meta, **known)
        if langs is None:
            raise ValueError(
                f'the index at {path} was built without languages; give them as MultilingualIndex(path, langs=...), '
                'one code per document, or open it as a pyterrier_dr.FlexIndex'
            )
        docnos = list(Lookup(path / 'docnos.npids'))
        languages, lang_ids = np.unique(_check_langs(langs, docnos, path), return_inverse=True)
        vecs = map_vectors(path, meta['doc_count'], meta['vec_size'])
        collection = Collection(vecs, Docnos.of(docnos), lang_ids.astype(np.uint16), tuple(languages.tolist()))
        return OpenedIndex(**vars(collection), meta=meta, max_norm=max_norm(vecs), fingerprint=self.fingerprint())

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_opened': None, '_stamp': None, '_cache': {}}  # a copy maps the files itself

    def __repr__(self) -> str:
        return f'MultilingualIndex({str(self.index_path)!r})'


def _read_meta(path: Path) -> dict | None:
    """The metadata of the FLEX index at the path; None if there is none, or something else."""
    try:
        meta = json.loads((path / META).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise ValueError(f'{path / META} is not JSON ({error}): the index is damaged; build it again') from None
    return meta if (meta.get('type'), meta.get('format')) == ('dense_index', 'flex') else None


def _stamp(path: Path) -> tuple | None:
    """What changes when an index is replaced; None if there is none."""
    if _read_meta(path) is None:
        return None
    stat = (path / META).stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns


def _why_missing(path: Path) -> str:
    """Says what is at the path instead of a finished index, and what to do."""
    if (path / META).exists():
        return f'{path} holds something else than a dense FLEX index: see its {META}'
    if (path / 'vecs.f4').exists():
        return (
            f'the index at {path} is half-written (it has vectors and no {META}): the software that wrote it was '
            "interrupted; build it again with indexer(mode='overwrite')"
        )
    if Build(path).plan() is not None:
        return f"the build of the index at {path} was interrupted; indexer(mode='resume') continues it"
    if replaced(path).exists():
        return f'a crash has interrupted the replacement of the index at {path}; rename {replaced(path)} to it'
    return f'there is no index at {path}; build one with (encoder.doc_encoder() >> index).index(documents)'


def _check_langs(langs: Sequence[str] | Mapping, docnos: list[str], path: Path) -> list[str]:
    """The languages given for an index without, one per document."""
    if isinstance(langs, Mapping):
        langs = [langs.get(docno) for docno in docnos]
    if len(langs) != len(docnos):
        raise ValueError(f'{len(langs)} languages are given for the {len(docnos)} documents of the index at {path}')
    return [check_language(lang, f'document {docno!r}') for lang, docno in zip(langs, docnos)]

"""One dense index over passages of many languages, searched exactly: a FLEX index and the language of each document."""
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd
import pyterrier as pt
from pyterrier_dr import FlexIndex

from pyterrier_hybrid.cards import Card
from pyterrier_hybrid.files import read_whole
from pyterrier_hybrid.indexing.approximate import ApproximateRetriever
from pyterrier_hybrid.indexing.backends import Backend, find_backend
from pyterrier_hybrid.indexing.card import dense_card
from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.faiss_files import build_backend, verify_backends
from pyterrier_hybrid.indexing.indexer import MultilingualIndexer
from pyterrier_hybrid.indexing.modes import IndexingMode
from pyterrier_hybrid.indexing.opened import OpenedIndex, as_plain, open_without_languages, why_missing, with_languages
from pyterrier_hybrid.indexing.retriever import DenseRetriever, ExactRetriever
from pyterrier_hybrid.indexing.scorer import ExactScorer
from pyterrier_hybrid.indexing.storage import FIELDS, REMEDY, VECTORS, flex_folder, open_collection
from pyterrier_hybrid.indexing.tuning import tune
from pyterrier_hybrid.indexing.vectors import precision_of
from pyterrier_hybrid.languages import LANG, check_language
from pyterrier_hybrid.stored import META, StoredIndex, check_fields


class MultilingualIndex(StoredIndex, FlexIndex):
    """A dense index of documents in several languages, searched exactly in all of them or in some.

    Similarity is the dot product; for cosine, let the encoder normalise. An index is absent or complete, whenever its
    build is killed; see :class:`MultilingualIndexer`. If the index is replaced, an object serves the new one from the
    next call on.

    The folder is a PyTerrier artifact of the type ``dense_index`` and the format ``multilingual``, which
    ``pt.Artifact.load``, ``from_hf`` and ``from_url`` open as this class, with its languages::

        x.index/pt_meta.json           metadata, size and digest of every file
        x.index/langs.u2               the documents' languages (and docno_*: their docnos)
        x.index/flex/                  a FLEX index

    ``pyterrier_dr.FlexIndex('x.index/flex')`` opens the FLEX index alone. This class is a FlexIndex too: its
    retrievers, pseudo-relevance feedback, LADR and FAISS indexes work on it if it stores float32. A folder of FLEX's
    format is opened as well: one that an earlier version of this package built, or a plain one, whose languages
    ``doc_langs`` gives.

    Example::

        index = MultilingualIndex('xquad-r.index')
        (encoder.doc_encoder() >> index).index(dataset.get_corpus_iter())
        everywhere = encoder.query_encoder() >> index.retriever()
        in_german = encoder.query_encoder() >> index.retriever(100, langs='de')
        reranked = bm25 >> encoder.query_encoder() >> index.scorer()

    Args:
        path: the folder.
        verbose: show progress while indexing.
        doc_langs: for a FLEX index that was built without languages: one code per document, in the index's order, or a
            mapping from docno to code.
        langs: the old name of ``doc_langs``.
    """

    ARTIFACT_FORMAT = 'multilingual'
    FORMATS = (('dense_index', 'multilingual'), ('dense_index', 'flex'))
    FIELDS = {'doc_count': int, 'vec_size': int}  # noqa: RUF012
    REMEDY = REMEDY

    def __init__(
        self, path: str | Path, *, verbose: bool = True, doc_langs: Sequence[str] | Mapping[str, str] | None = None,
        langs: Sequence[str] | Mapping[str, str] | None = None,
    ):  # fmt: skip
        super().__init__(path, verbose=verbose)
        if langs is not None:
            warnings.warn('MultilingualIndex(langs=) is now doc_langs=', FutureWarning, stacklevel=2)
        self._doc_langs = as_plain(langs if doc_langs is None else doc_langs)

    @property
    def index_path(self) -> Path:
        """The FLEX index in the folder, where FlexIndex's retrievers keep files of their own."""
        return flex_folder(self.path)

    @index_path.setter
    def index_path(self, path: Path) -> None:
        """FlexIndex sets it to the path."""

    @property
    def _cache(self) -> dict:
        """What FlexIndex's retrievers keep of the vectors; empty once the index has been replaced."""
        self.open()
        return self._kept

    @_cache.setter
    def _cache(self, kept: dict) -> None:
        self._kept = kept

    def index(self, docs: Iterable[dict]) -> 'MultilingualIndex':
        """Indexes documents with ``docno``, ``doc_vec`` and ``lang``: ``indexer(mode='create').index(docs)``."""
        return self.indexer().index(docs)

    def index_arrays(
        self, docnos: Sequence[str], vectors: np.ndarray, langs: str | Sequence[str]
    ) -> 'MultilingualIndex':  # fmt: skip
        """Indexes documents given as arrays; see :meth:`MultilingualIndexer.index_arrays`."""
        return self.indexer().index_arrays(docnos, vectors, langs)

    def indexer(
        self,
        *,
        mode: IndexingMode | str = 'create',
        part_size: int = 4096,
        precision: str | None = None,
        encoder: object = None,
    ) -> MultilingualIndexer:
        """An indexer, to create, overwrite, resume or append; see :class:`MultilingualIndexer`."""
        return MultilingualIndexer(self, mode, part_size=part_size, precision=precision, encoder=encoder)

    def index_inputs(self) -> list[list[str]]:
        """The columns that documents need."""
        return self.indexer().index_inputs()

    def schematic(self, *, input_columns: list[str] | None = None) -> dict:
        """How PyTerrier draws the index at the end of a pipeline: it indexes documents, and retrieves for queries."""
        from pyterrier.schematic import transformer_schematic

        if input_columns is None or 'qid' not in input_columns:
            return {**transformer_schematic(self.indexer(), input_columns=input_columns), 'label': 'MultilingualIndex'}
        return transformer_schematic(self, input_columns=input_columns, default=True)

    def retriever(
        self,
        num_results: int = 1000,
        *,
        langs: str | Iterable[str] | None = None,
        exclude: str | None = None,
        drop_query_vec: bool = False,
        separate: bool = True,
        backend: str | Backend | None = None,
        candidates: int | None = None,
        device: str | None = None,
        verbose: bool = False,
    ) -> DenseRetriever:
        """A retriever, in all languages or in ``langs``: exact, or with a backend approximate.

        See :class:`ExactRetriever` and, for ``backend='hnsw'``, ``'ivf'``, ``'ivfpq'`` or a :class:`Backend` with
        parameters, :class:`ApproximateRetriever`.
        """
        options = {'langs': langs, 'exclude': exclude, 'drop_query_vec': drop_query_vec, 'separate': separate}
        if backend is None:
            if candidates is not None:
                raise ValueError(f'candidates={candidates!r:.80} is for a backend; give backend= too, or leave it out')
            return ExactRetriever(self, num_results, device=device, verbose=verbose, **options)
        if device is not None:
            raise ValueError(f'device={device!r} is for exact search; a backend searches on the CPU')
        options |= {'backend': backend, 'candidates': candidates}
        return ApproximateRetriever(self, num_results, verbose=verbose, **options)

    def build_backend(self, backend: str | Backend, *, overwrite: bool = False) -> Path:
        """Builds an approximate index, which the first search would build otherwise; returns its folder.

        Raises:
            ValueError: an unknown backend, or one that does not fit the index.
            Exists: it is there already; a FileExistsError and a ValueError.
            Busy: another process or thread builds it; a ValueError.
            OSError: the disk is full, or the folder read-only.
        """
        return build_backend(self, find_backend(backend), overwrite=overwrite)

    tune = tune  # a method, since its first parameter is the index

    def verify(self) -> None:
        super().verify()
        read_whole(self.path, META, lambda: verify_backends(self.path))

    def scorer(self) -> ExactScorer:
        """A transformer that re-ranks the results of another retriever; see :class:`ExactScorer`."""
        return ExactScorer(self)

    def card(self) -> Card:
        opened, notes = read_whole(self.path, META, lambda: (self.open(), self._notes()))
        counts = np.bincount(opened.lang_ids, minlength=len(opened.languages)).tolist()
        return dense_card(self.path.name, opened.meta, dict(zip(opened.languages, counts)), notes)

    def recorded_encoder(self) -> dict | None:
        """The recorded encoder: its ``name``, and its ``model`` if that is known; None if no encoder is recorded."""
        return read_whole(self.path, META, lambda: self.meta().get('encoder') or self._notes().get('encoder'))

    def languages(self) -> list[str]:
        """The languages of the documents, sorted."""
        return list(self.open().languages)

    def langs(self) -> np.ndarray:
        """Each document's language code, by docid: an array of str, ``(n,)``."""
        return self.open().langs()

    def docnos(self) -> Docnos:
        """The docnos by docid, and the docids by docno; ``np.asarray`` of it is an array of str, ``(n,)``."""
        return self.open().docnos

    def read_meta(self) -> dict | None:
        meta = super().read_meta()
        if meta is not None and (meta['format'] == 'multilingual' or 'languages' in meta):
            check_fields(meta, FIELDS, self.path / META, REMEDY)
            for code in meta['languages']:
                check_language(code, f'{self.path / META} (field languages)')
        return meta

    def fingerprint(self) -> str | None:
        """A digest of the vectors, docnos and languages; None if there is no finished index.

        For an index that was built without languages, it digests the given languages, and the files' size and time.
        """
        meta = self.read_meta()
        if meta is None or 'fingerprint' in meta:
            return meta and meta['fingerprint']
        langs = self._doc_langs
        stat = (self.path / VECTORS).stat()
        content = [meta, stat.st_size, stat.st_mtime_ns, sorted(langs.items()) if isinstance(langs, Mapping) else langs]
        return blake2b(repr(content).encode(), digest_size=16).hexdigest()

    def get_corpus_iter(
        self, start_idx: int | None = None, stop_idx: int | None = None, verbose: bool = True
    ) -> Iterator[dict]:
        """The documents with ``docno``, ``doc_vec`` and ``lang``, from ``start_idx`` up to ``stop_idx``."""
        opened = self.open()
        docids = range(len(opened.vecs))[start_idx:stop_idx]
        for docid in pt.tqdm(docids, desc='documents', unit='doc', disable=not (verbose and self.verbose)):
            lang = opened.languages[opened.lang_ids[docid]]
            yield {'docno': opened.docnos.fwd[docid], 'doc_vec': opened.vecs[docid], LANG: lang}

    def payload(self, return_dvecs: bool = True, return_docnos: bool = True) -> list:
        """FlexIndex's accessor, which its retrievers read the index through: docnos, vectors, metadata.

        Raises:
            ValueError: vectors are asked for, and not stored as float32.
        """
        opened = self.open()
        if return_dvecs and (precision := precision_of(opened.vecs)) != 'float32':
            raise ValueError(
                f"the index at {self.path} stores {precision} vectors, and FlexIndex's retrievers read float32; use "
                "retriever() or scorer() of the index, or build it with .indexer(precision='float32')"
            )
        return [opened.docnos] * return_docnos + [opened.vecs] * return_dvecs + [opened.meta]

    def faiss_flat_retriever(self, **options: object) -> pt.Transformer:
        """FlexIndex's, which reads the file of the vectors by itself; raises what :meth:`payload` does."""
        self.payload(return_docnos=False)
        return super().faiss_flat_retriever(**options)

    def _load_docids(self, inp: pd.DataFrame) -> np.ndarray:
        """The docids of documents, for FlexIndex's transformers: by docno, as ``docid`` may be another index's."""
        return super()._load_docids(inp.drop(columns='docid') if 'docno' in inp and 'docid' in inp else inp)

    def _load(self) -> OpenedIndex:
        self._kept = {}
        meta = self.meta()
        if 'languages' in meta and self._doc_langs is None:
            return with_languages(open_collection(self.path, meta), meta)
        return open_without_languages(self.path, meta, self._doc_langs, self.fingerprint)

    def _why_missing(self) -> str:
        return why_missing(self.path)

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_held': None, '_kept': {}}  # a copy maps the files itself

    def __repr__(self) -> str:
        return f'MultilingualIndex({str(self.path)!r})'

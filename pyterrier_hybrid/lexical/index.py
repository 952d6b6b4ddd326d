"""One BM25 index over the documents of all languages."""
import warnings
from collections.abc import Iterable
from functools import lru_cache, partial
from pathlib import Path

import pyterrier as pt
import pyterrier_alpha as pta

from pyterrier_hybrid.lexical import storage
from pyterrier_hybrid.lexical.analysis import ANALYSIS
from pyterrier_hybrid.lexical.postings import Postings, invert
from pyterrier_hybrid.lexical.retriever import BM25Retriever
from pyterrier_hybrid.lexical.scoring import bm25_model

MODES = ('create', 'overwrite')


class BM25Index(pta.Artifact, pt.Indexer):
    """A BM25 index of documents in several languages, each analysed in its own; no Java.

    The index stores term frequencies, not weights, so k1, b and the languages are chosen at retrieval.

    Args:
        path: the index's folder, which need not exist yet.
        verbose: whether indexing shows its progress.

    Example::

        index = BM25Index('xquad-r.bm25').index(dataset.get_corpus_iter())
        bm25 = index.bm25()                              # in all languages
        german = index.bm25(num_results=100, langs='de')
    """

    ARTIFACT_TYPE = storage.TYPE
    ARTIFACT_FORMAT = storage.FORMAT

    def __init__(self, path: str | Path, *, verbose: bool = True):
        super().__init__(path)
        self.verbose = verbose
        self._fingerprint: str | None = None  # of the postings in memory
        self._postings: Postings | None = None
        self._searcher = lru_cache(maxsize=32)(self._build_searcher)

    def index(self, documents: Iterable[dict]) -> 'BM25Index':
        """Builds the index, as ``indexer()`` does, where there is none yet."""
        return self.indexer().index(documents)

    def indexer(self, *, mode: str = 'create') -> 'BM25Indexer':
        """Returns an indexer for this path.

        Args:
            mode: 'create' refuses a path that exists; 'overwrite' replaces a BM25 index (and nothing else) that is
                there, which stays in place until the new one is complete.
        """
        return BM25Indexer(self, mode=mode)

    def index_inputs(self) -> list[list[str]]:
        """The columns that indexing needs."""
        return [['docno', 'text', 'lang']]

    def bm25(
        self,
        num_results: int = 1000,
        *,
        k1: float = 0.9,
        b: float = 0.4,
        langs: str | Iterable[str] | None = None,
        query_lang: str | None = None,
    ) -> BM25Retriever:
        """Returns a retriever over this index; see ``BM25Retriever`` for the parameters.

        Raises:
            FileNotFoundError: there is no index yet.
            ValueError: a parameter out of its range, or a language that the index does not have.
        """
        return BM25Retriever(self, num_results, k1=k1, b=b, langs=langs, query_lang=query_lang)

    def built(self) -> bool:
        """Whether there is a finished index of this kind at the path."""
        try:
            storage.read_meta(self.path)
        except (FileNotFoundError, ValueError):
            return False
        return True

    def __len__(self) -> int:
        """The number of documents."""
        return storage.read_meta(self.path)['doc_count']

    def langs(self) -> dict[str, int]:
        """The languages, ascending, with the number of documents in each."""
        return storage.read_meta(self.path)['langs']

    def docnos(self) -> list[str]:
        """All docnos, ascending by code point."""
        return self.postings().docnos.tolist()

    def fingerprint(self) -> str:
        """A digest of the index's content: equal for the same documents in whatever order they were indexed."""
        return storage.read_meta(self.path)['fingerprint']

    def postings(self) -> Postings:
        """The stored postings, kept in memory until the index is rebuilt.

        Warns:
            UserWarning: the index was analysed by another version of this package or of Snowball.
        """
        meta = storage.read_meta(self.path)
        if self._fingerprint != meta['fingerprint']:
            if meta['analysis'] != ANALYSIS:
                warnings.warn(
                    f'{self.path} was built with analysis {meta["analysis"]} and queries are analysed with {ANALYSIS}; '
                    "terms may not meet, so build it again with .indexer(mode='overwrite')",
                    stacklevel=2,
                )
            self._postings = storage.read(self.path)
            self._fingerprint = meta['fingerprint']
            self._searcher.cache_clear()
        return self._postings

    def searcher(self, langs: tuple[str, ...] | None, k1: float, b: float):
        """Returns what scores the documents of some languages: the last 32 are kept.

        Args:
            langs: languages of the index, ascending; None for all.
            k1: as ``bm25_model``.
            b: as ``bm25_model``.

        Returns:
            The ``Postings`` of those documents and a ``bm25s.BM25`` over them, which share the documents' numbers.
        """
        self.postings()
        return self._searcher(langs, k1, b)

    def _build_searcher(self, langs: tuple[str, ...] | None, k1: float, b: float):
        postings = self._postings if langs is None else self._postings.restrict(langs)
        return postings, bm25_model(postings, k1=k1, b=b)

    def __reduce__(self):
        # Another process opens the files itself: neither arrays nor weights are sent to it.
        return partial(type(self), verbose=self.verbose), (self.path,)

    def __repr__(self) -> str:
        return f'BM25Index({str(self.path)!r})'


class BM25Indexer(pt.Indexer):
    """Builds a ``BM25Index``; use ``BM25Index.indexer``.

    Args:
        bm25_index: the index to build.
        mode: 'create' or 'overwrite'.
    """

    def __init__(self, bm25_index: BM25Index, *, mode: str = 'create'):
        if mode not in MODES:
            raise ValueError(f'an index is built with mode {" or ".join(map(repr, MODES))}, not {mode!r}')
        self.bm25_index = bm25_index
        self.mode = mode

    def index(self, documents: Iterable[dict]) -> BM25Index:
        """Analyses, inverts and stores documents. Nothing is written before all of them were read.

        Args:
            documents: dictionaries with ``docno``, ``text`` and ``lang``; other fields are ignored.

        Returns:
            The finished index.

        Raises:
            FileExistsError, ValueError: as ``storage.check_target`` and ``postings.invert``. What was at the path is
                left as it was.
        """
        overwrite = self.mode == 'overwrite'
        storage.check_target(self.bm25_index.path, overwrite=overwrite)
        if self.bm25_index.verbose:
            documents = pt.tqdm(documents, desc='BM25Index', unit='doc')
        storage.write(invert(documents), self.bm25_index.path, overwrite=overwrite)
        return self.bm25_index

    def index_inputs(self) -> list[list[str]]:
        """The columns that indexing needs."""
        return self.bm25_index.index_inputs()

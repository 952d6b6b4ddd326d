"""One BM25 index over the documents of all languages."""
import errno
import warnings
from collections.abc import Iterable
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyterrier as pt
import pyterrier_alpha as pta

from pyterrier_hybrid.cards import Card
from pyterrier_hybrid.files import Exists, read_whole, resolved, whole_folder
from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.modes import IndexingMode
from pyterrier_hybrid.lexical import storage
from pyterrier_hybrid.lexical.analysis import ANALYSIS
from pyterrier_hybrid.lexical.postings import Postings, invert
from pyterrier_hybrid.lexical.retriever import BM25Retriever
from pyterrier_hybrid.lexical.scoring import bm25_model
from pyterrier_hybrid.publishing import is_empty
from pyterrier_hybrid.stored import META, StoredIndex

if TYPE_CHECKING:
    import bm25s

MODES = ('create', 'overwrite', 'resume')


class OpenedBM25:
    """The content of a BM25 index, and the weights computed from it.

    Attributes:
        meta: the content of ``pt_meta.json``.
        postings: of all documents.
        docnos: the documents' names, in the order of their numbers.
        searcher: a function of languages (ascending; None for all), k1 and b (as in ``bm25_model``). It returns the
            ``Postings`` of the documents in these languages, and a ``bm25s.BM25`` with the same numbers of documents.
            The last 32 results are kept.
    """

    def __init__(self, meta: dict, postings: Postings, docnos: Docnos):
        self.meta = meta
        self.postings = postings
        self.docnos = docnos
        self.searcher = lru_cache(maxsize=32)(self._searcher)

    def langs(self) -> np.ndarray:
        """Each document's language code, ``(n_docs,)``."""
        return np.array(self.postings.langs)[self.postings.doc_langs]

    def _searcher(self, langs: tuple[str, ...] | None, k1: float, b: float) -> tuple[Postings, 'bm25s.BM25']:
        postings = self.postings if langs is None else self.postings.restrict(langs)
        return postings, bm25_model(postings, k1=k1, b=b)


class BM25Index(StoredIndex, pta.Artifact, pt.Indexer):
    """A BM25 index of documents in several languages, each analysed in its own; no Java.

    The index stores term frequencies, not weights, so k1, b and the languages are chosen at retrieval. An index is
    absent or complete, whenever its build is killed. If the index is replaced, an object serves the new one.

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
    FORMATS = ((storage.TYPE, storage.FORMAT),)
    FIELDS = storage.FIELDS

    def __init__(self, path: str | Path, *, verbose: bool = True):
        super().__init__(path)
        self.verbose = verbose

    def index(self, documents: Iterable[dict] | pd.DataFrame) -> 'BM25Index':
        """Builds the index: ``indexer(mode='create').index(documents)``, which refuses a path with an index."""
        return self.indexer().index(documents)

    def indexer(self, *, mode: IndexingMode | str = 'create') -> 'BM25Indexer':
        """Returns an indexer for this path.

        Args:
            mode: an :class:`IndexingMode` or its name. 'create' refuses a path that exists; 'overwrite' replaces a BM25
                index (and nothing else) that is there, which stays in place until the new one is complete; 'resume'
                does nothing if the index is finished, and is 'create' otherwise (an interrupted build leaves nothing to
                resume). There is no 'append'.
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
        exclude: str | None = None,
        separate: bool = True,
    ) -> BM25Retriever:
        """Returns a retriever over this index; see ``BM25Retriever`` for the parameters.

        Raises:
            FileNotFoundError: there is no index yet.
            ValueError: a parameter out of its range, or a language that the index does not have.
        """
        return BM25Retriever(
            self, num_results, k1=k1, b=b, langs=langs, query_lang=query_lang, exclude=exclude, separate=separate
        )

    def card(self) -> Card:
        meta, notes = read_whole(self.path, META, lambda: (self.meta(), self._notes()))
        languages = meta['langs']
        made = ['from pyterrier_hybrid import BM25Index', '',
                f'BM25Index({self.path.name!r}).index(passages)  # dicts with docno, text and lang']  # fmt: skip
        return Card(
            what=notes.get('description') or f'A BM25 index of {meta["doc_count"]:,} passages in {len(languages)} '
            'languages, each analysed in its own, for pyterrier-hybrid.',
            languages=languages,
            facts={
                'analysis': f'`{meta["analysis"]}`',
                'k1, b': 'chosen at retrieval, 0.9 and 0.4 by default: the index stores term frequencies',
                'fingerprint': f'`{meta["fingerprint"]}`',
            },
            use=['bm25 = index.bm25(100, k1=0.9, b=0.4)  # in all languages',
                 f'in_one = index.bm25(100, langs={next(iter(languages))!r})'],
            made=[notes['command']] if notes.get('command') else made, shell=bool(notes.get('command')),
            result=notes.get('result'),
        )  # fmt: skip

    def langs(self) -> dict[str, int]:
        """The languages, ascending, with the number of documents in each."""
        return self.meta()['langs']

    def docnos(self) -> list[str]:
        """All docnos, ascending by code point."""
        return self.open().postings.docnos.tolist()

    def fingerprint(self) -> str | None:
        """A digest of the content: equal for the same documents in any order. None if there is no finished index."""
        return super().fingerprint()

    def postings(self) -> Postings:
        """The stored postings, kept in memory until the index is replaced.

        Warns:
            UserWarning: the index was analysed by another version of this package or of Snowball.
        """
        return self.open().postings

    def _load(self) -> OpenedBM25:
        meta = self.meta()
        if meta['analysis'] != ANALYSIS:
            warnings.warn(
                f'{self.path} was built with analysis {meta["analysis"]} and queries are analysed with {ANALYSIS}; '
                "terms may not meet, so build it again with .indexer(mode='overwrite')",
                stacklevel=6,
            )
        return OpenedBM25(meta, *storage.read(self.path, meta))

    def _why_missing(self) -> str:
        if not self.path.exists():
            return f'there is no index at {self.path}; build one: BM25Index({str(self.path)!r}).index(documents)'
        what = f'its {META} says so' if (self.path / META).is_file() else f'it has no {META}'
        return (
            f'{self.path} is not a BM25 index, or a half-written one: {what}; choose another path, or remove it '
            'yourself if nothing in it is needed'
        )

    def __reduce__(self):
        # Another process opens the files itself; arrays and weights are not sent to it.
        return partial(type(self), verbose=self.verbose), (self.path,)

    def __repr__(self) -> str:
        return f'BM25Index({str(self.path)!r})'


class BM25Indexer(pt.Indexer):
    """Builds a ``BM25Index``; use ``BM25Index.indexer``."""

    def __init__(self, bm25_index: BM25Index, *, mode: IndexingMode | str = 'create'):
        mode = getattr(mode, 'value', mode)
        if mode not in MODES:
            raise ValueError(f'an index is built with mode {", ".join(map(repr, MODES))}, not {mode!r}')
        self.bm25_index = bm25_index
        self.mode = mode

    def index(self, documents: Iterable[dict] | pd.DataFrame) -> BM25Index:
        """Analyses, inverts and stores documents.

        Args:
            documents: dictionaries, or a frame's rows, with ``docno``, ``text`` and ``lang``; other fields are ignored.

        Returns:
            The finished index.

        Raises:
            Exists: there is an index, and the mode is 'create'; a FileExistsError and a ValueError.
            Busy: another process or thread builds this index; a ValueError.
            ValueError: something else is at the path; or a document, as ``postings.invert``. What was at the path is
                left as it was.
            OSError: the disk is full or the folder read-only.
        """
        index, overwrite = self.bm25_index, self.mode == 'overwrite'
        if self.mode == 'resume' and index.built():
            return index
        self._check()
        with whole_folder(index.path, mark=META, overwrite=overwrite) as folder:
            self._check()
            if isinstance(documents, pd.DataFrame):
                documents = documents.to_dict(orient='records')
            if index.verbose:
                documents = pt.tqdm(documents, desc='BM25Index', unit='doc')
            storage.write(invert(documents), folder)
        return index

    def _check(self) -> None:
        """Raises an error if the path must not be written to."""
        index, path = self.bm25_index, resolved(self.bm25_index.path)
        if path.exists() and not is_empty(path):
            meta = index.meta()
            if self.mode != 'overwrite':
                raise Exists(
                    errno.EEXIST, f"{path} holds an index of {meta['doc_count']} documents; index with "
                    ".indexer(mode='overwrite') to replace it, or choose another path"
                )  # fmt: skip

    def index_inputs(self) -> list[list[str]]:
        """The columns that indexing needs."""
        return self.bm25_index.index_inputs()

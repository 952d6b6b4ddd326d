"""Dense systems: one count of ranks gives all settings."""
import warnings

import numpy as np
import pandas as pd

from pyterrier_hybrid.cards import describe_encoder
from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet
from pyterrier_hybrid.experiment.provenance import training
from pyterrier_hybrid.experiment.setting import Judged, Setting
from pyterrier_hybrid.experiment.systems import System
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.opened import OpenedIndex
from pyterrier_hybrid.languages import QUERY_LANG
from pyterrier_hybrid.ranking.grid import rank_grid

#: The least cosine of a passage's vectors by one encoder in several precisions.
_SAME = 0.995


class DenseSystem(System):
    """An encoder, with ``encode_queries(texts) -> float32 (n, d)``, and the :class:`MultilingualIndex` it built.

    The matrix product is computed on ``device``, a torch device, or by numpy.
    """

    def __init__(self, name: str, collection: EvaluationSet, encoder, index, device: str | None = None):
        super().__init__(name, collection)
        if not hasattr(encoder, 'encode_queries') or not isinstance(index, MultilingualIndex):
            raise TypeError(
                f'system {name!r} is a pair of {type(encoder).__name__} and {type(index).__name__}; give (encoder, '
                'index), a HybridEncoder or another BiEncoder, and a MultilingualIndex'
            )
        self.encoder, self.index, self._device = encoder, index, device
        self._ranks: tuple[dict[str, np.ndarray], dict[str, np.ndarray]] | None = None

    def prepare(self, verbose: bool) -> None:
        """Encodes the questions of all languages; warns if the index records another encoder."""
        self._verbose = verbose
        opened = self.index.open()
        self._fingerprint = opened.fingerprint
        wanted = [opened.languages.index(lang) for lang in self.collection.languages if lang in opened.languages]
        self._keep = np.flatnonzero(np.isin(opened.lang_ids, wanted))
        self._langs = np.asarray(opened.languages, dtype=object)[opened.lang_ids[self._keep]]
        self._check_pool()
        topics = [self.collection.topics(lang) for lang in self.collection.query_languages]
        self._topics = pd.concat(topics, ignore_index=True)
        self._vecs = np.asarray(self.encoder.encode_queries(self._topics['query'].tolist()), dtype=np.float32)
        self._check_vectors(opened.vecs.shape[1])
        self._check_encoder(opened)

    def ranks(self, setting: Setting, judged: Judged) -> tuple[np.ndarray, np.ndarray]:
        if self._ranks is None:
            self._ranks = self._rank()
        pooled, within = self._ranks
        ranks = (pooled if setting.doc_lang is None else within)[setting.query_lang][judged.rows]
        return ranks, judged.pool - judged.own

    def run(self, setting: Setting, judged: Judged, depth: int | None) -> pd.DataFrame:
        langs = self.collection.languages if setting.doc_lang is None else [setting.doc_lang]
        asked = (self._topics[QUERY_LANG] == setting.query_lang) & self._topics['qid'].isin(judged.qids)
        topics = self._topics[asked].assign(query_vec=list(self._vecs[asked.to_numpy()]))
        retriever = self.index.retriever(
            depth or judged.pool, langs=langs, drop_query_vec=True, device=self._device,
            exclude='qid' if self.collection.ignore_identical_ids else None,
        )  # fmt: skip
        run = retriever(topics)
        self._open()
        return run

    def describe(self) -> dict:
        trained, opened = training(self.encoder), self._open()
        return {
            'kind': 'dense', 'encoder': type(self.encoder).__name__, 'model': self.encoder.model_name,
            'index': opened.fingerprint, 'dimensions': opened.vecs.shape[1],
            **{name: str(getattr(self.encoder, name)).removeprefix('torch.') for name in ('dtype', 'library')
               if hasattr(self.encoder, name)},
            **({'training': trained} if trained else {}),
        }  # fmt: skip

    def _rank(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The ranks of all relevant passages by the question's language: in the whole pool, in their own language."""
        opened, collection = self._open(), self.collection
        relevant = {lang: collection.relevant(lang) for lang in collection.query_languages}
        firsts = np.cumsum([0, *(len(collection.topics(lang)) for lang in relevant)])
        queries = np.concatenate([first + rows['query'] for first, rows in zip(firsts, relevant.values())])
        docs = np.concatenate([self._rows(rows, opened.docnos) for rows in relevant.values()])
        vecs, docno_rank = opened.vecs, opened.docnos.rank
        if len(self._keep) < len(vecs):
            vecs, docno_rank, docs = vecs[self._keep], docno_rank[self._keep], np.searchsorted(self._keep, docs)
        ranks = rank_grid(
            self._vecs, vecs, queries, docs, doc_langs=self._langs, docno_rank=docno_rank, max_norm=opened.max_norm,
            excluded=self._own_passages(opened.docnos), device=self._device, verbose=self._verbose,
        )  # fmt: skip
        ends = np.cumsum([len(rows) for rows in relevant.values()])[:-1]
        return tuple(dict(zip(relevant, np.split(found, ends))) for found in ranks)

    def _open(self) -> OpenedIndex:
        """Opens the index; raises ValueError if it was replaced since :meth:`prepare`."""
        opened = self.index.open()
        if opened.fingerprint != self._fingerprint:
            raise ValueError(f'system {self.name!r}: its index at {self.index.path} was replaced while it was '
                             'evaluated; evaluate it again')  # fmt: skip
        return opened

    def _own_passages(self, docnos: Docnos) -> tuple[np.ndarray, np.ndarray] | None:
        """The rows of the questions that are passages themselves, and these passages' places among the ranked ones."""
        if not self.collection.ignore_identical_ids:
            return None
        qids = self._topics['qid'].tolist()
        queries = np.array([i for i, qid in enumerate(qids) if qid in docnos], dtype=np.int64)
        rows = np.array(docnos.inv[[qids[i] for i in queries]], dtype=np.int64) if len(queries) else queries
        ranked = np.isin(rows, self._keep)
        return queries[ranked], np.searchsorted(self._keep, rows[ranked])

    def _rows(self, relevant: pd.DataFrame, docnos: Docnos) -> np.ndarray:
        """The rows of relevant passages in the index."""
        try:
            return docnos.inv[relevant['docno'].tolist()]
        except KeyError as error:
            docno = next(docno for docno in relevant['docno'] if docno not in docnos)
            qid = relevant['qid'][relevant['docno'] == docno].iloc[0]
            raise ValueError(
                f'system {self.name!r}: its index lacks {docno!r}, relevant to {qid!r}; index the collection whole'
            ) from error

    def _check_pool(self) -> None:
        found = pd.Series(self._langs, dtype=object).value_counts()
        for lang, size in self.collection.pool_sizes.items():
            if found.get(lang, 0) != size:
                raise ValueError(
                    f'system {self.name!r}: its index holds {found.get(lang, 0)} passages in {lang}, '
                    f'{self.collection.name} has {size}; index the collection whole, as in (encoder.doc_encoder() >> '
                    'index).index(...), or evaluate on languages= that it has'
                )

    def _check_encoder(self, opened: OpenedIndex) -> None:
        """Warns if the index records another encoder, and this one gives a passage another vector than the index has.

        The record alone does not say so: it changes with the precision and the folder too.
        """
        given, recorded = describe_encoder(self.encoder), self.index.recorded_encoder() or {}
        models = given.get('model'), recorded.get('model')
        if None in models or models[0] == models[1]:
            return
        doc = next(self.collection.docs())
        text, row = doc.get(getattr(self.encoder, 'text_field', 'text')), opened.docnos.find(np.array([doc['docno']]))
        if not text or row[0] < 0:
            return
        try:
            vector = np.asarray(self.encoder.encode_docs([text]), np.float64)[0]
        except (AttributeError, NotImplementedError):  # it encodes questions alone
            return
        held = opened.vecs[row][0].astype(np.float64)
        if not vector @ held >= _SAME * np.linalg.norm(vector) * np.linalg.norm(held):
            theirs, own = (f'{encoder["name"]:.200} (model {encoder["model"]!s:.80})' for encoder in (recorded, given))
            warnings.warn(
                f'system {self.name!r}: its index at {self.index.path} has vectors of {theirs}; its encoder, {own}, '
                f'gives the passage {doc["docno"]!r:.80} another vector; figures of two encoders mean nothing; give '
                'the index with the encoder that built it', stacklevel=4,
            )  # fmt: skip

    def _check_vectors(self, dimensions: int) -> None:
        shape = len(self._topics), dimensions
        if self._vecs.shape != shape:
            raise ValueError(
                f'system {self.name!r}: its encoder gives {len(self._topics)} questions vectors of the shape '
                f'{self._vecs.shape}, its index needs {shape}; was the index built with another encoder?'
            )
        broken = np.flatnonzero(~np.isfinite(self._vecs).all(axis=1))
        if len(broken):
            topic = self._topics.iloc[broken[0]]
            raise ValueError(
                f'system {self.name!r}: the vector of question {topic["qid"]!r} in {topic[QUERY_LANG]} is not finite; '
                'the encoder is broken for its text'
            )

"""Dense systems: all settings from one count of ranks."""
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from .evaluation_set import EvaluationSet
from .from_ranks import Judged, per_query
from .grid import rank_grid

#: Measures of language bias, which mean nothing over passages in one language.
MULTILINGUAL_ONLY = ('RankDistance', 'LPR')


class DenseSystem:
    """An encoder and the index it built.

    Args:
        name: for messages.
        encoder: has ``encode_queries(texts) -> float32 (n, d)``.
        index: a :class:`MultilingualIndex`.
    """

    def __init__(self, name: str, encoder, index):
        self.name, self.encoder, self.index = name, encoder, index

    def evaluate(self, collection: EvaluationSet, settings: Iterable, measures: list, verbose: bool) -> Iterator[tuple]:
        """Yields (setting, measure, qids, values) for every setting and every measure that applies to it."""
        judged = self._judged(collection, verbose)
        for setting in settings:
            rows = judged[judged['query_lang'] == setting.query_lang]
            if setting.doc_lang is not None:
                rows = rows[rows['iteration'] == setting.doc_lang]
            if not len(rows):
                continue
            sizes = collection.pool_sizes
            pool = int(sizes.sum() if setting.doc_lang is None else sizes[setting.doc_lang])
            queries, qids = pd.factorize(rows['qid'])
            setting_judged = Judged(
                ranks=rows['pooled' if setting.doc_lang is None else 'within'].to_numpy(),
                queries=queries, langs=np.searchsorted(collection.languages, rows['iteration'].to_numpy(dtype=str)),
                relevance=rows['label'].to_numpy(), n_queries=len(qids),
                query_lang=collection.languages.index(setting.query_lang), pool=pool,
            )  # fmt: skip
            for measure in measures:
                if measure.NAME in MULTILINGUAL_ONLY and setting.doc_lang is not None:
                    continue
                values, applies = per_query(measure, setting_judged)
                yield setting, repr(measure), qids[applies], values[applies]

    def _judged(self, collection: EvaluationSet, verbose: bool) -> pd.DataFrame:
        """The judgements of all questions, with the ranks ``pooled`` and ``within`` of their passages."""
        topics = pd.concat([collection.topics(lang) for lang in collection.languages], ignore_index=True)
        qrels = pd.concat([collection.qrels(lang) for lang in collection.languages], ignore_index=True)
        rows = pd.MultiIndex.from_frame(topics[['query_lang', 'qid']])
        queries = rows.get_indexer(pd.MultiIndex.from_frame(qrels[['query_lang', 'qid']]))
        if (queries < 0).any():
            lost = qrels[queries < 0].iloc[0]
            raise ValueError(f'{collection.name} judges {lost.qid!r}, a question it does not ask in {lost.query_lang}')

        docnos, langs = np.asarray(self.index.docnos()), np.asarray(self.index.langs())
        keep = np.flatnonzero(np.isin(langs, collection.languages))
        self._check_pool(collection, langs[keep])
        docs = pd.Index(docnos[keep]).get_indexer(qrels['docno'])
        if (docs < 0).any():
            lost = qrels[docs < 0].iloc[0]
            raise ValueError(f'system {self.name!r}: its index lacks {lost.docno!r}, relevant to {lost.qid!r}')
        used, queries = np.unique(queries, return_inverse=True)
        vecs = self.encoder.encode_queries(topics['query'].iloc[used].tolist())
        doc_vecs = self.index.np_vecs()
        if len(keep) < len(docnos):
            doc_vecs = doc_vecs[keep]
        ranks = rank_grid(
            vecs, doc_vecs, queries, docs, langs=langs[keep], docnos=docnos[keep], verbose=verbose
        )  # fmt: skip
        return qrels.assign(pooled=ranks.pooled, within=ranks.within)

    def _check_pool(self, collection: EvaluationSet, langs: np.ndarray) -> None:
        found = pd.Series(langs).value_counts().reindex(collection.languages, fill_value=0)
        for lang, size in collection.pool_sizes.items():
            if found[lang] != size:
                raise ValueError(
                    f'system {self.name!r}: its index holds {found[lang]} passages in {lang}, {collection.name} has '
                    f'{size}; index the collection whole: (encoder.doc_encoder() >> index).index(...)'
                )

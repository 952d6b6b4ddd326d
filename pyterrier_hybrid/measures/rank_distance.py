"""RankDistance: how far apart the best-ranked relevant documents of the languages are."""
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from pyterrier_hybrid.measures.base import LANGS, REL, LanguageMeasure, Param, count, counted, flag
from pyterrier_hybrid.measures.evaluation import Evaluation
from pyterrier_hybrid.measures.relevant import best_ranks, languages_per_query

#: Where a run has no known depth, what it has not retrieved is taken to rank below this depth at least.
USUAL_DEPTH = 1000


def unretrieved_ranks(n_queries: int, *, cutoff: int | None = None, pool: int | None = None,
                      lengths: np.ndarray | None = None) -> np.ndarray:
    """The rank that an unretrieved relevant document is given.

    Args:
        n_queries: the number of queries.
        cutoff: k; the rank is then k+1, whatever ``pool`` is.
        pool: N, the number of documents ranked; the rank is then N.
        lengths: int (n_queries,), m, the length of each query's list, 0 if the run has lost it; the rank is
            max(m, 1000)+1 where neither ``cutoff`` nor ``pool`` is given.

    Returns:
        int64 (n_queries,).

    Raises:
        ValueError: none of the three is given.
    """
    if cutoff is not None:
        return np.full(n_queries, cutoff + 1, dtype=np.int64)
    if pool is not None:
        return np.full(n_queries, pool, dtype=np.int64)
    if lengths is None:
        raise ValueError('the rank of an unretrieved document needs a cutoff, the size of the pool, or list lengths')
    return np.maximum(lengths, USUAL_DEPTH).astype(np.int64) + 1


def place_unretrieved(ranks: np.ndarray, queries: np.ndarray, n_queries: int, *, cutoff: int | None = None,
                      pool: int | None = None, lengths: np.ndarray | None = None) -> np.ndarray:
    """The ranks with those of unretrieved documents (0 or less, or beyond the cutoff) filled in; int64 (n,).

    Args:
        ranks: int (n,), one per relevant document.
        queries: int (n,), the query's position.
        n_queries, cutoff, pool, lengths: see :func:`unretrieved_ranks`.
    """
    lost = unretrieved_ranks(n_queries, cutoff=cutoff, pool=pool, lengths=lengths)
    return np.where(was_retrieved(ranks, cutoff), ranks, lost[queries])


def was_retrieved(ranks: np.ndarray, cutoff: int | None = None) -> np.ndarray:
    """Which documents were retrieved, within the cutoff if there is one: bool (n,)."""
    return (ranks > 0) & (ranks <= (np.iinfo(np.int64).max if cutoff is None else cutoff))


def rank_distances(ranks: np.ndarray, queries: np.ndarray, langs: np.ndarray, n_queries: int, *,
                   cutoff: int | None = None, pool: int | None = None, lengths: np.ndarray | None = None,
                   norm: bool = False) -> np.ndarray:
    """The rank distance of every query; see :class:`RankDistance` for the definition.

    Args:
        ranks: int (n,), one per relevant document, counted from 1; 0 or less if it was not retrieved.
        queries: int (n,), the query's position.
        langs: int (n,), the document's language, from 0.
        n_queries: the number of queries.
        cutoff: k, or None.
        pool: N, the number of documents ranked, or None. Then no rank exceeds it.
        lengths: int (n_queries,), the length of each query's list, 0 if it is missing. Needed where neither ``cutoff``
            nor ``pool`` is given.
        norm: whether to divide by the expectation under a random ranking; needs ``pool``.

    Returns:
        float64 (n_queries,).

    Raises:
        ValueError: ``norm`` without ``pool``, or nothing that tells the rank of an unretrieved document.
    """
    if norm and pool is None:
        raise ValueError('norm needs pool, the number of documents ranked: it divides by the expectation under a '
                         'random ranking of them')
    lost = unretrieved_ranks(n_queries, cutoff=cutoff, pool=pool, lengths=lengths)
    placed = place_unretrieved(ranks, queries, n_queries, cutoff=cutoff, pool=pool, lengths=lengths)
    best = best_ranks(placed, queries, langs, n_queries)
    n_langs = best.count(axis=1)
    found = np.bincount(queries[was_retrieved(ranks, cutoff)], minlength=n_queries) > 0
    distances = np.where(found, (best.max(axis=1) - best.min(axis=1)).filled(0), lost - 1).astype(np.float64)
    distances[n_langs < 2] = 0.
    if norm:
        several = n_langs > 1
        distances[several] /= chance_distance(n_langs[several], pool)
    return distances


def chance_distance(n_langs: np.ndarray | int, pool: int) -> np.ndarray | float:
    """The expected rank distance under a random ranking, (n-1)/(n+1) * (N+1).

    It is the expected range of n ranks drawn without replacement from 1..N, hence exact for one relevant document in
    each of n languages, and an approximation where a language has several.

    Args:
        n_langs: n, the number of languages in which a query has relevant documents.
        pool: N, the number of documents ranked.
    """
    return (n_langs - 1) / (n_langs + 1) * (pool + 1)


class _RankDistance(LanguageMeasure):
    """Rank distance: max r - min r over the languages of a query's relevant documents.

    r is the 1-based rank, by (-score, docno), of a language's best-ranked relevant document. Lower is better; 0 means
    that no ranking could treat the languages more alike. Ranges over 0..k with a cutoff, 0..N-1 with a pool.

    An unretrieved document ranks k+1 with a cutoff, N with ``pool``, otherwise max(m, 1000)+1, m being the length of
    the query's own list. In this order: a query with relevant documents in fewer than two languages has the distance
    0, and is counted in a warning; one with nothing relevant retrieved, or missing from the run, has the worst value
    (k, N-1 or max(m, 1000)), since retrieving nothing must not look unbiased; the rest have their distance.

    Sees: the gap between the best-served and the worst-served language. Does not see: which languages they are, the
    ones between them, or how good the ranking is where all languages are equally far down.

    Published values imply ranks over the whole pool: use ``RankDistance(pool=N)`` on full rankings, and
    ``RankDistance@k`` on runs cut at a depth. They are different measures.

    Huang, Zeng, Zamani and Allan, "Soft Prompt Decoding for Multilingual Dense Retrieval", SIGIR 2023
    (arXiv 2305.09025), the analysis of language bias; used by arXiv 2408.10536.
    """

    __name__ = 'RankDistance'
    NAME = __name__
    PRETTY_NAME = 'Rank distance between languages'
    SHORT_DESC = "The gap between the best and the worst of the languages' best-ranked relevant documents."
    SUPPORTED_PARAMS: ClassVar[Mapping[str, Param]] = {
        'cutoff': Param(count, desc='ranking cutoff threshold'),
        'pool': Param(count, desc='number of documents ranked'),
        'norm': Param(flag, default=False, desc='divide by the expectation under a random ranking; needs pool'),
        'rel': REL,
        'langs': LANGS,
    }

    def validate_params(self) -> None:
        super().validate_params()
        if self['norm'] and self['pool'] is None:
            raise ValueError(f'{self!r} needs pool, the number of documents ranked, as in RankDistance(pool=13014, '
                             'norm=True)')

    def evaluate(self, evaluation: Evaluation) -> tuple[np.ndarray, list[str]]:
        relevant = evaluation.relevant(self['rel'], self['langs'])
        lengths, pool = evaluation.ranking.lengths, self['pool']
        if pool is not None and (lengths > pool).any():
            longest = int(np.argmax(lengths))
            raise ValueError(f'{self!r}: query {evaluation.judgements.query_ids[longest]!r} has {lengths[longest]} '
                             f'documents in the run, more than pool={pool}; pool is the number of documents ranked')
        where = relevant.queries, relevant.langs, relevant.n_queries
        values = rank_distances(relevant.ranks, *where, cutoff=self['cutoff'], pool=pool, lengths=lengths,
                                norm=self['norm'])
        return values, counted(languages_per_query(*where) < 2,
                               'have relevant documents in fewer than two languages and count as 0')


RankDistance = _RankDistance()

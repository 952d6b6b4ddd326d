"""RankDistance: how far apart the best-ranked relevant documents of the languages are."""

import numpy as np

from pyterrier_hybrid.measures.base import LanguageMeasure, Param, count, flag, parameters
from pyterrier_hybrid.measures.random_order import random_distance, worst_share
from pyterrier_hybrid.measures.relevant import Relevant, Values, counted

#: Without a cutoff or a pool, documents that were not retrieved count as ranking below this depth at least.
USUAL_DEPTH = 1000


def depths(relevant: Relevant, cutoff: int | None = None) -> np.ndarray:
    """The depth below which everything counts as not retrieved, int64 (n_queries,): the cutoff k, or max(m, 1000).

    m is the length of the query's own list, 0 if it is missing.
    """
    if cutoff is not None:
        return np.full(relevant.n_queries, cutoff)
    return np.maximum(relevant.lengths, USUAL_DEPTH).astype(np.int64)


def worst_ranks(relevant: Relevant, *, cutoff: int | None = None, pool: int | None = None) -> np.ndarray:
    """The greatest of the languages' best ranks, float64 (n_queries,); see :class:`MaxRank` for the definition.

    Args:
        cutoff: k, or None.
        pool: N, the number of documents ranked, or None. It decides if there is no cutoff.
    """
    best = relevant.best_ranks(cutoff)
    lost = best.mask & (relevant.per_language > 0)
    deepest = best.max(axis=1).filled(0).astype(np.float64)
    behind = depths(relevant, cutoff) + 1.
    if pool is not None and cutoff is None:
        rest = pool - relevant.lengths
        behind = relevant.lengths + (rest + 1) * worst_share(np.where(lost, relevant.per_language, 0))
        behind[relevant.n_langs == 0] = pool
    return np.where(lost.any(axis=1) | (relevant.n_langs == 0), behind, deepest)


def rank_distances(relevant: Relevant, *, cutoff: int | None = None, pool: int | None = None) -> np.ndarray:
    """The rank distance of every query, float64 (n_queries,); see :class:`RankDistance` for the definition.

    Cutoff and pool are those of :func:`worst_ranks`.
    """
    best = relevant.best_ranks(cutoff).min(axis=1)
    distances = worst_ranks(relevant, cutoff=cutoff, pool=pool) - best.filled(0)
    nothing = np.ma.getmaskarray(best)
    if pool is not None and cutoff is None:
        distances[nothing] = random_distance(relevant.per_language[nothing], pool - relevant.lengths[nothing])
    else:
        distances[nothing] = depths(relevant, cutoff)[nothing]
    distances[relevant.n_langs < 2] = 0.
    return distances


class _RankDistance(LanguageMeasure):
    """Rank distance: max r - min r over the languages of a query's relevant documents.

    r is the 1-based rank, by (-score, docno), of a language's best-ranked relevant document. Lower is better. A query
    with relevant documents in fewer than two languages has the distance 0; a warning counts such queries, and
    ``MultilingualExperiment`` leaves them out.

    **With a cutoff**, a document that was not retrieved has the rank k+1. Without a cutoff, on a run of unknown pool,
    it has the rank max(m, 1000)+1, where m is the length of the query's own list. A query with nothing relevant
    retrieved, or missing from the run, has the worst value (k, or max(m, 1000)), since retrieving nothing must not look
    unbiased. Read it beside R@k: the value falls from k to as little as 1 when the first relevant document enters at k,
    so it does not compare systems whose R@k differ. ``RankDistance(complete=True)@k`` takes only the queries with every
    language within k (:class:`Complete`); the others count as k in ir_measures, and ``MultilingualExperiment`` leaves
    them out.

    **With** ``pool=N`` **and no cutoff**, the value is the expected one if the documents that were not retrieved follow
    in random order. Let G be that of :mod:`pyterrier_hybrid.measures.random_order`, b the best rank of a language that
    was found, U the languages that were not found, and M the number of relevant documents. The value is max b - min b
    if all languages were found; m + (N-m+1) G(U) - min b if some were; (N-m+1) [G(all) - 1/(M+1)] if none was. So a
    random ranking has the value of chance, (N+1) [G(all) - 1/(M+1)], at any depth. The tail that a good system cuts off
    is better than random: its distance is overstated. A warning counts the queries with languages that were not found.
    ``norm=True`` divides each query's distance by its chance, and is refused with a cutoff.

    Ranges over 0..k with a cutoff, 0..N-1 with a pool. With n languages the least distance of a ranking is n-1: compare
    queries of different n by ``norm``. Published values imply ranks over the whole pool.

    Sees: the gap between the best-served and the worst-served language. Does not see: which languages they are, the
    languages between them, or how good the ranking is if all languages are equally far down.

    Huang, Zeng, Zamani and Allan, "Soft Prompt Decoding for Multilingual Dense Retrieval", SIGIR 2023
    (arXiv 2305.09025), the analysis of language bias; used by arXiv 2408.10536.
    """

    __name__ = NAME = 'RankDistance'
    PRETTY_NAME = 'Rank distance between languages'
    SHORT_DESC = "The gap between the best and the worst of the languages' best-ranked relevant documents."
    SUPPORTED_PARAMS = parameters(
        cutoff=Param(count, desc='ranking cutoff threshold'),
        pool=Param(count, desc='number of documents ranked'),
        norm=Param(flag, default=False, desc='divide by the expectation under a random ranking; needs pool'),
        complete=Param(flag, default=False, desc='only queries with every language within the cutoff'),
    )
    better = -1

    @property
    def unit(self) -> str:
        return '' if self['norm'] else 'ranks'

    def limits(self, pool: int | None = None) -> tuple[float, float]:
        pool = self['pool'] or pool
        if self['norm'] or (self['cutoff'] or pool) is None:
            return 0., np.inf
        return 0., float(self['cutoff'] or pool - 1)

    def validate_params(self) -> None:
        super().validate_params()
        if self['norm'] and self['cutoff'] is not None:
            raise ValueError(f'{self!r}: norm divides by the expected distance of a whole random ranking, and @'
                             f'{self["cutoff"]} cuts it; leave out the cutoff or norm')
        if self['complete'] and self['cutoff'] is None:
            raise ValueError(f'{self!r} needs a cutoff within which every language is found, as in '
                             'RankDistance(complete=True)@1000')

    def check_alone(self) -> None:
        if self['norm'] and self['pool'] is None:
            raise ValueError(f'{self!r} needs pool, the number of documents ranked, as in RankDistance(pool=13014, '
                             'norm=True)')

    def from_ranks(self, relevant: Relevant) -> Values:
        cutoff, pool = self['cutoff'], self['pool'] or relevant.pool
        values = rank_distances(relevant, cutoff=cutoff, pool=pool)
        several = relevant.n_langs > 1
        missing = several & (relevant.best_ranks(cutoff).count(axis=1) < relevant.n_langs)
        notes = counted(~several, 'have relevant documents in fewer than two languages and count as 0')
        if self['complete']:
            values = np.where(missing, float(cutoff), values)
            notes += counted(missing, f'have a language of which nothing is within {cutoff}, and count as {cutoff}')
            return Values(values, several & ~missing, f'no question has every language within {cutoff}', notes)
        if cutoff is None and pool is not None:
            notes += counted(missing, 'have languages of which nothing was retrieved, and take its expected rank')
        if self['norm']:
            values[several] /= random_distance(relevant.per_language[several], pool)
        return Values(values, several, "every question's relevant passages are in one language", notes)

    def chance(self, relevant: Relevant) -> np.ndarray | None:
        pool = self['pool'] or relevant.pool
        if self['cutoff'] is not None or pool is None:
            return None
        expected = 1. if self['norm'] else random_distance(relevant.per_language, pool)
        return np.where(relevant.n_langs > 1, expected, np.nan)


RankDistance = _RankDistance()

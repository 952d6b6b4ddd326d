"""PEER as the published package computes it, for comparison with published figures only.

``peer_measure`` 0.0.1 differs from the definition in arXiv 2405.00978 (and from ``scipy.stats.kruskal``):

- it takes positions in the list, not ranks within the sample, so unequal gaps count;
- it ranks an unretrieved document at (2n + u + 1) / 2, n and u the number of the level's documents and of its
  unretrieved ones: above retrieved documents whose position is greater;
- a level in one language, or with nothing retrieved, has p = 1, and weights are not renormalised: what retrieves
  nothing of a level is as fair as can be;
- a query that the run has lost is 0 (ir_measures' default), one without anything relevant retrieved is not.

It does not run with ir_measures 0.4.3, raises KeyError 0 where unjudged documents are retrieved for a query without
judged non-relevant ones, and gives NaN where all positions are equal. Here the first two are computed as the rest
would have it (an unjudged document is of level 0), and the third is p = 1.
"""
from collections.abc import Mapping

import numpy as np

from pyterrier_hybrid.measures.evaluation import Top
from pyterrier_hybrid.measures.judgements import Judgements
from pyterrier_hybrid.measures.kruskal import kruskal_p
from pyterrier_hybrid.measures.rank_distance import was_retrieved
from pyterrier_hybrid.measures.relevant import Relevant


def published_peer(relevant: Relevant, top: Top | None, judgements: Judgements, lengths: np.ndarray, *, cutoff: int,
                   weights: Mapping[int, float]) -> np.ndarray:
    """The value of every query, as ``peer_measure`` 0.0.1 computes it where it runs: float64 (n_queries,).

    Args:
        relevant: the documents of level 1 and more.
        top: the first ``cutoff`` documents of every list; needed where a level of 0 or less has a weight.
        judgements: the qrels; a level counts for a query if it has a document of that level.
        lengths: int (n_queries,), the length of each query's list.
        cutoff: k.
        weights: the weight of each level.
    """
    values = np.zeros(relevant.n_queries)
    for level, weight in weights.items():
        if not weight:
            continue
        present = np.zeros(relevant.n_queries, dtype=bool)
        present[judgements.queries[judgements.relevance == level]] = True
        documents = relevant if level > 0 else top
        mine = documents.relevance == level
        queries, langs = documents.queries[mine], documents.langs[mine]
        present[queries] = True
        p, _ = kruskal_p(_positions(documents.ranks[mine], queries, relevant.n_queries, cutoff), queries, langs,
                         relevant.n_queries)
        values += weight * np.where(present, np.where(np.isnan(p), 1., p), 0.)
    return np.where(lengths > 0, values, 0.)


def _positions(ranks: np.ndarray, queries: np.ndarray, n_queries: int, cutoff: int) -> np.ndarray:
    """The positions of one level's documents, those of unretrieved ones as the package sets them: float64 (n,)."""
    retrieved = was_retrieved(ranks, cutoff)
    documents = np.bincount(queries, minlength=n_queries)
    unretrieved = np.bincount(queries[~retrieved], minlength=n_queries)
    return np.where(retrieved, ranks, ((2 * documents + unretrieved + 1) / 2)[queries])

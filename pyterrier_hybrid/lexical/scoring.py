"""BM25 weights of postings, held by a bm25s model that adds them up."""
import math
from typing import TYPE_CHECKING

import numpy as np

from pyterrier_hybrid.lexical.postings import Postings

if TYPE_CHECKING:
    import bm25s


def bm25_model(postings: Postings, *, k1: float, b: float) -> 'bm25s.BM25':
    """Returns a bm25s model of the postings, equal bit for bit to one of ``bm25s.BM25(method='lucene').index``.

    The variant is "Lucene (accurate)" of Kamphuis et al., ECIR 2020, "Which BM25 Do You Mean?", table 1. The weight of
    a term that occurs tf times in a document of dl terms, and in df of the N documents, is

        log(1 + (N - df + 0.5) / (df + 0.5)) * tf / (k1 * (1 - b + b * dl / avgdl) + tf)

    and a document's score is the sum over the terms of the query, repetitions counted. N, df and avgdl are those of
    ``postings``. bm25s itself would take every document as a list of term numbers; here one vectorised expression
    computes the weights from stored frequencies.

    Args:
        postings: all the documents that are to be searched, and no others.
        k1: the saturation of term frequency, >= 0.
        b: the strength of length normalisation, between 0 and 1.

    Returns:
        A model for ``get_scores_from_ids(term numbers) -> float32 (n_docs,)``.
    """
    import bm25s  # not at the top, to keep the import of the package fast

    n_docs = len(postings.docnos)
    dfs = np.diff(postings.indptr)
    idfs = np.array([math.log(1 + (n_docs - df + 0.5) / (df + 0.5)) for df in dfs.tolist()], dtype=np.float32)
    avgdl = postings.lengths.mean() or 1.0  # 0 if no document has a term; then there is no weight to compute
    saturation = k1 * (1 - b + b * postings.lengths / avgdl)
    tfs = postings.tfs.astype(np.float32)
    weights = np.repeat(idfs, dfs) * (tfs / (saturation[postings.docs] + tfs))
    model = bm25s.BM25(k1=k1, b=b, method='lucene')
    model.nonoccurrence_array = None  # only the variants BM25L and BM25+ have it
    model.scores = {
        'data': weights.astype(np.float32),
        'indices': postings.docs,
        'indptr': postings.indptr,
        'num_docs': n_docs,
    }
    return model


def best(scores: np.ndarray, k: int) -> np.ndarray:
    """Returns the numbers of the k documents of highest score, best first; equal scores by ascending number.

    Args:
        scores: float32 (n_docs,); documents that score 0 (no term of the query) are never returned.
        k: how many at most.

    Returns:
        int64 (up to k,). A tie at the cut goes to the lowest numbers too.
    """
    found = np.flatnonzero(scores > 0)
    found_scores = scores[found]
    if len(found) > k:
        cut = np.partition(found_scores, -k)[-k]
        above = np.flatnonzero(found_scores > cut)
        level = np.flatnonzero(found_scores == cut)[:k - len(above)]
        kept = np.sort(np.concatenate([above, level]))
        found, found_scores = found[kept], found_scores[kept]
    return found[np.argsort(-found_scores, kind='stable')]

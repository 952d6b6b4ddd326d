"""AWRF: how close the exposure of the languages is to a target."""

import numpy as np

from pyterrier_hybrid.measures.base import LanguageMeasure, Param, count, one_of, parameters
from pyterrier_hybrid.measures.evaluation import Evaluation
from pyterrier_hybrid.measures.relevant import Values, counted


def language_exposure(ranks: np.ndarray, queries: np.ndarray, langs: np.ndarray, n_queries: int,
                      n_langs: int) -> np.ndarray:
    """Each language's share of the exposure in a query's list; a document at rank r has the exposure 1/log2(1+r).

    Args:
        ranks: int (n,), the ranks of the retrieved documents that count, relevant or not, from 1.
        queries: int (n,), the query's position.
        langs: int (n,), the document's language, from 0.

    Returns:
        float64 (n_queries, n_langs), rows that sum to 1, or to 0 where nothing was retrieved.
    """
    return _shares(queries, langs, n_queries, n_langs, 1 / np.log2(1. + ranks))


def attention_weighted_fairness(exposure: np.ndarray, target: np.ndarray) -> np.ndarray:
    """1 - JSD(exposure, target), JSD the Jensen-Shannon divergence in base 2 (not its square root).

    Both are float64 (n_queries, n_langs), rows that sum to 1 or to 0; where one sums to 0, the value (n_queries,) is 0.
    """
    def entropy(shares: np.ndarray) -> np.ndarray:
        return -(shares * np.log2(shares, out=np.zeros_like(shares), where=shares > 0)).sum(axis=1)

    divergence = entropy((exposure + target) / 2) - (entropy(exposure) + entropy(target)) / 2
    defined = (exposure.sum(axis=1) > 0) & (target.sum(axis=1) > 0)
    return np.where(defined, np.clip(1. - divergence, 0., 1.), 0.)


def _shares(queries: np.ndarray, langs: np.ndarray, n_queries: int, n_langs: int, weights: np.ndarray) -> np.ndarray:
    mass = np.bincount(queries * n_langs + langs, weights, minlength=n_queries * n_langs).reshape(n_queries, n_langs)
    total = mass.sum(axis=1, keepdims=True)
    return np.divide(mass, total, out=np.zeros(mass.shape), where=total > 0)


class _AWRF(LanguageMeasure):
    """Attention-weighted rank fairness over languages: 1 - JSD(exposure, target).

    A language's exposure is the sum of 1/log2(1+r) over its documents in the top k, relevant or not, normalised to sum
    1; languages outside the target are included. JSD is the Jensen-Shannon divergence in base 2, not its square root.
    The target is ``relevant`` (a language's share of the query's relevant documents), ``uniform`` (equal over the
    languages of the relevant documents) or ``collection`` (its share of the documents in ``langs=``). Ranges over 0..1,
    higher is better; 0 for a query with nothing retrieved.

    A retrieved document's language is the one in the qrels, else the one in ``langs=``, else the run's ``doc_lang``.

    Sees: how much of the top of the list each language takes. Does not see: whether what it shows is relevant.

    Sapiezynski, Zeng, Robertson, Mislove and Wilson, "Quantifying the Impact of User Attention on Fair Group
    Representation in Ranked Lists", WWW 2019 companion (arXiv 1901.10437); with this discount and divergence in the
    TREC Fair Ranking track of 2022.
    """

    __name__ = NAME = 'AWRF'
    PRETTY_NAME = 'Attention-weighted rank fairness of languages at k'
    SHORT_DESC = "How near the languages' shares of exposure in the top k results come to a target."
    SUPPORTED_PARAMS = parameters(
        cutoff=Param(count, required=True, desc='ranking cutoff threshold'),
        target=Param(one_of('relevant', 'uniform', 'collection'), default='relevant',
                        desc="the shares to reach: 'relevant', 'uniform' or 'collection' (needs langs)"),
    )

    def validate_params(self) -> None:
        super().validate_params()
        if self['target'] == 'collection' and self['langs'] is None:
            raise ValueError(f"{self!r} needs langs=Languages({{docno: language}}), the collection's languages")

    def depth(self) -> int:
        return self['cutoff']

    def evaluate(self, evaluation: Evaluation) -> Values:
        top = evaluation.top(self['cutoff'], self['langs'])
        n_queries = evaluation.n_queries
        if self['target'] == 'collection':
            shares = {evaluation.code(lang): share for lang, share in self['langs'].shares().items()}
            target = np.zeros((n_queries, len(evaluation.languages)))
            target[:, list(shares)] = list(shares.values())
        else:
            relevant = evaluation.relevant(self['rel'], self['langs'])
            target = _shares(relevant.queries, relevant.langs, n_queries, max(len(evaluation.languages), 1),
                             np.ones(len(relevant.langs)))
            if self['target'] == 'uniform':
                several = (target > 0).sum(axis=1, keepdims=True)
                target = np.divide(target > 0, several, out=np.zeros_like(target), where=several > 0)
        exposure = language_exposure(top.ranks, top.queries, top.langs, n_queries, target.shape[1])
        in_target = (target > 0).sum(axis=1)
        notes = counted(in_target == 0, 'have no relevant document, hence no target, and count as 0')
        notes += counted(in_target == 1, 'have a target of one language only, where every list in that language '
                                         'has the value 1')
        return Values(attention_weighted_fairness(exposure, target), np.ones(n_queries, dtype=bool), '', notes)


AWRF = _AWRF()

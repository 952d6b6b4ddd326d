"""Ranking by dot product: exact scores, the best k, and the ranks of chosen passages, as functions over arrays.

The order is the same everywhere in this project: by (-score, docno ascending), see
:mod:`pyterrier_hybrid.ranking.order`. Separated scores make every evaluator order a run in this way.
"""
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

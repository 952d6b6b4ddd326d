"""Language-bias measures, registered with ir_measures when this package is imported.

Measures of ir_measures, as objects or by name (``ir_measures.parse_measure('RankDistance@1000')``):

- :data:`RankDistance`: the gap between the best-served and the worst-served language;
- :data:`MaxRank`, :data:`Complete`: how far down every language is found, and whether within k;
- :data:`LPR`: how often the query's own language comes first;
- :data:`TLR`: recall over the other languages;
- :data:`PEER`: whether equally relevant documents rank equally high in all languages;
- :data:`AWRF`: how close the exposure of the languages is to a target.

Functions over runs: :func:`language_matrix` with :func:`diagonal_advantage`, and :func:`mrc`.

They read a document's language from the qrels' ``iteration``, or from :class:`Languages`; :class:`AddDocLang` adds the
languages to a run. Rank is by (-score, docno) everywhere, and relevant means relevance >= ``rel``, 1 by default.
:mod:`~pyterrier_hybrid.measures.facts` has the direction, unit and range of each measure. This package imports neither
scipy nor torch.
"""
from typing import TYPE_CHECKING

from pyterrier_hybrid.measures.awrf import AWRF
from pyterrier_hybrid.measures.complete import Complete
from pyterrier_hybrid.measures.consistency import mrc
from pyterrier_hybrid.measures.doc_languages import Languages
from pyterrier_hybrid.measures.lpr import LPR
from pyterrier_hybrid.measures.matrix import diagonal_advantage, language_matrix
from pyterrier_hybrid.measures.max_rank import MaxRank
from pyterrier_hybrid.measures.peer import PEER
from pyterrier_hybrid.measures.provider import register as _register
from pyterrier_hybrid.measures.rank_distance import RankDistance
from pyterrier_hybrid.measures.tlr import TLR

if TYPE_CHECKING:
    from pyterrier_hybrid.measures.labelling import AddDocLang

_register([RankDistance, MaxRank, Complete, LPR, TLR, PEER, AWRF])

__all__ = [
    'AWRF', 'LPR', 'PEER', 'TLR', 'AddDocLang', 'Complete', 'Languages', 'MaxRank', 'RankDistance',
    'diagonal_advantage', 'language_matrix', 'mrc',
]  # fmt: skip


def __getattr__(name: str) -> object:
    """``AddDocLang``, a transformer, when it is asked for: PyTerrier takes as long to import as all measures."""
    if name != 'AddDocLang':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from pyterrier_hybrid.measures.labelling import AddDocLang

    return AddDocLang


def __dir__() -> list[str]:
    return [*globals(), 'AddDocLang']

"""Facts about the measures of this package and of ir_measures: direction, unit, range, chance, values from ranks.

All code that shows or computes measures reads these facts here, and infers nothing from a measure's name. The measures
of this package state the facts themselves (:class:`LanguageMeasure`); a table has those of ir_measures' measures.
"""
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import ir_measures
import numpy as np
from ir_measures.measures import Measure

from pyterrier_hybrid.measures.base import LanguageMeasure
from pyterrier_hybrid.measures.effectiveness import average_precision, ndcg, precision, recall, reciprocal_rank, success
from pyterrier_hybrid.measures.relevant import Relevant, Values


@dataclass(frozen=True)
class Facts:
    """What a reader of a measure's values has to know, in plain values that can be saved with them.

    Attributes:
        name: the measure's repr, which names its column.
        title: what it is, in words.
        better: 1 if more is better, -1 if less is, 0 if neither is.
        unit: ``'ranks'``, or empty for a number without a unit.
        low, high: the least and the greatest value there can be; infinite if unbounded or unknown.
    """

    name: str
    title: str
    better: int = 1
    unit: str = ''
    low: float = -np.inf
    high: float = np.inf

    @classmethod
    def of(cls, name: str) -> 'Facts':
        """The facts of the measure that ir_measures reads from a repr; only the name if ir_measures cannot read it.

        ir_measures cannot read a repr with :class:`Languages`: such a measure has the facts of its kind.
        """
        try:
            return facts(ir_measures.parse_measure(name))
        except Exception:  # a name read from a file may be any text
            kind = ir_measures.measures.registry.get(name.partition('(')[0])
            return replace(facts(kind()), name=name) if kind and '(' in name else cls(name, name)

    def as_json(self) -> dict:
        """The facts as JSON values, None where there is no bound."""
        return {key: None if value in (-np.inf, np.inf) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, record: dict) -> 'Facts':
        """Reads what :meth:`as_json` returned."""
        low, high = record['low'], record['high']
        return cls(**{**record, 'low': -np.inf if low is None else low, 'high': np.inf if high is None else high})


#: The measures of ir_measures that can be computed from ranks of relevant documents, and how.
_FROM_RANKS: dict[type, Callable[[Relevant, int | None], np.ndarray]] = {
    type(ir_measures.AP): lambda r, k: average_precision(r.ranks, r.queries, r.n_queries, k),
    type(ir_measures.RR): lambda r, k: reciprocal_rank(r.ranks, r.queries, r.n_queries, k),
    type(ir_measures.nDCG): lambda r, k: ndcg(r.ranks, r.queries, r.relevance, r.n_queries, k),
    type(ir_measures.R): lambda r, k: recall(r.ranks, r.queries, r.n_queries, k),
    type(ir_measures.P): lambda r, k: precision(r.ranks, r.queries, r.n_queries, k),
    type(ir_measures.Success): lambda r, k: success(r.ranks, r.queries, r.n_queries, k),
}
#: Measures of ir_measures that are counts: neither direction is better, and they have no upper bound.
_COUNTS = tuple(type(measure) for measure in (ir_measures.NumQ, ir_measures.NumRel, ir_measures.NumRet))


def facts(measure: Measure, pool: int | None = None) -> Facts:
    """What a reader of a measure's values has to know.

    Args:
        measure: a measure of this package or of ir_measures; for any other, more is assumed to be better.
        pool: the number of documents ranked, if it is known.
    """
    name, title = repr(measure), getattr(measure, 'PRETTY_NAME', measure.NAME)
    if isinstance(measure, LanguageMeasure):
        return Facts(name, title, measure.better, measure.unit, *measure.limits(pool))
    if isinstance(measure, _COUNTS):
        return Facts(name, title, 0, '', 0., np.inf)
    return Facts(name, title, low=0., high=1.) if type(measure) in _FROM_RANKS else Facts(name, title)


def is_from_ranks(measure: Measure) -> bool:
    """Whether the ranks of the relevant documents are enough for :func:`per_query`."""
    if isinstance(measure, LanguageMeasure):
        return type(measure).from_ranks is not LanguageMeasure.from_ranks
    return type(measure) in _FROM_RANKS and not set(measure.params) - {'cutoff', 'rel'}


def per_query(measure: Measure, relevant: Relevant) -> Values:
    """Computes a measure's values for queries, equal to those of ir_measures on the whole run.

    Args:
        measure: one for which :func:`is_from_ranks` is true.
        relevant: the documents of relevance 1 and more. Its ``pool`` is used if the measure has no ``pool`` itself.

    Returns:
        The values. No measure applies to a query without a document of relevance ``rel``.
    """
    rel = measure.params.get('rel', 1)
    relevant = relevant.of_level(rel)
    judged = relevant.n_langs > 0
    if isinstance(measure, LanguageMeasure):
        values = measure.from_ranks(relevant)
    else:
        value = _FROM_RANKS[type(measure)](relevant, measure.params.get('cutoff'))
        values = Values(value, np.ones(relevant.n_queries, dtype=bool))
    if not judged.any():
        values = values._replace(otherwise=f'no question has a passage of relevance {rel} or more')
    return values._replace(applies=values.applies & judged)


def chance(measure: Measure, relevant: Relevant) -> np.ndarray | None:
    """As :meth:`LanguageMeasure.chance`, for any measure and the relevant documents of :func:`per_query`."""
    has_chance = isinstance(measure, LanguageMeasure)
    return measure.chance(relevant.of_level(measure.params.get('rel', 1))) if has_chance else None

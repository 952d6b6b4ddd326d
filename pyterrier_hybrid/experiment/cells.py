"""The cells of an experiment: the values of one system in one setting by one measure, or why there are none."""
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import ir_measures
import numpy as np
from ir_measures.measures import Measure

from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet
from pyterrier_hybrid.experiment.setting import Judged, Setting
from pyterrier_hybrid.experiment.systems import System
from pyterrier_hybrid.measures.base import LanguageMeasure, check_params
from pyterrier_hybrid.measures.facts import is_from_ranks, per_query
from pyterrier_hybrid.measures.relevant import Relevant, Values

_NAMES = {'qid': 'query_id', 'docno': 'doc_id', 'label': 'relevance'}


class Cell(NamedTuple):
    """One cell.

    Attributes:
        measure: its repr.
        asked: how many questions the setting asks.
        qids: object (n,), the questions to which the measure applies.
        values: float64 (n,), their values.
        reason: why there are no values; empty if there are some.
    """

    system: str
    setting: Setting
    measure: str
    asked: int
    qids: np.ndarray
    values: np.ndarray
    reason: str


class Evaluated(NamedTuple):
    """A system in a setting.

    Attributes:
        judged: the setting's questions and relevant passages.
        relevant: these passages with their ranks; None if the system cannot be evaluated in the setting.
        refused: why it cannot be evaluated; empty if it can.
    """

    system: str
    setting: Setting
    judged: Judged
    relevant: Relevant | None
    refused: str


def evaluate(
    system: System, settings: Iterable[Setting], measures: Sequence[Measure]
) -> Iterator[tuple[Evaluated, list[Cell]]]:
    """Evaluates a prepared system in each setting, and yields the cells by each measure."""
    collection = system.collection
    for setting in settings:
        judged = collection.judged(setting)
        refused = system.refuses(setting) or _nothing_asked(judged, setting, collection)
        relevant = None if refused else judged.ranked(*system.ranks(setting, judged))
        evaluated = Evaluated(system.name, setting, judged, relevant, refused)
        others = [measure for measure in measures if not is_from_ranks(measure) and _fits(measure, setting)]
        from_runs = _by_ir_measures(system, setting, judged, others) if others and not refused else {}
        yield evaluated, [cell(evaluated, measure, from_runs.get(measure)) for measure in measures]


def cell(evaluated: Evaluated, measure: Measure, values: Values | None = None) -> Cell:
    """The cell of a system in a setting by a measure. ``values`` are given if they do not come from ranks."""
    name, setting, judged, relevant, refused = evaluated
    reason = refused if refused or _fits(measure, setting) else _UNFIT
    if not reason:
        values = per_query(measure, relevant) if values is None else values
        reason = '' if values.applies.any() else values.otherwise
    found = _NOTHING if reason else (judged.qids[values.applies], values.value[values.applies])
    return Cell(name, setting, repr(measure), judged.n_queries, *found, reason)


def check_measures(measures: Iterable[Measure], *, dense: bool) -> list[Measure]:
    """Checks and lists the measures; ``dense`` says whether there is a dense system, whose whole run is never made.

    Raises:
        ValueError: a string, a measure without a parameter it needs or twice, or one that needs whole runs of a dense
            system.
    """
    if not isinstance(measures, Measure | Iterable):
        raise ValueError(f'measures is {measures!r:.80}; it takes ir_measures objects, such as [ir_measures.AP]')
    measures = [measures] if isinstance(measures, Measure | str) else list(measures)
    for measure in measures:
        if not isinstance(measure, Measure):
            raise ValueError(f'measures takes ir_measures objects; give ir_measures.parse_measure({measure!r})')
        check_params(measure)
        if measure.params.get('rel', 1) < 1:
            raise ValueError(f'{measure!r} counts passages of relevance {measure.params["rel"]} as relevant; here '
                             'relevance starts at 1')  # fmt: skip
        if dense and not is_from_ranks(measure) and _depth(measure) is None:
            raise ValueError(
                f'{measure!r} needs the whole run of a dense system, which is not made; give it a cutoff if it has '
                'one, or the system as a callable: lambda langs: encoder.query_encoder() >> index.retriever(1000, '
                'langs=langs)'
            )
    names = [repr(measure) for measure in measures]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise ValueError(f'give {twice[0]} once' if twice else 'give at least one measure')
    return measures


_NOTHING = np.empty(0, dtype=object), np.empty(0)
_UNFIT = 'it compares languages, and the passages of this setting are in one'


def _fits(measure: Measure, setting: Setting) -> bool:
    return setting.doc_lang is None or not isinstance(measure, LanguageMeasure)


def _nothing_asked(judged: Judged, setting: Setting, collection: EvaluationSet) -> str:
    if judged.n_queries:
        return ''
    where = f' in {setting.doc_lang}' if setting.doc_lang else ''
    return f'no question of {collection.name} in {setting.query_lang} has a relevant passage{where}'


def _depth(measure: Measure) -> int | None:
    """How many passages of each list a measure reads; None for all."""
    return None if measure.params.get('judged_only') else measure.params.get('cutoff')


def _by_ir_measures(
    system: System, setting: Setting, judged: Judged, measures: list[Measure]
) -> dict[Measure, Values]:
    """Computes from a run the measures that need more than the ranks of relevant passages."""
    depths = [_depth(measure) for measure in measures]
    run = system.run(setting, judged, None if None in depths else max(depths))
    run = run.assign(score=-1.0 - run['rank'])  # so that no evaluation tool breaks ties in another order
    qrels = system.collection.judgements(setting)
    found = ir_measures.iter_calc(measures, qrels.rename(columns=_NAMES), run.rename(columns=_NAMES))
    value_of = {(metric.measure, metric.query_id): metric.value for metric in found}
    values = {}
    for measure in measures:
        of_queries = np.array([value_of.get((measure, qid), np.nan) for qid in judged.qids], dtype=float)
        values[measure] = Values(of_queries, ~np.isnan(of_queries), 'ir_measures gives it no value')
    return values

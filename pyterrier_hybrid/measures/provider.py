"""The provider that computes the language-bias measures for ir_measures."""
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import ir_measures
from ir_measures import Evaluator, Measure, Metric, Provider, providers

from pyterrier_hybrid.languages import DOC_LANG
from pyterrier_hybrid.measures.base import LanguageMeasure
from pyterrier_hybrid.measures.evaluation import Evaluation
from pyterrier_hybrid.measures.judgements import read_judgements
from pyterrier_hybrid.measures.table import read_run


class LanguageProvider(Provider):
    """Computes the measures of this package, and no others."""

    NAME = 'pyterrier_hybrid'

    def _evaluator(self, measures: Iterable[Measure], qrels: Any) -> Evaluator:
        return LanguageEvaluator(measures, qrels)

    def supports(self, measure: Measure) -> bool:
        # compare types and not names: peer_measure also has a measure with the name PEER
        if not isinstance(measure, LanguageMeasure):
            return False
        measure.validate_params()
        measure.check_alone()
        return True

    def run_inputs(self, measures: Iterable[Measure]) -> list[str]:
        needs_lang = any(measure.depth() and measure['langs'] is None for measure in measures)
        return ['query_id', 'doc_id', 'score'] + [DOC_LANG] * needs_lang

    def qrel_inputs(self, measures: Iterable[Measure]) -> list[str]:
        needs_lang = any(measure['langs'] is None for measure in measures)
        return ['query_id', 'doc_id', 'relevance'] + ['iteration'] * needs_lang


class LanguageEvaluator(Evaluator):
    """Computes measures on one set of qrels, in any form that ir_measures takes; see :func:`read_judgements`.

    It yields a value for every query of the qrels, so ir_measures adds no values of its own.
    """

    def __init__(self, measures: Iterable[LanguageMeasure], qrels: Any):
        self.judgements = read_judgements(qrels)
        super().__init__(list(measures), set(self.judgements.query_ids))

    def _iter_calc(self, run: Any) -> Iterator[Metric]:
        depth = max((measure.depth() for measure in self.measures), default=0)
        evaluation = Evaluation(self.judgements, read_run(run), depth)
        for measure in self.measures:
            values = measure.evaluate(evaluation)
            if values.notes:
                warnings.warn(f'{measure}: {"; ".join(values.notes)}', stacklevel=2)
            for query_id, value in zip(self.judgements.query_ids, values.value.tolist()):
                yield Metric(query_id=query_id, measure=measure, value=value)


def register(measures: Iterable[LanguageMeasure]) -> None:
    """Registers the measures with ir_measures by name, and adds the provider to its default pipeline.

    A measure of the same name from elsewhere (peer_measure's PEER) is replaced in ``parse_measure``, with a warning;
    the provider comes first in the pipeline, because other providers recognise measures by name.
    """
    for measure in measures:
        present = ir_measures.measures.registry.get(measure.NAME)
        if present is not None and type(present).__module__ != type(measure).__module__:
            warnings.warn(f'{measure.NAME} of {type(present).__module__} is replaced by that of '
                          f'{type(measure).__module__} in ir_measures.parse_measure', stacklevel=3)
        ir_measures.measures.registry[measure.NAME] = measure
    pipeline = ir_measures.DefaultPipeline.providers
    pipeline[:] = [provider for provider in pipeline if provider.NAME != LanguageProvider.NAME]
    pipeline.insert(0, providers.register(LanguageProvider()))

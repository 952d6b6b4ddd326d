"""The base of the language-bias measures: checked parameters, and a repr that tells measures apart."""
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from operator import index
from typing import Any, ClassVar

import numpy as np
from ir_measures.measures import MeanAgg, Measure, ParamInfo

from pyterrier_hybrid.languages import check_language
from pyterrier_hybrid.measures.doc_languages import Languages
from pyterrier_hybrid.measures.evaluation import Evaluation
from pyterrier_hybrid.measures.relevant import Relevant, Values


class Param(ParamInfo):
    """A parameter of a measure.

    Args:
        clean: returns the value as the measure keeps it, or raises ValueError with a phrase that says what it must be.
        default: its value if it is not given.
        required: whether the measure can be computed without it.
        desc: what it means.
    """

    def __init__(self, clean: Callable[[Any], Any], *, default: Any = None, required: bool = False, desc: str):
        super().__init__(required=required, default=default, desc=desc)
        self.clean = clean


def count(value: Any) -> int:
    """Returns a whole number of 1 or more, small enough for a float to hold it exactly."""
    try:
        whole = index(value)
    except TypeError:
        whole = 0
    if isinstance(value, bool | np.bool_) or not 1 <= whole <= 2**53:
        raise ValueError('it must be a whole number of 1 or more' + ', at most 2**53' * (whole > 1))
    return whole


def flag(value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise ValueError('it must be True or False')
    return value


def one_of(*choices: str) -> Callable[[Any], str]:
    """One of the given names."""
    def clean(value: Any) -> str:
        if value not in choices:
            raise ValueError(f'it must be one of {", ".join(choices)}')
        return value
    return clean


def languages(value: Any) -> Languages:
    """The documents' languages; a plain mapping is wrapped."""
    if not isinstance(value, Mapping):
        raise ValueError('it must be Languages({docno: language})')
    return value if isinstance(value, Languages) else Languages(value)


def language(value: Any) -> str:
    """A language code."""
    return check_language(value, 'the query')


REL = Param(count, default=1, desc='least relevance of a document that counts as relevant')
LANGS = Param(languages, desc="languages of the documents about which the qrels' iteration says nothing")
QUERY_LANG = Param(language, desc='language of the queries about which neither qrels nor run say anything')


def parameters(**own: Param) -> dict[str, Param]:
    """The parameters of a measure: its own, and ``rel`` and ``langs``, which all measures have."""
    return {**own, 'rel': REL, 'langs': LANGS}


class LanguageMeasure(Measure):
    """A measure of this package: an ir_measures measure whose parameters are checked when they are given.

    Every subclass has a file of its own. It declares ``NAME``, ``SUPPORTED_PARAMS`` (of :class:`Param`) and the
    attributes below, and computes in :meth:`from_ranks`, or in :meth:`evaluate` if the ranks of relevant documents are
    not enough. :func:`pyterrier_hybrid.measures.provider.register` makes it known to ir_measures.

    Attributes:
        better: 1 if more is better, -1 if less is, 0 if neither is.
        unit: ``'ranks'``, or empty for a number without a unit.

    Raises:
        ValueError: an unknown parameter, or a value it cannot have.
    """

    SUPPORTED_PARAMS: ClassVar[Mapping[str, Param]] = {}
    better: ClassVar[int] = 1
    unit: str = ''

    def __init__(self, **params: Any):
        cleaned = {}
        for name, value in params.items():
            if name not in self.SUPPORTED_PARAMS:
                raise ValueError(f'{self.NAME} has no parameter {name!r}; it has {", ".join(self.SUPPORTED_PARAMS)}')
            if value is None:  # the same as not given
                continue
            try:
                cleaned[name] = self.SUPPORTED_PARAMS[name].clean(value)
            except ValueError as error:
                raise ValueError(f'{self.NAME}({name}={value!r:.80}): {error}') from None
        super().__init__(**cleaned)

    def validate_params(self) -> None:
        """Checks what can only be checked once all parameters are given.

        Raises:
            ValueError: a required parameter is missing.
        """
        _check_required(self)

    def check_alone(self) -> None:
        """Raises ValueError without a parameter that an experiment would fill in and ir_measures cannot (the pool)."""

    def limits(self, pool: int | None = None) -> tuple[float, float]:
        """The least and the greatest value that the measure can have.

        Args:
            pool: the number of documents ranked, if it is known.
        """
        return 0., 1.

    def from_ranks(self, relevant: Relevant) -> Values:
        """Computes the values of all queries. Each value depends on its own query alone.

        Args:
            relevant: the documents of relevance ``rel`` and more.
        """
        raise NotImplementedError(f'{self!r} cannot be computed from the ranks of relevant documents alone')

    def chance(self, relevant: Relevant) -> np.ndarray | None:
        """The expected value of every query under a ranking that prefers no language; None if the measure has none.

        Args:
            relevant: as for :meth:`from_ranks`. Its ranks do not matter.

        Returns:
            float64 (n_queries,), NaN for a query for which the measure is undefined under any ranking.
        """
        return None

    def evaluate(self, evaluation: Evaluation) -> Values:
        """Computes the values of the qrels' queries, in the order of ``evaluation.judgements.query_ids``."""
        relevant = evaluation.relevant(self['rel'], self['langs'])
        if 'query_lang' in self.SUPPORTED_PARAMS:
            relevant = replace(relevant, query_langs=evaluation.query_langs(self['query_lang']))
        if self.params.get('pool') is not None:
            evaluation.check_pool(self['pool'], relevant, repr(self))
        return self.from_ranks(relevant)

    def depth(self) -> int:
        """How many documents of every list the measure reads, relevant or not; 0 if the relevant ones are enough."""
        return 0

    def aggregator(self) -> MeanAgg:
        return _Mean(self)

    @cached_property
    def _repr(self) -> str:
        return super().__repr__()

    def __repr__(self) -> str:
        return self._repr

    def _param_repr(self, v: Any) -> str:
        # ir_measures leaves entries such as {1: 1} out of a mapping's repr, but measures are compared by their repr
        if isinstance(v, dict):
            return '{' + ','.join(f'{key!r}:{value!r}' for key, value in sorted(v.items())) + '}'
        return repr(v)


class _Mean(MeanAgg):
    """A mean that raises an error instead of returning NaN if there are no queries."""

    def __init__(self, measure: Measure):
        super().__init__()
        self.measure = measure

    def result(self) -> float:
        if not self.count:
            raise ValueError(f'{self.measure}: the qrels are empty, there is no query to average over')
        return super().result()


def check_params(measure: Measure) -> None:
    """Raises ValueError, with the parameter's name, if a measure lacks a required parameter.

    It checks measures of this package and of ir_measures. The assertions of ir_measures would only show an object's
    address.
    """
    _check_required(measure)
    try:
        measure.validate_params()
    except AssertionError as error:
        raise ValueError(f'{measure!r}: {error}') from None


def _check_required(measure: Measure) -> None:
    for name, param in measure.SUPPORTED_PARAMS.items():
        if param.required and name not in measure.params:
            at = 20 if name == 'cutoff' else 0.5  # a recall threshold
            how = f'{measure.NAME}@{at}' if name == measure.AT_PARAM else f'{measure.NAME}({name}=...)'
            raise ValueError(f'{measure!r} needs a {name} ({param.desc}), as in {how}')

"""Every monolingual, cross-lingual and multilingual setting of a collection, for several systems, in one call."""
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import ir_measures
import numpy as np
import pandas as pd
import pyterrier as pt

from .dense import DenseSystem
from .evaluation_set import EvaluationSet
from .pipelines import FixedSystem, PoolSystem
from .result import Result

SETTINGS = ('monolingual', 'crosslingual', 'multilingual')


class Setting(NamedTuple):
    """Questions in one language over passages in one language, or in all (``doc_lang`` None)."""

    kind: str
    query_lang: str
    doc_lang: str | None


def list_settings(languages: Iterable[str], kinds: Sequence[str] = SETTINGS) -> list[Setting]:
    """The settings of some languages: n monolingual, n(n-1) cross-lingual, n multilingual.

    Raises:
        ValueError: an unknown kind.
    """
    unknown = [kind for kind in kinds if kind not in SETTINGS]
    if unknown or not kinds:
        raise ValueError(f'settings are some of {", ".join(SETTINGS)}, not {", ".join(map(repr, unknown)) or "none"}')
    languages = list(languages)
    every = [Setting('monolingual' if q == d else 'crosslingual', q, d) for q in languages for d in languages]
    every += [Setting('multilingual', q, None) for q in languages]
    return [setting for setting in every if setting.kind in kinds]


def MultilingualExperiment(
    systems: Mapping[str, object],
    dataset: str | EvaluationSet,
    measures: Sequence[ir_measures.measures.Measure],
    *,
    settings: Sequence[str] = SETTINGS,
    languages: Iterable[str] | None = None,
    verbose: bool = True,
) -> Result:
    """Evaluates systems in all language settings of a collection.

    In the monolingual settings, questions and passages are in one language; in the cross-lingual ones, questions are in
    one and passages in one other; in the multilingual ones, passages of all languages are ranked together. A question
    with nothing relevant in a setting's passages is left out of that setting.

    Args:
        systems: by name, each one of

            * ``(encoder, index)``: every language's questions are encoded once, and all settings are computed from
              exact ranks at full depth (:func:`rank_grid`);
            * a callable that takes a list of languages, or None for all, and returns a Transformer over the passages in
              these languages; it goes through ``pt.Experiment``, setting by setting;
            * a Transformer over all passages: its multilingual settings only, because a pipeline over everything
              cannot be cut down to one language after the fact.
        dataset: the name of a collection (``'xquad-r'``), or an :class:`EvaluationSet`.
        measures: ir_measures objects. RankDistance without a cutoff is given the pool's size. It and LPR are measured
            in the multilingual settings, over the questions on which they say something.
        settings: which kinds of settings.
        languages: the languages of questions and passages; None for all.
        verbose: show progress bars.

    Returns:
        A :class:`Result`.

    Raises:
        ValueError: an unusable argument; an index that lacks relevant passages or languages of the collection.
        TypeError: a system of no known form.
    """
    collection = dataset if isinstance(dataset, EvaluationSet) else EvaluationSet(dataset, languages=languages)
    if isinstance(dataset, EvaluationSet) and languages is not None:
        raise ValueError('an EvaluationSet has languages of its own; choose them there, not with languages=')
    measures = [_measure(m) for m in measures]
    wanted = list_settings(collection.languages, settings)
    frames = []
    for name, system in systems.items():
        runner = _runner(name, system)
        bar = pt.tqdm(wanted, desc=name, unit='setting', disable=not verbose)
        frames += [_frame(name, *found) for found in runner.evaluate(collection, bar, measures, verbose)]
    return Result(pd.concat(frames, ignore_index=True), list(systems), [repr(m) for m in measures], collection.name)


def _measure(measure) -> ir_measures.measures.Measure:
    if isinstance(measure, str):
        raise ValueError(f'measures takes ir_measures objects; give ir_measures.parse_measure({measure!r})')
    return measure


def _runner(name: str, system: object):
    """What evaluates a system of one of the forms."""
    if isinstance(system, tuple) and len(system) == 2:
        return DenseSystem(name, *system)
    if isinstance(system, pt.Transformer):
        return FixedSystem(name, system)
    if isinstance(system, Callable):
        return PoolSystem(name, system)
    raise TypeError(
        f'system {name!r} is a {type(system).__name__}; give (encoder, index), a callable of languages that returns a '
        'Transformer, or a Transformer'
    )


def _frame(name: str, setting: Setting, measure: str, qids: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    """Per-query values as rows of a result."""
    return pd.DataFrame({
        'system': name, 'setting': setting.kind, 'query_lang': setting.query_lang, 'doc_lang': setting.doc_lang,
        'measure': measure, 'qid': qids, 'value': values,
    })  # fmt: skip


Found = Iterator[tuple[Setting, str, np.ndarray, np.ndarray]]

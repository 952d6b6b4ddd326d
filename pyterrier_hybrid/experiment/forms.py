"""Turns the forms in which a user gives systems into objects that evaluate them."""
from collections.abc import Callable, Mapping

import pandas as pd
import pyterrier as pt

from pyterrier_hybrid.encoding.devices import check_device
from pyterrier_hybrid.experiment.dense import DenseSystem
from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet
from pyterrier_hybrid.experiment.pipelines import FixedSystem, PoolSystem, RunSystem
from pyterrier_hybrid.experiment.systems import System
from pyterrier_hybrid.stored import StoredIndex


def as_systems(systems: Mapping[str, object], collection: EvaluationSet, device: str | None = None) -> list[System]:
    """Returns the systems that a user gives in the forms of :func:`MultilingualExperiment`.

    Raises:
        ValueError: the argument is not a mapping, or is empty; a device that torch cannot use here.
        TypeError: a system of no known form, or whose name is not a text.
    """
    if not isinstance(systems, Mapping) or not systems:
        raise ValueError(f'there is no system to evaluate in {systems!r:.80}; give a mapping from names to systems')
    unnamed = [name for name in systems if not isinstance(name, str)]
    if unnamed:
        raise TypeError(f'a system is called {unnamed[0]!r}; names are texts, as in {str(unnamed[0])!r}')
    check_device(device)
    return [_runner(name, system, collection, device) for name, system in systems.items()]


def _runner(name: str, system: object, collection: EvaluationSet, device: str | None) -> System:
    """Returns the object that evaluates a system of one of the forms."""
    if isinstance(system, tuple) and len(system) == 2:
        return DenseSystem(name, collection, *system, device=device)
    if isinstance(system, StoredIndex):
        raise TypeError(
            f'system {name!r} is an index alone; give lambda langs: index.bm25(langs=langs) for BM25, and '
            '(encoder, index) for a dense index'
        )
    if isinstance(system, pd.DataFrame):
        return RunSystem(name, collection, system)
    if isinstance(system, pt.Transformer):
        return FixedSystem(name, collection, system)
    if isinstance(system, Callable):
        return PoolSystem(name, collection, system)
    raise TypeError(
        f'system {name!r} is a {type(system).__name__}; give (encoder, index), a callable of languages that returns a '
        'Transformer, a Transformer, or a run'
    )

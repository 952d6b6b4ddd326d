"""Compares encoders that only differ in their training mix, and BM25, in every language setting."""
import copy
from collections.abc import Callable, Mapping
from pathlib import Path

from ir_measures import AP

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet, as_evaluation_set
from pyterrier_hybrid.experiment.multilingual import MultilingualExperiment
from pyterrier_hybrid.experiment.result import Result
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.lexical import BM25Index
from pyterrier_hybrid.measures import RankDistance
from pyterrier_hybrid.pairs.balanced import balanced_texts
from pyterrier_hybrid.training import train

#: The three mixes of the paper's tables: its baselines, and alpha = beta = .5.
MIXES = {
    'X-X-mono': {'monolingual': 1.0},
    'X-Y': {'crosslingual': 1.0},
    'hybrid': {'monolingual': 0.5, 'crosslingual': 0.5},
}


def compare_mixes(
    pairs,
    dataset: str | EvaluationSet,
    folder: str | Path,
    *,
    mixes: Mapping[str, Mapping[str, float]] = MIXES,
    mdpr: str | None = None,
    backbone: str | Path | None = None,
    seed: int = 0,
    tell: Callable[[str], None] = print,
    verbose: bool = True,
    **training,
) -> Result:
    """Trains one encoder per mix from the same start, and evaluates them with BM25 and the start itself.

    Args:
        pairs: a :class:`ParallelPairs`.
        dataset: a collection's name, such as ``'worldfacts'``, or an :class:`EvaluationSet`.
        folder: where the runs (``<mix>``) and the indexes (``<system>.flex``, ``bm25``) go.
        mixes: by name, see :class:`HybridBatches`.
        mdpr: a folder or hub name of an mDPR checkpoint to evaluate too.
        backbone: a folder or hub name of the checkpoint to start from, ``'untouched'`` in the table; None for a static
            embedding with random vectors, ``'untrained'``.
        seed: of everything random.
        tell: called with a line of text for each step.
        verbose: show progress bars.
        **training: further arguments of :func:`train`.

    Returns:
        A :class:`Result` with AP in all settings and RankDistance in the multilingual ones.
    """
    folder = Path(folder)
    collection = as_evaluation_set(dataset, None)
    first = collection.languages[0]
    tell(
        f'{collection.name}: {collection.pool_sizes.sum():,} passages, {len(collection.topics(first)):,} questions in '
        f'{first}, {len(collection.languages)} languages'
    )
    last = {} if mdpr is None else {'mDPR': HybridEncoder(mdpr, preset='mdpr', verbose=verbose)}
    if backbone is None:
        start = static_backbone(balanced_texts(pairs), seed=seed)
        encoders = {'untrained': HybridEncoder.from_model(start)}
    else:
        encoders = {'untouched': HybridEncoder(backbone, verbose=verbose)}
    for name, mix in mixes.items():
        encoders[name] = train(
            pairs, folder / name, backbone=copy.deepcopy(start) if backbone is None else backbone, mix=mix, seed=seed,
            verbose=verbose, **training,
        )  # fmt: skip
        tell(f'trained {name}: {folder / name}')

    bm25 = BM25Index(folder / 'bm25', verbose=verbose)
    bm25.index(collection.docs())
    systems: dict[str, object] = {'BM25': lambda langs: bm25.bm25(langs=langs)}
    for name, encoder in {**encoders, **last}.items():
        index = MultilingualIndex(folder / f'{name}.flex', verbose=verbose)
        (encoder.doc_encoder() >> index).index(collection.docs())
        systems[name] = (encoder, index)
    return MultilingualExperiment(systems, collection, [AP, RankDistance], verbose=verbose)

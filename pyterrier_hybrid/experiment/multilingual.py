"""Evaluates several systems in every monolingual, cross-lingual and multilingual setting of a collection."""
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import pyterrier as pt
from ir_measures.measures import Measure

from pyterrier_hybrid.experiment.by_chance import chance_notes, chance_table, chances
from pyterrier_hybrid.experiment.cells import Cell, Evaluated, cell, check_measures, evaluate
from pyterrier_hybrid.experiment.dense import DenseSystem
from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet, as_evaluation_set
from pyterrier_hybrid.experiment.forms import as_systems
from pyterrier_hybrid.experiment.frames import BLANK_COLUMNS, MATRIX_COLUMNS, SETTING_KINDS
from pyterrier_hybrid.experiment.provenance import provenance
from pyterrier_hybrid.experiment.result import Result
from pyterrier_hybrid.experiment.setting import list_settings
from pyterrier_hybrid.measures import facts
from pyterrier_hybrid.measures.base import LanguageMeasure
from pyterrier_hybrid.measures.matrix import average_precisions, mean_ranks


def MultilingualExperiment(
    systems: Mapping[str, object],
    dataset: object,
    measures: Sequence[Measure],
    *,
    settings: Sequence[str] = SETTING_KINDS,
    languages: Iterable[str] | None = None,
    ignore_identical_ids: bool = False,
    device: str | None = None,
    verbose: bool = True,
) -> Result:
    """Evaluates systems in all language settings of a collection.

    In the monolingual settings, questions and passages are in one language; in the cross-lingual ones, questions are in
    one and passages in one other; in the multilingual ones, passages of all languages are ranked together. A question
    with nothing relevant in a setting's passages is left out of that setting. Passages rank by (-score, docno).

    A cell that cannot have a value is blank, never 0, and ``Result.blanks`` has the reason: a measure of language bias
    if all passages, or all relevant ones, are in one language; a system without a ranking of one language alone; a pair
    of languages without questions. Single questions about which a measure says nothing are left out of its cells, and
    ``Result.notes`` counts them. If a system's figure is over fewer questions than the figure of chance, a note gives
    chance over the same questions.

    A system that has not ranked all passages is in ``Result.cut``, with its depth. RankDistance over the whole pool
    assumes that the passages that were not retrieved follow in random order, which overstates the distance of a good
    system. So a result with such systems also compares all systems at a common depth: it has RankDistance@k and
    MaxRank@k beside RankDistance and MaxRank, where k is the least of the depths.

    Args:
        systems: by name, each one of

            * ``(encoder, index)``: every language's questions are encoded once, and all settings are computed from
              exact ranks at full depth (:func:`rank_grid`);
            * a callable that takes a list of languages, or None for all passages, and returns a Transformer over the
              passages in these languages; called once for each pool;
            * a Transformer over all passages, or its run, a DataFrame with ``qid, docno, score`` (and ``query_lang``
              if a question has the same qid in several languages): multilingual settings only, because the ranking of
              one language cannot be derived from that of all.
        dataset: a collection (``'xquad-r'``, ``'hybrid:miracl-multi/dev'``, ``pt.get_dataset('hybrid:xquad-r')``, see
            :class:`EvaluationSet`), or an :class:`EvaluationSet`.
        measures: ir_measures objects. RankDistance and MaxRank without a cutoff are over the whole pool, whose size
            is known here (``RankDistance(norm=True)`` needs no ``pool=``). Measures that need more than the ranks of
            relevant passages (AWRF, alpha_nDCG, Judged) are computed by ir_measures on a run, for dense systems down
            to the measure's cutoff, which it must have.
        settings: which kinds of settings.
        languages: the languages of questions and passages; None for all.
        ignore_identical_ids: leave a passage out of the ranking of the question that has its id (ArguAna, Quora).
        device: a torch device for the matrix products of dense systems; numpy by default. The result is the same.
        verbose: show progress bars.

    Returns:
        A :class:`Result`.

    Raises:
        ValueError: an unusable argument; an index that lacks relevant passages or languages of the collection; a run
            with unknown or repeated passages, or scores that are not finite. The message names the system.
        TypeError: a system of no known form.
    """
    collection = as_evaluation_set(dataset, languages, ignore_identical_ids)
    runners = as_systems(systems, collection, device)
    measures = check_measures(measures, dense=any(isinstance(runner, DenseSystem) for runner in runners))
    pool = int(collection.pool_sizes.sum())
    for measure in measures:
        if measure.params.get('pool', pool) != pool:
            raise ValueError(f'{measure!r}: the pool of {collection!r} holds {pool} passages; leave pool= out')
    wanted = list_settings(collection.query_languages, collection.languages, settings)
    cells: list[Cell] = []
    matrix: list[tuple] = []
    kept: list[Evaluated] = []
    for runner in runners:
        runner.prepare(verbose)
        bar = pt.tqdm(wanted, desc=runner.name, unit='setting', disable=not verbose)
        for evaluated, found in evaluate(runner, bar, measures):
            cells += found
            kept.append(evaluated if evaluated.setting.doc_lang is None else evaluated._replace(relevant=None))
            if evaluated.relevant is not None and evaluated.setting.doc_lang is None:
                matrix += _matrix_row(evaluated, collection)
    cut = {runner.name: runner.cut() for runner in runners if runner.cut() is not None}
    asked, depths = measures, [depth for depth in cut.values() if depth]
    measures = _with_common_depth(asked, min(depths, default=None))
    cells += [cell(evaluated, measure) for measure in measures if measure not in asked for evaluated in kept]
    by_chance = chances(measures, wanted, collection)
    blanks = [(of.system, *of.setting, of.measure, of.reason) for of in cells if of.reason]
    return Result(
        per_query=_per_query(cells, list(systems), measures, collection),
        systems=list(systems),
        measures=[repr(measure) for measure in measures],
        dataset=collection.name,
        blanks=pd.DataFrame(blanks, columns=BLANK_COLUMNS, dtype=object),
        matrix=pd.DataFrame(matrix, columns=MATRIX_COLUMNS).astype({'rank': float, 'AP': float, 'n': int}),
        chance=chance_table(by_chance),
        notes=[*(note for of in runners for note in of.notes()), *_left_out(cells), *chance_notes(by_chance, cells)],
        provenance=provenance(collection, runners, measures, wanted),
        cut=cut,
        facts={repr(measure): facts.facts(measure, pool) for measure in measures},
    )


def _with_common_depth(measures: Sequence[Measure], depth: int | None) -> list[Measure]:
    """Adds, after each measure over the whole pool, the same measure at the depth that all rankings have in common.

    On a cut ranking, the value of such a measure assumes an expectation for the part that was cut off; at a common
    depth it does not. Adds nothing for depth None, that is if all rankings are whole.
    """
    found: dict[Measure, None] = {}
    for measure in measures:
        found[measure] = None
        over_pool = isinstance(measure, LanguageMeasure) and 'pool' in measure.SUPPORTED_PARAMS
        if depth and over_pool and 'cutoff' not in measure.params:
            params = {name: value for name, value in measure.params.items() if name not in ('pool', 'norm')}
            found[type(measure)(**params, cutoff=depth)] = None
    return list(found)


def _matrix_row(evaluated: Evaluated, collection: EvaluationSet) -> list[tuple]:
    """The row of a system's language matrix for the questions of one multilingual setting."""
    relevant = evaluated.relevant
    by_rank = mean_ranks(relevant, len(collection.languages), pool=relevant.pool)
    by_ap = average_precisions(relevant, len(collection.languages))
    n = np.count_nonzero(~np.isnan(by_rank), axis=0)
    return [
        (evaluated.system, evaluated.setting.query_lang, lang, np.nanmean(by_rank[:, i]), np.nanmean(by_ap[:, i]), n[i])
        for i, lang in enumerate(collection.languages) if n[i]
    ]  # fmt: skip


def _per_query(cells: Sequence[Cell], systems: list[str], measures: Sequence[Measure], collection) -> pd.DataFrame:
    """The values of all cells as one frame. Its texts are categories, because it may have millions of rows."""
    cells = [cell for cell in cells if not cell.reason]
    sizes = [len(cell.values) for cell in cells]
    langs = list(collection.codes)
    columns = {
        'system': ([cell.system for cell in cells], systems),
        'setting': ([cell.setting.kind for cell in cells], SETTING_KINDS),
        'query_lang': ([cell.setting.query_lang for cell in cells], langs),
        'doc_lang': ([cell.setting.doc_lang for cell in cells], langs),
        'measure': ([cell.measure for cell in cells], [repr(measure) for measure in measures]),
    }
    frame = {
        name: pd.Categorical(values, categories=categories).repeat(sizes)
        for name, (values, categories) in columns.items()
    }
    qids = np.concatenate([np.empty(0, dtype=object), *[cell.qids for cell in cells]])
    values = np.concatenate([np.empty(0), *[cell.values for cell in cells]])
    return pd.DataFrame({**frame, 'qid': pd.Categorical(qids), 'value': values})


def _left_out(cells: Iterable[Cell]) -> list[str]:
    """Sentences that count the questions in the multilingual settings to which measures do not apply."""
    rows = [
        (cell.measure, cell.system, cell.asked - len(cell.values), cell.asked)
        for cell in cells if not cell.reason and cell.setting.doc_lang is None
    ]  # fmt: skip
    counts = pd.DataFrame(rows, columns=['measure', 'system', 'left_out', 'asked'])
    counts = counts.groupby(['measure', 'system'], sort=False, as_index=False).sum()
    counts = counts.sort_values('measure', key=lambda names: pd.factorize(names)[0], kind='stable')
    for names, same in (('measure', ['system', 'left_out', 'asked']), ('system', ['measure', 'left_out', 'asked'])):
        counts = counts.groupby(same, sort=False, as_index=False)[names].agg(', '.join)
    return [
        f'{row.measure}: {row.left_out:,} of {row.asked:,} questions in the multilingual settings are left out '
        f'({row.system}), because the measure says nothing about them.'
        for row in counts.itertuples() if row.left_out
    ]  # fmt: skip

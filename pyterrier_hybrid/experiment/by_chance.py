"""The figures of a ranking without language preference: over all questions, and over those of a system's figure."""
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from ir_measures.measures import Measure

from pyterrier_hybrid.experiment.cells import Cell
from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet
from pyterrier_hybrid.experiment.frames import CHANCE_COLUMNS
from pyterrier_hybrid.experiment.presentation import format_value
from pyterrier_hybrid.experiment.setting import Setting
from pyterrier_hybrid.measures import facts

#: The value of each question by chance, indexed by qid, for each measure and language of the questions.
Chances = Mapping[tuple[str, str], pd.Series]


def chances(measures: Sequence[Measure], settings: Iterable[Setting], collection: EvaluationSet) -> Chances:
    """Computes :func:`pyterrier_hybrid.measures.facts.chance` in the multilingual settings, for measures that have it.

    It leaves out questions to which a measure does not apply under any ranking.
    """
    found = {}
    for setting in settings:
        if setting.doc_lang is None:
            judged = collection.judged(setting)
            relevant = judged.ranked(np.zeros(len(judged.queries), int), np.zeros(judged.n_queries, int))
            for measure in measures:
                values = facts.chance(measure, relevant)
                if values is not None and np.isfinite(values).any():
                    found[repr(measure), setting.query_lang] = pd.Series(values, index=judged.qids).dropna()
    return found


def chance_table(found: Chances) -> pd.DataFrame:
    """The mean over the questions: ``measure, query_lang, value``."""
    rows = [(measure, lang, float(values.mean())) for (measure, lang), values in found.items()]
    return pd.DataFrame(rows, columns=CHANCE_COLUMNS).astype({'value': float})


def chance_notes(found: Chances, cells: Iterable[Cell]) -> list[str]:
    """Sentences about systems whose figure is over fewer questions than that of chance, with chance over the same ones.

    For example, LPR does not apply to a question for which a system retrieves nothing relevant, and a run may lack a
    language.
    """
    theirs: dict[tuple[str, str], dict[str, pd.Series]] = {}
    for cell in cells:
        lang = cell.setting.query_lang
        if cell.setting.doc_lang is None and (cell.measure, lang) in found:
            theirs.setdefault((cell.measure, cell.system), {})[lang] = found[cell.measure, lang].reindex(cell.qids)
    systems: dict[tuple[str, str], list[str]] = {}
    for (measure, system), values in theirs.items():
        asked = {lang: len(every) for (of, lang), every in found.items() if of == measure}
        means = {lang: format_value(measure, some.mean()) for lang, some in values.items() if len(some)}
        n, total = sum(map(len, values.values())), sum(asked.values())
        if means and n < total:
            fewer = ', '.join(f'{mean} in {lang}' for lang, mean in means.items() if len(values[lang]) < asked[lang])
            mean = format_value(measure, np.mean([some.mean() for some in values.values() if len(some)]))
            text = f'is over {n:,} of {total:,} questions; among these the value by chance is {mean}'
            text += f' ({fewer})' if fewer and len(means) > 1 else ''
            systems.setdefault((measure, text), []).append(system)
    return [f'{measure} of {", ".join(names)} {text}.' for (measure, text), names in systems.items()]

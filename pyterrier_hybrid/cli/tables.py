"""Results as text, for a terminal: a line per system and measure, a column per kind of setting."""
import math

from pyterrier_hybrid.experiment.comparison import aligned
from pyterrier_hybrid.experiment.presentation import format_value
from pyterrier_hybrid.experiment.result import KINDS
from pyterrier_hybrid.experiment.sheets import blank_notes

HEADER = ['Mono.', 'Cross.', 'Multi.']


def result_table(result) -> str:
    """The mean over the settings of each kind, and below it why there are blanks."""
    table = result.table()
    rows = [
        [system, measure, *(format_value(measure, row.get((measure, kind), math.nan)) for kind in KINDS)]
        for system, row in table.iterrows()
        for measure in result.measures
    ]
    notes = ''.join(f'\n{note}' for note in (*blank_notes(result, result.measures, every=True), *result.notes))
    return aligned([['System', 'Measure', *HEADER], *rows], labels=2) + notes


def study_table(study) -> str:
    """The mean over the seeds, and with several of them the standard deviation."""
    summary = study.summary()
    cells = {
        (row.mix, row.fraction, row.measure, row.setting): _cell(row) for row in summary.itertuples(index=False)
    }
    runs = summary[['mix', 'fraction']].drop_duplicates().itertuples(index=False)
    rows = [
        [mix, f'{fraction:g}', measure, *(cells.get((mix, fraction, measure, kind), '') for kind in KINDS)]
        for mix, fraction in runs
        for measure in study.measures
    ]
    return aligned([['Mix', 'Data', 'Measure', *HEADER], *rows], labels=3)


def _cell(row) -> str:
    spread = '' if math.isnan(row.std) else f' ±{format_value(row.measure, row.std)}'
    return format_value(row.measure, row.mean) + spread

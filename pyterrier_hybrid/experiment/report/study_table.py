"""Every mix of a study in one table: means over the seeds, and their number."""
import pandas as pd

from ..presentation import format_value
from .markup import Group, details, header_row, table, text
from .mixes import KINDS, mix_in_words, over_seeds
from .words import setting_name


def study_table(study: pd.DataFrame) -> str:
    """A folded table: a row per mix (and fraction of the data), a column per measure and kind of setting."""
    keys = [*KINDS, 'fraction'] if 'fraction' in study else KINDS
    columns = list(study[['measure', 'setting']].drop_duplicates().itertuples(index=False, name=None))
    rows = []
    for found, runs in study.groupby(keys, sort=False):
        shares = pd.Series(found, index=keys)
        name = mix_in_words(shares)
        if study.get('fraction', pd.Series([1.0])).nunique() > 1:
            name += f'; {shares["fraction"]:.4g} of the data'
        rows.append((text(name), [_cell(runs, measure, setting) for measure, setting in columns]))
    header = ['Batches', *(text(f'{measure}, {setting_name(setting)}') for measure, setting in columns)]
    title = 'Every mix: mean over the seeds ± half of its 95% interval'
    return details(title, table(title, [header_row(header)], [Group('', rows)], len(header)))


def _cell(runs: pd.DataFrame, measure: str, setting: str) -> str:
    values = runs.loc[(runs['measure'] == measure) & (runs['setting'] == setting), 'value'].dropna()
    if not len(values):
        return '<td class="blank">no value</td>'
    mean, half = over_seeds(values)
    shown = format_value(measure, mean)
    return text(f'{shown} ± {format_value(measure, half)}' if pd.notna(half) else shown)

"""A study's values for tables and figures: checks, selections of mixes, and tables over seeds."""
from numbers import Real

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from pyterrier_hybrid.experiment.frames import SETTING_KINDS
from pyterrier_hybrid.experiment.presentation import SETTINGS, SHORT, direction, format_value, setting_name
from pyterrier_hybrid.experiment.printed import Block, Column, PrintedCell, PrintedTable
from pyterrier_hybrid.experiment.study_mixes import mix_name
from pyterrier_hybrid.experiment.study_result import SHARES

COLUMNS = [*SHARES, 'seed', 'setting', 'measure', 'value']


def check_study(study: pd.DataFrame) -> None:
    """Checks that a study's table can be shown.

    Raises:
        TypeError: not a table.
        ValueError: a table without a column or rows, with something else than numbers where they belong, an unknown
            kind of setting, or shares that do not sum to 1.
    """
    if not isinstance(study, pd.DataFrame):
        raise TypeError(
            f'study is a {type(study).__name__}; give the StudyResult of ratio_study, which StudyResult.load reads '
            'from its folder, or its table'
        )
    several = 'fraction' in study and study['fraction'].nunique() > 1
    missing = [column for column in (*COLUMNS, *['mix'] * several) if column not in study]
    if missing:
        raise ValueError(f'the study has no column {", ".join(missing)}; its columns are {", ".join(study.columns)}')
    if study.empty:
        raise ValueError('the study has no rows; give study=None to leave its part out')
    numbers = [*SHARES, 'value', *(['fraction'] if 'fraction' in study else [])]
    for column in numbers:
        if not is_numeric_dtype(study[column]) or (column != 'value' and study[column].isna().any()):
            strange = next(value for value in study[column] if not isinstance(value, Real) or np.isnan(value))
            raise ValueError(f'the study has {strange!r:.80} in the column {column}, which takes numbers')
    unknown = [kind for kind in study['setting'].unique() if kind not in SETTING_KINDS]
    if unknown:
        raise ValueError(f'the study has the setting {unknown[0]!r:.80}; settings are {", ".join(SETTING_KINDS)}')
    off = ~np.isclose(study[[*SHARES]].sum(axis=1), 1)
    if off.any():
        row = study[off].iloc[0]
        shares = ', '.join(f'{kind} {row[kind]:g}' for kind in SHARES)
        raise ValueError(f'the shares of a mix sum to 1; row {study.index[off][0]!r} of the study has {shares}')


def study_table(study: pd.DataFrame) -> PrintedTable:
    """A row per mix (and fraction of the data), a column per measure and kind of setting: means over the seeds."""
    keys = [key for key in ('mix', *SHARES, 'fraction') if key in study]
    measured = list(study[['measure', 'setting']].drop_duplicates().itertuples(index=False, name=None))
    columns = [
        Column(SHORT.get(kind, kind), measure, direction(measure), SETTINGS.get(kind, kind))
        for measure, kind in measured
    ]
    rows = []
    for found, runs in study.groupby(keys, sort=False):
        shares = pd.Series(dict(zip(keys, found)))
        name = mix_in_words(shares)
        if shares.get('mix', mix_name(shares[[*SHARES]])) != mix_name(shares[[*SHARES]]):
            name = f'{shares["mix"]} ({name})'
        if 'fraction' in study and study['fraction'].nunique() > 1:
            name += f'; {shares["fraction"]:.4g} of the data'
        values = {key: some['value'].dropna() for key, some in runs.groupby(['measure', 'setting'])}
        rows.append((name, [_cell(key[0], values.get(key, pd.Series(dtype=float))) for key in measured]))
    counts = sorted({*study.groupby([*keys, 'measure', 'setting'])['seed'].nunique()})
    seeds = ' to '.join(dict.fromkeys(map(str, (counts[0], counts[-1]))))
    notes = [f'± is the standard deviation of a sample, over {seeds} seeds.'] if counts[-1] > 1 else []
    return PrintedTable('Every mix: means over the seeds', columns, [Block(rows)], notes, head='Batches')


def _cell(measure: str, values: pd.Series) -> PrintedCell:
    if not len(values):
        return PrintedCell(blank='no value')
    spread = f' ± {format_value(measure, values.std(ddof=1))}' if len(values) > 1 else ''
    return PrintedCell(format_value(measure, values.mean()) + spread)


def all_data(study: pd.DataFrame) -> pd.DataFrame:
    """The rows of the largest fraction of the training data; all rows if there is no ``fraction``."""
    return study[study['fraction'] == study['fraction'].max()] if 'fraction' in study else study


def on_simplex(study: pd.DataFrame, kinds: list[str]) -> pd.DataFrame:
    """The rows whose mixes are of some kinds only, and have a value."""
    rest = [kind for kind in SHARES if kind not in kinds]
    return study[np.isclose(study[rest].sum(axis=1), 0) & study['value'].notna()]


def mix_in_words(shares: pd.Series) -> str:
    """A mix in words: ``50% monolingual, 50% cross-lingual``, without kinds that have no share."""
    return ', '.join(f'{100 * shares[kind]:.4g}% {setting_name(kind)}' for kind in SHARES if shares.get(kind, 0) > 0)


def seeds_in_words(study: pd.DataFrame) -> str:
    """Says how the intervals of a figure were made, for the study's number of seeds."""
    counts = study.groupby([*SHARES, *(['fraction'] if 'fraction' in study else []), 'measure', 'setting'])['seed']
    least, most = counts.nunique().min(), counts.nunique().max()
    if most == 1:
        return 'One seed, so there are no intervals.'
    number = {2: 'two'}.get(most, most) if least == most else f'{least} to {most}'
    few = ' Intervals of two values are wide.' if least <= 2 else ''
    return (
        f'Lines join the means over {number} seeds, dots are single seeds, bars are 95% intervals (Student’s t), cut '
        f'at the ends of the measure’s range.{few}'
    )

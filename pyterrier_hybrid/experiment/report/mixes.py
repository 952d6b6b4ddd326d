"""A study's table as the report reads it: the rows of a line or a simplex of mixes, and means over seeds."""
import numpy as np
import pandas as pd

from ..study_result import SHARES
from .words import setting_name

KINDS = list(SHARES)
COLUMNS = [*KINDS, 'seed', 'setting', 'measure', 'value']


def check_study(study: pd.DataFrame) -> None:
    """Refuses what is not a study's table.

    Raises:
        ValueError: a missing column, no rows, or shares that do not sum to 1.
    """
    several = 'fraction' in study and study['fraction'].nunique() > 1
    missing = [column for column in (*COLUMNS, *['mix'] * several) if column not in study]
    if missing:
        raise ValueError(f'the study has no column {", ".join(missing)}; its columns are {", ".join(study.columns)}')
    if study.empty:
        raise ValueError('the study has no rows; give study=None to leave its part out')
    off = ~np.isclose(study[KINDS].sum(axis=1), 1)
    if off.any():
        row = study[off].iloc[0]
        shares = ', '.join(f'{kind} {row[kind]:g}' for kind in KINDS)
        raise ValueError(f'the shares of a mix sum to 1; row {study.index[off][0]!r} of the study has {shares}')


def all_data(study: pd.DataFrame) -> pd.DataFrame:
    """The rows of the largest fraction of the training data, which is all rows where there is no ``fraction``."""
    return study[study['fraction'] == study['fraction'].max()] if 'fraction' in study else study


def on_simplex(study: pd.DataFrame, kinds: list[str]) -> pd.DataFrame:
    """The rows whose mixes are of some kinds only, and have a value."""
    rest = [kind for kind in KINDS if kind not in kinds]
    return study[np.isclose(study[rest].sum(axis=1), 0) & study['value'].notna()]


def mix_in_words(shares: pd.Series) -> str:
    """A mix in words: ``50% monolingual, 50% cross-lingual``; a kind that is not among the shares has none."""
    return ', '.join(f'{100 * shares[kind]:.4g}% {setting_name(kind)}' for kind in KINDS if shares.get(kind, 0) > 0)


def over_seeds(values: pd.Series, level: float = 0.95) -> tuple[float, float]:
    """The mean of a mix's seeds, and half the width of its interval: Student's t, as the seeds are few.

    Returns:
        Mean and half width; NaN for the width of a single seed.
    """
    from scipy.stats import t

    n = len(values)
    half = t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return float(values.mean()), float(half)

"""Kruskal-Wallis for many groups of documents at once."""
import numpy as np
import pandas as pd


def mid_ranks(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Ranks of values (n,) within each group, from 1, float64 (n,); equal values share the mean of their ranks."""
    return pd.Series(values).groupby(groups).rank().to_numpy()


def kruskal_p(values: np.ndarray, groups: np.ndarray, langs: np.ndarray,
              n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """The p-value of Kruskal-Wallis over each group's values; the samples are its languages.

    H = (N-1) * (sum of squares between languages) / (total sum of squares), which on mid-ranks is the statistic with
    the correction for ties; p = chi2.sf(H, L-1), L the number of languages. (Kruskal and Wallis, 1952.)

    Args:
        values: float64 (n,), mid-ranks.
        groups: int (n,), the group of each, from 0.
        langs: int (n,), the language of each, from 0.
        n_groups: the number of groups.

    Returns:
        float64 (n_groups,), the p-value, NaN for a group without documents, in one language, or with all values equal;
        float64 (n_groups,), the constant chi2.sf(L-1, L-1), which is p for every group with one document per language
        and two languages or more, NaN for any other group.
    """
    from scipy.special import chdtrc  # chi2.sf without the whole of scipy.stats

    n_langs = int(langs.max()) + 1 if len(langs) else 1
    cells = groups * n_langs + langs
    cell_size = np.bincount(cells, minlength=n_groups * n_langs)
    cell_sum = np.bincount(cells, values, minlength=n_groups * n_langs)
    size = np.bincount(groups, minlength=n_groups)
    mean = np.divide(np.bincount(groups, values, minlength=n_groups), size, out=np.zeros(n_groups), where=size > 0)
    cell_mean = np.divide(cell_sum, cell_size, out=np.zeros(len(cell_sum)), where=cell_size > 0)
    between = (cell_size * (cell_mean - np.repeat(mean, n_langs)) ** 2).reshape(n_groups, n_langs).sum(axis=1)
    total = np.bincount(groups, (values - mean[groups]) ** 2, minlength=n_groups)
    languages = (cell_size.reshape(n_groups, n_langs) > 0).sum(axis=1)
    testable = (languages > 1) & (total > 0)
    p = np.full(n_groups, np.nan)
    p[testable] = chdtrc(languages[testable] - 1, (size - 1)[testable] * between[testable] / total[testable])
    constant = np.full(n_groups, np.nan)
    single = (languages > 1) & (size == languages)
    constant[single] = chdtrc(languages[single] - 1, languages[single] - 1)
    return p, constant

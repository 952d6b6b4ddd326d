"""Corrections of p-values for the number of comparisons."""
import numpy as np


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction, which keeps the chance of any false rejection at the level (Holm, 1979).

    Args:
        p: float (m,), p-values of one family of comparisons.

    Returns:
        float (m,), to be compared with the level: the running maximum of (m - i) p_(i), at most 1, i from 0.
    """
    order = np.argsort(p, kind='stable')
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]), 1.0)
    return corrected


def bonferroni(p: np.ndarray) -> np.ndarray:
    """Bonferroni's correction, m p and at most 1: the same guarantee as :func:`holm`, with less power.

    Args:
        p: float (m,), p-values of one family of comparisons.
    """
    return np.minimum(len(p) * p, 1.0)


#: By the name under which they are asked for; None leaves p-values as they are.
CORRECTIONS = {'holm': holm, 'bonferroni': bonferroni, None: np.asarray}

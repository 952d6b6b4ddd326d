"""Cells that are read by their number and seen by their colour: how both are chosen."""
import numpy as np

from .canvas import ON_DARK, ON_LIGHT, SEQUENTIAL


def short_number(value: float) -> str:
    """A number in at most four characters: ``.71``, ``1.0``, ``7.3``, ``287``, ``4.2k``, ``13k``; empty if missing."""
    if not np.isfinite(value):
        return ''
    if abs(value) < 0.995:
        return f'{value:.2f}'.replace('0.', '.', 1)
    for limit, scale, digits, unit in ((9.95, 1, 1, ''), (999.5, 1, 0, ''), (9950, 1000, 1, 'k')):
        if abs(value) < limit:
            return f'{value / scale:.{digits}f}{unit}'
    return f'{value / 1000:.0f}k'


def cell_colours(
    values: np.ndarray, better: int, limits: tuple[float, float] | None = None, *, logarithmic: bool = False
) -> np.ndarray:
    """The colours of values, lighter where they are better.

    Args:
        values: float, any shape; NaN where there is none.
        better: 1 if higher is better, -1 if lower is.
        limits: the values that get the ends of the scale; None for the extremes.
        logarithmic: colour by the logarithm, for positive values of several orders of magnitude.

    Returns:
        float, the shape of ``values`` and 4 (red, green, blue, opacity, 0 to 1); a missing value is fully transparent.
    """
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm, Normalize

    low, high = limits or (np.nanmin(values), np.nanmax(values))
    norm = (LogNorm if logarithmic else Normalize)(low, high)
    scaled = np.ma.filled(norm(np.ma.masked_invalid(values)), np.nan)
    colours = colormaps[SEQUENTIAL](scaled if better >= 0 else 1 - scaled)
    colours[~np.isfinite(values)] = 0
    return colours


def text_colour(colour: np.ndarray) -> str:
    """Black or white, whichever has the greater contrast on a colour (WCAG 2, relative luminance)."""
    channels = np.where(colour[:3] <= 0.04045, colour[:3] / 12.92, ((colour[:3] + 0.055) / 1.055) ** 2.4)
    return ON_LIGHT if channels @ (0.2126, 0.7152, 0.0722) > 0.179 else ON_DARK

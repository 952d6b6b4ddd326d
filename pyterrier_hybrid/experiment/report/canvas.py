"""Figures that are the same bytes every time: how they are drawn, and how they become files and parts of the page.

A figure is drawn once, in the colours of the light page. Its files keep these; in the page they are CSS variables
(``style.css`` gives both pages' values), so that the figure follows the reader's choice of light or dark.
"""
import io
import re
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

#: Colours of series, each with a contrast of 4.5 to white. Markers and lines tell series apart without them.
SERIES = ('#0b62a4', '#b34700', '#00705a', '#8b3a8b', '#6b5a00', '#a3123f', '#006d77', '#444b54')
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X')
LINES = ('-', '--', ':', '-.')
INK, FAINT = '#1b1c1f', '#c9ccd1'
#: On cells of a heatmap, whatever the page's colours.
ON_DARK, ON_LIGHT = '#ffffff', '#000000'
#: Perceptually uniform, and the same to readers with the common colour vision deficiencies.
SEQUENTIAL = 'cividis'
#: Width of a figure in SVG units; on a phone one unit is about one pixel.
WIDTH = 350

_VARIABLES = {INK: 'currentColor', FAINT: 'var(--faint)'} | {c: f'var(--series-{i})' for i, c in enumerate(SERIES)}
_STYLE = {
    'font.family': 'sans-serif', 'font.sans-serif': ['DejaVu Sans'], 'font.size': 11, 'figure.dpi': 72,
    'svg.fonttype': 'none', 'svg.hashsalt': 'pyterrier-hybrid', 'savefig.facecolor': 'white',
    'text.color': INK, 'axes.labelcolor': INK, 'axes.edgecolor': FAINT, 'xtick.color': INK, 'ytick.color': INK,
    'axes.spines.top': False, 'axes.spines.right': False, 'axes.axisbelow': True, 'axes.grid': True,
    'grid.color': FAINT, 'grid.linewidth': 0.6, 'xtick.major.size': 0, 'ytick.major.size': 0, 'xtick.minor.size': 0,
    'ytick.minor.size': 0, 'legend.frameon': False, 'legend.fontsize': 11, 'legend.handlelength': 2.6,
    'axes.formatter.useoffset': False, 'axes.facecolor': 'none', 'text.parse_math': False,
}  # fmt: skip
_NO_METADATA = {'Date': None, 'Creator': None, 'Format': None, 'Type': None}


@dataclass(frozen=True)
class Drawing:
    """A finished figure.

    Attributes:
        name: of its files, without the ending, and the prefix of its ids in the page: letters, digits and hyphens.
        title: a few words.
        caption: a sentence or more on what it shows and how to read it; figures that share it share a line of the page.
        alt: what a reader who cannot see it should know of its content.
        svg, png: the files' content.
        wide: whether the page must not shrink it below its own size.
    """

    name: str
    title: str
    caption: str
    alt: str
    svg: str
    png: bytes
    wide: bool = False


def check_matplotlib() -> None:
    """Says how to install matplotlib where it is missing.

    Raises:
        ModuleNotFoundError: it is.
    """
    if find_spec('matplotlib') is None:
        raise ModuleNotFoundError("figures need matplotlib; install it with pip install 'pyterrier-hybrid[report]'")


def figure_name(*parts: object) -> str:
    """A name for a figure out of any names: letters a to z, digits and single hyphens."""
    return re.sub(r'[^a-z0-9]+', '-', ' '.join(map(str, parts)).lower()).strip('-')


def label(name: str, length: int = 32) -> str:
    """A system's name for a legend, shortened in the middle; matplotlib leaves out what begins with an underscore."""
    short = name if len(name) <= length else f'{name[:length // 2]}…{name[-length // 2 + 1:]}'
    return f' {short}' if short.startswith('_') else short


def drawing(name: str, title: str, caption: str, alt: str, size: tuple[float, float], draw) -> Drawing:
    """Draws a figure.

    Args:
        name, title, caption, alt: see :class:`Drawing`.
        size: width and height in SVG units.
        draw: a function that is given the matplotlib figure and draws on it.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's matplotlibrc must not change a report
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), layout='constrained')
        draw(figure)
        svg, png = io.StringIO(), io.BytesIO()
        figure.savefig(svg, format='svg', metadata=_NO_METADATA)
        figure.set_layout_engine('none')  # what was laid out stays, and is not laid out again
        figure.savefig(png, format='png', dpi=200, metadata={'Software': None})
    return Drawing(name, title, caption, alt, svg.getvalue(), png.getvalue(), wide=size[0] > WIDTH)


def inline_svg(drawing: Drawing):
    """The figure as an ``svg`` element of a page: ids of its own, colours of the page, the background left out.

    The element with the id ``<name>-words`` has its alternative text. What stands between tags are names, escaped by
    matplotlib.
    """
    from markupsafe import Markup

    svg = drawing.svg[drawing.svg.index('<svg '):]
    svg = re.sub(r'<metadata>.*?</metadata>\s*', '', svg, flags=re.S)
    svg = re.sub(r'<g id="patch_1">.*?</g>\s*', '', svg, count=1, flags=re.S)  # the figure's white rectangle
    svg = re.sub(r'<[^>]*>', lambda tag: _of_the_page(tag.group(), drawing.name), svg)
    box = re.search(r'viewBox="[^"]+"', svg).group()
    own = f' style="min-width:{float(box.split()[2]):.0f}px"' if drawing.wide else ''
    head = f'<svg {box} role="img" aria-labelledby="{drawing.name}-words"{own}>'
    return Markup(re.sub(r'<svg [^>]*>', head, svg, count=1))


def _of_the_page(tag: str, prefix: str) -> str:
    """A tag with ids, colours and fonts of the page; what stands between tags are names, and stays."""
    tag = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', tag)
    tag = re.sub(r'url\(#([^)]+)\)', rf'url(#{prefix}-\1)', tag)
    tag = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{prefix}-\1"', tag)
    tag = re.sub(r'font-family: [^;"]+', 'font-family: inherit', tag)
    return re.sub(r'#[0-9a-f]{6}\b', lambda colour: _VARIABLES.get(colour.group(), colour.group()), tag)


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

"""Draws figures, the same bytes every time, and makes files and parts of the page from them.

In the page a figure's colours are CSS variables (``style.css`` has the values for light and dark), so that it follows
the reader's choice of light or dark. Its files have the colours of the light page and a heading of their own, so that
they can be used without the page. Their text is stored as text, in SVG and PDF too.
"""
import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from itertools import chain, count

import numpy as np

from pyterrier_hybrid.experiment.presentation import one_line, shortened

#: Colours of series, each with a contrast of 4.5 to white. Markers and lines tell series apart without them.
SERIES = ('#0b62a4', '#b34700', '#00705a', '#8b3a8b', '#6b5a00', '#a3123f', '#006d77', '#444b54')
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X')
LINES = ('-', '--', ':', '-.')
INK, QUIET, FAINT = '#1b1c1f', '#5b6068', '#c9ccd1'
#: Text colours on cells of a heatmap, for both colours of the page.
ON_DARK, ON_LIGHT = '#ffffff', '#000000'
#: A colour map that is perceptually uniform, also for readers with the common colour vision deficiencies.
SEQUENTIAL = 'cividis'
#: Width of a figure in SVG units; on a phone one unit is about one pixel.
WIDTH = 350

_VARIABLES = {INK: 'currentColor', QUIET: 'var(--quiet)', FAINT: 'var(--faint)'}
_VARIABLES |= {colour: f'var(--series-{i})' for i, colour in enumerate(SERIES)}
_STYLE = {
    'font.family': 'sans-serif', 'font.sans-serif': ['DejaVu Sans'], 'font.size': 11, 'figure.dpi': 72,
    'svg.fonttype': 'none', 'pdf.fonttype': 42, 'svg.hashsalt': 'pyterrier-hybrid', 'savefig.facecolor': 'white',
    'text.color': INK, 'axes.labelcolor': INK, 'axes.edgecolor': FAINT, 'xtick.color': INK, 'ytick.color': INK,
    'axes.spines.top': False, 'axes.spines.right': False, 'axes.axisbelow': True, 'axes.grid': True,
    'grid.color': FAINT, 'grid.linewidth': 0.6, 'xtick.major.size': 0, 'ytick.major.size': 0, 'xtick.minor.size': 0,
    'ytick.minor.size': 0, 'legend.frameon': False, 'legend.fontsize': 11, 'legend.handlelength': 2.6,
    'axes.formatter.useoffset': False, 'axes.facecolor': 'none', 'text.parse_math': False,
}  # fmt: skip
_NO_METADATA = {
    'svg': {'Date': None, 'Creator': None, 'Format': None, 'Type': None}, 'png': {'Software': None},
    'pdf': {'CreationDate': None, 'Creator': None, 'Producer': None},
}  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Attributes:
        name: of its files, without the ending, and the prefix of its ids in the page; letters, digits and hyphens.
        title: a few words.
        about: the rest of a file's heading: the measure in full, the data set.
        caption: a sentence or more on what it shows and how to read it; figures that share it share a line of the page.
        alt: what a reader who cannot see it should know of its content.
        size: width and height in SVG units, without a heading.
        draw: a function that draws on a matplotlib figure.
    """

    name: str
    title: str
    about: str
    caption: str
    alt: str
    size: tuple[float, float]
    draw: Callable

    @property
    def wide(self) -> bool:
        """Whether the page must not shrink it below its own size."""
        return self.size[0] > WIDTH

    @cached_property
    def svg(self) -> str:
        """The figure for the page, as SVG without a heading."""
        return self._saved(['svg'], '')['svg'].decode()

    def files(self) -> dict[str, bytes]:
        """The figure with its heading as SVG, PDF and PNG, by file name."""
        width = int(self.size[0] / 6)
        heading = '\n'.join(textwrap.fill(one_line(part), width) for part in (self.title, self.about) if part)
        return {f'{self.name}.{kind}': content for kind, content in self._saved(['svg', 'pdf', 'png'], heading).items()}

    def _saved(self, kinds: list[str], heading: str) -> dict[str, bytes]:
        import matplotlib
        from matplotlib.figure import Figure

        width, height = self.size[0] / 72, (self.size[1] + 15 * len(heading.splitlines())) / 72
        with matplotlib.rc_context(), warnings.catch_warnings(), io.BytesIO() as buffer:
            warnings.filterwarnings('ignore', 'Glyph')  # for names: SVG has them as text
            matplotlib.rcdefaults()  # a user's matplotlibrc must not change a report
            matplotlib.rcParams.update(_STYLE)
            figure = Figure(figsize=(width, height), layout='constrained')
            self.draw(_below(figure, heading, self.size[1] / 72 / height) if heading else figure)
            found = {}
            for kind in kinds:
                figure.savefig(buffer, format=kind, metadata=_NO_METADATA[kind], dpi=200 if kind == 'png' else 72)
                found[kind] = buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
                figure.set_layout_engine('none')  # keep the first layout for the other formats
            return found


def _below(figure, heading: str, share: float):
    """The part of a figure below a heading. Without this, the layout would put legends over the heading."""
    above, below = figure.subfigures(2, 1, height_ratios=(1 - share, share))
    above.text(0.01, 0.9, heading, ha='left', va='top', fontsize=10)
    return below


def check_matplotlib() -> None:
    """Raises ModuleNotFoundError that says how to install matplotlib, if it is missing."""
    if find_spec('matplotlib') is None:
        raise ModuleNotFoundError("figures need matplotlib; install it with pip install 'pyterrier-hybrid[report]'")


def figure_name(*parts: object) -> str:
    """Makes a figure's name from any names: at most 80 letters a to z, digits and single hyphens."""
    return re.sub(r'[^a-z0-9]+', '-', ' '.join(map(str, parts)).lower()).strip('-')[:80].rstrip('-')


def named_apart(drawings: Iterable[Drawing], taken: set[str]) -> list[Drawing]:
    """Returns the figures with different names, such as ``ap-2`` beside ``ap``, and adds these to the ``taken`` ones.

    Names of measures may only differ in characters that :func:`figure_name` drops, such as ``AP(rel=1)`` and
    ``AP(rel=-1)``.
    """
    found = []
    for drawing in drawings:
        numbered = (f'{drawing.name}-{number}' for number in count(2))
        name = next(name for name in chain([drawing.name], numbered) if name not in taken)
        taken.add(name)
        found.append(drawing if name == drawing.name else replace(drawing, name=name))
    return found


def label(name: str, length: int = 32) -> str:
    """A system's name for a legend, shortened in the middle.

    matplotlib leaves out names that begin with an underscore, so these get a space before it.
    """
    short = shortened(name, length)
    return f' {short}' if short.startswith('_') else short


def inline_svg(drawing: Drawing):
    """The figure as an ``svg`` element of a page, with ids of its own, the page's colours and no background.

    The element with the id ``<name>-words`` has its alternative text. The text between tags are names, which matplotlib
    has escaped.
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
    """Returns a tag of the SVG with ids, colours and fonts for the page."""
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


def colour_scale(values: np.ndarray, better: int, *, logarithmic: bool = False):
    """A matplotlib ``ScalarMappable``, whose colours are lighter where values are better.

    Args:
        values: float, any shape; NaN for a missing one. The extremes get the ends of the scale.
        better: 1 if higher is better, -1 if lower is, 0 if neither is: higher values are lighter then.
        logarithmic: colour by the logarithm, for positive values of several orders of magnitude.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm, Normalize

    norm = (LogNorm if logarithmic else Normalize)(np.nanmin(values), np.nanmax(values))
    return ScalarMappable(norm, SEQUENTIAL if better >= 0 else f'{SEQUENTIAL}_r')


def cell_colours(scale, values: np.ndarray) -> np.ndarray:
    """The colours of values on a scale: float, with a last axis of red, green, blue, opacity; NaN is transparent."""
    colours = scale.to_rgba(np.ma.masked_invalid(values))
    colours[~np.isfinite(values)] = 0
    return colours


def colour_bar(figure, axes, scale, key: str) -> None:
    """Draws the scale below some axes, with its two ends and a label."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.ticker import NullLocator

    few = ScalarMappable(scale.norm, scale.get_cmap().resampled(32))  # few colours, since each is a path in SVG
    bar = figure.colorbar(few, ax=axes, orientation='horizontal', aspect=30, pad=0.02)
    ends = sorted({scale.norm.vmin, scale.norm.vmax})
    bar.outline.set_visible(False)
    bar.solids.set_edgecolor('face')  # no seams between its parts
    bar.ax.xaxis.set_minor_locator(NullLocator())
    bar.set_ticks(ends, labels=[*map(short_number, ends)])
    bar.set_label(key, fontsize=9.5)


def text_colour(colour: np.ndarray) -> str:
    """Black or white, whichever has the greater contrast on a colour (WCAG 2, relative luminance)."""
    channels = np.where(colour[:3] <= 0.04045, colour[:3] / 12.92, ((colour[:3] + 0.055) / 1.055) ** 2.4)
    return ON_LIGHT if channels @ (0.2126, 0.7152, 0.0722) > 0.179 else ON_DARK

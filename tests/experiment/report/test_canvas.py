"""Numbers short enough for a cell, colours on which they can be read, and figures that are the same every time."""
import re
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from pyterrier_hybrid.experiment.report.canvas import (
    FAINT,
    INK,
    QUIET,
    SERIES,
    Drawing,
    cell_colours,
    colour_scale,
    figure_name,
    label,
    named_apart,
    short_number,
    text_colour,
)

matplotlib = pytest.importorskip('matplotlib')

STYLE = (files('pyterrier_hybrid.experiment.report') / 'style.css').read_text(encoding='utf-8')
LIGHT, DARK = (
    dict(re.findall(r'--([\w-]+): (#[0-9a-f]{6})', part)) for part in STYLE.split('@media (prefers-color', 1)
)


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance."""
    channels = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_both_pages_have_every_colour_and_the_light_one_is_the_figures():
    assert LIGHT.keys() == DARK.keys() and LIGHT.keys() >= {f'series-{i}' for i in range(len(SERIES))}
    assert [LIGHT[f'series-{i}'] for i in range(len(SERIES))] == list(SERIES)
    assert (LIGHT['ink'], LIGHT['quiet'], LIGHT['faint'], LIGHT['paper']) == (INK, QUIET, FAINT, '#ffffff')


@pytest.mark.parametrize('colours', [LIGHT, DARK], ids=['light', 'dark'])
def test_text_and_series_have_contrast(colours):
    for name, colour in colours.items():
        if name not in ('paper', 'faint', 'soft'):
            lighter, darker = sorted((luminance(colour), luminance(colours['paper'])), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, name


@pytest.mark.parametrize(('value', 'shown'), [
    (0.0, '.00'), (0.7149, '.71'), (0.994, '.99'), (0.996, '1.0'), (1.0, '1.0'), (7.26, '7.3'), (9.96, '10'),
    (286.6, '287'), (999.4, '999'), (999.6, '1.0k'), (4218, '4.2k'), (9960, '10k'), (13014, '13k'), (-0.25, '-.25'),
    (np.nan, ''), (np.inf, ''),
])  # fmt: skip
def test_short_number(value, shown):
    assert short_number(value) == shown
    assert len(short_number(abs(value))) <= 4


@pytest.mark.parametrize('better', [1, -1])
def test_better_values_are_lighter_and_missing_ones_transparent(better):
    values = np.array([[0.1, 0.4], [np.nan, 0.9]])
    colours = cell_colours(colour_scale(values, better), values)
    light = colours[..., :3].mean(axis=-1)
    order = np.argsort(values[np.isfinite(values)] * better)
    assert (np.diff(light[np.isfinite(values)][order]) > 0).all()
    assert (colours[1, 0] == 0).all() and (colours[np.isfinite(values)][:, 3] == 1).all()


def test_one_scale_for_several_systems():
    values = np.array([1.0, 10.0, 100.0])
    alone, shared = (cell_colours(colour_scale(of, -1), values[:2]) for of in (values[:2], values))
    assert (alone[0] == shared[0]).all() and (alone[1] != shared[1]).any()
    middle = cell_colours(colour_scale(values, -1, logarithmic=True), values)[1]  # 10 is half way by logarithm
    even = np.array([0.0, 0.5, 1.0])
    assert middle == pytest.approx(cell_colours(colour_scale(even, -1), even)[1])


def test_numbers_have_contrast_on_every_colour_of_the_map():
    def luminance(rgb):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    values = np.linspace(0, 1, 256)
    for colour in cell_colours(colour_scale(values, 1), values):
        ink = luminance((1, 1, 1) if text_colour(colour) == '#ffffff' else (0, 0, 0))
        lighter, darker = sorted((ink, luminance(colour[:3])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5  # WCAG 2, AA


def drawn(title='A title', about='About it') -> Drawing:
    return Drawing('a', title, about, 'c', 'd', (200, 100), lambda figure: figure.subplots().plot([1, 2], label='x'))


def test_a_readers_matplotlib_settings_change_nothing():
    first = drawn().svg, drawn().files()
    with matplotlib.rc_context({'font.size': 30, 'svg.hashsalt': 'x', 'lines.linewidth': 9, 'axes.facecolor': 'red'}):
        assert (drawn().svg, drawn().files()) == first
        assert matplotlib.rcParams['font.size'] == 30


def test_files_have_a_heading_and_text_as_text():
    files, svg = drawn().files(), drawn().svg
    assert list(files) == ['a.svg', 'a.pdf', 'a.png']
    assert '>A title</' in files['a.svg'].decode() and '>About it</' in files['a.svg'].decode()
    assert 'A title' not in svg
    assert b'/FontFile2' in files['a.pdf'] and b'CreationDate' not in files['a.pdf']
    assert files['a.png'].startswith(b'\x89PNG')


def test_long_names_make_short_file_names():
    assert len(figure_name('AP by language', 1, 'x' * 500)) == 80
    assert label('_a\nb') == ' _a b' and len(label('x' * 500)) == 32


def test_figures_of_one_name_are_numbered():
    taken, of = set(), drawn()
    first = named_apart([of, of, replace(of, name='a-2')], taken)
    assert [drawing.name for drawing in [*first, *named_apart([of], taken)]] == ['a', 'a-2', 'a-2-2', 'a-3']
    assert first[0] is of


@pytest.mark.parametrize(('parts', 'name'), [
    (('AP by language', 1, 'X-X-mono'), 'ap-by-language-1-x-x-mono'), (('R@10', 'a/../b'), 'r-10-a-b'),
    (('x', 'हिन्दी'), 'x'),
])  # fmt: skip
def test_figure_names_are_safe_as_file_names(parts, name):
    assert figure_name(*parts) == name

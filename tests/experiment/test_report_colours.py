"""The page's colours: the figures' own in the light page, readable in both."""
import re
from importlib.resources import files

import pytest

from pyterrier_hybrid.experiment.report.canvas import FAINT, INK, SERIES

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
    assert (LIGHT['ink'], LIGHT['faint'], LIGHT['paper']) == (INK, FAINT, '#ffffff')


@pytest.mark.parametrize('colours', [LIGHT, DARK], ids=['light', 'dark'])
def test_text_and_series_have_contrast(colours):
    for name, colour in colours.items():
        if name not in ('paper', 'faint', 'soft'):
            lighter, darker = sorted((luminance(colour), luminance(colours['paper'])), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, name

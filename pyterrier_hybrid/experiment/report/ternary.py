"""The ternary plot: mixes of monolingual, cross-lingual and multilingual batches as points of a triangle."""
import numpy as np
import pandas as pd

from pyterrier_hybrid.experiment.presentation import SETTINGS, axis_title, better, format_value, in_full, setting_name
from pyterrier_hybrid.experiment.report import canvas
from pyterrier_hybrid.experiment.study_values import all_data, mix_in_words, on_simplex

#: The corners, which are runs with batches of one kind: cross-lingual left, monolingual right, multilingual on top.
CORNERS = {'crosslingual': (0.0, 0.0), 'monolingual': (1.0, 0.0), 'multilingual': (0.5, np.sqrt(3) / 2)}
#: The side of the triangle, in SVG units.
SIDE = 262


def ternary_figures(study: pd.DataFrame, dataset: str | None = None) -> list[canvas.Drawing]:
    """A figure per measure and kind of setting: the mean over seeds at every mix of the three kinds of batches.

    Empty if the study's mixes lie on a line, that is, leave out one of the three kinds.
    """
    rows = on_simplex(all_data(study), list(CORNERS))
    if not all((rows[kind] > 0).any() for kind in CORNERS):
        return []
    figures = []
    for (measure, setting), chosen in rows.groupby(['measure', 'setting'], sort=False):
        means = chosen.groupby(list(CORNERS))['value'].mean().reset_index()
        if all((means[kind] > 0).any() for kind in CORNERS):
            figures.append(_figure(means, measure, setting, dataset))
    return figures


def corner_positions(shares: np.ndarray) -> np.ndarray:
    """Maps shares, float (n, 3) in the order of :data:`CORNERS`, to points of the triangle, x and y, float (n, 2)."""
    return shares @ np.array(list(CORNERS.values()))


def _figure(means: pd.DataFrame, measure: str, setting: str, dataset: str | None) -> canvas.Drawing:
    direction = better(measure)
    ordered = means.sort_values('value', ascending=direction < 0, kind='stable')
    first, last = ordered.iloc[0], ordered.iloc[-1]
    names = ('Best', 'worst') if direction else ('Highest', 'lowest')
    ends = '; '.join(
        f'{name}: {format_value(measure, row["value"])} with {mix_in_words(row)}'
        for name, row in zip(names, (first, last))
    )
    title = f'{measure} over three kinds of batches: {setting_name(setting)} settings'
    caption = (
        'The mean over seeds at each mix of batches. A corner is a run of one kind of batch alone, an edge mixes two '
        f'kinds, the inside all three. {"Lighter is better." if direction else "Lighter is higher."}'
    )
    about = f'{in_full(measure)}.' + (f' Data set: {dataset}' if dataset else '')
    return canvas.Drawing(
        canvas.figure_name('ternary', measure, setting), title, about, caption, f'{len(means)} mixes. {ends}.',
        (canvas.WIDTH, 330), lambda figure: _draw(figure, means, direction, axis_title(measure)),
    )  # fmt: skip


def _draw(figure, means: pd.DataFrame, direction: int, key: str) -> None:
    at = corner_positions(means[list(CORNERS)].to_numpy(dtype=float))
    values = means['value'].to_numpy(dtype=float)
    scale = canvas.colour_scale(values, direction)
    colours = canvas.cell_colours(scale, values)
    distances = np.linalg.norm(at[:, None] - at[None], axis=-1) + 9 * np.eye(len(at))
    diameter = min(32, 0.92 * SIDE * distances.min())
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_aspect('equal')
    axes.set_xlim((SIDE - canvas.WIDTH) / 2 / SIDE, (SIDE + canvas.WIDTH) / 2 / SIDE)
    axes.set_ylim(-40 / SIDE, 250 / SIDE)
    outline = np.array([*CORNERS.values(), CORNERS['crosslingual']])
    axes.plot(outline[:, 0], outline[:, 1], color=canvas.FAINT, linewidth=1, zorder=0)
    axes.scatter(at[:, 0], at[:, 1], s=diameter**2, c=colours, linewidths=0, zorder=2)
    for (x, y), value, colour in zip(at, values, colours):
        if diameter >= 17:
            axes.text(x, y, canvas.short_number(value), ha='center', va='center', fontsize=min(10, diameter / 2.2),
                      color=canvas.text_colour(colour), zorder=3)  # fmt: skip
    for kind, (x, y) in CORNERS.items():
        place, side = (x, 'center') if y else (-0.15, 'left') if x == 0 else (1.15, 'right')
        away = (22 if y else -33) / SIDE
        axes.text(place, y + away, f'100% {SETTINGS[kind].lower()}', va='baseline', ha=side)
    canvas.colour_bar(figure, axes, scale, key)

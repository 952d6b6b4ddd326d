"""Curves of a study: over the ratio of monolingual and cross-lingual batches, and over the amount of data."""
from collections.abc import Mapping

import numpy as np
import pandas as pd

from pyterrier_hybrid.experiment.frames import SETTING_KINDS
from pyterrier_hybrid.experiment.presentation import axis_title, better, facts_of, format_value, in_full, setting_name
from pyterrier_hybrid.experiment.report.canvas import LINES, MARKERS, QUIET, SERIES, WIDTH, Drawing, figure_name, label
from pyterrier_hybrid.experiment.study_result import over_seeds
from pyterrier_hybrid.experiment.study_values import all_data, mix_in_words, on_simplex, seeds_in_words

#: More curves than this in a figure cannot be told apart; the table has every mix.
MOST = 7
#: Width and height of a panel of a figure that has several, in SVG units.
PANEL = (300, 190)


def ratio_figures(
    study: pd.DataFrame, dataset: str | None = None, chance: Mapping[str, float] | None = None
) -> list[Drawing]:
    """Curves over the share of monolingual batches, a panel per measure and kind of setting.

    The first figure has the first measure (mAP) in all kinds of settings and the first one in ranks (rank distance);
    each of the other measures has a figure. Empty if the study has fewer than two mixes of monolingual and
    cross-lingual batches. ``chance`` is what a system without preference for a language has in the multilingual
    settings, by measure.
    """
    line = on_simplex(all_data(study), ['monolingual', 'crosslingual'])
    if line['monolingual'].nunique() < 2:
        return []
    measures = list(line['measure'].unique())
    first = [measures[0], *[m for m in measures[1:] if facts_of(m).unit == 'ranks'][:1]]
    figures = [first, *([measure] for measure in measures if measure not in first)]
    return [_ratio(line, chosen, dataset, chance or {}) for chosen in figures]


def amount_figures(study: pd.DataFrame, dataset: str | None = None) -> list[Drawing]:
    """A figure per measure and kind of setting: a curve per mix, over the fraction of the training data.

    Empty if the study has one fraction only, or more than seven mixes at several fractions.
    """
    if 'fraction' not in study or study['fraction'].nunique() < 2:
        return []
    several = study.groupby('mix')['fraction'].transform('nunique') > 1
    rows = study[several & study['value'].notna()]
    if not 0 < rows['mix'].nunique() <= MOST:
        return []
    groups = rows.groupby(['measure', 'setting'], sort=False)
    return [_amount(chosen, measure, setting, dataset) for (measure, setting), chosen in groups]


def curve_over(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """The curve of one measure in one kind of setting over a column.

    Returns:
        A row per value of the column, ascending: ``mean, low, high`` (the 95% interval over seeds, within the measure's
        range; NaN for one seed), ``n`` (the seeds).
    """
    measure = rows['measure'].iloc[0]
    found = over_seeds(rows, [column, 'measure'], {measure: facts_of(measure)})
    return found.set_index(column).sort_index()[['mean', 'low', 'high', 'n']]


def limits(values: pd.Series, curve: pd.DataFrame) -> tuple[float, float] | None:
    """The limits of a panel if the intervals of a curve are so wide that they would flatten it; None otherwise.

    The interval of two seeds is 13 times as wide as their deviation. A panel extends beyond the least and the greatest
    of all runs' ``values`` by the range of these values, and cuts intervals there.
    """
    low, high, room = values.min(), values.max(), np.ptp(values)
    if not room or not (curve['low'].min() < low - room or curve['high'].max() > high + room):
        return None
    return low - room, high + room


def _ratio(line: pd.DataFrame, measures: list[str], dataset: str | None, chance: Mapping[str, float]) -> Drawing:
    panels = {
        (measure, kind): rows for measure in measures for kind in SETTING_KINDS
        for rows in [line[(line['measure'] == measure) & (line['setting'] == kind)]] if len(rows)
    }  # fmt: skip
    curves = {key: curve_over(rows, 'monolingual') for key, rows in panels.items()}
    caption = (
        'Over the share of monolingual batches in training; the other batches are cross-lingual. 0% and 100% are the '
        f'paper’s two baselines, 50% its hybrid. {seeds_in_words(line)}'
    )
    if any(limits(panels[key]['value'], curve) is not None for key, curve in curves.items()):
        caption += ' An interval that reaches the edge of its panel goes on beyond it.'
    if chance:
        caption += ' "By chance" is what a system without any preference for a language has.'
    parts = []
    for (measure, kind), curve in curves.items():
        best = (curve['mean'] * (better(measure) or 1)).idxmax()
        shown = {at: f'{format_value(measure, mean)} at {100 * at:.4g}%' for at, mean in curve['mean'].items()}
        word = 'Best' if better(measure) else 'Highest'
        parts.append(f'{measure}, {setting_name(kind)}: {", ".join(shown.values())}. {word}: {shown[best]}.')
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)

    def draw(figure) -> None:
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for unused in grid[len(panels):]:
            unused.remove()
        for axes, ((measure, kind), seeds) in zip(grid, panels.items()):
            i = SETTING_KINDS.index(kind)
            axes.plot(seeds['monolingual'], seeds['value'], '.', markersize=4, color=SERIES[i])
            _curve(axes, i, curves[measure, kind])
            axes.set_ylim(limits(seeds['value'], curves[measure, kind]))
            axes.tick_params(labelsize=10)
            axes.xaxis.set_major_formatter(lambda share, _: f'{share:.0%}')
            shares = np.unique(line['monolingual'])
            axes.set_xticks(shares if len(shares) <= 6 else np.linspace(0, 1, 5))
            _frame(axes, 'monolingual batches', axis_title(measure, kind))
            if kind == SETTING_KINDS[-1] and measure in chance:
                _by_chance(axes, measure, chance[measure], seeds['value'])

    title = f'{" and ".join(measures)} over the ratio of batches'
    about = '. '.join([*map(in_full, measures), *([f'Data set: {dataset}'] if dataset else [])])
    size = (PANEL[0] * columns, PANEL[1] * rows) if columns > 1 else (WIDTH, 230)
    return Drawing(figure_name('ratio', *measures), title, about, caption, ' '.join(parts), size, draw)


def _by_chance(axes, measure: str, chance: float, values: pd.Series) -> None:
    """Draws chance as a dotted line, or writes it in words if the line would press all values together."""
    low, high = axes.get_ylim()
    if near := np.ptp([chance, *values]) <= 3 * (high - low):
        axes.axhline(chance, color=QUIET, linewidth=1.2, linestyle=':')
        low, high = axes.get_ylim()
    axes.annotate(
        f'by chance: {format_value(measure, chance)}', (1, chance if near else 1), ha='right', fontsize=9.5,
        color=QUIET, xycoords=('axes fraction', 'data' if near else 'axes fraction'),
        va='bottom' if near and chance < (low + high) / 2 else 'top',
    )  # fmt: skip


def _amount(rows: pd.DataFrame, measure: str, setting: str, dataset: str | None) -> Drawing:
    curves = {}
    for name, chosen in rows.groupby('mix', sort=False):
        mix = mix_in_words(chosen.iloc[0])
        curves[f'{mix} ({name})' if mix in curves else mix] = curve_over(chosen, 'fraction')
    caption = f'Over the fraction of the training data, a curve per mix of batches. {seeds_in_words(rows)}'
    alt = '; '.join(
        f'{mix}: ' + ', '.join(f'{format_value(measure, mean)} at {at:.4g}' for at, mean in curve['mean'].items())
        for mix, curve in curves.items()
    )
    columns = 1 if max(map(len, curves)) > 18 else 2

    def draw(figure) -> None:
        axes = figure.subplots()
        for i, (mix, curve) in enumerate(curves.items()):
            _curve(axes, i, curve, label(mix, 44))
        axes.set_xscale('log')
        fractions = sorted({at for curve in curves.values() for at in curve.index})
        axes.set_xticks(fractions, [f'{at:.4g}' for at in fractions])
        axes.minorticks_off()
        _frame(axes, 'fraction of the training data', axis_title(measure))
        figure.legend(*axes.get_legend_handles_labels(), loc='outside upper left', ncols=columns, columnspacing=1.2)

    title = f'{measure} over the amount of data: {setting_name(setting)} settings'
    about = f'{in_full(measure)}.' + (f' Data set: {dataset}' if dataset else '')
    size = (WIDTH, 220 + 16 * -(-len(curves) // columns))
    return Drawing(figure_name('amount', measure, setting), title, about, caption, f'{alt}.', size, draw)


def _curve(axes, i: int, curve: pd.DataFrame, name: str | None = None) -> None:
    reach = np.nan_to_num([curve['mean'] - curve['low'], curve['high'] - curve['mean']])
    axes.errorbar(
        curve.index, curve['mean'], reach, color=SERIES[i], marker=MARKERS[i], linestyle=LINES[i % len(LINES)],
        markersize=5.5, linewidth=1.6, elinewidth=1, capsize=3, label=name,
    )  # fmt: skip


def _frame(axes, over: str, title: str) -> None:
    axes.set_xlabel(over)
    axes.set_title(title, loc='left', fontsize=10)
    if max(axes.get_ylim()) > 1000:
        axes.yaxis.set_major_formatter('{x:,.0f}')

"""Curves over the amount of training data: when does a mix help?"""
import numpy as np
import pandas as pd

from ..presentation import format_value
from .canvas import LINES, MARKERS, SERIES, WIDTH, Drawing, drawing, figure_name, label
from .mixes import mix_in_words, over_seeds
from .words import axis_title, setting_name

#: More curves than this in a figure cannot be told apart; the table has every mix.
MOST = 7


def amount_figures(study: pd.DataFrame) -> list[Drawing]:
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
    return [_figure(chosen, measure, setting) for (measure, setting), chosen in groups]


def _figure(rows: pd.DataFrame, measure: str, setting: str) -> Drawing:
    curves = {}
    for name, chosen in rows.groupby('mix', sort=False):
        points = {fraction: over_seeds(seeds) for fraction, seeds in chosen.groupby('fraction')['value']}
        mix = mix_in_words(chosen.iloc[0])
        mix = f'{mix} ({name})' if mix in curves else mix
        curves[mix] = pd.DataFrame.from_dict(points, orient='index', columns=['mean', 'half'])
    several = rows['seed'].nunique() > 1
    caption = 'Over the fraction of the training data, a curve per mix of batches.' + (
        ' Bars are 95% intervals over the seeds (Student’s t).' if several else ' One seed, so there are no intervals.'
    )
    alt = '; '.join(
        f'{mix}: ' + ', '.join(f'{format_value(measure, mean)} at {at:.4g}' for at, mean in curve['mean'].items())
        for mix, curve in curves.items()
    )
    columns = 1 if max(map(len, curves)) > 18 else 2
    size = (WIDTH, 220 + 16 * -(-len(curves) // columns))
    title = f'{measure} over the amount of data: {setting_name(setting)} settings'
    return drawing(
        figure_name('amount', measure, setting), title, caption, f'{alt}.', size,
        lambda figure: _draw(figure, curves, measure, columns),
    )  # fmt: skip


def _draw(figure, curves: dict[str, pd.DataFrame], measure: str, columns: int) -> None:
    axes = figure.subplots()
    fractions = sorted({at for curve in curves.values() for at in curve.index})
    for i, (mix, curve) in enumerate(curves.items()):
        axes.errorbar(
            curve.index, curve['mean'], np.nan_to_num(curve['half']), color=SERIES[i], marker=MARKERS[i],
            linestyle=LINES[i % len(LINES)], markersize=5.5, linewidth=1.6, elinewidth=1, capsize=3,
            label=label(mix, 44),
        )  # fmt: skip
    axes.set_xscale('log')
    axes.set_xticks(fractions, [f'{at:.4g}' for at in fractions])
    axes.minorticks_off()
    axes.set_xlabel('fraction of the training data')
    axes.set_title(axis_title(measure), loc='left', fontsize=11)
    if max(curve['mean'].abs().max() for curve in curves.values()) > 1000:
        axes.yaxis.set_major_formatter('{x:,.0f}')
    figure.legend(*axes.get_legend_handles_labels(), loc='outside upper left', ncols=columns, columnspacing=1.2)

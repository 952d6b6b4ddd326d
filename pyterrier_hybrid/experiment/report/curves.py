"""Curves of a study: over the ratio of monolingual and cross-lingual batches, and over the amount of data."""
import numpy as np
import pandas as pd

from pyterrier_hybrid.experiment.frames import SETTING_KINDS
from pyterrier_hybrid.experiment.presentation import SETTINGS, axis_title, better, format_value, setting_name
from pyterrier_hybrid.experiment.report.canvas import (
    LINES,
    MARKERS,
    SERIES,
    WIDTH,
    Drawing,
    drawing,
    figure_name,
    label,
)
from pyterrier_hybrid.experiment.study_values import all_data, mix_in_words, on_simplex, over_seeds

#: More curves than this in a figure cannot be told apart; the table has every mix.
MOST = 7


def ratio_figures(study: pd.DataFrame) -> list[Drawing]:
    """A figure per measure: a curve per kind of setting, over the share of monolingual batches.

    Empty if the study has fewer than two mixes of monolingual and cross-lingual batches.
    """
    line = on_simplex(all_data(study), ['monolingual', 'crosslingual'])
    if line['monolingual'].nunique() < 2:
        return []
    return [_ratio(rows, measure) for measure, rows in line.groupby('measure', sort=False)]


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
    return [_amount(chosen, measure, setting) for (measure, setting), chosen in groups]


def curve_over(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """The curve of one measure in one kind of setting over a column.

    Returns:
        A row per value of the column, ascending: ``mean, half`` (half the width of the 95% interval over seeds, NaN for
        one seed), ``n`` (the seeds).
    """
    points = {at: (*over_seeds(seeds), len(seeds)) for at, seeds in rows.groupby(column)['value']}
    return pd.DataFrame.from_dict(points, orient='index', columns=['mean', 'half', 'n'])


def _ratio(rows: pd.DataFrame, measure: str) -> Drawing:
    settings = {kind: some for kind in SETTING_KINDS for some in [rows[rows['setting'] == kind]] if len(some)}
    curves = {kind: curve_over(some, 'monolingual') for kind, some in settings.items()}
    seeds = rows['seed'].nunique()
    caption = (
        'Over the share of monolingual batches in training; the other batches are cross-lingual. 0% and 100% are the '
        'paper’s two baselines, 50% its hybrid.'
    )
    if seeds > 1:
        caption += f' Lines join the means over {seeds} seeds, bars are 95% intervals (Student’s t), dots single seeds.'
    else:
        caption += ' One seed, so there are no intervals.'
    parts = []
    for kind, curve in curves.items():
        best = (curve['mean'] * (better(measure) or 1)).idxmax()
        shown = {at: f'{format_value(measure, mean)} at {100 * at:.4g}%' for at, mean in curve['mean'].items()}
        word = 'Best' if better(measure) else 'Highest'
        parts.append(f'{SETTINGS[kind]}: {", ".join(shown.values())}. {word}: {shown[best]}.')

    def draw(figure) -> None:
        axes = figure.subplots()
        for kind, curve in curves.items():
            i = SETTING_KINDS.index(kind)
            axes.plot(settings[kind]['monolingual'], settings[kind]['value'], '.', markersize=3.5, color=SERIES[i])
            _curve(axes, i, curve.set_axis(curve.index + 0.006 * (i - 1)), SETTINGS[kind])
        axes.xaxis.set_major_formatter(lambda share, _: f'{share:.0%}')
        shares = np.unique(rows['monolingual'])
        axes.set_xticks(shares if len(shares) <= 7 else np.linspace(0, 1, 5))
        _frame(figure, axes, 'monolingual batches', measure, rows['value'], 3)

    name, title = figure_name('ratio', measure), f'{measure} over the ratio'
    return drawing(name, title, caption, ' '.join(parts), (WIDTH, 250), draw)


def _amount(rows: pd.DataFrame, measure: str, setting: str) -> Drawing:
    curves = {}
    for name, chosen in rows.groupby('mix', sort=False):
        mix = mix_in_words(chosen.iloc[0])
        curves[f'{mix} ({name})' if mix in curves else mix] = curve_over(chosen, 'fraction')
    several = rows['seed'].nunique() > 1
    caption = 'Over the fraction of the training data, a curve per mix of batches.' + (
        ' Bars are 95% intervals over the seeds (Student’s t).' if several else ' One seed, so there are no intervals.'
    )
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
        _frame(figure, axes, 'fraction of the training data', measure, rows['value'], columns)

    name, title = figure_name('amount', measure, setting), f'{measure} over the amount of data'
    size = (WIDTH, 220 + 16 * -(-len(curves) // columns))
    return drawing(name, f'{title}: {setting_name(setting)} settings', caption, f'{alt}.', size, draw)


def _curve(axes, i: int, curve: pd.DataFrame, name: str) -> None:
    axes.errorbar(
        curve.index, curve['mean'], np.nan_to_num(curve['half']), color=SERIES[i], marker=MARKERS[i],
        linestyle=LINES[i % len(LINES)], markersize=5.5, linewidth=1.6, elinewidth=1, capsize=3, label=name,
    )  # fmt: skip


def _frame(figure, axes, over: str, measure: str, values: pd.Series, columns: int) -> None:
    axes.set_xlabel(over)
    axes.set_title(axis_title(measure), loc='left', fontsize=11)
    if values.abs().max() > 1000:
        axes.yaxis.set_major_formatter('{x:,.0f}')
    figure.legend(*axes.get_legend_handles_labels(), loc='outside upper left', ncols=columns, columnspacing=1.2)

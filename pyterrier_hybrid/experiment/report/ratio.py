"""Curves over the ratio: what the share of monolingual batches does, the rest being cross-lingual."""
import numpy as np
import pandas as pd

from ..presentation import better, format_value
from ..result import KINDS
from .canvas import LINES, MARKERS, SERIES, WIDTH, Drawing, drawing, figure_name
from .mixes import all_data, on_simplex, over_seeds
from .words import SETTINGS, axis_title


def ratio_figures(study: pd.DataFrame) -> list[Drawing]:
    """A figure per measure: a curve per kind of setting, over mixes of monolingual and cross-lingual batches.

    Empty if the study has fewer than two such mixes.
    """
    line = on_simplex(all_data(study), ['monolingual', 'crosslingual'])
    if line['monolingual'].nunique() < 2:
        return []
    return [_figure(line[line['measure'] == measure], measure) for measure in line['measure'].unique()]


def ratio_curves(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The curves of one measure, by kind of setting.

    Returns:
        Per kind a frame with a row per share of monolingual batches, ascending: ``mean, half`` (half the width of the
        95% interval over seeds, NaN for one seed), ``n`` (the seeds).
    """
    curves = {}
    for kind in KINDS:
        chosen = rows[rows['setting'] == kind]
        shares = {share: (*over_seeds(seeds), len(seeds)) for share, seeds in chosen.groupby('monolingual')['value']}
        if shares:
            curves[kind] = pd.DataFrame.from_dict(shares, orient='index', columns=['mean', 'half', 'n'])
    return curves


def _figure(rows: pd.DataFrame, measure: str) -> Drawing:
    curves = ratio_curves(rows)
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
    return drawing(
        figure_name('ratio', measure), f'{measure} over the ratio', caption, ' '.join(parts), (WIDTH, 250),
        lambda figure: _draw(figure, rows, curves, measure),
    )  # fmt: skip


def _draw(figure, rows: pd.DataFrame, curves: dict[str, pd.DataFrame], measure: str) -> None:
    axes = figure.subplots()
    for i, kind in enumerate(KINDS):
        if kind not in curves:
            continue
        curve, seeds = curves[kind], rows[rows['setting'] == kind]
        at = curve.index.to_numpy(dtype=float)
        axes.plot(seeds['monolingual'], seeds['value'], linestyle='', marker='.', markersize=3.5, color=SERIES[i])
        axes.errorbar(
            at + 0.006 * (i - 1), curve['mean'], np.nan_to_num(curve['half']), color=SERIES[i], marker=MARKERS[i],
            linestyle=LINES[i], markersize=5.5, linewidth=1.6, elinewidth=1, capsize=3, label=SETTINGS[kind],
        )  # fmt: skip
    axes.xaxis.set_major_formatter(lambda share, _: f'{share:.0%}')
    shares = np.unique(rows['monolingual'])
    axes.set_xticks(shares if len(shares) <= 7 else np.linspace(0, 1, 5))
    axes.set_xlabel('monolingual batches')
    axes.set_title(axis_title(measure), loc='left', fontsize=11)
    if rows['value'].abs().max() > 1000:
        axes.yaxis.set_major_formatter('{x:,.0f}')
    figure.legend(*axes.get_legend_handles_labels(), loc='outside upper left', ncols=3, columnspacing=1.2)

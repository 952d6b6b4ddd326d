"""Is the difference real: every system's difference from the baseline, with its interval."""
import numpy as np
import pandas as pd

from ..presentation import better
from .canvas import INK, SERIES, WIDTH, Drawing, drawing, figure_name, label
from .differences import baselines, signed
from .words import SETTINGS, setting_name


def differences_figures(differences: pd.DataFrame) -> list[Drawing]:
    """A figure per measure: each system's difference from the baseline in each kind of setting, with its interval."""
    groups = differences.groupby('measure', sort=False, observed=True)
    return [_figure(rows, str(measure)) for measure, rows in groups if rows['difference'].notna().any()]


def _figure(rows: pd.DataFrame, measure: str) -> Drawing:
    rows = rows[rows['difference'].notna()]
    caption = (
        f'Differences from {baselines(rows)}, with their intervals. A filled marker is significant after the '
        'correction, a hollow one is not.'
    )
    alt = '; '.join(
        f'{row.system}, {setting_name(row.setting)}: {signed(measure, row.difference)}, '
        f'{"significant" if row.significant else "not significant"}'
        for row in rows.itertuples()
    )
    size = (WIDTH, 50 + 19 * len(rows) + 14 * rows['setting'].nunique())
    return drawing(
        figure_name('difference', measure), f'{measure}: differences from {baselines(rows)}', caption, alt + '.', size,
        lambda figure: _draw(figure, rows, measure),
    )  # fmt: skip


def _draw(figure, rows: pd.DataFrame, measure: str) -> None:
    axes = figure.subplots()
    axes.axvline(0, color=INK, linewidth=1)
    places, names, headings, y = [], [], [], 0.0
    for setting, some in rows.groupby('setting', sort=False, observed=True):
        headings.append(len(places))
        places.append(y)
        names.append(SETTINGS.get(setting, setting))
        for row in some.itertuples():
            y += 1
            reach = np.abs(np.array([[row.difference - row.low], [row.high - row.difference]]))
            axes.errorbar(
                [row.difference], [y], xerr=np.nan_to_num(reach), marker='o', markersize=6.5, color=SERIES[0],
                markerfacecolor=SERIES[0] if row.significant else 'none', markeredgewidth=1.5, capsize=3, linewidth=1.4,
            )  # fmt: skip
            places.append(y)
            names.append(label(str(row.system), 20))
        y += 1.2
    axes.set_yticks(places, names)
    for heading in headings:
        axes.get_yticklabels()[heading].set_fontweight('bold')
    axes.locator_params(axis='x', nbins=5)
    if rows['difference'].abs().max() > 1000:
        axes.xaxis.set_major_formatter('{x:,.0f}')
    axes.set_ylim(y - 0.6, -0.7)
    axes.grid(False, axis='y')
    axes.spines['left'].set_visible(False)
    side = {1: ', right is better', -1: ', left is better', 0: ''}[better(measure)]
    axes.set_xlabel(f'difference in {measure}{side}')

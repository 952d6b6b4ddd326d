"""Figures of every system's difference from the baseline with its interval, for significance and equivalence."""
from collections.abc import Callable

import numpy as np
import pandas as pd

from pyterrier_hybrid.experiment.presentation import SETTINGS, facts_of, in_full, setting_name, shortened, signed
from pyterrier_hybrid.experiment.report.canvas import INK, SERIES, WIDTH, Drawing, figure_name, label
from pyterrier_hybrid.experiment.report.tested import baselines, in_units, verdict


def differences_figures(differences: pd.DataFrame, dataset: str | None = None) -> list[Drawing]:
    """A figure per measure: each system's difference from the baseline in each kind of setting, with its interval."""
    caption = (
        f'Differences from {baselines(differences)}, with their intervals; the line at 0 is no difference. A filled '
        'marker is significant after the correction, a hollow one is not.'
    )

    def say(measure: str, row) -> str:
        return f'{signed(measure, row.difference)}, {"significant" if row.significant else "not significant"}'

    rows = differences.assign(filled=differences['significant'])
    return _figures(rows, 'difference', 'differences from', caption, say, dataset)


def equivalence_figures(rows: pd.DataFrame, dataset: str | None = None) -> list[Drawing]:
    """A figure per measure: each difference with the interval of its equivalence test, between lines at the margin."""
    caption = (
        f'Differences from {baselines(rows)}, with the intervals of the equivalence test; the line at 0 is no '
        'difference. Dashed lines are the margin: an interval between them is a difference that does not matter. A '
        'filled marker is equivalent after the correction, a hollow one is not shown to be.'
    )

    def say(measure: str, row) -> str:
        words = verdict(measure, row)
        return f'{signed(measure, row.difference)}, {words[0].lower()}{words[1:]}'

    return _figures(rows.assign(filled=rows['equivalent']), 'equivalence', 'equivalence to', caption, say, dataset)


def _figures(
    differences: pd.DataFrame, name: str, title: str, caption: str, say: Callable, dataset: str | None
) -> list[Drawing]:
    found = []
    for measure, rows in differences.groupby('measure', sort=False, observed=True):
        rows = rows[rows['difference'].notna()]
        if not len(rows):
            continue
        spoken = '; '.join(
            f'{row.system}, {setting_name(row.setting)}: {say(str(measure), row)}' for row in rows.itertuples()
        )
        about = f'{in_full(measure)}.' + (f' Data set: {dataset}' if dataset else '')
        found.append(Drawing(
            figure_name(name, measure), f'{measure}: {title} {baselines(rows)}', about, caption, f'{spoken}.',
            (WIDTH, 50 + 19 * len(rows) + 14 * rows['setting'].nunique()),
            lambda figure, rows=rows, measure=str(measure): _draw(figure, rows, measure),
        ))  # fmt: skip
    return found


def _draw(figure, rows: pd.DataFrame, measure: str) -> None:
    axes = figure.subplots()
    axes.axvline(0, color=INK, linewidth=1)
    margins = sorted(set(rows.get('margin', ())))
    for margin in margins:
        for bound in (-margin, margin):
            axes.axvline(bound, color=INK, linewidth=1, linestyle='--')
    places, names, headings, y = [], [], [], 0.0
    known = facts_of(measure)
    most = known.high - known.low  # the greatest difference between two values of the measure
    for setting, some in rows.groupby('setting', sort=False, observed=True):
        headings.append(len(places))
        places.append(y)
        names.append(label(SETTINGS.get(setting, setting), 20))
        for row in some.itertuples():
            y += 1
            reach = np.array([[row.difference - max(row.low, -most)], [min(row.high, most) - row.difference]])
            axes.errorbar(
                [row.difference], [y], xerr=np.nan_to_num(np.abs(reach)), marker='o', markersize=6.5, color=SERIES[0],
                markerfacecolor=SERIES[0] if row.filled else 'none', markeredgewidth=1.5, capsize=3, linewidth=1.4,
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
    side = {1: ', right is better', -1: ', left is better', 0: ''}[known.better]
    stated = f'\nmargin ±{", ±".join(map(in_units, margins))}' if margins else ''
    axes.set_xlabel(f'difference in {shortened(measure, 40)}{side}{stated}')

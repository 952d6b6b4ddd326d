"""Figures of rank distance by question language, with all systems in one figure."""
from functools import partial

import numpy as np

from pyterrier_hybrid.experiment.frames import SETTING_KINDS
from pyterrier_hybrid.experiment.presentation import axis_title, facts_of, format_value, in_full, language_with_code
from pyterrier_hybrid.experiment.report.canvas import MARKERS, QUIET, SERIES, WIDTH, Drawing, figure_name, label
from pyterrier_hybrid.experiment.result import Result
from pyterrier_hybrid.experiment.rows import marked
from pyterrier_hybrid.measures import RankDistance

POOLED = SETTING_KINDS[-1]


def rank_distance_figures(result: Result) -> list[Drawing]:
    """A figure for each measure of rank distance that the result has: one row per question language."""
    cells = result.by_setting()
    pooled = set(cells.loc[cells['setting'] == POOLED, 'measure'])
    named = RankDistance.PRETTY_NAME
    return [_figure(result, m) for m in result.measures if m in pooled and facts_of(m).title == named]


def _figure(result: Result, measure: str) -> Drawing:
    values = result.by_query_language(measure, POOLED).dropna(how='all').rename(index=partial(marked, result))
    means = values.mean(axis=1)
    parts = []
    for system, mean in means.items():
        row = values.loc[system]
        least, most = (f'{format_value(measure, row[lang])} in {lang}' for lang in (row.idxmin(), row.idxmax()))
        parts.append(f'{system}: mean {format_value(measure, mean)}, from {least} to {most}')
    chance = result.chance[result.chance['measure'] == measure].set_index('query_lang')['value'].reindex(values.columns)
    if chance.notna().any():
        parts.append(f'by chance: mean {format_value(measure, chance.mean())}')
    low, high = np.nanmin([values.min(axis=None), chance.min()]), np.nanmax([values.max(axis=None), chance.max()])
    logarithmic = low > 0 and high > 20 * low
    caption = (
        'How far apart a question’s best and worst ranked languages lie in the pool of all languages. Further left is '
        'less biased. One marker per system.' + (' The scale is logarithmic.' if logarithmic else '')
    )
    if chance.notna().any():
        caption += ' Grey lines are the expectation of a random ranking.'
    return Drawing(
        figure_name(measure, 'by language'), f'{measure} by question language',
        f'{in_full(measure)}. Data set: {result.dataset}', caption, '; '.join(parts) + '.',
        (WIDTH, 50 + 21 * values.shape[1] + 16 * -(-(len(values) + chance.notna().any()) // 2)),
        lambda figure: _draw(figure, values, chance, high / low if logarithmic else None, measure),
    )  # fmt: skip


def _draw(figure, values, chance, ratio: float | None, measure: str) -> None:
    """Draws the figure, on a logarithmic scale if ``ratio`` (of the ends of the scale) is given."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    axes, ranks = figure.subplots(), facts_of(measure).unit == 'ranks'
    rows = np.arange(values.shape[1])
    for i, (system, row) in enumerate(values.iterrows()):
        axes.plot(
            row.to_numpy(), rows, linestyle='', marker=MARKERS[i % len(MARKERS)], color=SERIES[i % len(SERIES)],
            markersize=7, markerfacecolor='none', markeredgewidth=1.6, label=label(system), clip_on=False,
        )  # fmt: skip
    if chance.notna().any():
        axes.plot(chance, rows, linestyle='', marker='|', color=QUIET, markersize=13, markeredgewidth=1.6,
                  label='by chance', clip_on=False)  # fmt: skip
    axes.set_yticks(rows, [label(language_with_code(lang), 24) for lang in values.columns])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.spines['left'].set_visible(False)
    if ratio:
        axes.set_xscale('log', subs=[])
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if ratio < 150 else (1,)))
    else:
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=ranks))
    axes.xaxis.set_major_formatter('{x:,.0f}' if ranks else '{x:.3g}')
    axes.set_xlabel(axis_title(measure))
    figure.legend(*axes.get_legend_handles_labels(), loc='outside upper left', ncols=2)

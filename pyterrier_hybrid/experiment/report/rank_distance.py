"""Rank distance by question language, every system beside the others."""
import numpy as np

from pyterrier_hybrid.experiment.presentation import format_value, language_with_code
from pyterrier_hybrid.experiment.report.canvas import MARKERS, SERIES, WIDTH, Drawing, drawing, figure_name, label
from pyterrier_hybrid.experiment.result import Result


def rank_distance_figures(result: Result) -> list[Drawing]:
    """A figure for each measure of rank distance that the result has: one row per question language."""
    cells = result.by_setting()
    pooled = set(cells.loc[cells['setting'] == 'multilingual', 'measure'])
    return [_figure(result, m) for m in result.measures if m.startswith('RankDistance') and m in pooled]


def _figure(result: Result, measure: str) -> Drawing:
    values = result.by_query_language(measure, 'multilingual').dropna(how='all')
    means = values.mean(axis=1)
    parts = []
    for system, mean in means.items():
        row = values.loc[system]
        least, most = (f'{format_value(measure, row[lang])} in {lang}' for lang in (row.idxmin(), row.idxmax()))
        parts.append(f'{system}: mean {format_value(measure, mean)}, from {least} to {most}')
    logarithmic = values.min(axis=None) > 0 and values.max(axis=None) > 20 * values.min(axis=None)
    caption = (
        'How far apart a question’s best and worst ranked languages lie in the pool of all languages. Further left is '
        'less biased. One marker per system.' + (' The scale is logarithmic.' if logarithmic else '')
    )
    size = (WIDTH, 50 + 21 * values.shape[1] + 16 * -(-len(values) // 2))
    return drawing(
        figure_name(measure, 'by language'), f'{measure} by question language', caption, '; '.join(parts) + '.', size,
        lambda figure: _draw(figure, values, logarithmic, measure),
    )  # fmt: skip


def _draw(figure, values, logarithmic: bool, measure: str) -> None:
    from matplotlib.ticker import LogLocator

    axes = figure.subplots()
    rows = np.arange(values.shape[1])
    for i, (system, row) in enumerate(values.iterrows()):
        axes.plot(
            row.to_numpy(), rows, linestyle='', marker=MARKERS[i % len(MARKERS)], color=SERIES[i % len(SERIES)],
            markersize=7, markerfacecolor='none', markeredgewidth=1.6, label=label(system), clip_on=False,
        )  # fmt: skip
    axes.set_yticks(rows, [language_with_code(lang) for lang in values.columns])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.spines['left'].set_visible(False)
    if logarithmic:
        axes.set_xscale('log', subs=[])
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    else:
        axes.set_xlim(left=0)
        axes.locator_params(axis='x', nbins=5)
    axes.xaxis.set_major_formatter('{x:,.0f}')
    axes.set_xlabel(measure)
    figure.legend(*axes.get_legend_handles_labels(), loc='outside upper left', ncols=2)

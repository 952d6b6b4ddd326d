"""Language-by-language heatmaps: a row per question language, a column per passage language, a number in each cell."""
import numpy as np
import pandas as pd

from pyterrier_hybrid.experiment.frames import SETTING_KINDS
from pyterrier_hybrid.experiment.presentation import axis_title, better, format_value, in_full, shortened
from pyterrier_hybrid.experiment.report import canvas
from pyterrier_hybrid.experiment.result import Result
from pyterrier_hybrid.experiment.rows import marked

#: The least width of a cell with a number, and the height of all cells, in SVG units.
NARROWEST, HEIGHT = 26, 21


def setting_heatmaps(result: Result) -> list[canvas.Drawing]:
    """A heatmap per system of its monolingual (the diagonal) and cross-lingual settings, for the first measure.

    Empty without cross-lingual settings.
    """
    cells = result.by_setting()
    crossed = cells.loc[cells['setting'] == SETTING_KINDS[1], 'measure']
    measure = next((m for m in result.measures if (crossed == m).any()), None)
    if measure is None:
        return []
    cells = cells[cells['doc_lang'].notna() & (cells['measure'] == measure)]
    grids = {
        marked(result, system): rows.pivot(index='query_lang', columns='doc_lang', values='value')
        for system in result.systems for rows in [cells[cells['system'] == system]] if len(rows)
    }  # fmt: skip
    caption = (
        f'{measure} of questions in one language (rows) over passages in one language (columns). The diagonal holds '
        'the monolingual settings, the rest the cross-lingual ones.'
    )
    about = f'{in_full(measure)}. Data set: {result.dataset}'
    scale = canvas.colour_scale(_values(grids), better(measure))
    return _heatmaps(grids, f'{measure} by language', about, caption, measure, axis_title(measure), scale)


def pooled_heatmaps(result: Result) -> list[canvas.Drawing]:
    """A heatmap per system of its language matrix: mean ranks over the pool of all languages. Empty without any."""
    known = set(result.matrix['system'])
    grids = {marked(result, name): result.language_matrix(name) for name in result.systems if name in known}
    if not grids:
        return []
    caption = (
        'Mean rank of the relevant passages in each language (columns) for questions in each language (rows), all '
        'passages in one pool, coloured by its logarithm. A column darker than the others is a language that is ranked '
        'low.'
    )
    passages = result.provenance.get('dataset', {}).get('passages', {}).values()
    if passages:
        caption += f' A random ranking has {(sum(passages) + 1) / 2:,.0f} everywhere.'
    about = f'In ranks of the whole pool, lower is better. Data set: {result.dataset}'
    scale = canvas.colour_scale(_values(grids), -1, logarithmic=True)
    key = 'mean rank (lower is better)'
    return _heatmaps(grids, 'Mean rank in the pool', about, caption, 'RankDistance', key, scale)


def _values(grids: dict[str, pd.DataFrame]) -> np.ndarray:
    return np.concatenate([grid.to_numpy(dtype=float).ravel() for grid in grids.values()])


def _heatmaps(
    grids: dict[str, pd.DataFrame], title: str, about: str, caption: str, measure: str, key: str, scale
) -> list[canvas.Drawing]:
    """A heatmap for each system, on one scale; ``key`` labels it, values are printed as those of ``measure``."""
    caption += ' Lighter is better; all systems share one scale.'
    if np.isnan(_values(grids)).any():
        caption += ' A dash is a blank: nothing relevant to be found there, or not evaluated.'
    return [
        canvas.Drawing(
            canvas.figure_name(title, i, system), f'{title}: {system}', about, caption, _alt(measure, system, grid),
            (max(canvas.WIDTH, 30 + NARROWEST * grid.shape[1]), 90 + HEIGHT * grid.shape[0]),
            lambda figure, grid=grid: _draw(figure, grid, scale, key),
        )
        for i, (system, grid) in enumerate(grids.items(), start=1)
    ]  # fmt: skip


def _alt(measure: str, system: str, grid: pd.DataFrame) -> str:
    stacked = grid.stack().dropna()
    (high_q, high_d), (low_q, low_d) = stacked.idxmax(), stacked.idxmin()
    same = [grid.at[lang, lang] for lang in grid.index if lang in grid.columns and pd.notna(grid.at[lang, lang])]
    within = f' The mean of the diagonal is {format_value(measure, float(np.mean(same)))}.' if same else ''
    high, low = format_value(measure, stacked.max()), format_value(measure, stacked.min())
    return (
        f'Heatmap of {len(grid)} by {grid.shape[1]} languages for {system}. The highest value, {high}, is that of '
        f'questions in {high_q} and passages in {high_d}; the lowest, {low}, that of questions in {low_q} and passages '
        f'in {low_d}.{within}'
    )


def _draw(figure, grid: pd.DataFrame, scale, key: str) -> None:
    axes, colours = figure.subplots(), canvas.cell_colours(scale, grid.to_numpy(dtype=float))
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.pcolormesh(colours, edgecolors='face', linewidth=0.4)
    axes.invert_yaxis()
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position('top')
    axes.set_xticks(np.arange(grid.shape[1]) + 0.5, [shortened(lang, 8) for lang in grid.columns])
    axes.set_yticks(np.arange(grid.shape[0]) + 0.5, [shortened(lang, 8) for lang in grid.index])
    axes.set_xlabel('passages in')
    axes.set_ylabel('questions in', rotation_mode='anchor')
    for (row, column), value in np.ndenumerate(grid.to_numpy()):
        colour = canvas.text_colour(colours[row, column]) if np.isfinite(value) else canvas.INK
        axes.text(column + 0.5, row + 0.5, canvas.short_number(value) or '–', ha='center', va='center', fontsize=9.5,
                  color=colour, in_layout=False)  # fmt: skip
    canvas.colour_bar(figure, axes, scale, key)

"""Figures of a result: what stands in their cells and in the words beside them."""
import re
from dataclasses import replace

import pandas as pd
import pytest

from pyterrier_hybrid.experiment.report.canvas import inline_svg
from pyterrier_hybrid.experiment.report.heatmap import pooled_heatmaps, setting_heatmaps
from pyterrier_hybrid.experiment.report.rank_distance import rank_distance_figures
from pyterrier_hybrid.experiment.result import COLUMNS, MATRIX_COLUMNS, Result

pytest.importorskip('matplotlib')


def result(rank_distances=(250.0, 4000.0)) -> Result:
    cells = {('de', 'de'): 0.71, ('de', 'el'): 0.42, ('el', 'el'): 0.93}  # nothing for el over de
    rows = [
        ('A', 'monolingual' if ql == dl else 'crosslingual', ql, dl, 'AP', 'q1', value)
        for (ql, dl), value in cells.items()
    ]
    rows += [('A', 'multilingual', ql, None, 'RankDistance', 'q1', v) for ql, v in zip(('de', 'el'), rank_distances)]
    matrix = pd.DataFrame([('A', 'de', 'de', 3.5, 0.5, 1), ('A', 'de', 'el', 1234.0, 0.1, 1)], columns=MATRIX_COLUMNS)
    return Result(pd.DataFrame(rows, columns=COLUMNS), ['A'], ['AP', 'RankDistance'], 'mine', matrix=matrix)


def written(svg: str) -> list[str]:
    return [label.strip() for label in re.findall(r'>([^<>]+)</text>', svg)]


def test_heatmap_has_every_cell_and_a_dash_for_a_blank():
    (figure,) = setting_heatmaps(result())
    assert written(figure.svg) == [
        'de', 'el', 'passages in', 'de', 'el', 'questions in', '.71', '.42', '–', '.93',
        '.42', '.93', 'AP (higher is better)',  # the colour bar
    ]  # fmt: skip
    assert 'A dash is a blank' in figure.caption
    assert figure.alt == (
        'Heatmap of 2 by 2 languages for A. The highest value, 0.930, is that of questions in el and passages in '
        'el; the lowest, 0.420, that of questions in de and passages in el. The mean of the diagonal is 0.820.'
    )


def test_language_matrix_is_drawn_with_its_ranks():
    (figure,) = pooled_heatmaps(result())
    assert written(figure.svg)[-5:] == ['3.5', '1.2k', '3.5', '1.2k', 'mean rank (lower is better)']
    assert figure.name == 'mean-rank-in-the-pool-1-a'


def test_results_without_them_have_no_heatmaps():
    rest = result().per_query.query("setting == 'multilingual'")
    bare = Result(rest, ['A'], ['AP', 'RankDistance'], 'mine')
    assert setting_heatmaps(bare) == [] == pooled_heatmaps(bare)
    assert rank_distance_figures(Result(result().per_query.query("measure == 'AP'"), ['A'], ['AP'], 'mine')) == []


def test_many_languages_scroll_rather_than_shrink():
    langs = [a + b for a in 'abcd' for b in 'abcd']
    rows = [('A', 'crosslingual', q, d, 'AP', 'q1', 0.5) for q in langs for d in langs if q != d]
    (figure,) = setting_heatmaps(Result(pd.DataFrame(rows, columns=COLUMNS), ['A'], ['AP'], 'mine'))
    assert figure.wide and 'style="min-width:446px"' in inline_svg(figure)


@pytest.mark.parametrize(('values', 'logarithmic'), [((250, 4000), False), ((250, 8000), True), ((0, 8000), False)])
def test_rank_distances(values, logarithmic):
    (figure,) = rank_distance_figures(result(values))
    low, high = (f'{value:,}' for value in values)
    assert figure.alt == f'A: mean {sum(values) / 2:,.0f}, from {low} in de to {high} in el.'
    assert ('logarithmic' in figure.caption) is logarithmic
    assert {'German (de)', 'Greek (el)', 'A'} < set(written(figure.svg))


def test_a_files_heading_stands_above_the_legend():
    (figure,) = rank_distance_figures(result())
    drawn = []
    replace(figure, draw=lambda part: (drawn.append(part), figure.draw(part))).files()
    (legend,) = drawn[0].legends
    (heading,) = drawn[0].figure.subfigs[0].texts
    drawn[0].figure.draw_without_rendering()
    assert heading.get_text().startswith('RankDistance by question language')
    assert heading.get_window_extent().y0 > legend.get_window_extent().y1


def ticks(values, measure='RankDistance') -> list[str]:
    found = result(values)
    named = found.per_query.replace({'measure': {'RankDistance': measure}})
    (figure,) = rank_distance_figures(Result(named, ['A'], ['AP', measure], 'mine'))
    return [label for label in written(figure.svg) if re.fullmatch(r'[\d.,]+', label)]


def test_rank_distance_has_whole_ranks_on_its_axis():
    assert ticks((0.4, 1.8)) == ['0', '1']
    assert ticks((3, 8000)) == ['10', '100', '1,000', '10,000']  # those in between would stand on each other
    assert ticks((250, 4000)) == ['0', '1,000', '2,000', '3,000', '4,000']


@pytest.mark.parametrize(('values', 'shown'), [
    ((0.1, 0.9), ['0', '0.2', '0.4', '0.6', '0.8']), ((0.002, 0.9), ['0.01', '0.1']),
])  # fmt: skip
def test_normalised_rank_distance_has_fractions_on_its_axis(values, shown):
    assert [tick for tick in ticks(values, 'RankDistance(norm=True)') if tick in shown] == shown

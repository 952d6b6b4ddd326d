"""The paper's figures that travel with the package."""
import pytest

from pyterrier_hybrid.experiment.paper import SYSTEMS, comparable, paper_results, paper_values

MLQA_R = ['ar', 'de', 'en', 'es', 'hi', 'vi', 'zh']


def test_every_figure_is_there_once():
    frame = paper_results()
    # (11 + 7 languages and 2 means) x 2 models x 3 batchings x (3 settings of AP and 1 of rank distance)
    assert len(frame) == 20 * 2 * 3 * 4 == len(frame.drop_duplicates(frame.columns[:-1]))
    assert frame['value'].notna().all()


def test_printed_means_are_those_of_the_languages():
    frame = paper_results()
    keys = ['dataset', 'init', 'measure', 'setting', 'batching']
    printed = frame[frame['query_lang'] == 'mean'].set_index(keys)['value']
    found = frame[frame['query_lang'] != 'mean'].groupby(keys)['value'].mean()[printed.index]
    off = (printed - found).abs()
    assert (off[off.index.get_level_values('measure') == 'AP'] < 2e-3).all()
    assert (off[off.index.get_level_values('measure') == 'RankDistance'] < 2).all()


@pytest.mark.parametrize(('dataset', 'system', 'rank_distance'), [
    ('xquad-r', 'XLM-R, hybrid', 286.6), ('mlqa-r', 'LaBSE, hybrid', 195),
])  # fmt: skip
def test_main_figures(dataset, system, rank_distance):
    values = paper_values(dataset, 'RankDistance', 'multilingual')
    assert list(values.index) == list(SYSTEMS.values())
    assert values.at[system, 'mean'] == pytest.approx(rank_distance, abs=0.6)


@pytest.mark.parametrize(('dataset', 'languages', 'same'), [
    ('mlqa-r', MLQA_R, True), ('mlqa-r', MLQA_R[1:], False), ('xquad-r', MLQA_R, False), ('worldfacts', MLQA_R, False),
    ('worldfacts', [], False),
])  # fmt: skip
def test_only_the_whole_data_set_compares(dataset, languages, same):
    assert comparable(dataset, languages) is same


def test_what_the_paper_does_not_have_is_empty():
    assert paper_values('xquad-r', 'RankDistance@1000', 'multilingual').empty
    assert paper_values('worldfacts', 'AP', 'monolingual').empty

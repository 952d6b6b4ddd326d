"""What tables and figures read out of a study's values."""
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.experiment.study_values import all_data, check_study, mix_in_words, on_simplex, study_table

COLUMNS = ['monolingual', 'crosslingual', 'multilingual', 'mixed', 'seed', 'setting', 'measure', 'value']
LINE = pd.DataFrame([
    (0.0, 1.0, 0, 0, 0, 'multilingual', 'AP', 0.2), (0.0, 1.0, 0, 0, 1, 'multilingual', 'AP', 0.4),
    (0.5, 0.5, 0, 0, 0, 'multilingual', 'AP', 0.5), (0.5, 0.5, 0, 0, 1, 'multilingual', 'AP', 0.7),
    (1.0, 0.0, 0, 0, 0, 'multilingual', 'AP', 0.1), (0.0, 0.0, 1, 0, 0, 'multilingual', 'AP', 0.9),
], columns=COLUMNS)  # fmt: skip


def test_line_and_simplex():
    assert len(on_simplex(LINE, ['monolingual', 'crosslingual'])) == 5
    assert len(on_simplex(LINE.assign(value=np.nan), ['monolingual', 'crosslingual'])) == 0
    assert len(on_simplex(LINE, ['multilingual'])) == 1


def test_ratio_and_triangle_are_of_the_largest_amount_of_data():
    both = pd.concat([LINE.assign(fraction=0.1), LINE.assign(fraction=0.5)])
    assert (all_data(both)['fraction'] == 0.5).all() and len(all_data(both)) == len(LINE) == len(all_data(LINE))


def test_a_table_has_means_and_standard_deviations_of_seeds():
    table = study_table(LINE.assign(fraction=1.0))
    assert [column.name for column in table.columns] == ['Multi.']
    assert {label: cells[0].text for label, cells in table.rows()} == {
        '100% cross-lingual': '0.300 ± 0.141', '50% monolingual, 50% cross-lingual': '0.600 ± 0.141',
        '100% monolingual': '0.100', '100% multilingual': '0.900',
    }  # fmt: skip
    assert table.notes == ['± is the standard deviation of a sample, over 1 to 2 seeds.']
    assert study_table(LINE[LINE['seed'] == 0]).notes == []


def test_a_mix_that_is_called_otherwise_keeps_its_name():
    names = {0.0: 'X-Y', 0.5: 'mono0.5-cross0.5'}
    line = LINE[LINE['monolingual'] < 1].query('multilingual == 0')
    table = study_table(line.assign(mix=line['monolingual'].map(names), fraction=[0.1, 1, 1, 1]))
    assert [label for label, _ in table.rows()] == [
        'X-Y (100% cross-lingual); 0.1 of the data', 'X-Y (100% cross-lingual); 1 of the data',
        '50% monolingual, 50% cross-lingual; 1 of the data',
    ]  # fmt: skip


def test_mix_in_words():
    assert mix_in_words(pd.Series({'monolingual': 0.5, 'crosslingual': 0.5, 'mixed': 0})) == (
        '50% monolingual, 50% cross-lingual'
    )
    assert mix_in_words(pd.Series({'multilingual': 1 / 3, 'mixed': 2 / 3})) == '33.33% multilingual, 66.67% mixed'


@pytest.mark.parametrize(('change', 'message'), [
    ({'setting': 'mono'}, "the study has the setting 'mono'; settings are monolingual, crosslingual, multilingual"),
    ({'value': '0.5'}, r"the study has '0\.5' in the column value, which takes numbers"),
    ({'mixed': 'x'}, "the study has 'x' in the column mixed"),
    ({'mixed': np.nan}, 'the study has nan in the column mixed'),
    ({'fraction': 'all'}, "the study has 'all' in the column fraction"),
])  # fmt: skip
def test_what_is_no_number_and_no_setting_is_named(change, message):
    check_study(LINE.assign(value=np.nan))
    with pytest.raises(ValueError, match=message):
        check_study(LINE.assign(**change))


@pytest.mark.parametrize('given', ['studies/line', 5, {}])
def test_what_is_no_study(given):
    with pytest.raises(TypeError, match=r'study is a (str|int|dict); give the StudyResult of ratio_study'):
        check_study(given)

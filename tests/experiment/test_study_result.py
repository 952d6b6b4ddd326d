import json
import math
from dataclasses import replace

import pandas as pd
import pytest
from scipy import stats

from pyterrier_hybrid.experiment.study_result import StudyResult

RECORD = {
    'format': 1, 'made_with': {},
    'mixes': {'x': {'monolingual': 0.25, 'mixed': 0.75}, 'a': {'crosslingual': 1}},
}  # fmt: skip


@pytest.fixture
def make_run(make_result):
    """A run's result: its system is the mix; AP .25 monolingual, 0.75 cross-lingual (by hand), .4 multilingual."""

    def make(mix: str, seed: int = 0, fraction: float = 1.0, ap: float | None = None):
        result = make_result(systems=(mix, 'other'))
        frame = result.per_query
        if ap is not None:
            chosen = (frame['system'] == mix) & (frame['setting'] == 'monolingual') & (frame['measure'] == 'AP')
            frame.loc[chosen, 'value'] = ap
        place = {'mix': mix, 'shares': RECORD['mixes'][mix], 'fraction': fraction, 'seed': seed}
        return replace(result, per_query=frame, systems=[mix], provenance={'run': place})

    return make


def test_values_hold_every_run_by_mix_fraction_and_seed(make_run):
    runs = [make_run('a', 1), make_run('x', 0), make_run('a', 0), make_run('a', 0, 0.5)]
    study = StudyResult.of(runs, RECORD)
    places = study.values[['mix', 'fraction', 'seed']].drop_duplicates()
    assert list(places.itertuples(index=False, name=None)) == [('x', 1, 0), ('a', 0.5, 0), ('a', 1, 0), ('a', 1, 1)]
    assert list(study.results) == [('x', 1, 0), ('a', 0.5, 0), ('a', 1, 0), ('a', 1, 1)]
    x = study.values[study.values['mix'] == 'x']
    assert (x[['monolingual', 'crosslingual', 'multilingual', 'mixed']] == [0.25, 0, 0, 0.75]).all(axis=None)
    found = {(row.measure, row.setting): row.value for row in x.itertuples()}
    assert found == {
        ('AP', 'monolingual'): 0.25, ('AP', 'crosslingual'): 0.75, ('AP', 'multilingual'): pytest.approx(0.4),
        ('RankDistance', 'multilingual'): 12, ('LPR', 'multilingual'): 1,
    }  # fmt: skip


def test_summary_is_over_the_seeds(make_run):
    study = StudyResult.of([make_run('a', seed, ap=ap) for seed, ap in enumerate((0.1, 0.2, 0.6))], RECORD)
    row = study.summary().query("measure == 'AP' and setting == 'monolingual'").squeeze()
    assert (row['mean'], row['n']) == (pytest.approx(0.3), 3)
    assert row['std'] == pytest.approx(math.sqrt((0.2**2 + 0.1**2 + 0.3**2) / 2))
    by_scipy = stats.ttest_1samp([0.1, 0.2, 0.6], 0).confidence_interval()
    assert by_scipy.low < 0  # and AP is not
    assert (row['low'], row['high']) == (0, pytest.approx(by_scipy.high))
    wide = study.summary(level=0.5).query("measure == 'AP' and setting == 'monolingual'").squeeze()
    by_scipy = stats.ttest_1samp([0.1, 0.2, 0.6], 0).confidence_interval(0.5)
    assert (wide['low'], wide['high']) == pytest.approx(tuple(by_scipy))
    one = StudyResult.of([make_run('a')], RECORD).summary()
    assert one[['std', 'low', 'high']].isna().all(axis=None) and (one['n'] == 1).all()


def test_a_level_in_percent_is_refused(make_run):
    with pytest.raises(ValueError, match=r'level is 95; it lies between 0 and 1, as in 0\.95'):
        StudyResult.of([make_run('a')], RECORD).summary(95)


def test_two_seeds_have_a_wide_interval_within_the_range(make_run):
    study = StudyResult.of([make_run('a', seed, ap=ap) for seed, ap in enumerate((0.7, 0.8))], RECORD)
    row = study.summary().query("measure == 'AP' and setting == 'monolingual'").squeeze()
    assert row['low'] == pytest.approx(0.75 - 12.7062 * 0.05, abs=1e-4)  # t of one degree of freedom at .975
    assert row['high'] == 1 and row['n'] == 2


def test_a_study_is_short_on_paper(make_run):
    study = StudyResult.of([make_run('a', 0), make_run('a', 1), make_run('x')], RECORD)
    assert repr(study) == '<StudyResult on mine: 3 runs of 2 mixes and 2 seeds>'
    pytest.importorskip('jinja2')
    page = study._repr_html_()
    assert page.count('<tr>') < 10 and '25% monolingual, 75% mixed' in page and '± is the standard deviation' in page


def test_load_reads_what_is_finished(tmp_path, make_run):
    (tmp_path / 'study.json').write_text(json.dumps(RECORD))
    with pytest.raises(FileNotFoundError, match=r'no run of the study in .* is finished yet'):
        StudyResult.load(tmp_path)
    runs = [make_run('a'), make_run('x')]
    for run in runs:
        run.save(tmp_path / 'results' / f'{run.systems[0]}-seed0')
    study = StudyResult.load(tmp_path)
    pd.testing.assert_frame_equal(study.values, StudyResult.of(runs, RECORD).values)
    assert (study.dataset, study.measures) == ('mine', ['AP', 'RankDistance', 'LPR'])


def test_load_refuses_other_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no study in .*: it has no study\.json'):
        StudyResult.load(tmp_path)
    (tmp_path / 'study.json').write_text('{')
    with pytest.raises(ValueError, match=r'study\.json is not JSON'):
        StudyResult.load(tmp_path)


@pytest.mark.parametrize('change, message', [
    ({'mixes': None}, "study.json has None for the field 'mixes'"),
    ({'mixes': {'a': {'mono': 1}}}, r"study.json has \{'mono': 1\} for the mix 'a'"),
    ({'mixes': {'a': {'crosslingual': 'x'}}}, "for the mix 'a'"),
    ({'made_with': []}, "study.json has .* for the field 'made_with'"),
    ({'mixes': {'x': {'mixed': 1}}}, "a result is of the mix 'a', which study.json does not have"),
])  # fmt: skip
def test_damaged_records_are_named_by_file_and_field(tmp_path, make_run, change, message):
    make_run('a').save(tmp_path / 'results' / 'a-seed0')
    (tmp_path / 'study.json').write_text(json.dumps({**RECORD, **change}))
    with pytest.raises(ValueError, match=message):
        StudyResult.load(tmp_path)


@pytest.mark.parametrize('run', [
    None, {}, {'mix': 'a', 'seed': 0}, {'mix': 'a', 'fraction': 1.0, 'seed': 'x'},
    {'mix': 'b', 'fraction': 1.0, 'seed': 0},
])  # fmt: skip
def test_results_that_are_no_run_of_a_study_are_named(tmp_path, make_run, run):
    (tmp_path / 'study.json').write_text(json.dumps(RECORD))
    replace(make_run('a'), provenance={} if run is None else {'run': run}).save(tmp_path / 'results' / 'other')
    with pytest.raises(ValueError, match=r'other/result\.json .*move'):
        StudyResult.load(tmp_path)


def test_a_copied_run_is_named(tmp_path, make_run):
    (tmp_path / 'study.json').write_text(json.dumps(RECORD))
    for name in ('a-seed0', 'a-seed9'):
        make_run('a').save(tmp_path / 'results' / name)
    with pytest.raises(ValueError, match=r'a-seed9 holds the run a-seed0; give the folder this name, or move it away'):
        StudyResult.load(tmp_path)

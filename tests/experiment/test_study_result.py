import math
from dataclasses import replace

import pandas as pd
import pytest

from pyterrier_hybrid.experiment.study_result import StudyResult

RECORD = {'format': 1, 'made_with': {}, 'mixes': {'x': {'monolingual': 0.25, 'mixed': 0.75}, 'a': {'crosslingual': 1}}}


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
    assert StudyResult.of([make_run('a')], RECORD).summary()['std'].isna().all()


def test_load_reads_what_is_finished(tmp_path, make_run):
    (tmp_path / 'study.json').write_text(pd.Series(RECORD).to_json())
    with pytest.raises(FileNotFoundError, match=r'no run of the study in .* is finished yet'):
        StudyResult.load(tmp_path)
    runs = [make_run('a'), make_run('x')]
    for run in runs:
        run.save(tmp_path / 'results' / run.systems[0])
    study = StudyResult.load(tmp_path)
    pd.testing.assert_frame_equal(study.values, StudyResult.of(runs, RECORD).values)
    assert (study.dataset, study.measures) == ('mine', ['AP', 'RankDistance', 'LPR'])


def test_load_refuses_other_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no study in .*: it has no study\.json'):
        StudyResult.load(tmp_path)
    (tmp_path / 'study.json').write_text('{')
    with pytest.raises(ValueError, match=r'study\.json is not JSON .*: the study is damaged'):
        StudyResult.load(tmp_path)

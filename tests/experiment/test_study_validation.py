"""A study whose runs are validated: what is held out belongs to what it was made with, the loggers do not."""
import json

import pytest
from ir_measures import AP
from transformers import TrainerCallback

from pyterrier_hybrid.experiment.study import ratio_study
from pyterrier_hybrid.pairs import ParallelPairs


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    rows = [
        {'id': str(i), 'source': 'qa', 'query': {lang: f'{lang} question q{i}' for lang in ('de', 'en')},
         'positive': {lang: f'{lang} passage {i}' for lang in ('de', 'en')}}
        for i in range(20)
    ]  # fmt: skip
    return ParallelPairs.from_rows(rows, tmp_path_factory.mktemp('pairs') / 'pairs', verbose=False)


def test_runs_are_validated(tmp_path, pairs, small):
    def study(**training):
        return ratio_study(
            pairs, tmp_path / 'study', mixes=[{'crosslingual': 1}], dataset=small, measures=[AP], steps=2, batch_size=4,
            verbose=False, **training,
        )  # fmt: skip

    with pytest.raises(ValueError, match='no source can fill a crosslingual batch of 4'):  # before any run
        study(validation=18)
    study(validation=6, eval_steps=1, patience=2)
    (record,) = (tmp_path / 'study' / 'models').glob('*/training.json')
    assert json.loads(record.read_text())['validation']['name'] == '6 rows held out'
    study(validation=6, eval_steps=1, patience=2, report_to=TrainerCallback())  # is the same study
    with pytest.raises(ValueError, match='validation was 6, is 7'):
        study(validation=7, eval_steps=1, patience=2)
    (tmp_path / 'dev.json').write_text(json.dumps({'data': [{'paragraphs': [
        {'context': 'Oslo', 'qas': [{'id': '1', 'question': 'What?', 'answers': [{'answer_start': 0}]}]}
    ]}]}))  # fmt: skip
    with pytest.raises(ValueError, match=r"validation was 6, is \{'name': 'dev\.json', 'fing"):
        study(validation=tmp_path / 'dev.json', eval_steps=1, patience=2)

"""What of a data set other processes are given."""
import pickle

import ir_datasets
import pyterrier as pt
import pytest

from datasets_ext.miracl_multi import pooled_miracl
from pyterrier_hybrid.experiment.study_dataset import check_known, sendable
from pyterrier_hybrid.experiment.study_plan import plan_study


@pytest.mark.parametrize('made', [
    str, ir_datasets.load, lambda name: pt.get_dataset(f'hybrid:{name}'), lambda name: pt.get_dataset(f'irds:{name}'),
])  # fmt: skip
def test_a_registered_data_set_is_sent_by_its_id(made):
    plan = plan_study(mixes=[{'mixed': 1}], dataset=made('worldfacts'), processes=2)
    assert plan.dataset == 'worldfacts' and pickle.dumps(plan)


def test_an_object_stays_in_one_process():
    dataset = pt.get_dataset('hybrid:worldfacts')
    assert plan_study(mixes=[{'mixed': 1}], dataset=dataset).dataset is dataset


def test_what_can_be_pickled_is_sent_as_it_is(pooled):
    assert sendable(pooled, ray=False) is pooled


def test_what_cannot_be_sent_is_refused():
    with pytest.raises(ValueError, match=r'cannot be sent to other processes .*; give the id .*, or processes=1'):
        plan_study(mixes=[{'mixed': 1}], dataset=pooled_miracl(['de', 'yo'], 'dev'), processes=2)


@pytest.mark.parametrize(('ray', 'why'), [
    (False, "each process of a study imports the script anew, .* outside of the guard if __name__ == '__main__':"),
    (True, 'a worker of a Ray cluster imports nothing of the script'),
])  # fmt: skip
def test_an_id_that_is_not_known_here(ray, why):
    with pytest.raises(ValueError, match=rf"there is no data set 'nowhere'.*; {why}"):
        check_known('nowhere', ray=ray)

"""The plan of an epoch: which supply and language each step is drawn from, and how often before."""
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pyterrier_hybrid.batches.kinds import Kind
from pyterrier_hybrid.batches.mixes import MixSchedule
from pyterrier_hybrid.batches.plan import Plan
from pyterrier_hybrid.batches.supply import build_supplies


def plan_of(pairs, mix, seed=0, batch_size=8):
    schedule = MixSchedule(mix)
    supplies = [build_supplies(kind, pairs.sources, batch_size) for kind in schedule.kinds]
    return Plan(supplies, schedule, source_temperature=1.0, batch_size=batch_size, seed=seed)


def test_draws_against_a_count_over_the_epoch(bare):
    pairs = bare(a=('qa', [('de en', 'de en', 200), ('de', 'de', 50)]), b=('qa', [('en fr', 'en fr', 90)]))
    plan = plan_of(pairs, {'monolingual': 0.5, 'multilingual': 0.5})
    assert [(p.kind, p.name) for p in plan.supplies] == [
        (kind, name) for kind in (Kind.MONOLINGUAL, Kind.MULTILINGUAL) for name in 'ab'
    ]
    assert len(plan) == 340 // 8
    for epoch in (0, 3):
        count = {}
        for local in range(len(plan)):
            draw = plan.draw(epoch * len(plan) + local)
            assert (draw.epoch, draw.local) == (epoch, local)
            deals = len(plan.supplies[draw.supply].pairs) if plan.supplies[draw.supply].kind is Kind.MONOLINGUAL else 1
            assert draw.earlier.tolist() == [count.get((draw.supply, deal), 0) for deal in range(deals)]
            count[draw.supply, draw.deal] = count.get((draw.supply, draw.deal), 0) + 1
        assert len(count) == 6  # two languages of each of the monolingual supplies, and the multilingual ones


@pytest.mark.parametrize(('point', 'kinds'), [(0.0, {Kind.MONOLINGUAL}), (1 - 2**-53, {Kind.MULTILINGUAL})])
def test_no_kind_of_probability_zero_is_drawn_at_the_edges(bare, monkeypatch, point, kinds):
    """Shares that do not add up to 1 in floating point, the highest and lowest number that is ever drawn."""
    monkeypatch.setattr('pyterrier_hybrid.batches.plan.uniform', lambda values, key: np.full(len(values), point))
    pairs = bare(a=('qa', [('de en', 'de en', 80)]))
    for a in np.random.default_rng(0).dirichlet([1, 1, 1], 300):
        shares = dict(zip(('monolingual', 'crosslingual', 'multilingual'), a.tolist()))
        plan = plan_of(pairs, [(0, shares), (10**9, {'mixed': 1.0})])
        assert {plan.supplies[plan.draw(step).supply].kind for step in range(3)} == kinds


def test_many_epochs_keep_few_plans(bare):
    plan = plan_of(bare(a=('qa', [('de', 'de', 80)])), {'monolingual': 1.0})
    first = plan.draw(3)
    for epoch in range(50):
        plan.draw(epoch * len(plan))
    assert len(plan._epochs) == 8
    again = plan.draw(3)
    assert again[:4] == first[:4] and np.array_equal(again.earlier, first.earlier)


def told(draw):
    return (*draw[:4], draw.earlier.tolist())


def ramp(step):
    """A mix until step 100."""
    return {'monolingual': 1 - step / 100, 'crosslingual': step / 100}


@pytest.fixture(scope='module')
def pairs(bare):
    return bare(a=('qa', [('de en', 'de en', 900), ('de', 'de', 500)]), b=('qa', [('en fr', 'en fr', 300)]))


def test_a_function_is_asked_once_for_each_step_and_for_none_beyond(pairs):
    asked = []
    plan = plan_of(pairs, lambda step: asked.append(step) or ramp(step % 100))
    asked.clear()  # step 0, for the kinds
    n = len(plan)
    for step, new in [(2, [0, 1, 2]), (1, []), (5, [3, 4, 5]), (2 * n + 1, [2 * n, 2 * n + 1]), (5, []), (6, [6])]:
        plan.draw(step)
        assert asked == new
        asked.clear()


def test_a_ramp_that_ends_within_the_epoch_is_planned_as_far_as_it_goes(pairs):
    assert len(plan_of(pairs, ramp)) > 101
    expected = [told(plan_of(pairs, lambda step: ramp(min(step, 100))).draw(step)) for step in range(101)]
    backward, forward = plan_of(pairs, ramp), plan_of(pairs, ramp)
    assert [told(backward.draw(step)) for step in reversed(range(101))] == expected[::-1]
    assert [told(forward.draw(step)) for step in range(101)] == expected
    with pytest.raises(ValueError, match=r'the mix of step 101 gives monolingual the probability -0\.01'):
        forward.draw(103)
    assert [told(forward.draw(step)) for step in range(101)] == expected
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(told, threads.map(plan_of(pairs, ramp).draw, range(101)))) == expected


def test_a_function_and_a_mapping_of_the_same_mix_are_one_plan(pairs):
    half = {'monolingual': 0.5, 'crosslingual': 0.5}
    constant, function = plan_of(pairs, half), plan_of(pairs, lambda step: half)
    for step in [7, 0, 100, *range(3 * len(constant) - 20, 3 * len(constant) + 20)]:
        assert told(function.draw(step)) == told(constant.draw(step))

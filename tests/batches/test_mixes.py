"""The mix, constant or scheduled."""
import numpy as np
import pytest

from pyterrier_hybrid.batches.kinds import Kind
from pyterrier_hybrid.batches.mixes import MixSchedule, check_mix

HALF = {'monolingual': 0.5, 'crosslingual': 0.5}


def test_check_mix():
    mixed_keys = {'crosslingual': 0.25, Kind.MONOLINGUAL: 0.75}
    assert check_mix(mixed_keys) == {Kind.MONOLINGUAL: 0.75, Kind.CROSSLINGUAL: 0.25}
    assert list(check_mix({'mixed': 0.1, 'multilingual': 0.2, 'crosslingual': 0.3, 'monolingual': 0.4})) == list(Kind)
    assert check_mix({'monolingual': 1, 'mixed': 0}) == {Kind.MONOLINGUAL: 1.0}
    assert check_mix({'monolingual': 1 / 3, 'crosslingual': 1 / 3, 'mixed': 1 / 3})


@pytest.mark.parametrize(('mix', 'message'), [
    ({'mono': 1.0}, "mix names the kind 'mono'; the kinds are monolingual, crosslingual, multilingual, mixed"),
    ({'monolingual': 0.6, 'crosslingual': 0.6}, 'mix sums to 1.2; .* must sum to 1'),
    ({'monolingual': 0.5}, 'mix sums to 0.5'),
    ({}, 'mix sums to 0;'),
    ({'monolingual': 1.5, 'crosslingual': -0.5}, 'mix gives crosslingual the probability -0.5; it must be 0 or more'),
    ({'monolingual': float('nan')}, 'mix gives monolingual the probability nan'),
    ({'monolingual': float('inf')}, 'mix sums to inf'),
    ({'monolingual': '1'}, "mix gives monolingual the probability '1'"),
    ({'monolingual': 1j}, 'mix gives monolingual the probability 1j'),
    ({'monolingual': np.complex128(1)}, 'mix gives monolingual the probability'),
    ({'monolingual': None}, 'mix gives monolingual the probability None'),
    ('monolingual', "mix is 'monolingual'; it maps kinds of batches to probabilities, as in"),
    (0.5, 'mix is 0.5; it maps'),
    (None, 'mix is None; it maps'),
    ([], r'a mix that is a list begins with \(0, mix\); this one begins \[\]'),
    ([(5, HALF)], r'begins with \(0, mix\); this one begins \[\(5'),
    ([(0, HALF), (9, HALF), (9, HALF)], 'must ascend; 9 comes after 9'),
    ([(0, HALF), (9, {'mixed': 2})], 'the mix from step 9 on sums to 2'),
    ([(0, HALF), 3], r'mix has the entry 3; a schedule is a list of \(first step, mix\)'),
    ([('0', HALF)], r"mix has the entry \('0', .*; a schedule is"),
    ([HALF], 'mix has the entry .*; a schedule is'),
    (lambda step: {'mono': 1}, "the mix of step 0 names the kind 'mono'"),
    (lambda step: None, 'the mix of step 0 is None; it maps'),
])  # fmt: skip
def test_refused(mix, message):
    with pytest.raises(ValueError, match=message):
        MixSchedule(mix)


def test_constant():
    mix = MixSchedule({'crosslingual': 0.2, 'monolingual': 0.8, 'mixed': 0})
    assert mix.kinds == (Kind.MONOLINGUAL, Kind.CROSSLINGUAL)
    assert mix.shares(np.array([0, 5, 10**9])).tolist() == [[0.8, 0.2]] * 3
    assert mix.record(10) == {'monolingual': 0.8, 'crosslingual': 0.2}


def test_list():
    mix = MixSchedule([(0, {'monolingual': 1.0}), (10, {'monolingual': 0.5, 'mixed': 0.5}), (12, {'mixed': 1.0})])
    assert mix.kinds == (Kind.MONOLINGUAL, Kind.MIXED)
    assert mix.shares(np.array([0, 9, 10, 11, 12, 99]))[:, 0].tolist() == [1, 1, 0.5, 0.5, 0, 0]
    assert mix.record(10) == [[0, {'monolingual': 1}], [10, {'monolingual': 0.5, 'mixed': 0.5}], [12, {'mixed': 1}]]


def test_function():
    def ramp(step):
        return {'monolingual': max(0, 1 - step / 10), 'crosslingual': min(1, step / 10)}

    mix = MixSchedule(ramp)
    assert mix.kinds == (Kind.MONOLINGUAL, Kind.CROSSLINGUAL)
    np.testing.assert_allclose(mix.shares(np.array([10, 0, 5])), [[0, 1], [1, 0], [0.5, 0.5]])
    assert mix.shares(np.array([], dtype=int)).shape == (0, 2)
    record = mix.record(11)
    assert record['function'].endswith('ramp') and record['mean'] == {'monolingual': 0.5, 'crosslingual': 0.5}
    assert record == MixSchedule(lambda step: ramp(step)).record(11) | {'function': record['function']}
    assert MixSchedule(lambda step: HALF).record(11)['digest'] != record['digest']


def test_function_that_brings_a_kind_late():
    late = MixSchedule(lambda step: {'monolingual': 1.0} if step < 5 else {'crosslingual': 1.0})
    with pytest.raises(ValueError, match='the mix of step 5 has crosslingual, which the mix of step 0 does not name'):
        late.shares(np.arange(10))
    bad = MixSchedule(lambda step: {'monolingual': 1.0 + step})
    with pytest.raises(ValueError, match='the mix of step 1 sums to 2'):
        bad.shares(np.arange(2))

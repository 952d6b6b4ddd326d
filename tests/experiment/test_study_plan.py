"""What a study will run, and what is refused before pairs are opened."""
import pytest
from ir_measures import AP, P

from pyterrier_hybrid.batches.mixes import Kind
from pyterrier_hybrid.cli.options import add_evaluation, parse_measures
from pyterrier_hybrid.cli.parser import CommandParser
from pyterrier_hybrid.experiment.study_mixes import alphas
from pyterrier_hybrid.experiment.study_plan import plan_study

GIVEN = {'mixes': [{'mixed': 1}], 'dataset': 'worldfacts'}


def test_every_combination_once():
    plan = plan_study(
        mixes=alphas([0, 1]), dataset='worldfacts', seeds=iter([3, 0, 3]), fractions=[0.5, 1, 0.5], measures=AP,
        settings='monolingual', steps=4,
    )  # fmt: skip
    assert [run.name for run in plan.runs] == [
        'cross1-seed3', 'mono1-seed3', 'cross1-seed0', 'mono1-seed0',
        'cross1-data0.5-seed3', 'mono1-data0.5-seed3', 'cross1-data0.5-seed0', 'mono1-data0.5-seed0',
    ]  # fmt: skip
    assert (plan.measures, plan.settings, plan.resources, plan.arguments.steps) == ((AP,), ('monolingual',), None, 4)


def test_the_measures_are_those_of_the_command():
    parser = CommandParser()
    add_evaluation(parser)
    assert plan_study(**GIVEN).measures == tuple(parse_measures(parser.parse_args([]).measures))


def test_kinds_of_batches_are_told_by_member_or_name():
    plan = plan_study(**{**GIVEN, 'mixes': {'half': {Kind.MONOLINGUAL: 0.5, 'crosslingual': 0.5}}})
    assert plan.mixes == {'half': {'monolingual': 0.5, 'crosslingual': 0.5}}


@pytest.mark.parametrize(('change', 'error', 'message'), [
    ({'mixes': [{'mono': 1}]}, ValueError, "names the kind 'mono'"),
    ({'fractions': [1, 0]}, ValueError, 'the fraction of the pairs is 0'),
    ({'settings': ['mono']}, ValueError, "not 'mono'"),
    ({'measures': ['AP']}, ValueError, 'measures takes ir_measures objects'),
    ({'measures': [P]}, ValueError, 'cutoff'),
    ({'dataset': 'nowhere'}, KeyError, 'nowhere'),
    ({'temperature': float('nan')}, ValueError, 'temperature is nan'),
    ({'batch_size': 1}, ValueError, 'batch_size is 1'),
    ({'step': 3}, TypeError, 'step'),
    ({'resume': True}, TypeError, 'a study resumes by itself'),
    ({'validation': 'nowhere.json'}, FileNotFoundError, 'nowhere.json'),
    ({'seeds': [-1]}, ValueError, 'seed is -1'),
    ({'seeds': [1, 1.7]}, ValueError, r'the seed 1\.7 is no whole number; give seeds such as'),
    ({'seeds': ['2']}, ValueError, "the seed '2' is no whole number"),
    ({'seeds': 3}, ValueError, r'seeds is 3; give several numbers, or \[3\] for one'),
    ({'seeds': '12'}, ValueError, "seeds is '12'; give several"),
    ({'fractions': None}, ValueError, 'fractions is None; give several'),
    ({'fractions': ['0.5']}, ValueError, "the fraction of the pairs is '0.5'; it must be a number above 0"),
    ({'fractions': [float('nan')]}, ValueError, 'the fraction of the pairs is nan'),
    ({'mixes': 'abc'}, ValueError, "mixes is 'abc'; give mixes by name or as a list"),
    ({'mixes': None}, ValueError, 'mixes is None; give mixes'),
    ({'mixes': ['monolingual']}, ValueError, r'maps kinds of batches to shares.*; to study one, give mixes=\[mix\]'),
    ({'mixes': [{'mixed': '1'}]}, ValueError, "mix gives mixed the probability '1'"),
    ({'mixes': [{'mixed': float('nan')}]}, ValueError, 'mix gives mixed the probability nan'),
    ({'processes': None}, ValueError, 'processes is None; it is a whole number of at least 1'),
    ({'processes': 1.5}, ValueError, r'processes is 1\.5; it is a whole number'),
    ({'measures': 'AP'}, ValueError, r"give ir_measures\.parse_measure\('AP'\)"),
    ({'measures': None}, ValueError, 'measures is None; it takes ir_measures objects'),
    ({'mixes': {1: {'mixed': 1}, '1': {'monolingual': 1}}}, ValueError, "are called alike, as text: 1, '1'; rename"),
])  # fmt: skip
def test_what_needs_no_pairs_to_be_refused(change, error, message):
    with pytest.raises(error, match=message):
        plan_study(**{**GIVEN, **change})


def test_one_fraction_may_be_given_alone():
    assert [run.fraction for run in plan_study(**GIVEN, fractions=0.5).runs] == [0.5]

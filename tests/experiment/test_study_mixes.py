import pytest

from pyterrier_hybrid.experiment.study_mixes import alphas, mix_name, simplex


def test_alphas_are_the_papers_line():
    mixes = alphas()
    assert list(mixes) == ['cross1', 'mono0.25-cross0.75', 'mono0.5-cross0.5', 'mono0.75-cross0.25', 'mono1']
    assert mixes['cross1'] == {'crosslingual': 1}
    assert mixes['mono0.25-cross0.75'] == {'monolingual': 0.25, 'crosslingual': 0.75}
    assert mixes['mono1'] == {'monolingual': 1}


@pytest.mark.parametrize('steps', [1, 2, 3, 4, 7])
def test_simplex_has_every_lattice_point_once(steps):
    mixes = simplex(steps)
    points = {
        (i, j, steps - i - j) for i in range(steps + 1) for j in range(steps + 1) if i + j <= steps
    }
    kinds = ('monolingual', 'crosslingual', 'multilingual')
    assert {tuple(round(mix.get(kind, 0) * steps) for kind in kinds) for mix in mixes.values()} == points
    assert len(mixes) == len(points) == (steps + 1) * (steps + 2) // 2
    assert all(sum(mix.values()) == pytest.approx(1) and 0 not in mix.values() for mix in mixes.values())


def test_simplex_over_other_kinds():
    assert list(simplex(2, ['mixed', 'multilingual'])) == ['mixed1', 'mixed0.5-multi0.5', 'multi1']


def test_one_alpha_may_be_given_alone():
    assert alphas(0.5) == alphas([0.5])


def test_names_leave_out_what_has_no_share():
    assert mix_name({'monolingual': 1 / 3, 'crosslingual': 0, 'multilingual': 2 / 3}) == 'mono0.333-multi0.667'


def test_mixes_that_round_alike_have_names_of_their_own():
    assert list(alphas([0.3333, 0.3334, 1 / 3])) == [
        'mono0.3333-cross0.6667', 'mono0.3334-cross0.6666', 'mono0.333-cross0.667',
    ]  # fmt: skip
    values = sorted({i / n for n in range(1, 45) for i in range(n + 1)})
    assert len(alphas(values)) == len(values)
    assert len(alphas([0.3, 0.1 + 0.2])) == 1  # the same share, added up in another way


@pytest.mark.parametrize(('make', 'message'), [
    (lambda: alphas([0.5, 1.5]), r'alpha is 1\.5; it is the share of monolingual batches, 0 to 1'),
    (lambda: alphas([float('nan')]), 'alpha is nan'),
    (lambda: alphas(['0.5']), "alpha is '0.5'; it is the share"),
    (lambda: alphas(None), 'alpha is None'),
    (lambda: simplex(2.5), r'a simplex of 2\.5 steps has no points; give a whole number of 1 or more'),
    (lambda: simplex(2, ['mono', 'mixed']), "the kinds of a simplex are some of monolingual, .*mixed, not 'mono'"),
    (lambda: simplex(2, []), 'the kinds of a simplex are some of .*, not none'),
    (lambda: alphas([]), 'there is no alpha'),
    (lambda: simplex(0), 'a simplex of 0 steps has no points'),
    (lambda: simplex(2, ['mixed', 'mixed']), 'given twice: mixed, mixed'),
])  # fmt: skip
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()

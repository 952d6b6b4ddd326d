"""What questions contribute to a difference: by hand, against the sampling variance, and what changes nothing."""
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.experiment.contributions import TooFewQuestions, contributions

KEYS = ['system', 'query_lang', 'doc_lang', 'qid']


def rows(cells: dict[tuple, dict[str, float]]) -> pd.DataFrame:
    """Rows of ``{(system, query_lang, doc_lang): {qid: value}}``."""
    values = [(*cell, qid, value) for cell, of in cells.items() for qid, value in of.items()]
    return pd.DataFrame(values, columns=[*KEYS, 'value'])


def differences(cells: list[dict[str, float]], base: float = 0.5) -> pd.DataFrame:
    """Rows of systems a and b that differ in each cell, a language, by what is given."""
    return rows({
        (system, f'l{i:02}', None): {qid: base + (d if system == 'a' else 0) for qid, d in cell.items()}
        for i, cell in enumerate(cells) for system in 'ab'
    })  # fmt: skip


@pytest.fixture
def uneven():
    """Questions in different cells, as in MLQA-R: q3 is asked in one language only."""
    return rows({
        ('a', 'de', 'de'): {'q1': 1.0, 'q2': 0.5, 'q3': 0.0},
        ('b', 'de', 'de'): {'q1': 0.5, 'q2': 0.5, 'q3': 0.5},
        ('a', 'en', 'en'): {'q2': 1.0, 'q1': 0.75},
        ('b', 'en', 'en'): {'q1': 0.25, 'q2': 0.0},
    })


def test_by_hand(uneven):
    found = contributions(uneven, 'a', 'b')
    # Differences of 1/2, 0, -1/2 in de, mean 0, f = 1; of 1/2, 1 in en, mean 3/4, f = 2 / sqrt 3. D = 3/8, n/C = 3/2.
    f = 2 / np.sqrt(3)
    assert found.difference == pytest.approx(0.375)
    assert found.differences == pytest.approx([
        0.375 + 1.5 * (0.5 / 3 - f * 0.25 / 2), 0.375 + 1.5 * f * 0.25 / 2, 0.375 - 1.5 * 0.5 / 3
    ])  # fmt: skip
    assert found.raw == pytest.approx([1.5 * (0.5 / 3 + 0.5 / 2), 1.5 / 2, -1.5 * 0.5 / 3])
    assert (found.value, found.baseline_value) == pytest.approx((0.6875, 0.3125))
    assert found.df == pytest.approx(54**2 / (625 + 625 + 16) - 1)  # h = 5/12, 5/12, 2/12
    assert found.effect == pytest.approx(0.375 / np.sqrt((0.25 + 0.125) / 2))
    assert found.left_out == ()


def test_a_question_in_every_cell_contributes_its_mean():
    values = np.random.default_rng(0).random((2, 4, 3, 6))  # systems, question languages, passage languages, questions
    found = contributions(rows({
        (system, q, d): {f'q{i}': values[s, j, k, i] for i in range(6)}
        for s, system in enumerate('ab') for j, q in enumerate(('de', 'en', 'es', 'hi'))
        for k, d in enumerate(('ar', 'zh', 'th'))
    }), 'a', 'b')  # fmt: skip
    assert found.differences == pytest.approx((values[0] - values[1]).mean(axis=(0, 1)))
    assert found.raw == pytest.approx(found.differences) and found.df == 5
    per_cell = (values[0] - values[1]).std(axis=-1, ddof=1)
    assert found.effect == pytest.approx((values[0] - values[1]).mean() / np.sqrt((per_cell**2).mean()))


def test_cells_without_a_common_question_have_the_variance_of_independent_means():
    rng = np.random.default_rng(1)
    cells = [{f'{i}-{j}': rng.normal(0.1 * i, 0.2) for j in range(n)} for i, n in enumerate((2, 3, 40))]
    found = contributions(differences(cells), 'a', 'b')
    values = [np.array(list(cell.values())) for cell in cells]
    expected = sum(v.var(ddof=1) / len(v) for v in values) / 9
    assert found.differences.var(ddof=1) / len(found.differences) == pytest.approx(expected)
    assert found.difference == pytest.approx(np.mean([v.mean() for v in values]))
    n, h4 = np.array([2, 3, 40]), 1 / 3**4
    assert found.df == pytest.approx((1 / 9 * (1 / n).sum()) ** 2 / (h4 * (1 / n**3).sum()) - 1)


def test_an_effect_of_a_third_is_one_whatever_the_sizes():
    """On MIRACL's sizes the deviation of contributions is not that of a question, and t / sqrt(n) not d."""
    half = np.array([-1.0, 1.0]) * 0.3
    cells = [{f'{i}-{j}': 0.1 + half[j % 2] for j in range(n)} for i, n in enumerate((44, 1000, 12, 200, 82))]
    found = contributions(differences(cells), 'a', 'b')
    assert found.effect == pytest.approx(1 / 3, rel=0.02)
    assert found.difference / found.differences.std(ddof=1) < 0.3


@pytest.mark.parametrize('difference', [0.05, -1e-3, 0.0])
@pytest.mark.parametrize('base', [0.3, 12_345.6])
def test_a_constant_difference_has_no_deviation(difference, base):
    """In MLQA-R's structure the number of a question's cells varies, and nothing else does."""
    cells = [{f'q{j}': difference for j in range(i, 20 + 3 * i)} for i in range(7)]
    found = contributions(differences(cells, base), 'a', 'b')
    assert (found.differences == found.difference).all() and found.difference == pytest.approx(difference, rel=1e-9)
    assert found.deviation == 0 and found.effect == np.sign(difference) * np.inf if difference else found.effect == 0
    assert found.df > 20


def test_a_cell_with_one_question_is_left_out_and_named():
    table = rows({
        (system, *cell): {f'q{i}': v + i / 8 + (system == 'a') / 8 * (i % 2) for i in range(n)} for system in 'ab'
        for cell, n, v in ((('de', 'en'), 2, 0.25), (('en', 'de'), 1, 0.5), (('th', None), 1, 0.5))
    })
    found = contributions(table, 'a', 'b')
    assert found.left_out == ('en>de', 'th') and found.difference == pytest.approx(1 / 16)
    assert (found.value, found.baseline_value) == pytest.approx((0.375, 0.3125))
    one = table[(table['query_lang'] != 'de') | (table['qid'] == 'q1')]
    for few in (one, one[one['system'] == 'a'], table[:0]):
        with pytest.raises(TooFewQuestions, match=r"no language setting has two questions .* 'a' and 'b'"):
            contributions(few, 'a', 'b')


def test_only_what_both_have_counts():
    found = contributions(rows({
        ('a', 'de', None): {'q1': 0.5, 'q2': 1.0, 'q4': 1.0},
        ('b', 'de', None): {'q1': 0.25, 'q2': 0.0, 'q3': 1.0},
        ('a', 'en', None): {'q1': 0.0},
        ('c', 'de', None): {'q1': 0.75},
    }), 'a', 'b')  # fmt: skip
    assert (found.value, found.baseline_value, found.difference) == (0.75, 0.125, 0.625)
    assert found.differences == pytest.approx([0.25, 1.0]) and found.df == 1


def test_names_order_and_scale_change_nothing(uneven):
    expected = contributions(uneven, 'a', 'b')
    renamed = uneven.replace({'query_lang': {'de': 'zu', 'en': 'af'}, 'qid': {'q1': 'z', 'q3': 'a'}})
    for table in (uneven[::-1], uneven.astype({'qid': 'category', 'query_lang': 'category'}), renamed):
        found = contributions(table, 'a', 'b')
        assert sorted(found.differences) == pytest.approx(sorted(expected.differences))
        assert (found.df, found.effect) == pytest.approx((expected.df, expected.effect))
    scaled = contributions(uneven.assign(value=uneven['value'] * 1e7), 'b', 'a')
    assert scaled.differences == pytest.approx(-1e7 * expected.differences)
    assert scaled.effect == pytest.approx(-expected.effect)

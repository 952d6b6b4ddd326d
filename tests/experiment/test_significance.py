"""Comparisons of systems: the unit is the question, the difference that of the table."""
import dataclasses

import numpy as np
import pandas as pd
import pytest
from ir_measures import AP
from scipy import stats
from statsmodels.stats.multitest import multipletests

from pyterrier_hybrid import experiment
from pyterrier_hybrid.experiment import Result, better_in
from pyterrier_hybrid.experiment.significance import corrected


def make(cells, systems=('a', 'b'), measures=('AP',)) -> Result:
    """A result of ``{(system, setting, query_lang, doc_lang[, measure]): {qid: value}}``."""
    rows = [
        (*cell[:4], cell[4] if len(cell) > 4 else 'AP', qid, value)
        for cell, values in cells.items() for qid, value in values.items()
    ]  # fmt: skip
    columns = ['system', 'setting', 'query_lang', 'doc_lang', 'measure', 'qid', 'value']
    return Result(pd.DataFrame(rows, columns=columns), list(systems), list(measures), 'mine')


def test_the_same_question_in_eleven_languages_is_one_observation():
    """Copies of a question in more languages add no evidence."""
    rng = np.random.default_rng(1)
    values = rng.random((2, 20))

    def result(langs):
        return make({
            (system, 'multilingual', lang, None): {f'q{i}': values[s, i] for i in range(20)}
            for s, system in enumerate('ab') for lang in langs
        })  # fmt: skip

    one, eleven = (result(langs).compare('b') for langs in (['de'], [f'l{chr(97 + i)}' for i in range(11)]))
    pd.testing.assert_frame_equal(one, eleven)
    assert one['n'].tolist() == [20]


@pytest.fixture
def three():
    """Two systems and a baseline on 40 questions in two kinds of settings and measures."""
    rng = np.random.default_rng(2)
    base = rng.random(40)
    shift = {'base': 0.0, 'same': 0.0, 'better': 0.15}
    return make({
        (system, setting, 'de', None if setting == 'multilingual' else 'de', measure): {
            f'q{i}': base[i] + shift[system] * sign + rng.normal(0, 0.2) for i in range(40)
        }
        for system in shift for setting in ('monolingual', 'multilingual')
        for measure, sign in (('AP', 1), ('RankDistance', -1))
    }, shift, ['AP', 'RankDistance'])  # fmt: skip


@pytest.mark.parametrize('test', ['t', 'wilcoxon', 'randomization'])
def test_compare(three, test):
    found = three.compare('base', test=test)
    assert found.columns.tolist() == [
        'system', 'baseline', 'measure', 'setting', 'value', 'baseline_value', 'difference', 'low', 'high', 'interval',
        'effect', 'statistic', 'p', 'df', 'few', 'left_out', 'p_corrected', 'significant', 'n', 'test', 'correction',
        'comparisons', 'level',
    ]  # fmt: skip
    assert found[['test', 'correction', 'comparisons', 'level']].drop_duplicates().values.tolist() == [
        [test, 'holm', 8, 0.95]
    ]  # fmt: skip
    assert len(found) == 8 and (found['n'] == 40).all() and (found['df'] == 39).all()
    assert not found['few'].any() and (found['left_out'] == '').all()
    assert found['significant'].tolist() == (found['p_corrected'] < 0.05).tolist()
    assert found['significant'].any() and not found['significant'].all()
    table = three.table()
    for row in found.itertuples():
        column = (row.measure, row.setting)
        assert row.difference == pytest.approx(table.loc[row.system, column] - table.loc['base', column])
        assert row.low < row.difference < row.high
        here = (three.per_query['measure'] == row.measure) & (three.per_query['setting'] == row.setting)
        values = three.per_query[here].pivot(index='qid', columns='system', values='value')
        a, b = values[row.system], values['base']
        assert row.effect == pytest.approx((a - b).mean() / (a - b).std())
        if test == 't':
            assert (row.statistic, row.p) == pytest.approx(tuple(stats.ttest_rel(a, b)))
        if test == 'wilcoxon':
            assert row.p == pytest.approx(stats.wilcoxon(a, b).pvalue)
    assert sorted(found['p'])[0] * 8 == pytest.approx(found['p_corrected'].min())  # Holm over all eight


def test_a_choice_is_its_own_family(three):
    found = three.compare('base', systems='better', measures=['AP'], settings='multilingual')
    assert len(found) == 1 and found['p'].tolist() == found['p_corrected'].tolist()
    raw = three.compare('base', correction=None)
    assert raw['p'].tolist() == raw['p_corrected'].tolist()
    bonferroni = three.compare('base', correction='bonferroni')
    assert bonferroni['p_corrected'].tolist() == pytest.approx(np.minimum(8 * raw['p'], 1).tolist())


def test_the_same_seed_gives_the_same_table(three):
    first, second = (three.compare('base', test='randomization', resamples=500) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(three.compare('base', test='randomization', resamples=500, seed=1))


def test_settings_without_values_are_left_out(make_result):
    found = make_result().compare('a', measures='AP')
    assert found['setting'].tolist() == ['multilingual'] and found['difference'].tolist() == pytest.approx([0.1])


def test_equivalence(three):
    found = three.equivalence('base', margin={'AP': 0.12}, settings='multilingual').set_index('system')
    assert found['equivalent'].to_dict() == {'same': True, 'better': False}
    assert found.loc['same', 'p_corrected'] == 2 * found.loc['same', 'p']
    assert (found['margin'] == 0.12).all() and set(found['measure']) == {'AP'}
    assert not three.equivalence('base', margin=1e-6)['equivalent'].any()


@pytest.mark.parametrize('level', [0.9, 0.95])
def test_equivalence_without_a_correction_is_an_interval_within_the_margin(three, level):
    for margin in (0.05, 0.08, 0.1, 0.2, 0.3):
        found = three.equivalence('base', margin=margin, correction=None, level=level)
        inside = (found['low'] > -margin) & (found['high'] < margin)
        assert found['equivalent'].tolist() == inside.tolist()
    row = found[(found['system'] == 'same') & (found['measure'] == 'AP')].iloc[0]
    values = three.per_query[(three.per_query['measure'] == 'AP') & (three.per_query['setting'] == row['setting'])]
    values = values.pivot(index='qid', columns='system', values='value')
    by_scipy = stats.ttest_rel(values['same'], values['base']).confidence_interval(2 * level - 1)  # 90% at .95
    assert (row['low'], row['high']) == pytest.approx(tuple(by_scipy))
    assert (row['test'], row['correction'], row['comparisons'], row['level']) == ('tost', None, 8, level)


@pytest.fixture
def languages():
    """Better in de and en, significantly in de; worse in th, significantly; with a measure of which less is better."""
    rng = np.random.default_rng(3)
    noise, base = rng.normal(0, 0.1, (3, 30)), rng.random(30)
    shift = {'de': 0.2, 'en': 0.01, 'th': -0.2}
    noise -= noise.mean(axis=1, keepdims=True)
    cells = {}
    for i, (lang, gain) in enumerate(shift.items()):
        for system, more in (('a', gain + noise[i]), ('b', 0 * noise[i])):
            values = base + more
            cells[system, 'multilingual', lang, None, 'AP'] = {f'q{j}': v for j, v in enumerate(values)}
            cells[system, 'multilingual', lang, None, 'RankDistance'] = {f'q{j}': v for j, v in enumerate(values)}
            cells[system, 'multilingual', lang, None, 'LPR'] = {f'q{j}': v for j, v in enumerate(values)}
    return make(cells, measures=['AP', 'RankDistance', 'LPR'])


def test_better_in_n_of_m_languages(languages):
    found = languages.compare_by_language('b', systems='a', measures='AP', settings='multilingual')
    assert found['query_lang'].tolist() == ['de', 'en', 'th'] and (found['n'] == 30).all()
    assert found['difference'].tolist() == pytest.approx([0.2, 0.01, -0.2])
    assert found['better'].tolist() == [True, True, False]
    assert found['significant'].tolist() == [True, False, True]
    assert better_in(found) == 'better in 2 of 3 languages, significantly in 1; significantly worse in 1'
    less = languages.compare_by_language('b', systems='a', measures='RankDistance', settings='multilingual')
    assert better_in(less) == 'better in 1 of 3 languages, significantly in 1; significantly worse in 1'
    assert better_in(found[found['better']]) == 'better in 2 of 2 languages, significantly in 1'


def test_a_language_with_one_question_is_left_out(languages):
    rows = languages.per_query
    few = dataclasses.replace(languages, per_query=rows[(rows['query_lang'] != 'th') | (rows['qid'] == 'q1')])
    found = few.compare_by_language('b', systems='a', measures='AP', settings='multilingual')
    assert found['query_lang'].tolist() == ['de', 'en'] and found['comparisons'].tolist() == [2, 2]
    one = dataclasses.replace(languages, per_query=rows[rows['qid'] == 'q1'])
    one = dataclasses.replace(languages, per_query=rows[rows['qid'] == 'q1'])
    apart = rows[((rows['query_lang'] == 'de') & (rows['qid'] == 'q1'))
                 | ((rows['query_lang'] == 'en') & (rows['qid'] == 'q2'))]  # fmt: skip
    for result in (one, dataclasses.replace(languages, per_query=apart)):
        with pytest.raises(ValueError, match="no language has two questions with values for both 'b' and"):
            result.compare_by_language('b')


def test_every_language_of_every_comparison(languages):
    found = languages.compare_by_language('b', resamples=500)
    compared = found[['system', 'baseline', 'measure', 'setting']].drop_duplicates().values.tolist()
    assert compared == [['a', 'b', measure, 'multilingual'] for measure in ('AP', 'RankDistance')]  # LPR: neither
    for measure in ('AP', 'RankDistance'):
        one = languages.compare_by_language('b', measures=measure, resamples=500)
        rows = found[found['measure'] == measure].reset_index(drop=True)
        pd.testing.assert_frame_equal(one, rows)
        pd.testing.assert_series_equal(rows['comparisons'], pd.Series([3] * 3), check_names=False)
    one = dataclasses.replace(languages, per_query=languages.per_query.query("query_lang == 'th'"))
    assert one.compare('b', measures='AP', correction=None)['p'][0] == pytest.approx(rows_of(found, 'AP', 'th')['p'])


def rows_of(found, measure, lang):
    return found[(found['measure'] == measure) & (found['query_lang'] == lang)].iloc[0]


def test_functions_of_earlier_versions(languages):
    with pytest.warns(FutureWarning, match=r'result\.compare\(baseline\)'):
        pd.testing.assert_frame_equal(experiment.compare_systems(languages, 'b'), languages.compare('b'))
    with pytest.warns(FutureWarning, match=r'result\.equivalence\(baseline\)'):
        pd.testing.assert_frame_equal(
            experiment.equivalence(languages, 'b', margin=0.1), languages.equivalence('b', margin=0.1)
        )
    with pytest.warns(FutureWarning, match=r'result\.compare_by_language\(baseline\)'):
        every = experiment.compare_every_language(languages, 'b', resamples=99)
    assert list(every) == [('a', 'b', measure, 'multilingual') for measure in ('AP', 'RankDistance')]
    for compared, frame in every.items():
        with pytest.warns(FutureWarning, match=r'result\.compare_by_language\(baseline\)'):
            one = experiment.compare_by_language(languages, *compared, resamples=99)
        pd.testing.assert_frame_equal(frame.reset_index(drop=True), one)
        assert one.columns[0] == 'query_lang'


@pytest.mark.parametrize('correction', ['bonferroni', 'holm-sidak', 'fdr_bh', 'fdr_tsbky', 'hommel'])
def test_corrections_are_those_of_pt_experiment(three, correction):
    found = three.compare('base', correction=correction)
    reject, p, *_ = multipletests(found['p'], method=correction)
    assert found['p_corrected'].tolist() == pytest.approx(list(p))
    assert found['significant'].tolist() == reject.tolist() and (found['correction'] == correction).all()


def test_holm_by_hand():
    frame = corrected(pd.DataFrame({'p': [0.04, 0.01, 0.03], 'n': 9}), 't', 'holm', 0.95, 'significant')
    assert frame['p_corrected'].tolist() == pytest.approx([0.06, 0.03, 0.06])  # .01 * 3, .03 * 2, then not less
    assert frame['significant'].tolist() == [False, True, False]


def test_measures_may_be_given_as_objects(three):
    pd.testing.assert_frame_equal(three.compare('base', measures=[AP]), three.compare('base', measures='AP'))
    by_object = three.equivalence('base', margin={AP: 0.1})
    pd.testing.assert_frame_equal(by_object, three.equivalence('base', margin={'AP': 0.1}))


def test_what_is_given_twice_counts_once(three):
    twice = {'systems': ['better', 'same', 'better'], 'measures': ['AP', AP], 'settings': ['multilingual'] * 2}
    once = {'systems': ['better', 'same'], 'measures': AP, 'settings': 'multilingual'}
    pd.testing.assert_frame_equal(three.compare('base', **twice), three.compare('base', **once))
    by_language = three.compare_by_language('base', **twice)
    pd.testing.assert_frame_equal(by_language, three.compare_by_language('base', **once))
    found = three.equivalence('base', margin={AP: 0.1, 'AP': 0.1}, **twice)
    pd.testing.assert_frame_equal(found, three.equivalence('base', margin=0.1, **once))
    with pytest.raises(ValueError, match=r'AP has the margins 0\.1 and 0\.2; give it one'):
        three.equivalence('base', margin={AP: 0.1, 'AP': 0.2})


@pytest.mark.parametrize('call, message', [
    (lambda r: r.compare('a', level='x'), "level is 'x'; it lies between 0 and 1"),
    (lambda r: r.compare('a', resamples=0), 'resamples is 0; it is a whole number of 1 or more'),
    (lambda r: r.compare('a', resamples=1e4), 'resamples is 10000.0; it is a whole number'),
    (lambda r: r.compare_by_language('a', resamples=-5), 'resamples is -5; it is a whole number'),
    (lambda r: r.equivalence('a', margin=1, level=0.5), 'level is 0.5; an equivalence test has one above 0.5'),
    (lambda r: r.compare('c'), "the result has no system 'c'; it has a, b"),
    (lambda r: r.compare('a', systems='a'), "'a' cannot be compared with itself"),
    (lambda r: r.compare('a', measures='P'), "the result has no measure 'P'"),
    (lambda r: r.compare('a', settings='mono'), "the result has no setting 'mono'"),
    (lambda r: r.compare('a', settings='crosslingual'), 'there is nothing in which b and a have values'),
    (lambda r: r.compare('a', test='u'), "test is 'u'; it is one of 't', 'wilcoxon', 'randomization'"),
    (lambda r: r.compare('a', correction='x'), "correction is 'x'; it is one of None, .*'bonferroni'"),
    (lambda r: r.compare('a', level=95), 'level is 95; it lies between 0 and 1'),
    (lambda r: dataclasses.replace(r, systems=['a']).compare('a'), 'the result has one system, a; there is nothing to'),
    (lambda r: r.equivalence('a', margin={'AP': 1, 'X': 1}, measures='AP'), "margin names 'X', which is no meas"),
    (lambda r: r.equivalence('a', margin={'AP': 1, 'LPR': np.nan}, measures='AP'), 'the margin of LPR is nan; it is'),
    (lambda r: r.equivalence('a', margin=0), 'the margin of AP is 0; it is a number above 0'),
    (lambda r: r.equivalence('a', margin={'AP': 1}, measures=['LPR']), 'the margin of LPR is None'),
    (lambda r: r.compare_by_language('b', measures='LPR'), 'neither more nor less of LPR is better'),
    (lambda r: dataclasses.replace(r, per_query=r.per_query[r.per_query['measure'] == 'LPR']).compare_by_language('b'),
     'neither more nor less of LPR is better; compare it with Result.chance'),
    (lambda r: r.compare_by_language('b', settings='monolingual'), 'there is nothing in which a and b have values'),
    (lambda r: r.compare_by_language('c'), "the result has no system 'c'"),
])  # fmt: skip
def test_what_cannot_be_compared(languages, call, message):
    with pytest.raises(ValueError, match=message):
        call(languages)


def test_a_comparison_of_one_question_is_left_out():
    result = make({
        **{(system, 'multilingual', 'de', None): {'q1': 0.5, 'q2': v} for system, v in (('a', 0.1), ('b', 0.2))},
        **{(system, 'multilingual', 'de', None, 'LPR'): {'q1': 1.0} for system in 'ab'},
    }, measures=['AP', 'LPR'])  # fmt: skip
    assert result.compare('b')['measure'].tolist() == ['AP']
    assert result.equivalence('b', margin=0.1)['measure'].tolist() == ['AP']
    with pytest.raises(ValueError, match='LPR, multilingual settings: no language setting has two questions'):
        result.compare('b', measures='LPR')


def test_one_question_is_no_sample():
    result = make({(system, 'multilingual', 'de', None): {'q1': 0.5} for system in 'ab'})
    with pytest.raises(ValueError, match=r"AP, multilingual settings: no language setting has .* 'a' and"):
        result.compare('b')


def test_few_questions_and_cells_left_out_are_marked():
    rng = np.random.default_rng(5)
    cells = {
        (system, 'crosslingual', *langs): {f'q{i}': rng.random() for i in range(n)}
        for system in 'ab' for langs, n in ((('de', 'en'), 20), (('en', 'de'), 20), (('en', 'th'), 1))
    }  # fmt: skip
    row = make(cells).compare('b').iloc[0]
    assert (row['df'], row['few'], row['left_out']) == (19, True, 'en>th')
    row = make(cells).equivalence('b', margin=0.5).iloc[0]
    assert (row['df'], row['few'], row['left_out']) == (19, True, 'en>th')


def test_intervals_stay_within_what_two_values_can_differ_by():
    values = {'q1': (1.0, 0.0), 'q2': (0.0, 0.25)}
    cells = {
        (system, 'multilingual', 'de', None, measure): {q: scale * of[s] for q, of in values.items()}
        for s, system in enumerate('ab') for measure, scale in (('AP', 1), ('RankDistance', 4000))
    }
    found = make(cells, measures=['AP', 'RankDistance']).equivalence('b', margin=0.5)
    assert found.loc[0, ['low', 'high']].tolist() == [-1, 1]
    assert found.loc[1, 'low'] < -4000  # of any pool
    interval = make(cells).compare('b', measures='AP').loc[0, ['low', 'high']]
    assert interval.between(-1, 1).all()


def test_unequal_cells_have_fewer_degrees_of_freedom():
    """The t test is that of the macro mean: its p-value by hand from contributions, f_c and nu."""
    rng = np.random.default_rng(6)
    sizes = {'de': 4, 'en': 30}
    diffs = {lang: rng.normal(0.1, 0.2, n) for lang, n in sizes.items()}
    row = make({
        (system, 'multilingual', lang, None): {f'{lang}{i}': d * (system == 'a') for i, d in enumerate(of)}
        for lang, of in diffs.items() for system in 'ab'
    }).compare('b').iloc[0]  # fmt: skip
    error = np.sqrt(sum(of.var(ddof=1) / len(of) for of in diffs.values())) / 2
    t = np.mean([of.mean() for of in diffs.values()]) / error
    df = (sum(1 / n for n in sizes.values())) ** 2 / sum(1 / n**3 for n in sizes.values()) - 1
    assert (row['statistic'], row['df']) == pytest.approx((t, df))
    assert row['p'] == pytest.approx(2 * stats.t.sf(abs(t), df)) and row['n'] == 34


def test_intervals_are_t_for_few_degrees_of_freedom_and_bootstrap_for_more():
    rng = np.random.default_rng(7)
    for n, kind in ((50, 't'), (51, 'bootstrap')):
        values = rng.gamma(1, 1, n) / 20
        row = make({
            (system, 'multilingual', 'de', None): {f'q{i}': v * (system == 'a') for i, v in enumerate(values)}
            for system in 'ab'
        }).compare('b').iloc[0]  # fmt: skip
        by_t = stats.ttest_1samp(values, 0).confidence_interval()
        assert row['interval'] == kind
        assert ((row['low'], row['high']) == pytest.approx(tuple(by_t), rel=1e-9)) == (kind == 't')
        assert (row['low'], row['high']) == pytest.approx(tuple(by_t), abs=0.004)

import random
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pyterrier_hybrid.measures import mrc
from pyterrier_hybrid.measures.consistency import rank_correlation
from pyterrier_hybrid.ranking import separate_run


def test_a_correlation_by_hand():
    # union a b c d; scores 3 2 1 0 and (a absent) 4 2 9 5: ranks 4 3 2 1 and 1 2.. by score: a 1, c 2, b 3, d 4
    one, other = {'a': 3., 'b': 2., 'c': 1.}, {'b': 4., 'c': 2., 'd': 9.}
    assert rank_correlation(one, other) == pytest.approx(stats.spearmanr([3, 2, 1, 0], [1, 4, 2, 9]).statistic)
    assert rank_correlation(one, one) == pytest.approx(1) and rank_correlation(one, {'a': 1., 'b': 2., 'c': 3.}) == -1


@pytest.mark.parametrize(('one', 'other'), [
    ({'a': 1., 'b': 1.}, {'a': 1., 'b': 2.}), ({}, {'a': 1., 'b': 2.}), ({}, {}), ({'a': 1.}, {'a': 1.}),
])
def test_a_constant_list_gives_zero(one, other):
    assert rank_correlation(one, other) == 0 == rank_correlation(other, one)


def test_equal_to_scipy_on_top_k(random_case):
    runs = {lang: random_case(seed)[1] for lang, seed in zip(('de', 'en', 'fr'), (1, 2, 3))}
    tops = {lang: {query_id: dict(sorted(zip(rows['doc_id'], rows['score']), key=lambda pair: (-pair[1], pair[0]))[:5])
                   for query_id, rows in run.groupby('query_id')} for lang, run in runs.items()}
    values = []
    for question in {question for top in tops.values() for question in top}:
        of_question = []
        for one, other in combinations([top[question] for top in tops.values() if question in top], 2):
            union = sorted(one | other)
            scores = [[top.get(docno, min(top.values()) - 1) for docno in union] for top in (one, other)]
            constant = any(len(set(row)) == 1 for row in scores)
            of_question.append(0 if constant else stats.spearmanr(*scores).statistic)
        values += [np.mean(of_question)] if of_question else []
    assert mrc(runs, 5) == pytest.approx(np.mean(values))


def test_a_separated_run_has_the_correlation_of_its_scores_before(random_case):
    """Our retrievers hand out strictly decreasing scores; that two documents tied still counts as a tie."""
    before = {lang: random_case(seed)[1].rename(columns={'query_id': 'qid', 'doc_id': 'docno'})
              for lang, seed in (('de', 1), ('en', 2))}
    after = {lang: separate_run(run) for lang, run in before.items()}
    assert all(run.groupby('qid')['score'].nunique().max() < 6 for run in before.values())
    assert mrc(after, 10) == mrc(before, 10)


def test_questions_in_one_language_do_not_count_and_lost_ones_do():
    same = {'q1': {'a': 2., 'b': 1.}}
    runs = {'de': same | {'q2': {'a': 2., 'b': 1.}}, 'en': same}
    assert mrc(runs, 10) == pytest.approx(1)
    assert mrc(runs, 10, questions={'de': ['q1', 'q2'], 'en': ['q1']}) == pytest.approx(1)
    assert mrc(runs, 10, questions={'de': ['q1', 'q2'], 'en': ['q1', 'q2']}) == pytest.approx(.5)


def test_form_of_the_run_order_of_rows_names_and_a_shift_of_scores_change_nothing(random_case):
    frames = {lang: random_case(seed)[1] for lang, seed in (('de', 1), ('en', 2))}
    expected = mrc(frames, 10)
    dicts = {lang: {q: dict(zip(rows['doc_id'], rows['score'])) for q, rows in run.groupby('query_id')}
             for lang, run in frames.items()}
    pyterrier = {lang: run.rename(columns={'query_id': 'qid', 'doc_id': 'docno'}).sample(frac=1, random_state=1)
                 for lang, run in frames.items()}
    shifted = {{'de': 'ru', 'en': 'ar'}[lang]: run.assign(score=run['score'] + 100) for lang, run in frames.items()}
    assert mrc(dicts, 10) == mrc(pyterrier, 10) == pytest.approx(expected) == mrc(shifted, 10)


def test_unrelated_rankings_correlate_around_zero():
    rng = random.Random(0)
    runs = {lang: {f'q{q}': {f'd{i}': rng.random() for i in range(20)} for q in range(500)} for lang in ('de', 'en')}
    assert abs(mrc(runs, 20)) < 3 / np.sqrt(19 * 500)


@pytest.mark.parametrize(('runs', 'k', 'options', 'message'), [
    ({'de': {'q': {'a': 1.}}}, 10, {}, 'mrc compares languages, and there are runs in 1: de'),
    ({}, 10, {}, 'runs in 0: none'),
    ({'de': {'q': {'a': 1.}}, 'en': {'p': {'a': 1.}}}, 10, {}, r'no question is in two of the runs \(de, en\)'),
    ({'de': {}, 'en': {}}, 0, {}, r'mrc\(k=0\): it must be a whole number'),
    ({'de': {}, 'English': {}}, 5, {}, "a run of mrc has the language 'English'"),
    ({'de': {}, 'en': {}}, 5, {'questions': {'de': []}}, 'runs and questions differ in their languages: en'),
    ({'de': {'q': {'a': float('nan')}}, 'en': {}}, 5, {}, "query 'q': document 'a' has the score nan"),
    ({'de': pd.DataFrame({'qid': ['q'], 'docno': ['a']}), 'en': {}}, 5, {}, 'the run has no column score'),
])
def test_bad_input(runs, k, options, message):
    with pytest.raises(ValueError, match=message):
        mrc(runs, k, **options)

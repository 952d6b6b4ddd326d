import math

import ir_measures
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon

from pyterrier_hybrid.measures import AWRF, Languages
from pyterrier_hybrid.measures.awrf import attention_weighted_fairness, language_exposure

QRELS = list(ir_measures.read_trec_qrels('''
q    de d1 1
q    de d2 1
q    de d3 2
q    en e1 1
gone de d1 1
gone en e1 1
mono de d1 1
none de d1 0
'''))
RUN = pd.DataFrame([('q', 'd1', 9., 'de'), ('q', 'x', 8., 'fr'), ('q', 'e1', 7., 'en'), ('q', 'y', 6., 'zh'),
                    ('mono', 'd1', 9., 'de'), ('none', 'd1', 9., 'de')],
                   columns=['query_id', 'doc_id', 'score', 'doc_lang'])


def values(measure, qrels=QRELS, run=RUN):
    return {metric.query_id: metric.value for metric in measure.iter_calc(qrels, run)}


def fairness(exposure, target):
    return 1 - jensenshannon(exposure, target, base=2) ** 2


@pytest.mark.usefixtures('quiet')
def test_by_hand():
    second, third = 1 / math.log2(3), 1 / 2  # the discounts of ranks 2 and 3; that of rank 1 is 1
    found = values(AWRF@3)
    assert found['q'] == pytest.approx(fairness([1, third, second], [.75, .25, 0]))
    assert values(AWRF(target='uniform')@3)['q'] == pytest.approx(fairness([1, third, second], [.5, .5, 0]))
    assert values(AWRF(rel=2)@3)['q'] == pytest.approx(fairness([1, third, second], [1, 0, 0]))
    assert values(AWRF@1)['q'] == pytest.approx(fairness([1, 0], [.75, .25]))
    assert found['gone'] == 0 and found['mono'] == 1 and found['none'] == 0


def test_nothing_in_common_is_zero_and_equal_shares_are_one():
    exposure, target = np.array([[1., 0.], [.5, .5], [0., 0.]]), np.array([[0., 1.], [.5, .5], [.5, .5]])
    assert attention_weighted_fairness(exposure, target).tolist() == [0, 1, 0]
    assert language_exposure(np.array([1, 3]), np.array([1, 1]), np.array([0, 1]), 2, 2) == pytest.approx(
        np.array([[0, 0], [2 / 3, 1 / 3]]))


@pytest.mark.usefixtures('quiet')
def test_the_target_may_be_the_collection():
    langs = Languages({'d1': 'de', 'd2': 'de', 'd3': 'de', 'e1': 'en', 'x': 'fr', 'y': 'zh', 'z': 'zh', 'u': 'ru'})
    second, third = 1 / math.log2(3), 1 / 2
    assert values(AWRF(target='collection', langs=langs)@3)['q'] == pytest.approx(
        fairness([1, third, second, 0, 0], np.array([3, 1, 1, 2, 1]) / 8))
    assert values(AWRF(target='collection', langs=langs)@3)['none'] > 0  # it needs no relevant document


@pytest.mark.usefixtures('quiet')
def test_the_language_of_a_document_comes_from_the_qrels_then_langs_then_the_run():
    wrong = RUN.assign(doc_lang='ru')
    langs = Languages({'x': 'fr', 'y': 'zh', 'd1': 'ru', 'e1': 'ru'})
    assert values(AWRF(langs=langs)@4, run=wrong) == pytest.approx(values(AWRF@4))
    assert values(AWRF(langs=langs)@4, run=RUN.drop(columns='doc_lang')) == pytest.approx(values(AWRF@4))
    assert values(AWRF(langs={'x': 'fr'})@4) == pytest.approx(values(AWRF@4))  # y from the run
    with pytest.raises(ValueError, match=r"query 'q': the retrieved document 'x' has no language; retrieve with a "
                                         r'column doc_lang, or give langs=Languages'):
        values(AWRF@4, run=RUN.drop(columns='doc_lang'))
    with pytest.raises(ValueError, match="query 'q': the retrieved document 'y' has no language"):
        values(AWRF(langs={'x': 'fr'})@4, run=RUN.drop(columns='doc_lang'))
    with pytest.raises(ValueError, match="the retrieved document 'x' has the language 'French'"):
        values(AWRF@4, run=RUN.replace('fr', 'French'))
    assert values(AWRF@1, run=RUN.drop(columns='doc_lang')) == pytest.approx(values(AWRF@1))  # x is not looked at


@pytest.mark.usefixtures('quiet')
@pytest.mark.parametrize('target', ['relevant', 'uniform'])
def test_equal_to_plain_loops(random_case, plain, target):
    for seed in range(4):
        qrels, run = random_case(seed)
        expected = {}
        for query_id, query in plain(qrels, run).items():
            exposure = dict.fromkeys(('de', 'en', 'fr', 'zh'), 0.)
            for rank, (_, lang) in enumerate(query['list'][:7], 1):
                exposure[lang] += 1 / math.log2(1 + rank)
            langs = [lang for _, lang, _ in query['ranks']]
            shares = [langs.count(lang) if target == 'relevant' else lang in langs for lang in exposure]
            expected[query_id] = fairness(list(exposure.values()), shares) if query['list'] else 0.
        assert values(AWRF(target=target)@7, qrels, run) == pytest.approx(expected, abs=1e-7)


def test_degenerate_queries_are_counted_once_by_name():
    with pytest.warns(UserWarning) as caught:
        values(AWRF@3)
    assert [str(warning.message) for warning in caught] == [
        'AWRF@3: 1 of 4 queries have no relevant document, hence no target, and count as 0; 1 of 4 queries have a '
        'target of one language only, where every list in that language has the value 1']

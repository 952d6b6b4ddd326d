import ir_measures
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pyterrier_hybrid.measures import PEER
from pyterrier_hybrid.measures.peer import equal_expected_rank
from pyterrier_hybrid.measures.relevant import Relevant

QRELS = list(ir_measures.read_trec_qrels('''
even   de d1 1
even   de d2 1
even   en e1 1
even   en e2 1
unfair de d1 1
unfair de d2 1
unfair en e1 1
unfair en e2 1
part   de d1 1
part   de d2 1
part   en e1 1
part   en e2 1
graded de d1 1
graded de d2 1
graded en e1 1
graded de d3 3
graded en e3 3
graded en e4 3
lost   de d1 1
lost   en e1 1
gone   de d1 1
gone   de d2 1
gone   en e1 1
single de d1 1
single en e1 1
mono   de d1 1
mono   de d2 1
tied   de d1 1
tied   de d2 2
tied   en e2 2
'''))
RUN = {query_id: {docno: -float(i) for i, docno in enumerate(docnos.split())} for query_id, docnos in {
    'even': 'd1 e1 x e2 d2', 'unfair': 'd1 x d2 y z e1 e2', 'part': 'd1 x y', 'graded': 'd1 e1 e3 d2 d3 x e4',
    'lost': 'x y', 'single': 'x e1 y d1', 'mono': 'd1 x d2', 'tied': 'd1 x'}.items()}


def values(measure, qrels=QRELS, run=RUN):
    return {metric.query_id: metric.value for metric in measure.iter_calc(qrels, run)}


def p(*samples):
    return stats.kruskal(*samples).pvalue


@pytest.mark.usefixtures('quiet')
def test_by_hand():
    level1, level3 = p([1, 3], [2]), p([2], [1, 3])
    assert values(PEER@20) == pytest.approx({
        'even': 1.,                              # de 1 and 4, en 2 and 3 within the sample
        'unfair': .12134, 'part': .31731,        # H = 2.4; H = 1: one at rank 1, three tied at 3
        'graded': (level1 + level3) / 2, 'lost': 0., 'gone': 0., 'single': .31731, 'mono': 1., 'tied': 1.}, abs=5e-6)
    assert p([1, 2], [3, 4]) == pytest.approx(.12134, abs=5e-6) and p([1, 3], [3, 3]) == pytest.approx(.31731, abs=5e-6)


@pytest.mark.usefixtures('quiet')
def test_beyond_the_cutoff_is_unretrieved():
    assert values(PEER@5)['unfair'] == pytest.approx(p([1, 2], [3.5, 3.5]))
    assert values(PEER@1)['unfair'] == pytest.approx(p([1, 3], [3, 3]))


@pytest.mark.usefixtures('quiet')
def test_weights_are_renormalised_over_the_levels_that_can_be_tested():
    level1, level3 = p([1, 3], [2]), p([2], [1, 3])
    assert values(PEER(weights={1: .2, 3: .6})@20)['graded'] == pytest.approx(.25 * level1 + .75 * level3)
    assert values(PEER(weights={1: 1})@20)['graded'] == pytest.approx(level1)
    assert values(PEER(weights={3: 1})@20) == pytest.approx(
        {'even': 1, 'unfair': 1, 'part': 1, 'single': 1, 'mono': 1, 'tied': 1, 'graded': level3, 'lost': 0, 'gone': 0})
    assert values(PEER(rel=2)@20)['graded'] == pytest.approx(level3)


@pytest.mark.usefixtures('quiet')
@pytest.mark.parametrize('cutoff', [3, 10, 50])
def test_equal_to_scipy_level_by_level(random_case, plain, cutoff):
    for seed in range(4):
        qrels, run = random_case(seed)
        expected = {}
        for query_id, query in plain(qrels, run).items():
            ranks = [(rank if rank and rank <= cutoff else 10**6, lang, level) for rank, lang, level in query['ranks']]
            tested = []
            for level in {level for *_, level in ranks}:
                samples = {}
                for rank, lang, its_level in ranks:
                    if its_level == level:
                        samples.setdefault(lang, []).append(rank)
                if len(samples) > 1 and len({rank for sample in samples.values() for rank in sample}) > 1:
                    tested.append(p(*samples.values()))
            found = any(rank <= cutoff for rank, *_ in ranks)
            expected[query_id] = 0. if not found else np.mean(tested) if tested else 1.
        assert values(PEER@cutoff, qrels, run) == pytest.approx(expected)


@pytest.mark.parametrize(('n_langs', 'constant'), [(2, '0.3173'), (7, '0.4232'), (11, '0.4405')])
def test_one_document_per_language_is_said_once_by_name_with_the_constant(n_langs, constant):
    langs = ['ar', 'de', 'el', 'en', 'es', 'hi', 'ru', 'th', 'tr', 'vi', 'zh'][:n_langs]
    qrels = pd.DataFrame([(f'q{q}', f'd{i}', 1, lang) for q in range(3) for i, lang in enumerate(langs)],
                         columns=['query_id', 'doc_id', 'relevance', 'iteration'])
    run = {f'q{q}': {f'd{i}': float((i * 5 + q) % 13) for i in range(n_langs)} for q in range(3)}
    with pytest.warns(UserWarning) as caught:
        found = values(PEER@20, qrels, run)
    assert list(found.values()) == pytest.approx([float(constant)] * 3, abs=5e-5)
    assert [str(warning.message) for warning in caught] == [
        'PEER@20: 3 of 3 queries have a relevance level with one document per language, which contributes the constant '
        f'{constant} whatever the ranking: PEER cannot tell systems apart there']


def test_what_cannot_be_tested_is_said_once_by_name():
    with pytest.warns(UserWarning, match=r'^PEER@20: 2 of 9 queries have no relevance level that can be tested .* and '
                                         'count as 1; 3 of 9 queries have a relevance level with one') as caught:
        values(PEER@20)
    assert len(caught) == 1


def test_arrays_alone():
    relevant = Relevant(np.array([1, 0, 2, 3]), np.array([0, 0, 0, 2]), np.array([0, 0, 1, 0]), np.array([1, 1, 1, 1]),
                        4, np.full(4, 9))
    peer = equal_expected_rank(relevant, cutoff=5)
    assert peer.value.tolist() == pytest.approx([p([1, 3], [2]), 0, 1, 0])
    assert peer.undecided.tolist() == [False, False, True, False] and np.isnan(peer.constants).all()

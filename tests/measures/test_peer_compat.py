"""The figures are those of peer_measure 0.0.1, with its call of the missing ``flatten_measures`` replaced."""
import ir_measures
import pytest
from scipy import stats

from pyterrier_hybrid.measures import PEER

QRELS = list(ir_measures.read_trec_qrels('''
q1 de d1 1
q1 de d2 1
q1 en e1 1
q1 en e2 1
q1 en x 0
q2 de d1 1
q2 en e1 1
q2 en e2 1
q2 en x 0
q3 de d1 1
q3 en e1 1
q3 en x 0
q4 de d1 1
q4 en x 0
q5 de d1 1
q5 en e1 1
q5 en e2 3
q5 de d2 3
q5 de d3 3
q5 en x 0
'''))
RUN = {query_id: {docno: -float(i) for i, docno in enumerate(docnos.split())} for query_id, docnos in {
    'q1': 'd1 d2 x e1 e2', 'q2': 'x y z u v e1 e2', 'q3': 'x y z', 'q5': 'e2 y e1 d2 d1 x d3'}.items()}
LANGS = {'y': 'de', 'z': 'fr', 'u': 'en', 'v': 'de'}


def values(measure, run=RUN):
    return [metric.value for metric in sorted(measure.iter_calc(QRELS, run))]


@pytest.mark.usefixtures('quiet')
@pytest.mark.parametrize(('weights', 'cutoff', 'published'), [
    ({1: .5, 3: .5}, 10, [.0501741232, .0907246039, .5, 0., .2689909349]),
    ({0: .2, 1: .8}, 10, [.2802785972, .3089055168, .8735758882, 0., .3173105079]),
    ({1: 1.}, 3, [.0880815117, 1., 1., 0.]),
])
def test_the_published_packages_figures(weights, cutoff, published):
    measure = PEER(weights=weights, langs=LANGS, compat=True)@cutoff
    assert values(measure)[:len(published)] == pytest.approx(published, abs=1e-9)


@pytest.mark.usefixtures('quiet')
def test_where_all_positions_are_equal_the_package_has_nan_and_this_has_one():
    assert values(PEER(weights={1: 1.}, compat=True)@3)[4] == 1.  # e1 at 3, d1 unretrieved and put at 3


@pytest.mark.usefixtures('quiet')
def test_it_is_not_the_measure():
    compat, measure = values(PEER(weights={1: 1.}, compat=True)@10), values(PEER(weights={1: 1.})@10)
    assert measure[0] == pytest.approx(stats.kruskal([1, 2], [3, 4]).pvalue) and compat[0] != pytest.approx(measure[0])
    # nothing relevant retrieved is as fair as can be in the package
    assert compat[2] == 1. and measure[2] == 0.


@pytest.mark.usefixtures('quiet')
def test_unjudged_documents_need_a_language_only_where_their_level_has_a_weight():
    assert len(values(PEER(weights={1: 1.}, compat=True)@10)) == 5
    with pytest.raises(ValueError, match="query 'q2': the retrieved document 'y' has no language"):
        values(PEER(weights={0: .5, 1: .5}, compat=True)@10)


@pytest.mark.usefixtures('quiet')
def test_without_judged_non_relevant_documents_the_package_fails_and_unjudged_ones_are_of_level_0():
    measure = PEER(weights={0: .5, 1: .5}, langs={'x': 'en', 'y': 'de'}, compat=True)@10
    found = measure.calc_aggregate([ir_measures.Qrel('q', 'd1', 1, 'de')], {'q': {'d1': 3., 'x': 2., 'y': 1.}})
    assert found == pytest.approx(.5 * 1. + .5 * stats.chi2.sf(1, 1))

import ir_measures
import pytest

from pyterrier_hybrid.measures import AWRF, LPR, PEER, TLR, Complete, Languages, MaxRank, RankDistance
from pyterrier_hybrid.measures.base import check_params

MEASURES = [RankDistance, MaxRank, Complete, LPR, TLR, PEER, AWRF]
D = {'d1': 'de', 'd2': 'en'}


@pytest.mark.parametrize(('measure', 'name'), [
    (RankDistance@1000, 'RankDistance@1000'),
    (RankDistance(pool=13014), 'RankDistance(pool=13014)'),
    (RankDistance(pool=13014, norm=True, rel=2)@1000, 'RankDistance(pool=13014,norm=True,rel=2)@1000'),
    (LPR, 'LPR'),
    (LPR(query_lang='de'), "LPR(query_lang='de')"),
    (TLR(query_lang='de')@100, "TLR(query_lang='de')@100"),
    (PEER@20, 'PEER@20'),
    (PEER(weights={3: .5, 1: .5})@20, 'PEER(weights={1:0.5,3:0.5})@20'),
    (AWRF(target='uniform')@10, "AWRF(target='uniform')@10"),
])
def test_names_parse_back_to_the_same_measure(measure, name):
    assert repr(measure) == name
    assert ir_measures.parse_measure(name) == measure and hash(ir_measures.parse_measure(name)) == hash(measure)


def test_measures_with_different_parameters_are_different_measures():
    # ir_measures' own repr leaves {1: 1} and {3: 3} out of a mapping, and compares by repr
    measures = [PEER@20, PEER@10, PEER(weights={1: 1})@20, PEER(weights={1: 1, 3: 3})@20, PEER(weights={3: 3})@20,
                PEER(langs=D)@20, PEER(langs={**D, 'd2': 'de'})@20, PEER(rel=2)@20, RankDistance@20]
    assert len(set(measures)) == len(measures)
    assert len({repr(measure) for measure in measures}) == len(measures)


def test_a_default_given_is_the_default():
    assert RankDistance(norm=False, rel=1, pool=None)@10 == RankDistance@10


def test_a_plain_mapping_of_languages_is_wrapped():
    measure = AWRF(langs=D)@10
    assert isinstance(measure['langs'], Languages) and measure == AWRF(langs=Languages(D))@10
    assert len(repr(AWRF(langs={f'd{i}': 'de' for i in range(13014)})@10)) < 70


def test_every_measure_says_what_it_is():
    for measure in MEASURES:
        assert ir_measures.measures.registry[measure.NAME] is measure
        assert measure.PRETTY_NAME and measure.SHORT_DESC and 'Sees:' in type(measure).__doc__
        assert 'arXiv' in type(measure).__doc__ or measure in (MaxRank, Complete)
        assert all(param.desc for param in measure.SUPPORTED_PARAMS.values())


@pytest.mark.parametrize(('make', 'message'), [
    (lambda: RankDistance(depth=3),
     "RankDistance has no parameter 'depth'; it has cutoff, pool, norm, complete, rel, langs"),
    (lambda: LPR@10, "LPR has no parameter 'cutoff'"),
    (lambda: RankDistance@0, r'RankDistance\(cutoff=0\): it must be a whole number of 1 or more'),
    (lambda: RankDistance@float('nan'), r'cutoff=nan'),
    (lambda: RankDistance(rel=float('nan')), r'rel=nan\): it must be a whole number'),
    (lambda: RankDistance@10**30, r'at most 2\*\*53'),
    (lambda: PEER(weights={1: float('nan')}), 'weights >= 0'),
    (lambda: RankDistance@True, r'cutoff=True\): it must be a whole number'),
    (lambda: TLR@2.5, r'TLR\(cutoff=2.5\): it must be a whole number'),
    (lambda: RankDistance(pool='all'), r"pool='all'\): it must be a whole number"),
    (lambda: RankDistance(norm=1), r'norm=1\): it must be True or False'),
    (lambda: PEER(rel=0), r'rel=0\): it must be a whole number of 1 or more'),
    (lambda: LPR(query_lang='German'), "the query has the language 'German'"),
    (lambda: AWRF(target='equal'), r"target='equal'\): it must be one of relevant, uniform, collection"),
    (lambda: AWRF(langs=['de']), r'it must be Languages\(\{docno: language\}\)'),
    (lambda: AWRF(langs={}), 'Languages is empty'),
    (lambda: PEER(weights={}), 'it must be a mapping from relevance level to weight'),
    (lambda: PEER(weights={1: -1}), 'weights >= 0'),
    (lambda: PEER(weights={1: 0}), 'not all of them 0'),
    (lambda: PEER(weights={'1': 1}), 'it must be a mapping from relevance level to weight'),
    (lambda: PEER(weights=[1]), 'it must be a mapping from relevance level to weight'),
])
def test_a_parameter_it_cannot_have_is_refused_when_it_is_given(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(('measure', 'message'), [
    (TLR, r'TLR needs a cutoff \(ranking cutoff threshold\), as in TLR@20'),
    (PEER, 'PEER needs a cutoff'),
    (AWRF, 'AWRF needs a cutoff'),
    (RankDistance(norm=True), 'needs pool, the number of documents ranked'),
    (AWRF(target='collection')@10, r'needs langs=Languages\(\{docno: language\}\)'),
    (PEER(weights={0: .5, 1: .5})@10, 'weights a level below rel=1'),
    (PEER(weights={1: .5, 2: .5}, rel=2)@10, 'weights a level below rel=2'),
])
def test_what_is_missing_is_said_when_it_is_evaluated(measure, message):
    with pytest.raises(ValueError, match=message):
        ir_measures.calc_aggregate([measure], {'q': {'d1': 1}}, {'q': {'d1': 1.}})


@pytest.mark.parametrize(('measure', 'message'), [
    (ir_measures.P, r'^P needs a cutoff \(ranking cutoff threshold\), as in P@20$'),
    (ir_measures.IPrec, r'^IPrec needs a recall \(recall threshold\), as in IPrec@0\.5$'),
    (ir_measures.INST, r'^INST needs a max_rel .* as in INST\(max_rel=\.\.\.\)$'),
    (ir_measures.P@'x', "invalid param cutoff='x'"), (TLR, r'as in TLR@20$'),
])
def test_what_is_missing_of_any_measure(measure, message):
    with pytest.raises(ValueError, match=message):
        check_params(measure)
    check_params(ir_measures.P@5)


def test_a_message_does_not_hold_a_long_value():
    for make in (lambda: LPR(query_lang='x' * 10**6), lambda: AWRF(langs={'d' * 10**6: 'German'}),
                 lambda: AWRF(target='x' * 10**6)):
        with pytest.raises(ValueError, match=r'it must be|has the language') as caught:
            make()
        assert len(str(caught.value)) < 400


def test_a_message_does_not_hold_a_long_id():
    long = 'i' * 10**6
    for qrels, run in [([ir_measures.Qrel(long, long, 1, '0')], {}),
                       ([ir_measures.Qrel(long, long, 1, 'de')], {long: {long: float('inf')}}),
                       ([ir_measures.Qrel(long, long, 1, 'de'), ir_measures.Qrel(long, long, 2, 'de')], {})]:
        with pytest.raises(ValueError, match='iiii') as caught:
            ir_measures.calc_aggregate([RankDistance@10], qrels, run)
        assert len(str(caught.value)) < 400

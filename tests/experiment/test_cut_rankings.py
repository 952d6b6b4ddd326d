"""Rankings that were cut: what is noted, what they expect of what was not retrieved, and their common depth."""
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest
from ir_measures import AP, R

from pyterrier_hybrid.experiment import MultilingualExperiment
from pyterrier_hybrid.measures import AWRF, LPR, MaxRank, RankDistance
from pyterrier_hybrid.measures.facts import facts

pytestmark = [
    pytest.mark.filterwarnings('ignore:small. .* have no relevant passage'),
    pytest.mark.filterwarnings('ignore:(PEER|AWRF|RankDistance|LPR|TLR)'),
]


def test_a_cut_run_is_noted_and_expects_what_it_lost_in_random_order(collection, make_dense, settings, by_hand, ranker):
    whole_run, oracle, values_of = by_hand
    encoder, _ = make_dense()
    result = MultilingualExperiment({'cut': ranker(encoder, collection, None, depth=4)}, collection,
                                    [RankDistance, AP], settings=['multilingual'], verbose=False)  # fmt: skip
    assert result.notes[0] == (
        'cut did not return all passages for a question, but at most 4 of 21 in the multilingual settings; the others '
        'count as not retrieved, and RankDistance assumes that they follow in random order.'
    )
    assert result.cut == {'cut': 4}
    setting = settings[-1]
    expected = oracle(whole_run(encoder, collection, setting, 4), collection, setting, RankDistance(pool=21),
                      without={'q3', 'q4'})  # fmt: skip
    assert values_of(result, 'cut', setting, RankDistance) == pytest.approx(expected)


def test_cut_and_whole_rankings_are_shown_at_their_common_depth(collection, make_dense, settings, by_hand, ranker):
    """Each system's values at that depth are those of ir_measures on its run, the dense system's on its whole run."""
    whole_run, oracle, values_of = by_hand
    encoder, index = make_dense()
    systems = {
        'dense': (encoder, index),
        'seven': ranker(encoder, collection, None, depth=7),
        'four': ranker(encoder, collection, None, depth=4),
    }
    measures = [AP, RankDistance, RankDistance(norm=True), MaxRank(rel=2), R @ 1]
    result = MultilingualExperiment(systems, collection, measures, verbose=False)
    assert result.cut == {'seven': 7, 'four': 4}
    assert result.measures == [
        'AP', 'RankDistance', 'RankDistance@4', 'RankDistance(norm=True)', 'MaxRank(rel=2)', 'MaxRank(rel=2)@4', 'R@1'
    ]  # fmt: skip
    assert result.facts['RankDistance@4'] == facts(RankDistance @ 4)
    table = result.table()
    assert table['RankDistance@4', 'multilingual'].notna().all()
    assert len(set(table['RankDistance@4', 'multilingual'])) == 1  # the same system, and one depth
    assert len(set(table['RankDistance', 'multilingual'].round(9))) == 3
    setting = settings[-1]
    expected = oracle(whole_run(encoder, collection, setting), collection, setting, RankDistance @ 4, {'q3', 'q4'})
    assert values_of(result, 'dense', setting, RankDistance @ 4) == pytest.approx(expected)
    blanks = result.blanks[result.blanks['measure'] == 'RankDistance@4']
    assert len(blanks) == 27 and set(blanks['setting']) == {'monolingual', 'crosslingual'}


def test_whole_rankings_have_no_common_depth(collection, make_dense, piped):
    encoder, index = make_dense()
    systems = {'dense': (encoder, index), 'whole': lambda langs: piped(encoder, index, langs)}
    result = MultilingualExperiment(systems, collection, [RankDistance, RankDistance @ 5], verbose=False)
    assert result.cut == {} and result.measures == ['RankDistance', 'RankDistance@5']


def test_a_random_ranking_that_is_cut_scores_chance(collection):
    rng = np.random.default_rng(0)
    docnos = collection.doc_langs.index.to_numpy()
    systems = {}
    for i in range(100):
        orders = {qid: rng.permutation(docnos)[:9] for qid in ('q1', 'q2', 'q5')}
        ranked = [(qid, docno, -rank) for qid, order in orders.items() for rank, docno in enumerate(order)]
        systems[str(i)] = pd.DataFrame(ranked, columns=['qid', 'docno', 'score']).assign(query_lang='de')
    norm = RankDistance(norm=True)
    result = MultilingualExperiment(systems, collection, [norm], settings='multilingual', verbose=False)
    values = result.per_query[result.per_query['measure'] == repr(norm)]['value']
    assert values.mean() == pytest.approx(1, abs=0.1)


def test_a_pipeline_that_returns_too_few_is_noted_for_every_kind_of_setting(collection, make_dense, piped):
    encoder, index = make_dense()

    def build(langs):
        return piped(encoder, index, langs) % 6

    result = MultilingualExperiment({'six': build, 'all': lambda langs: piped(encoder, index, langs)},
                                    collection, [AP], verbose=False)  # fmt: skip
    assert result.notes == [
        'six did not return all passages for a question, but at most 6 of 9 in the monolingual settings, 6 of 9 in the '
        'crosslingual settings, 6 of 21 in the multilingual settings; the others count as not retrieved, and '
        'RankDistance assumes that they follow in random order.'
    ]
    monolingual = MultilingualExperiment({'six': build}, collection, [AP], settings='monolingual', verbose=False)
    assert monolingual.notes == [
        'six did not return all passages for a question, but at most 6 of 9 in the monolingual settings; the others '
        'count as not retrieved.'
    ]


def test_answers_to_questions_without_relevant_passages_alone_are_none(collection):
    """q4 is asked in de, and nothing is relevant to it; what is relevant to the others was not retrieved."""
    run = pd.DataFrame({'qid': ['q4'], 'docno': ['en/1'], 'score': [1.0], 'query_lang': ['de']})
    result = MultilingualExperiment({'run': run}, collection, [AP, AWRF @ 3], settings='multilingual', verbose=False)
    assert result.table().loc['run'].tolist() == [0.0, 0.0]
    assert result.notes[0] == 'run returned nothing for 4 of 4 questions, over all settings.'


def test_a_system_that_finds_nothing_has_zeros_and_the_distance_of_chance(collection):
    nothing = pt.Transformer.from_df(pd.DataFrame({'qid': [], 'docno': [], 'score': []}, dtype=object))
    result = MultilingualExperiment({'none': nothing}, collection, [AP, RankDistance, LPR], verbose=False)
    by_chance = result.chance.loc[result.chance['measure'] == 'RankDistance', 'value'].mean()
    assert result.table().loc['none'].to_dict() == pytest.approx(
        {('AP', 'multilingual'): 0.0, ('RankDistance', 'multilingual'): by_chance}
    )
    blank = result.blanks[result.blanks['setting'] == 'multilingual']
    assert set(blank['measure']) == {'LPR'} and blank['reason'].str.contains('one of them retrieved').all()
    assert result.notes[0] == 'none returned nothing for 11 of 11 questions, over all settings.'
    assert result.cut == {'none': 0} and result.measures == ['AP', 'RankDistance', 'LPR']

"""All settings of a small collection, against ir_measures run setting by setting."""
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest
from ir_measures import AP, RR, Bpref, Judged, P, R, alpha_nDCG, nDCG

from pyterrier_hybrid import BM25Index
from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment, Result, list_settings
from pyterrier_hybrid.indexing import IVF
from pyterrier_hybrid.measures import AWRF, LPR, PEER, TLR, RankDistance

pytestmark = [
    pytest.mark.filterwarnings('ignore:small. .* have no relevant passage'),
    pytest.mark.filterwarnings('ignore:(PEER|AWRF|RankDistance|LPR|TLR)'),
]
MEASURES = [AP, AP(rel=2), RR, nDCG, nDCG @ 3, R @ 1, R @ 10, P @ 2, RankDistance, RankDistance @ 5, LPR, TLR @ 4,
            AWRF @ 5, PEER @ 6, alpha_nDCG @ 4, Judged @ 5]  # fmt: skip
BIAS = (RankDistance, RankDistance @ 5, LPR, TLR @ 4, AWRF @ 5, PEER @ 6)
#: Questions on which a measure of the multilingual setting says nothing: q3 is relevant in de alone, q2 not in th.
SILENT = {
    **{measure: {'de': ['q3'], 'en': [], 'th': ['q3']} for measure in (RankDistance, RankDistance @ 5)},
    LPR: {'de': ['q3'], 'en': [], 'th': ['q2', 'q3']},
    TLR @ 4: {'de': ['q3'], 'en': [], 'th': []},
}


def test_dense_equals_ir_measures_in_every_setting(collection, make_dense, settings, by_hand):
    whole_run, oracle, values_of = by_hand
    encoder, index = make_dense()
    result = MultilingualExperiment({'toy': (encoder, index)}, collection, MEASURES, verbose=False)
    assert encoder.calls == 1  # each language's questions are encoded once, for all settings
    for setting in settings:
        run = whole_run(encoder, collection, setting)
        for measure in MEASURES:
            found = values_of(result, 'toy', setting, measure)
            if measure in BIAS and setting.doc_lang is not None:
                assert found == {}
                continue
            no_answer = {'q4'} | ({'q2'} if setting.doc_lang == 'th' else set())
            no_answer |= {'q3'} if setting.doc_lang in ('en', 'th') else set()
            silent = SILENT.get(measure, {}).get(setting.query_lang, [])
            if measure == AP(rel=2):
                silent = _without(collection, setting, 2)
            pooled = measure(pool=21) if measure == RankDistance else measure
            expected = oracle(run, collection, setting, pooled, without={*no_answer, *silent})
            assert found == pytest.approx(expected, abs=1e-9), (setting, measure)


def _without(collection, setting, rel):
    qrels = collection.qrels(setting.query_lang)
    qrels = qrels if setting.doc_lang is None else qrels[qrels['iteration'] == setting.doc_lang]
    return set(qrels['qid']) - set(qrels['qid'][qrels['label'] >= rel])


def test_every_form_gives_the_same_values(collection, make_dense, ranker):
    encoder, index = make_dense()
    asked = []

    def build(langs):
        asked.append(langs)
        return ranker(encoder, collection, None if langs is None else langs[0])

    whole = ranker(encoder, collection, None)
    run = pd.concat([whole(collection.topics(lang)).assign(query_lang=lang) for lang in collection.query_languages])
    result = MultilingualExperiment(
        {'dense': (encoder, index), 'callable': build, 'transformer': whole, 'run': run}, collection, MEASURES,
        verbose=False,
    )  # fmt: skip
    assert sorted(asked, key=str) == [None, ['de'], ['en'], ['th']]  # once for each pool
    table = result.table()
    assert table.loc['callable'].to_numpy() == pytest.approx(table.loc['dense'].to_numpy(), abs=1e-12)
    for name in ('transformer', 'run'):
        multilingual = [column for column in table if column[1] == 'multilingual']
        assert table.loc[name, multilingual].tolist() == pytest.approx(table.loc['dense', multilingual].tolist())
        assert table.loc[name].drop(multilingual).isna().all()
        blanks = result.blanks[(result.blanks['system'] == name) & (result.blanks['measure'] == 'AP')]
        assert len(blanks) == 9 and blanks['reason'].str.contains('cannot be cut down to one language').all()
    assert result.cut == {}
    assert result.notes == [
        f'{measures}: {n} of 11 questions in the multilingual settings are left out (dense, callable, transformer, '
        'run), because the measure says nothing about them.'
        for measures, n in (('RankDistance, RankDistance@5', 2), ('LPR', 3), ('TLR@4', 1))
    ]  # fmt: skip
    for value in ('rank', 'AP'):
        matrices = [result.language_matrix(name, value) for name in ('dense', 'callable', 'transformer', 'run')]
        assert all(np.allclose(matrices[0], other, atol=1e-12, equal_nan=True) for other in matrices[1:])


def test_language_matrix_is_that_of_the_measure(collection, make_dense, settings, by_hand):
    from pyterrier_hybrid.measures import language_matrix

    encoder, index = make_dense()
    result = MultilingualExperiment({'toy': (encoder, index)}, collection, [AP], settings='multilingual', verbose=False)
    for setting in settings:
        if setting.doc_lang is None:
            qrels = collection.qrels(setting.query_lang)
            run = by_hand[0](encoder, collection, setting)
            for value in ('rank', 'AP'):
                expected = language_matrix(qrels[qrels['qid'] != 'q4'], run, value, pool=21)
                found = result.language_matrix('toy', value).loc[[setting.query_lang]]
                assert np.allclose(found, expected, atol=1e-12)


def test_macro_averages_by_hand(collection, make_dense):
    result = MultilingualExperiment({'toy': make_dense()}, collection, [AP], verbose=False)
    means = {
        kind: rows.groupby(['query_lang', 'doc_lang'], dropna=False, observed=True)['value'].mean()
        for kind, rows in result.per_query.groupby('setting', observed=True)
    }
    assert {kind: len(found) for kind, found in means.items()} == {
        'monolingual': 3, 'crosslingual': 6, 'multilingual': 3
    }  # fmt: skip
    for kind, found in means.items():
        assert result.table().loc['toy', ('AP', kind)] == pytest.approx(sum(found) / len(found))
    across = means['crosslingual']
    assert result.by_query_language('AP', 'crosslingual').loc['toy', 'en'] == pytest.approx(
        (across['en', 'de'] + across['en', 'th']) / 2
    )


def test_chance(collection, make_dense):
    result = MultilingualExperiment(
        {'toy': make_dense()}, collection, [LPR, RankDistance, RankDistance @ 5, AP], verbose=False
    )
    chance = result.chance.set_index(['measure', 'query_lang'])['value']
    # q1 has two relevant passages in de, one in en, one in th; q5 one, two, one; q2 one in de and one in en.
    assert chance['LPR', 'de'] == pytest.approx((2 / 4 + 1 / 2 + 1 / 4) / 3)
    assert chance['LPR', 'th'] == pytest.approx(1 / 4)
    # (N+1) [E of the latest first place - E of the first place], N = 21, by inclusion and exclusion.
    three = 22 * (1 / 3 + 1 / 2 + 1 / 2 - 1 / 4 - 1 / 4 - 1 / 3 + 1 / 5 - 1 / 5)
    assert chance['RankDistance', 'de'] == pytest.approx((three + 22 / 3 + three) / 3)
    assert set(result.chance['measure']) == {'LPR', 'RankDistance'}


def test_numbers_are_numbers_before_and_after_a_result_is_saved(collection, make_dense, same, tmp_path):
    system = {'toy': make_dense()}
    for kind in ('multilingual', 'monolingual'):  # the second has neither matrix nor chance
        result = MultilingualExperiment(system, collection, [LPR, AP], settings=kind, verbose=False)
        loaded = Result.load(result.save(tmp_path / kind))
        same(loaded, result)
        for found in (result, loaded):
            assert found.matrix.dtypes[['rank', 'AP', 'n']].tolist() == [float, float, int]
            assert found.chance['value'].dtype == float


IDENTICAL = [('q1', 'de/1', 1, 'de', 'de'), ('q1', 'en/0', 1, 'en', 'de'), ('de/2', 'de/2', 1, 'de', 'de'),
             ('de/2', 'th/0', 2, 'th', 'de'), ('de/2', 'de/0', 1, 'de', 'de')]  # fmt: skip


def test_a_question_that_is_a_passage_is_left_out_of_its_own_ranking(collection, pooled, make_dense, by_hand, piped):
    """In a dense system and in a pipeline, as if the passage were not there for that question alone."""
    whole_run, oracle, values_of = by_hand
    topics = pd.DataFrame([('q1', 'de question q1', 'de'), ('de/2', 'de passage 2', 'de')],
                          columns=['qid', 'query', 'query_lang'])  # fmt: skip

    pooled.get_corpus_iter, pooled.get_topics = lambda verbose: collection.docs(), lambda: topics
    columns = ['qid', 'docno', 'label', 'iteration', 'query_lang']
    pooled.get_qrels = lambda: pd.DataFrame(IDENTICAL, columns=columns)
    encoder, index = make_dense()
    systems = {'dense': (encoder, index), 'pipeline': lambda langs: piped(encoder, index, langs)}
    measures = [AP, nDCG, RankDistance, LPR, Judged @ 4]
    for name, ignores in (('as BEIR', True), ('otherwise', False)):
        known = EvaluationSet(pooled, ignore_identical_ids=ignores)
        result = MultilingualExperiment(systems, known, measures, verbose=False)
        assert result.cut == {}, name
        for setting in list_settings(['de'], ['de', 'en', 'th']):
            run = whole_run(encoder, known, setting)
            run = run[run['query_id'] != run['doc_id']] if ignores else run
            for measure in measures[:2] if setting.doc_lang else measures:
                asked = measure(pool=21) if measure == RankDistance else measure
                without = {'q1'} if setting.doc_lang == 'th' else {'de/2'} if setting.doc_lang == 'en' else ()
                expected = oracle(run, known, setting, asked, without)
                for system in systems:
                    found = values_of(result, system, setting, measure)
                    assert found == pytest.approx(expected, abs=1e-9), (name, setting, measure, system)
    topics, rows = topics[topics['qid'] == 'de/2'], IDENTICAL[2:]  # without that passage, every ranking is whole
    pooled.get_topics, pooled.get_qrels = lambda: topics, lambda: pd.DataFrame(rows, columns=columns)
    result = MultilingualExperiment(systems, pooled, [AP], ignore_identical_ids=True, verbose=False)
    assert result.cut == {} and not [note for note in result.notes if 'at most' in note]
    with pytest.raises(ValueError, match='give ignore_identical_ids=True to the EvaluationSet'):
        MultilingualExperiment(systems, known, measures, ignore_identical_ids=True)


def test_ids_may_be_categories(pooled):
    run = pd.DataFrame({'qid': 'sw:q', 'docno': ['sw:1', 'sw:0', 'yo:0'], 'score': [2.0, 1.0, 3.0], 'query_lang': 'sw'})
    qrels = pooled.get_qrels()
    values = []
    for dtype in ('category', object):
        pooled.get_qrels = lambda dtype=dtype: qrels.astype({'qid': dtype, 'docno': dtype})
        systems = {'x': run.astype({'qid': dtype, 'docno': dtype})}
        result = MultilingualExperiment(systems, pooled, [AP], ignore_identical_ids=True, verbose=False)
        values.append(result.per_query['value'].tolist())
    assert values[0] == values[1] != []


def test_a_setting_without_answers_says_so(pooled):
    found = pt.Transformer.from_df(pd.DataFrame({'qid': ['sw:q'], 'docno': ['sw:1'], 'score': [1.0]}))
    judged = pooled.get_qrels()
    pooled.get_qrels = lambda: judged[judged['query_lang'] == 'sw']
    with pytest.warns(UserWarning, match='1 of 1 questions in yo have no relevant passage'):
        result = MultilingualExperiment({'x': lambda langs: found}, pooled, [AP], verbose=False)
    reasons = result.blanks.set_index(['setting', 'query_lang'])['reason']
    assert reasons['crosslingual', 'sw'] == 'no question of pooled in sw has a relevant passage in yo'
    assert reasons['multilingual', 'yo'] == 'no question of pooled in yo has a relevant passage'


def test_an_empty_question_stops_no_experiment(pooled):
    rows = [('sw:q', ' ', 'sw'), ('yo:q', 'why', 'yo')]
    pooled.get_topics = lambda: pd.DataFrame(rows, columns=['qid', 'query', 'query_lang'])
    run = pd.DataFrame({'qid': ['yo:q'], 'docno': ['yo:1'], 'score': [1.0]})
    with pytest.warns(UserWarning, match="1 of 1 questions in sw are empty and left out, the first is 'sw:q'"):
        result = MultilingualExperiment({'run': run}, pooled, [AP], settings='multilingual', verbose=False)
    assert result.by_setting()[['query_lang', 'value']].to_numpy().tolist() == [['yo', 1.0]]


def test_ties_of_a_pipeline_are_broken_by_docno_whatever_the_measure(collection):
    """trec_eval would have it the other way round."""
    rows = [('q1', docno, 1.0, 'de') for docno in ('th/1', 'de/0', 'en/1')]
    run = pd.DataFrame(rows, columns=['qid', 'docno', 'score', 'query_lang'])
    result = MultilingualExperiment({'run': run}, collection, [RR, Judged @ 1], verbose=False)
    values = result.per_query.set_index(['measure', 'qid'])['value']
    assert values['RR', 'q1'] == 1.0 and values['Judged@1', 'q1'] == 1.0


@pytest.mark.parametrize('given', [{}, {'doc_lang': 'xx'}, {'doc_lang': None}])
def test_the_collection_knows_the_languages_of_a_run(collection, given):
    """q1 has relevant passages in de, en and th; de/3 was judged by nobody."""
    run = pd.DataFrame({'qid': 'q1', 'docno': ['de/3', 'en/0', 'th/0'], 'score': [3.0, 2.0, 1.0], 'query_lang': 'de'})
    known = run.assign(doc_lang=['de', 'en', 'th'])
    systems = {'run': run.assign(**given), 'known': known}
    table = MultilingualExperiment(systems, collection, [AWRF @ 3], settings='multilingual', verbose=False).table()
    names = {'qid': 'query_id', 'docno': 'doc_id', 'label': 'relevance'}
    qrels = collection.qrels('de').query("qid != 'q4'").rename(columns=names)
    expected = (AWRF @ 3).calc_aggregate(qrels, known.rename(columns=names))
    assert table['AWRF@3', 'multilingual'].tolist() == pytest.approx([expected, expected])


def test_equal_scores_give_the_same_values_in_pt_experiment(collection, make_dense, tmp_path, piped):
    """Toy vectors have many equal scores, which our retrievers separate by docno: trec_eval sees no tie."""
    encoder, index = make_dense()
    bm25 = BM25Index(tmp_path / 'bm25', verbose=False).index(collection.docs())
    systems = {'dense': (encoder, index), 'BM25': lambda langs: bm25.bm25(langs=langs)}
    result = MultilingualExperiment(systems, collection, [AP, nDCG, RankDistance @ 9], settings='multilingual',
                                    verbose=False)  # fmt: skip
    qrels = collection.judgements(list_settings(['de'], [], 'multilingual')[0])
    qrels = qrels[qrels['qid'] != 'q3']  # whose relevant passages are in one language
    topics = collection.topics('de')[lambda frame: frame['qid'].isin(qrels['qid'])]
    pipelines = [piped(encoder, index, None), bm25.bm25()]
    table = pt.Experiment(pipelines, topics, qrels, [AP, nDCG, RankDistance @ 9], names=list(systems), perquery=True)
    found = result.per_query.astype({'system': str, 'measure': str, 'qid': str})
    found = found[found['query_lang'] == 'de'].set_index(['system', 'measure', 'qid'])['value']
    expected = table.set_index(['name', 'measure', 'qid'])['value']
    assert len(expected) == 18
    assert found.loc[expected.index].to_dict() == pytest.approx(expected.to_dict(), abs=1e-9)


def test_a_language_that_a_run_lacks_is_blank(collection):
    run = pd.DataFrame({'qid': ['q1'], 'docno': ['de/0'], 'score': [1.0], 'query_lang': ['de']})
    result = MultilingualExperiment({'run': run}, collection, [AP], settings=['multilingual'], verbose=False)
    assert set(result.per_query['query_lang']) == {'de'}
    reasons = result.blanks.set_index('query_lang')['reason']
    assert reasons['en'] == 'the run has nothing for questions in en' and set(reasons.index) == {'en', 'th'}


@pytest.mark.parametrize('name', ['hybrid:small', 'irds:small'])
def test_every_form_of_a_collection(name, collection, make_dense):
    system = {'toy': make_dense()}
    expected = MultilingualExperiment(system, 'small', [AP], settings='multilingual', verbose=False)
    for form in (name, pt.get_dataset(name)):
        found = MultilingualExperiment(system, form, [AP], settings='multilingual', verbose=False)
        assert found.provenance == expected.provenance and found.dataset == 'small'


def test_the_room_shows_its_public_names():
    import pyterrier_hybrid.experiment as room

    assert {'MultilingualExperiment', 'EvaluationSet', 'Result', 'write_runs'} <= set(dir(room))
    assert 'import_module' not in dir(room) and not [name for name in dir(room) if name.startswith('_')]


def test_an_approximate_pipeline_is_searched_within_each_language(collection, make_dense, piped, monkeypatch):
    """With all of its lists probed it finds what exact search finds; its index is built once, in that of the index."""
    monkeypatch.setattr('pyterrier_hybrid.indexing.approximate._FEW', 0)
    encoder, index = make_dense()
    backend = IVF(lists=2, probes=2, rescore=5.0)
    systems = {
        'exact': lambda langs: piped(encoder, index, langs, 3),
        'approximate': lambda langs: piped(encoder, index, langs, 3, backend=backend),
    }
    table = MultilingualExperiment(systems, collection, [AP @ 3, RankDistance @ 3], verbose=False).table()
    assert table.loc['approximate'].to_numpy() == pytest.approx(table.loc['exact'].to_numpy(), nan_ok=True)
    assert (index.path / 'faiss' / 'ivf-lists2' / 'meta.json').exists()


def test_a_choice_of_languages(small, make_dense, by_hand, piped):
    chosen = EvaluationSet(small, languages=['de', 'th'])
    encoder, index = make_dense()
    pools = []

    def build(langs):
        pools.append(langs)
        return piped(encoder, index, langs)

    result = MultilingualExperiment({'toy': (encoder, index), 'pipeline': build}, small, [AP, RankDistance, Judged @ 3],
                                    languages=['de', 'th'], verbose=False)  # fmt: skip
    assert pools == [['de'], ['th'], ['de', 'th']]  # the whole pool is these two
    assert result.provenance['dataset']['languages'] == ['de', 'th']
    table = result.table()
    assert table.loc['toy'].to_numpy() == pytest.approx(table.loc['pipeline'].to_numpy(), abs=1e-12)
    whole_run, oracle, values_of = by_hand
    setting = list_settings(['de'], [], ['multilingual'])[0]
    expected = oracle(whole_run(encoder, chosen, setting), chosen, setting, AP, without={'q4'})
    assert values_of(result, 'toy', setting, AP) == pytest.approx(expected)


def test_torch_gives_the_same_result(collection, make_dense):
    system = {'toy': make_dense()}
    results = [
        MultilingualExperiment(system, collection, [AP, RankDistance], device=device, verbose=False)
        for device in (None, 'cpu')
    ]
    pd.testing.assert_frame_equal(results[0].per_query, results[1].per_query)


def test_runs_of_dense_systems_are_searched_on_the_device(collection, make_dense, monkeypatch):
    """A measure that needs a run, and whether its retriever is given the device."""
    encoder, index = make_dense()
    devices, retriever = [], index.retriever

    def noting(*args, device, **options):
        devices.append(device)
        return retriever(*args, device=device, **options)

    monkeypatch.setattr(index, 'retriever', noting)
    MultilingualExperiment({'toy': (encoder, index)}, collection, [Judged @ 2], device='cpu', verbose=False)
    assert set(devices) == {'cpu'}


def test_provenance(collection, make_dense, piped):
    encoder, index = make_dense()
    systems = {'toy': (encoder, index), 'pipeline': lambda langs: piped(encoder, index, langs)}
    both = [
        MultilingualExperiment(systems, collection, [AP], settings=['multilingual'], verbose=False).provenance
        for _ in range(2)
    ]
    assert both[0] == both[1]
    assert both[0]['systems']['toy'] == {
        'kind': 'dense', 'encoder': 'ToyEncoder', 'model': 'toy', 'index': index.fingerprint(), 'dimensions': 4
    }  # fmt: skip
    assert "MultilingualIndex('toy.flex').retriever" in both[0]['systems']['pipeline']['pipeline']
    assert both[0]['dataset']['fingerprint'] == collection.fingerprint
    assert both[0]['settings'] == {'multilingual': 3} and both[0]['versions']['ir_measures']


def test_a_pipeline_takes_measures_of_whole_runs(collection, make_dense, settings, by_hand, piped):
    whole_run, oracle, values_of = by_hand
    encoder, index = make_dense()
    result = MultilingualExperiment(
        {'toy': lambda langs: piped(encoder, index, langs)}, collection, [Bpref], verbose=False
    )
    for setting in settings:
        without = {'q4'} | ({'q2', 'q3'} if setting.doc_lang == 'th' else {'q3'} if setting.doc_lang == 'en' else set())
        expected = oracle(whole_run(encoder, collection, setting), collection, setting, Bpref, without)
        assert values_of(result, 'toy', setting, Bpref) == pytest.approx(expected)


def test_questions_all_relevant_in_one_language_blank_the_distance(pooled):
    """As in MIRACL: rank distance says nothing there, and says so."""
    run = pd.DataFrame({'qid': ['sw:q', 'yo:q'], 'docno': ['sw:1', 'yo:0'], 'score': [1.0, 1.0]})
    result = MultilingualExperiment({'run': run}, pooled, [AP, RankDistance], verbose=False)
    assert result.table().loc['run'].to_dict() == {('AP', 'multilingual'): 0.5}
    blanks = result.blanks[result.blanks['measure'] == 'RankDistance'].set_index(['query_lang', 'doc_lang'])['reason']
    assert blanks['sw', None] == "every question's relevant passages are in one language"


def test_xquad_r(data_root, make_dense, by_hand):
    """Real data, three languages: a run of some questions over all passages, by ir_measures."""
    whole_run, oracle, values_of = by_hand
    collection = EvaluationSet('xquad-r', languages=['de', 'en', 'th'])
    encoder, index = make_dense(docs=collection.docs(), dims=12)
    measures = [AP, nDCG @ 10, R @ 100, RankDistance, LPR]
    result = MultilingualExperiment({'toy': (encoder, index)}, collection, measures, verbose=False)
    assert result.by_setting().groupby('measure')['n'].agg(list)['AP'] == [1190] * 12
    assert result.by_setting().groupby('measure')['n'].agg(list)['LPR'] == [1190] * 3

    class Few:
        """The same collection with four questions."""

        docs, qrels = collection.docs, collection.qrels

        @staticmethod
        def topics(lang):
            return collection.topics(lang).iloc[::300]

    asked = set(Few.topics('en')['qid'])
    others = set(collection.topics('en')['qid']) - asked
    for setting in list_settings(['th'], ['de']) + list_settings(['en'], [], 'multilingual'):
        run = whole_run(encoder, Few, setting)
        for measure in measures if setting.doc_lang is None else measures[:3]:
            pooled = measure(pool=3308) if measure == RankDistance else measure
            found = values_of(result, 'toy', setting, measure)
            expected = oracle(run, Few, setting, pooled, without=others)
            assert {qid: found[qid] for qid in asked} == pytest.approx(expected, abs=1e-9), (setting, measure)


def test_the_same_inputs_give_the_same_bytes(collection, make_dense, tmp_path):
    systems = {'toy': make_dense()}
    saved = [
        MultilingualExperiment(systems, collection, [AP, RankDistance], verbose=False).save(tmp_path / name)
        for name in ('one', 'two')
    ]
    one, two = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in saved)
    assert one == two


def test_norm_needs_no_pool_where_the_pool_is_known(collection, make_dense):
    measures = [RankDistance(norm=True), RankDistance(pool=21, norm=True)]
    result = MultilingualExperiment({'toy': make_dense()}, collection, measures, verbose=False)
    found = result.table().loc['toy']
    assert found[repr(measures[0]), 'multilingual'] == found[repr(measures[1]), 'multilingual'] > 0
    assert set(result.chance['value']) == {1.0}

import subprocess
import sys
import warnings
from pathlib import Path

import ir_measures
import pandas as pd
import pyterrier as pt
import pytest
from ir_measures import AP, nDCG

from pyterrier_hybrid.measures import AWRF, LPR, PEER, TLR, Complete, Languages, MaxRank, RankDistance

ROOT = Path(__file__).resolve().parents[2]
MEASURES = [RankDistance@10, RankDistance(pool=200), RankDistance, LPR, TLR@5, PEER@10,
            PEER(weights={1: 1.})@10, AWRF@10, AWRF(target='uniform')@5, RankDistance(complete=True)@20, MaxRank,
            MaxRank(pool=300), Complete@20]


def values(qrels, run, measures=MEASURES):
    return {(str(metric.measure), metric.query_id): metric.value
            for metric in ir_measures.iter_calc(measures, qrels, run)}


def without_extras(qrels, run):
    """Qrels and a run that carry no column that a TREC file does not, and the measures with what is lost."""
    langs = Languages(zip(run['doc_id'] + '@' + run['query_id'], run['doc_lang']))
    qrels = qrels.assign(doc_id=qrels['doc_id'] + '@' + qrels['query_id'], query_lang='de')
    run = run.assign(doc_id=run['doc_id'] + '@' + run['query_id'])
    measures = [m(langs=langs) for m in MEASURES if m.NAME not in ('LPR', 'TLR')]
    return qrels, run, [*measures, LPR(query_lang='de'), TLR(query_lang='de')@5]


@pytest.mark.usefixtures('quiet')
def test_every_form_of_input_gives_the_same_values(random_case, tmp_path):
    qrels, run, measures = without_extras(*random_case(7))
    expected = values(qrels, run, measures)
    assert len(expected) == len(measures) * qrels['query_id'].nunique()
    bare_qrels, bare_run = qrels.drop(columns='query_lang'), run.drop(columns='doc_lang')
    qrel_tuples = [ir_measures.Qrel(r.query_id, r.doc_id, r.relevance, r.iteration) for r in qrels.itertuples()]
    run_tuples = [ir_measures.ScoredDoc(r.query_id, r.doc_id, r.score) for r in run.itertuples()]
    run_dict = {q: dict(zip(rows['doc_id'], rows['score'])) for q, rows in run.groupby('query_id')}
    (tmp_path / 'qrels').write_text(''.join(f'{q} {lang} {d} {rel}\n' for q, d, rel, lang in qrel_tuples))
    (tmp_path / 'run').write_text(''.join(f'{q} Q0 {d} 0 {s!r} t\n' for q, d, s in run_tuples))

    def trec():
        return ir_measures.read_trec_qrels(str(tmp_path / 'qrels')), ir_measures.read_trec_run(str(tmp_path / 'run'))

    for form in [(bare_qrels, bare_run), (qrel_tuples, run_tuples), (iter(qrel_tuples), iter(run_tuples)),
                 (qrel_tuples, run_dict), (bare_qrels[::-1], run.sample(frac=1, random_state=0)),
                 (bare_qrels.astype(object), bare_run.astype({'query_id': 'category', 'doc_id': object})), trec()]:
        assert values(*form, measures) == pytest.approx(expected)


@pytest.mark.usefixtures('quiet')
def test_qrels_as_dicts_have_their_languages_from_langs(random_case):
    qrels, run, measures = without_extras(*random_case(8))
    langs = Languages([*zip(run['doc_id'], run['doc_lang']), *zip(qrels['doc_id'], qrels['iteration'])])
    measures = [m(langs=langs) for m in measures]
    qrels_dict = {q: dict(zip(rows['doc_id'], rows['relevance'])) for q, rows in qrels.groupby('query_id')}
    assert values(qrels_dict, run, measures) == pytest.approx(values(qrels, run, measures))


@pytest.mark.usefixtures('quiet')
def test_every_value_is_finite_and_depends_on_its_query_alone(random_case):
    for seed in range(3):
        qrels, run = random_case(seed)
        together = values(qrels, run)
        assert all(0 <= value < 10**5 for value in together.values())
        alone = {}
        for query_id in qrels['query_id'].unique():
            alone |= values(qrels[qrels['query_id'] == query_id], run[run['query_id'] == query_id])
        assert alone == pytest.approx(together)


@pytest.mark.usefixtures('quiet')
def test_names_of_languages_a_shift_of_scores_and_the_order_of_rows_change_nothing(random_case):
    qrels, run = random_case(9)
    expected = values(qrels, run)
    renamed = {'de': 'zh', 'en': 'ru', 'fr': 'en', 'zh': 'ar'}
    assert values(qrels.replace(renamed), run.replace(renamed)) == pytest.approx(expected)
    assert values(qrels, run.assign(score=run['score'] * 2 + 100)) == pytest.approx(expected)
    assert values(qrels.sample(frac=1, random_state=3), run.sample(frac=1, random_state=4)) == pytest.approx(expected)


@pytest.mark.usefixtures('quiet')
def test_aggregates_are_means_over_the_queries_of_the_qrels(random_case):
    qrels, run = random_case(10)
    run = pd.concat([run, pd.DataFrame([('unjudged', 'd1', 1., 'de')], columns=run.columns)])
    per_query = values(qrels, run)
    aggregated, metrics = ir_measures.calc([*MEASURES, AP, nDCG@10], qrels, run)
    assert len(metrics) == (len(MEASURES) + 2) * qrels['query_id'].nunique()
    for measure in MEASURES:
        mean = pd.Series({k: v for k, v in per_query.items() if k[0] == str(measure)}).mean()
        assert aggregated[measure] == pytest.approx(mean)
        assert ir_measures.calc_aggregate([measure], qrels, run)[measure] == pytest.approx(mean)
        assert measure.calc_aggregate(qrels, run) == pytest.approx(mean)
    evaluator = ir_measures.evaluator(MEASURES, qrels)
    assert evaluator.calc_aggregate(run) == evaluator.calc_aggregate(run) == pytest.approx(
        {measure: aggregated[measure] for measure in MEASURES})


@pytest.fixture
def experiment(random_case):
    qrels, run = random_case(11)
    qrels = qrels.rename(columns={'query_id': 'qid', 'doc_id': 'docno', 'relevance': 'label'})
    run = run.rename(columns={'query_id': 'qid', 'doc_id': 'docno'})
    # pt.Experiment refuses a batch without any result; a query without a topic is evaluated against an empty run
    topics = qrels[qrels['qid'].isin(run['qid'])][['qid', 'query_lang']].drop_duplicates().assign(query='?')
    run = pd.concat([run, pd.DataFrame([('unjudged', 'd1', 1., 'de')], columns=run.columns)])

    def system(frame, name):
        def retrieve(queries):
            return pt.model.add_ranks(queries.merge(frame, on='qid'))
        made = pt.apply.generic(retrieve)
        made.__class__ = type(name, (type(made),), {'__repr__': lambda self: name})
        return made

    other = run.assign(score=-run['score'])
    return {'A': system(run, 'A'), 'B': system(other, 'B')}, topics, qrels


@pytest.mark.usefixtures('quiet')
def test_pt_experiment_in_all_its_ways(experiment):
    systems, topics, qrels = experiment
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        means = pt.Experiment(systems, topics, qrels, MEASURES, filter_by_topics=False).set_index('name')
        per_query = pt.Experiment(systems, topics, qrels, MEASURES, perquery=True, filter_by_topics=False)
        ours = {}
        for name, system in systems.items():
            for metric in ir_measures.iter_calc(MEASURES, pt.model.to_ir_measures(qrels),
                                                pt.model.to_ir_measures(system(topics))):
                ours[name, metric.query_id, str(metric.measure)] = metric.value
        assert len(per_query) == len(systems) * len(MEASURES) * qrels['qid'].nunique()
        assert per_query.set_index(['name', 'qid', 'measure'])['value'].to_dict() == pytest.approx(ours)
        expected = per_query.groupby(['name', 'measure'])['value'].mean()
        for options in ({}, {'batch_size': 1}, {'batch_size': 7}, {'plan': 'tree', 'verbose': False},
                        {'plan': 'tree', 'verbose': False, 'batch_size': 1},
                        {'baseline': 'A', 'correction': 'holm'}):
            frame = pt.Experiment(systems, topics, qrels, MEASURES, filter_by_topics=False, **options)
            frame = frame.set_index('name')
            for name in systems:
                for measure in MEASURES:
                    assert frame.loc[name, str(measure)] == pytest.approx(expected[name, str(measure)]), options
            p_values = [column for column in frame if 'p-value' in column]
            assert bool(p_values) == ('baseline' in options) and frame.loc['B', p_values].notna().all()
        rounded = pt.Experiment(systems, topics, qrels, MEASURES, round=2, filter_by_topics=False).set_index('name')
        assert rounded.loc['A', 'LPR'] == round(means.loc['A', 'LPR'], 2)


@pytest.mark.usefixtures('quiet')
def test_pt_experiment_with_topics_that_the_qrels_do_not_know_and_queries_without_a_topic(experiment):
    systems, topics, qrels = experiment
    more = pd.concat([topics[1:], topics[:1].assign(qid='unjudged')])
    found = {size: pt.Experiment(systems, more, qrels, MEASURES, batch_size=size, filter_by_topics=False)
             for size in (None, 1, 4)}
    pd.testing.assert_frame_equal(found[None], found[1])
    pd.testing.assert_frame_equal(found[None], found[4])


def test_each_measure_warns_once_an_evaluation_where_all_is_in_one_language(random_case):
    qrels, run = random_case(12)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        values(qrels.assign(iteration='de', query_lang='de'), run)
    named = [str(warning.message).split(': ')[0] for warning in caught]
    assert sorted(named) == sorted(str(m) for m in MEASURES if m.NAME not in ('MaxRank', 'Complete'))


@pytest.mark.usefixtures('quiet')
def test_an_empty_run_has_the_values_of_lost_queries(random_case):
    qrels, _ = random_case(13)
    relevant = qrels[qrels['relevance'] > 0]
    langs = relevant.groupby('query_id')['iteration'].nunique()
    own = (relevant['iteration'] == relevant['query_lang']).groupby(relevant['query_id']).mean()
    for empty in ({}, [], pd.DataFrame([], columns=['query_id', 'doc_id', 'score'])):
        found = values(qrels, empty)
        for query_id, n_langs in langs.items():
            worst = {1: 0}.get(n_langs, 10)
            assert found['RankDistance@10', query_id] == worst and found['LPR', query_id] == own[query_id]
            assert found['PEER@10', query_id] == found['AWRF@10', query_id] == found['TLR@5', query_id] == 0


def test_empty_qrels_have_no_values_and_no_mean():
    assert values({}, {'q': {'d': 1.}}) == {}
    with pytest.raises(ValueError, match='RankDistance@10: the qrels are empty, there is no query to average over'):
        ir_measures.calc_aggregate([RankDistance@10], {}, {'q': {'d': 1.}})


def test_the_run_must_have_scores():
    with pytest.raises(ValueError, match='the run has no column score'):
        values({'q': {'d': 1}}, pd.DataFrame({'query_id': ['q'], 'doc_id': ['d']}))


def test_inputs_that_are_needed():
    assert set(ir_measures.run_inputs([AWRF@5, AP])) == {'query_id', 'doc_id', 'score', 'doc_lang'}
    assert set(ir_measures.run_inputs([AWRF(langs={'d': 'de'})@5, LPR])) == {'query_id', 'doc_id', 'score'}
    assert 'iteration' in ir_measures.qrel_inputs([LPR]) and 'iteration' not in ir_measures.qrel_inputs([AP])


def python(code):
    return subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)


def test_importing_registers_everything_and_imports_neither_scipy_nor_torch():
    done = python('import sys, pyterrier_hybrid.measures, ir_measures\n'
                  'heavy = {"scipy", "torch", "transformers", "faiss", "pyterrier"} & set(sys.modules)\n'
                  'assert not heavy, heavy\n'
                  'm = ir_measures.parse_measure("RankDistance@1000")\n'
                  'print(m.calc_aggregate([ir_measures.Qrel("q", "a", 1, "de"), ir_measures.Qrel("q", "b", 1, "en")],\n'
                  '                       {"q": {"a": 2., "x": 1.5, "b": 1.}}))')
    assert done.stdout.split() == ['2.0'], done.stderr


def test_another_peer_is_replaced_with_a_warning_and_never_computes_ours():
    done = python('import ir_measures\n'
                  'from ir_measures import measures, providers\n'
                  'class _PEER(measures.Measure):\n'
                  '    __name__ = NAME = "PEER"\n'
                  'class Other(providers.Provider):\n'
                  '    NAME = "other"\n'
                  '    SUPPORTED_MEASURES = [_PEER()]\n'
                  'measures.register(_PEER())\n'
                  'ir_measures.DefaultPipeline.providers.insert(0, Other())\n'
                  'import pyterrier_hybrid.measures\n'
                  'm = ir_measures.parse_measure("PEER@20")\n'
                  'print(m.calc_aggregate([ir_measures.Qrel("q", "a", 1, "de")], {}))')
    assert done.stdout.split() == ['0.0'] and 'PEER of __main__ is replaced' in done.stderr, done.stderr

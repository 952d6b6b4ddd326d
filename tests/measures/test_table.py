from collections import namedtuple

import ir_measures
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.measures import table as table_module
from pyterrier_hybrid.measures.table import read_qrels, read_run

ROWS = [('q2', 'b', 1.5), ('q1', 'a', 2.), ('q2', 'a', -1.)]
FRAME = pd.DataFrame(ROWS, columns=['query_id', 'doc_id', 'score'])


def rows(table):
    return sorted(zip(np.array(table.query_ids)[table.query], table.doc_ids[table.doc], table.value.tolist()))


@pytest.mark.parametrize('run', [
    FRAME,
    FRAME.astype({'query_id': object, 'doc_id': object}),
    FRAME.astype({'query_id': 'category', 'doc_id': 'category', 'score': 'float32'}),
    FRAME.rename(columns={'query_id': 'qid', 'doc_id': 'docno'}).set_index(pd.Index([7., 7., 8.5])),
    {'q2': {'b': 1.5, 'a': -1}, 'q1': {'a': np.float32(2.)}, 'q3': {}},
    [ir_measures.ScoredDoc(*row) for row in ROWS],
    (ir_measures.ScoredDoc(*row) for row in ROWS),
    ir_measures.read_trec_run('q2 Q0 b 1 1.5 t\nq1 Q0 a 1 2 t\nq2 Q0 a 2 -1 t\n'),
], ids=['str', 'object', 'category', 'pyterrier', 'dict', 'list', 'generator', 'trec'])
def test_every_form_of_a_run_reads_the_same(run):
    table = read_run(run)
    assert rows(table) == sorted(ROWS)
    assert table.query.dtype == table.doc.dtype == np.int32 and table.doc_ids.dtype == object


def test_ids_are_factorised_in_chunks(monkeypatch):
    run = pd.DataFrame([(f'q{i // 5}', f'd{i % 7}', float(i)) for i in range(40)], columns=FRAME.columns)
    for frame in (run, run.astype(object).astype({'score': float}), run.sample(frac=1, random_state=0)):
        monkeypatch.setattr(table_module, '_CHUNK', 3)
        chunked = read_run(frame)
        assert rows(chunked) == sorted(run.itertuples(index=False, name=None))
        assert chunked.query_ids == frame['query_id'].unique().tolist()
        assert chunked.doc_ids.tolist() == frame['doc_id'].unique().tolist()
        with pytest.raises(ValueError, match='the run has no doc_id in row 8'):
            read_run(frame.assign(doc_id=[*frame['doc_id'][:7], None, *frame['doc_id'][8:]]))


def test_scores_of_a_frame_are_not_copied():
    frame = FRAME.copy()
    assert np.shares_memory(read_run(frame).value, frame['score'].to_numpy())


def test_extra_columns_come_along_from_frames_and_named_tuples():
    Row = namedtuple('Row', 'query_id doc_id score doc_lang query_lang')
    tuples = [Row('q1', 'a', 1., 'de', None), Row('q1', 'b', 1., '', 'en')]
    for run in (tuples, pd.DataFrame(tuples), pd.DataFrame(tuples, index=[5, 4])):
        table = read_run(run)
        assert table.column('doc_lang', np.array([1, 0])).tolist() == [None, 'de']
        assert table.column('query_lang', np.array([0, 1])).tolist() == [None, 'en']
        assert table.column('iteration', np.array([0])).tolist() == [None]


@pytest.mark.parametrize('empty', [{}, {'q1': {}}, [], pd.DataFrame([], columns=['query_id', 'doc_id', 'score'])])
def test_an_empty_run_is_a_run(empty):
    assert rows(read_run(empty)) == []


def test_relevance_is_whole():
    qrels = pd.DataFrame([('q', 'a', 1.), ('q', 'b', -2.)], columns=['qid', 'docno', 'label'])
    assert read_qrels(qrels).value.tolist() == [1, -2] and read_qrels(qrels).value.dtype == np.int64
    with pytest.raises(ValueError, match='relevance that is not a whole number'):
        read_qrels({'q': {'a': .5}})


@pytest.mark.parametrize(('run', 'message'), [
    (FRAME.drop(columns='score'), 'the run has no column score; it has query_id, doc_id'),
    (pd.DataFrame(), 'the run has no column query_id, doc_id, score'),
    (FRAME.assign(query_id=[1, 2, 1]), r"the run has the query_id 1 \(int\); ids are strings"),
    ({1: {'a': 1.}}, r'query_id 1 \(int\)'),
    ({'q': {2: 1.}}, r'doc_id 2 \(int\)'),
    ([ir_measures.ScoredDoc('q', 3, 1.)], r'doc_id 3 \(int\)'),
    (FRAME.assign(doc_id=['a', None, 'b']), 'the run has no doc_id in row 2'),
    (FRAME.assign(score=['1', '2', '3']), 'score that is not a number'),
    (FRAME.assign(score=pd.Series([1., '2', 3.], dtype=object)), "score that is not a number \\('2'\\)"),
    ({'q': {'a': '1'}}, 'score that is not a number'),
    ({'q': {'a': None}}, 'score that is not a number'),
    ({'q': ['a']}, "the run of query 'q' must be a dict from docno to score"),
    ([('q', 'a', 1.)], 'iterable of named tuples with query_id, doc_id and score'),
    ([ir_measures.Qrel('q', 'a', 1)], 'has no score'),
    ('my.run', r'read a TREC file with ir_measures.read_trec_run\(path\)'),
    (7, 'must be a DataFrame, a dict of dicts or an iterable of named tuples, not 7'),
])
def test_bad_input(run, message):
    with pytest.raises(ValueError, match=message):
        read_run(run)


def test_a_missing_score_is_not_a_number_and_is_refused_by_name():
    run = {'q': {'a': 1., 'b': float('nan')}}
    assert np.isnan(read_run(run).value).any()  # rank_judged names it

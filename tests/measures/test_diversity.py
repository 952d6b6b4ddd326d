"""With the language in ``iteration``, the diversity measures of ir_measures take languages for subtopics."""
import math
from importlib.util import find_spec

import ir_measures
import pytest
from ir_measures import ERR_IA, StRecall, alpha_nDCG

needs_pyndeval = pytest.mark.skipif(find_spec('pyndeval') is None, reason='needs pyndeval')

QRELS = list(ir_measures.read_trec_qrels('q de d1 1\nq de d2 1\nq en e1 1\nq fr f1 1\n'))
SAME = {'q': {docno: -float(i) for i, docno in enumerate(('d1', 'd2', 'x', 'y', 'z', 'e1', 'f1'))}}   # German first
MIXED = {'q': {docno: -float(i) for i, docno in enumerate(('d1', 'e1', 'f1', 'd2', 'x', 'y', 'z'))}}  # one of each


def values(run, *measures):
    return [metric.value for measure in measures for metric in ir_measures.iter_calc([measure], QRELS, run)]


@needs_pyndeval
def test_languages_are_subtopics_by_hand():
    # gains: 1 for a language's first document, (1 - alpha) = 1/2 for its second
    discount = [math.log2(1 + rank) for rank in range(1, 8)]
    ideal = 1 / discount[0] + 1 / discount[1] + 1 / discount[2] + .5 / discount[3]
    same = 1 / discount[0] + .5 / discount[1] + 1 / discount[5] + 1 / discount[6]
    assert values(MIXED, alpha_nDCG@20, StRecall@5) == pytest.approx([1, 1], abs=1e-4)
    assert values(SAME, alpha_nDCG@20, StRecall@5, StRecall@10) == pytest.approx([same / ideal, 1 / 3, 1], abs=1e-4)
    assert values(MIXED, ERR_IA@20)[0] > values(SAME, ERR_IA@20)[0]


@needs_pyndeval
def test_on_xquad_r(data_root):
    pytest.importorskip('datasets_ext')
    ir_datasets = pytest.importorskip('ir_datasets')
    by_query = {}
    for qrel in ir_datasets.load('xquad-r/en').qrels_iter():
        by_query.setdefault(qrel.query_id, []).append(qrel)
    by_query = dict(list(by_query.items())[:40])
    complete = {query_id: rows for query_id, rows in by_query.items() if len({row.iteration for row in rows}) == 11}
    assert complete
    rows = [row for query in complete.values() for row in query]
    every = {query_id: {row.doc_id: -float(i) for i, row in enumerate(query)} for query_id, query in complete.items()}
    english = {query_id: {row.doc_id: 1.} for query_id, query in complete.items() for row in query
               if row.iteration == 'en'}
    best = ir_measures.calc_aggregate([alpha_nDCG@20, StRecall@20], rows, every)
    assert best[alpha_nDCG@20] == pytest.approx(1, abs=1e-4) and best[StRecall@20] == pytest.approx(1)
    only = ir_measures.calc_aggregate([StRecall@10, ERR_IA@20], rows, english)
    assert only[StRecall@10] == pytest.approx(1 / 11, abs=1e-4)
    assert only[ERR_IA@20] < ir_measures.calc_aggregate([ERR_IA@20], rows, every)[ERR_IA@20]

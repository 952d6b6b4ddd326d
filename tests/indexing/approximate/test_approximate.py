"""Approximate search beside exact search, for each backend, on a few thousand passages."""
import pickle

import numpy as np
import pandas as pd
import pyterrier as pt
import pytest

from pyterrier_hybrid.indexing import HNSW, IVF, IVFPQ, MultilingualIndex
from pyterrier_hybrid.indexing.approximate import ApproximateRetriever

N, D = 2800, 16  # passages and dimensions of the index
SMALL = [
    HNSW(neighbours=4, ef_construction=8, ef_search=10),
    HNSW(neighbours=8, ef_construction=16, codes='float32', ef_search=10, rescore=1.0),
    IVF(lists=32, probes=1),
    IVFPQ(lists=16, code_bytes=4, probes=4, rescore=2.0),
    IVFPQ(lists=16, code_bytes=4, code_bits=4, probes=4, rescore=2.0),
]
WHOLE = [
    HNSW(neighbours=32, ef_construction=200, ef_search=N, rescore=4.0),
    IVF(lists=32, probes=32, rescore=2.0),
    IVFPQ(lists=16, code_bytes=16, probes=16, rescore=8.0),
    IVFPQ(lists=16, code_bytes=8, code_bits=4, probes=16, rescore=8.0),
]


def found(run):
    return [group['docno'].tolist() for _, group in run.groupby('qid', sort=False)]


def recall(run, exact):
    return len(run.merge(exact, on=['qid', 'docno'])) / len(exact)


@pytest.mark.parametrize('backend', SMALL, ids=repr)
@pytest.mark.parametrize('langs', [None, 'de', ['en', 'th']])
def test_what_is_found_has_the_scores_and_the_order_of_exact_search(index, topics, backend, langs):
    run = index.retriever(10, langs=langs, backend=backend, separate=False)(topics)
    exact = index.retriever(N, langs=langs, separate=False)(topics)
    kept = exact.merge(run[['qid', 'docno']], on=['qid', 'docno'])  # in the order of the exact run
    columns = ['qid', 'mood', 'docno', 'docid', 'score', 'doc_lang']
    pd.testing.assert_frame_equal(run[columns], kept[columns])
    assert run.columns.tolist() == exact.columns.tolist()
    assert run['rank'].tolist() == 40 * list(range(10))
    assert 0.3 < recall(run, index.retriever(10, langs=langs)(topics)) <= 1
    separated = index.retriever(10, langs=langs, backend=backend)(topics)
    assert found(separated) == found(run)
    assert (separated.groupby('qid')['score'].diff().dropna() < 0).all()


@pytest.mark.parametrize('backend', SMALL[2:], ids=repr)
def test_a_small_effort_does_not_find_everything(index, topics, backend):
    """Else the tests above would not see approximate search."""
    assert recall(index.retriever(10, backend=backend)(topics), index.retriever(10)(topics)) < 0.98


@pytest.mark.parametrize('backend', WHOLE, ids=repr)
@pytest.mark.parametrize('langs', [None, 'de'])
def test_with_all_effort_the_run_is_the_exact_one(index, topics, backend, langs):
    run = index.retriever(10, langs=langs, backend=backend)(topics)
    pd.testing.assert_frame_equal(run, index.retriever(10, langs=langs)(topics))


@pytest.mark.parametrize('backend', [
    SMALL[2], IVFPQ(lists=16, code_bytes=4, probes=1), IVFPQ(lists=16, code_bytes=4, code_bits=4, probes=1), HNSW(),
], ids=repr)  # fmt: skip
def test_a_language_has_as_many_results_as_are_asked_for_wherever_it_is(index, topics, backend, monkeypatch):
    """Thai lies apart from all questions but its own: a search of the nearest list finds none of it."""
    monkeypatch.setattr('pyterrier_hybrid.indexing.approximate._FEW', 1)
    for k in (5, 60, 399):
        run = index.retriever(k, langs='th', backend=backend)(topics)
        assert set(run['doc_lang']) == {'th'}
        assert run.groupby('qid').size().tolist() == 40 * [k]
    assert len(index.retriever(1000, langs='th', backend=backend)(topics)) == 40 * 400


def test_few_passages_are_searched_exactly(index, topics):
    exact = index.retriever(50, langs='th')(topics)
    pd.testing.assert_frame_equal(index.retriever(50, langs='th', backend=IVF(lists=32, probes=1))(topics), exact)
    pd.testing.assert_frame_equal(index.retriever(N, backend='hnsw')(topics), index.retriever(N)(topics))


@pytest.mark.parametrize('backend', SMALL[2:], ids=repr)
def test_a_cutoff_keeps_the_candidates(index, topics, backend):
    retriever = index.retriever(50, backend=backend)
    fused = (retriever % 10).compile()
    assert fused == retriever.fuse_rank_cutoff(10) != index.retriever(10, backend=backend)
    pd.testing.assert_frame_equal(fused(topics), (retriever % 10)(topics))


def test_a_cutoff_keeps_the_candidates_where_a_passage_is_left_out(index, topics):
    """There is one candidate more, for the passage, however few are asked for."""
    backend, own = IVFPQ(lists=16, code_bytes=1, probes=16, rescore=1.0), index.docnos().fwd[0]
    retriever = index.retriever(50, backend=backend, exclude='own')
    topics = topics.assign(own=own)
    for k in range(1, 50, 8):
        pd.testing.assert_frame_equal(retriever.fuse_rank_cutoff(k)(topics), (retriever % k)(topics))


def test_a_grid_has_the_runs_of_retrievers_with_its_parameters(index, topics):
    retriever = index.retriever(5, backend=IVF(lists=16, probes=16, rescore=3))
    for name, value in (('num_results', 40), ('backend', 'hnsw')):
        retriever.set_parameter(name, value)
        given = index.retriever(40, backend=retriever.backend)
        assert retriever == given and retriever.candidates == given.candidates
        pd.testing.assert_frame_equal(retriever(topics), given(topics))
    retriever.set_parameter('candidates', 77)
    retriever.set_parameter('num_results', 9)
    assert retriever.candidates == 77


def test_a_question_that_is_a_passage_is_left_out(index, topics, vectors):
    own = index.open().docnos.fwd[np.arange(0, N, N // 40)[:40]]
    topics = topics.assign(own=own, query_vec=list(vectors[:: N // 40][:40]))
    backend = WHOLE[1]
    run = index.retriever(10, backend=backend, exclude='own')(topics)
    pd.testing.assert_frame_equal(run, index.retriever(10, exclude='own')(topics))
    assert not (run['docno'] == run['own']).any()


def test_a_query_without_a_vector_and_no_queries(index, topics):
    retriever = index.retriever(5, backend=SMALL[2])
    assert retriever(topics.iloc[:0]).columns.tolist() == retriever(topics).columns.tolist()
    topics['query_vec'] = [None, *topics['query_vec'][1:]]
    with pytest.warns(UserWarning, match='1 queries have no vector'):
        assert len(retriever(topics)) == 39 * 5
    topics['query_vec'] = [np.full(D, np.nan, np.float32), *topics['query_vec'][1:]]
    with pytest.raises(ValueError, match="the vector of query 'q0' has a value that is not finite"):
        retriever(topics)


def test_equality_repr_and_inspection(index, folder, tmp_path):
    retriever = index.retriever(5, langs='de', backend=IVF(lists=32))
    same = MultilingualIndex(folder).retriever(5, langs=['de'], backend=IVF(lists=32, probes=16))
    assert (retriever, hash(retriever)) == (same, hash(same))
    for other in (IVF(lists=32, probes=3), IVF(lists=16), 'hnsw', None):
        assert retriever != index.retriever(5, langs='de', backend=other)
    assert repr(retriever).endswith(".retriever(5, langs=['de'], backend=IVF(lists=32))")
    more = index.retriever(5, drop_query_vec=True, separate=False, backend=IVF(lists=32), candidates=77)
    arguments = '.retriever(5, drop_query_vec=True, separate=False, backend=IVF(lists=32), candidates=77)'
    assert repr(more).endswith(arguments) and more.candidates == 77
    assert repr(more.fuse_rank_cutoff(3)).endswith('retriever(3' + arguments.removeprefix('.retriever(5'))
    with pytest.raises(ValueError, match='candidates=9 is for a backend; give backend= too'):
        index.retriever(5, candidates=9)
    assert index.retriever(5, backend='hnsw') == index.retriever(5, backend=HNSW())
    unbuilt = MultilingualIndex(tmp_path / 'none').retriever(5, backend='ivfpq')
    for one in (retriever, unbuilt):
        assert pt.inspect.transformer_inputs(one) == [['qid', 'query_vec']]
        outputs = pt.inspect.transformer_outputs(one, ['qid', 'query_vec'])
        assert set(outputs) == {'qid', 'query_vec', 'docno', 'docid', 'score', 'rank', 'doc_lang'}
    assert unbuilt.schematic == {'label': 'IVFPQ'}
    assert pickle.loads(pickle.dumps(retriever)) == retriever


@pytest.mark.parametrize('backend', [IVFPQ(lists=16), IVFPQ(lists=16, code_bits=4)], ids=repr)
def test_recall_does_not_depend_on_the_scale_of_the_vectors(build, vectors, topics, backend):
    recalls = []
    for scale in (1, 30, 0.3, 0.1, 1e-8):
        docs = ({'docno': f'{i:04}', 'lang': 'de', 'doc_vec': vector} for i, vector in enumerate(scale * vectors))
        index = build(docs, f'{scale}.index')
        recalls.append(recall(index.retriever(10, backend=backend)(topics), index.retriever(10)(topics)))
    assert recalls == pytest.approx(5 * recalls[:1], abs=0.02) and recalls[0] > 0.9


@pytest.mark.parametrize('backend, message', [
    ('annoy', "there is no backend 'annoy'; there are hnsw, ivf, ivfpq, and None for exact search"),
    (3, 'there is no backend 3'),
    (IVF(lists=N + 1), 'IVF: lists is 2801; it has to be at most the number of passages, 2,800'),
    (IVFPQ(code_bytes=5), 'IVFPQ: code_bytes is 5; it has to be a divisor of the 16 dimensions, such as 1, 2, 4, 8'),
    (IVFPQ(code_bytes=16, code_bits=4), 'code_bytes is 16; it has to be half of a divisor of .*, such as 1, 2, 4, 8'),
])  # fmt: skip
def test_backends_that_there_are_not_or_that_do_not_fit(index, backend, message):
    with pytest.raises(ValueError, match=message):
        index.retriever(backend=backend)


def test_numbers_of_numpy_are_numbers(index, topics):
    """FAISS takes none; with 2,800 passages, 7 results and 14 candidates are not searched exactly."""
    for plain, given in [
        (IVF(lists=8, probes=2, rescore=1.5), IVF(lists=np.int64(8), probes=np.int32(2), rescore=np.float32(1.5))),
        (HNSW(neighbours=4, ef_search=9), HNSW(neighbours=np.int64(4), ef_search=np.uint8(9))),
    ]:
        assert given == plain and repr(given) == repr(plain)
        run = index.retriever(np.int64(7), backend=given)(topics)
        pd.testing.assert_frame_equal(run, index.retriever(7, backend=plain)(topics))
        counted = ApproximateRetriever(index, 7, backend=given, candidates=np.int64(14))
        assert len(counted(topics)) == 40 * 7
    for wrong in (0, 2.5, True):
        with pytest.raises(ValueError, match=f'candidates is {wrong}; it is a number of candidates per query'):
            ApproximateRetriever(index, 7, backend='ivf', candidates=wrong)
        with pytest.raises(ValueError, match=f'IVF: probes is {wrong}; it has to be a whole number, at least 1'):
            IVF(probes=wrong)


def test_too_few_passages_and_a_device(build, docs, index):
    with pytest.raises(ValueError, match=r'IVFPQ\(\) needs at least 256 passages .* has 90; search it exactly'):
        build(docs).build_backend('ivfpq')
    with pytest.raises(ValueError, match='IVFPQ: code_bits is 6; it has to be 8 or 4'):
        IVFPQ(code_bits=6)
    with pytest.raises(ValueError, match="device='cuda' is for exact search"):
        index.retriever(backend='hnsw', device='cuda')


def test_one_passage(build, docs, encoder):
    topics = encoder.query_encoder()(pd.DataFrame({'qid': ['1'], 'query': ['x']}))
    for backend in ('hnsw', 'ivf'):
        assert len(build(docs[:1], backend).retriever(3, backend=backend)(topics)) == 1


@pytest.mark.parametrize('plan', ['linear', 'tree'])
def test_in_an_experiment(index, topics, plan):
    exact = index.retriever(10)(topics)
    qrels = exact[exact['rank'] < 2][['qid', 'docno']].assign(label=1)
    systems = [index.retriever(10), index.retriever(10, backend=WHOLE[1]), index.retriever(10, backend=SMALL[2])]
    names = ['exact', 'whole', 'small']
    result = pt.Experiment(systems, topics, qrels, ['map', 'num_rel_ret'], names=names, plan=plan)
    assert result['num_rel_ret'][0] == result['num_rel_ret'][1] == 80 > result['num_rel_ret'][2]

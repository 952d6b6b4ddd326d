"""Ranks by counting, against sorting everything by exact score and docno."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.ranking import exact_scores, grid, rank_grid


@pytest.fixture(scope='module', autouse=True, params=[0, grid.FEW], ids=['counting', 'all exact scores'])
def few(request):
    """Both ways to the ranks, whatever the number of passages."""
    before, grid.FEW = grid.FEW, request.param
    yield
    grid.FEW = before


def naive(query_vecs, doc_vecs, queries, docs, langs, docno_rank):
    """Pooled and within-language ranks, one comparison at a time."""
    scores = exact_scores(query_vecs, doc_vecs)
    pooled, within = [], []
    for query, doc in zip(queries, docs):
        before = [
            other for other in range(len(doc_vecs))
            if (-scores[query, other], docno_rank[other]) < (-scores[query, doc], docno_rank[doc])
        ]  # fmt: skip
        pooled.append(1 + len(before))
        within.append(1 + sum(langs[other] == langs[doc] for other in before))
    return pooled, within


def check(query_vecs, doc_vecs, queries, docs, langs, docno_rank, **options):
    found = rank_grid(query_vecs, doc_vecs, queries, docs, doc_langs=langs, docno_rank=docno_rank, **options)
    expected = naive(query_vecs, doc_vecs, queries, docs, langs, docno_rank)
    assert [found.pooled.tolist(), found.within.tolist()] == [list(ranks) for ranks in expected]


def near_equal(rng, q, p, d):
    """Vectors one unit in the last place apart in a few places: products differ by less than their rounding."""
    base = rng.standard_normal(d).astype(np.float32)
    docs = np.repeat(base[None], p, axis=0)
    for doc in docs:
        where = rng.integers(0, d, size=rng.integers(0, 3))
        doc[where] = np.nextafter(doc[where], np.float32(rng.choice([-np.inf, np.inf])))
    return rng.standard_normal((q, d)).astype(np.float32), docs


VECTORS = {
    'random': lambda rng, q, p, d: (rng.standard_normal((q, d)), rng.standard_normal((p, d))),
    'tied': lambda rng, q, p, d: (rng.integers(-1, 2, (q, d)), rng.integers(-1, 2, (p, d))),
    'duplicate': lambda rng, q, p, d: (rng.standard_normal((q, d)), rng.standard_normal((2, d))[rng.integers(0, 2, p)]),
    'zero': lambda rng, q, p, d: (np.zeros((q, d)), np.zeros((p, d))),
    'near equal': near_equal,
    'subnormal': lambda rng, q, p, d: (rng.integers(-2, 3, (q, d)) * 1e-19, rng.integers(-2, 3, (p, d)) * 1e-19),
    'great and small': lambda rng, q, p, d: (
        rng.standard_normal((q, d)) * 10.0 ** rng.integers(-18, 18, (q, 1)),
        rng.standard_normal((p, d)) * 10.0 ** rng.integers(-18, 18, (p, 1)),
    ),
    'cancelling': lambda rng, q, p, d: (
        np.tile([1e8, -1e8] + [1.0] * (d - 2), (q, 1)), np.c_[np.ones((p, 2)), rng.integers(-2, 3, (p, d - 2))]
    ),
}  # fmt: skip


@pytest.mark.parametrize('kind', VECTORS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_ranks_are_those_of_a_sort(kind, data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    q, p, d = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 40)), data.draw(st.integers(2, 70))
    rng = np.random.default_rng(seed)
    query_vecs, doc_vecs = (vecs.astype(np.float32) for vecs in VECTORS[kind](rng, q, p, d))
    n = data.draw(st.integers(0, 3 * q))
    queries = rng.integers(0, q, n)
    docs = rng.integers(0, p, n)
    langs = rng.choice(['de', 'en', 'th'], p)
    if data.draw(st.booleans()):
        langs.sort()
    with pytest.MonkeyPatch.context() as patch:  # blocks of a few rows and columns, so that all borders occur
        for name, sizes in (('ROWS', (1, 3, 1024)), ('COLUMNS', (1, 7, 8192)), ('NEAR', (0, 9, 2**22))):
            patch.setattr(grid, name, data.draw(st.sampled_from(sizes)))
        check(query_vecs, doc_vecs, queries, docs, langs, rng.permutation(p))


@pytest.mark.parametrize('interleaved', [True, False])
def test_memory_mapped_vectors(tmp_path, monkeypatch, interleaved):
    rng = np.random.default_rng(0)
    vecs = rng.integers(-2, 3, (60, 8)).astype(np.float32)
    vecs.tofile(tmp_path / 'vecs')
    mapped = np.memmap(tmp_path / 'vecs', dtype=np.float32, mode='r', shape=vecs.shape)
    monkeypatch.setattr(grid, 'COLUMNS', 16)
    langs = np.array(['de', 'en', 'th'] * 20)
    check(vecs[:9], mapped, np.arange(9).repeat(3), np.arange(27), langs if interleaved else np.sort(langs),
          rng.permutation(60))  # fmt: skip


def test_scores_that_overflow_are_decided_exactly():
    """A product of the first passage is infinity less infinity, whatever order its terms are added in."""
    doc_vecs = np.tile(np.array([[2.0, -2.0], [2.0, 2.0], [3.0, 3.0], [-2.0, -2.0], [0.0, 1e-3]], np.float32), 32)
    langs, docno_rank = np.array(list('aabbb')), np.array([4, 3, 2, 1, 0])
    for query_vecs in (np.full((1, 64), 3e38, np.float32), np.repeat(np.float32([[3e38], [1.0]]), 64, axis=1)):
        queries = np.arange(len(query_vecs)).repeat(5)
        check(query_vecs, doc_vecs, queries, np.tile(np.arange(5), len(query_vecs)), langs, docno_rank)


def test_a_bound_of_the_norms_changes_nothing():
    rng = np.random.default_rng(1)
    vecs = rng.integers(-2, 3, (30, 5)).astype(np.float32)
    check(vecs[:6], vecs, np.arange(6), np.arange(6), np.array(['de', 'en'] * 15), np.arange(30), max_norm=1e3)


def test_torch_gives_the_same_ranks():
    rng = np.random.default_rng(2)
    vecs = rng.standard_normal((50, 33)).astype(np.float32)
    check(vecs[:6], vecs, np.arange(6), 3 * np.arange(6), np.array(['de', 'en'] * 25), np.arange(50), device='cpu')


def test_ranks_are_those_of_the_retriever(tmp_path):
    """The retriever at full depth, over all passages and over each language, docnos out of the passages' order."""
    rng = np.random.default_rng(3)
    vecs = rng.integers(-1, 2, (90, 6)).astype(np.float32)
    langs = rng.choice(['de', 'en', 'th'], 90)
    index = MultilingualIndex(tmp_path / 'x.flex', verbose=False)
    index.index([
        {'docno': f'd{i * 37 % 90}', 'doc_vec': vec, 'lang': lang} for i, (vec, lang) in enumerate(zip(vecs, langs))
    ])
    import pandas as pd

    topics = pd.DataFrame({'qid': [str(i) for i in range(4)], 'query_vec': list(vecs[:4])})
    runs = {None: index.retriever(90)(topics)}
    runs |= {lang: index.retriever(90, langs=lang)(topics) for lang in set(langs)}
    ranked = {
        lang: {(row.qid, row.docid): row.rank + 1 for row in run.itertuples()} for lang, run in runs.items()
    }  # fmt: skip
    queries, docs = np.arange(4).repeat(90), np.tile(np.arange(90), 4)
    opened = index.open()
    found = rank_grid(vecs[:4], opened.vecs, queries, docs, doc_langs=langs, docno_rank=opened.docnos.rank)
    assert found.pooled.tolist() == [ranked[None][str(q), d] for q, d in zip(queries, docs)]
    assert found.within.tolist() == [ranked[langs[d]][str(q), d] for q, d in zip(queries, docs)]


@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(sorted(VECTORS)))
@settings(max_examples=60, deadline=None)
def test_excluded_passages_are_left_out_of_their_questions_rankings_alone(seed, kind):
    rng = np.random.default_rng(seed)
    query_vecs, doc_vecs = (vecs.astype(np.float32) for vecs in VECTORS[kind](rng, 3, 20, 6))
    langs, docno_rank = rng.choice(['de', 'en'], 20), rng.permutation(20)
    docs, left_out = np.split(rng.permutation(20), [8])
    queries, of = rng.integers(0, 3, 8), rng.integers(0, 3, (2, 12))  # a pair may be given twice
    excluded = of.ravel(), np.tile(left_out, 2)
    found = rank_grid(query_vecs, doc_vecs, queries, docs, doc_langs=langs, docno_rank=docno_rank, excluded=excluded)
    for i, (query, doc) in enumerate(zip(queries, docs)):
        rest = np.setdiff1d(np.arange(20), excluded[1][excluded[0] == query])
        expected = naive(query_vecs[[query]], doc_vecs[rest], [0], np.flatnonzero(rest == doc), langs[rest],
                         docno_rank[rest])  # fmt: skip
        assert ([found.pooled[i]], [found.within[i]]) == expected


def test_one_language_and_passages_in_the_order_of_their_docnos_are_the_default():
    vecs = np.ones((4, 3), np.float32)
    found = rank_grid(vecs[:1], vecs, np.zeros(4, int), np.arange(4))
    assert found.pooled.tolist() == found.within.tolist() == [1, 2, 3, 4]


def test_nothing_relevant_is_no_rank():
    none = np.empty(0, np.int64)
    found = rank_grid(np.ones((2, 3), np.float32), np.ones((4, 3), np.float32), none, none,
                      doc_langs=np.array(['de'] * 4), docno_rank=np.arange(4))  # fmt: skip
    assert found.pooled.shape == found.within.shape == (0,)


@pytest.mark.parametrize('queries, message', [
    (np.ones((1, 4), np.float32), 'questions have vectors of 4 dimensions, the passages of 3'),
    (np.array([[1, 1, 1], [1, np.nan, 1]], np.float32), 'vector of question 1 is not finite'),
    (np.array([[np.inf, 1, 1]], np.float32), 'vector of question 0 is not finite'),
])  # fmt: skip
def test_unusable_vectors_are_refused(queries, message):
    with pytest.raises(ValueError, match=message):
        rank_grid(queries, np.ones((2, 3), np.float32), np.zeros(1, int), np.zeros(1, int),
                  doc_langs=np.array(['de', 'de']), docno_rank=np.arange(2))  # fmt: skip

"""Approximate search beside exact search, for each backend, on a few thousand passages."""
import json
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyterrier as pt
import pytest

from pyterrier_hybrid.files import Busy, Exists, only_one
from pyterrier_hybrid.indexing import HNSW, IVF, IVFPQ, MultilingualIndex, faiss_files
from pyterrier_hybrid.indexing.approximate import ApproximateRetriever

SIZES = {'de': 1500, 'en': 900, 'th': 400}
N, D = sum(SIZES.values()), 16
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


@pytest.fixture(scope='module')
def vectors():
    """Unit vectors about 30 centres, of which Thai has ten to itself; every tenth is the one before it."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((30, D))
    owned = [rng.integers(20, 30, n) if lang == 'th' else rng.integers(0, 20, n) for lang, n in SIZES.items()]
    vectors = centres[np.concatenate(owned)] + 0.8 * rng.standard_normal((N, D))
    vectors[9::10] = vectors[8::10]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope='module')
def folder(vectors, tmp_path_factory):
    """The folder of an index of them, languages one after another."""
    langs = [lang for lang, n in SIZES.items() for _ in range(n)]
    docs = ({'docno': f'd{i * 7919 % N:04}', 'lang': lang, 'doc_vec': vectors[i]} for i, lang in enumerate(langs))
    return MultilingualIndex(tmp_path_factory.mktemp('approximate') / 'x.index', verbose=False).index(docs).path


@pytest.fixture
def index(folder):
    return MultilingualIndex(folder, verbose=False)


@pytest.fixture
def copy(folder, tmp_path):
    """An index of its own, to be damaged, without what other tests have built."""
    shutil.copytree(folder, tmp_path / 'x.index', ignore=shutil.ignore_patterns('faiss'))
    return MultilingualIndex(tmp_path / 'x.index', verbose=False)


@pytest.fixture
def topics(vectors):
    """Forty questions near passages of all languages."""
    rng = np.random.default_rng(1)
    near = vectors[:: N // 40][:40] + 0.1 * rng.standard_normal((40, D)).astype(np.float32)
    return pd.DataFrame({'qid': [f'q{i}' for i in range(40)], 'mood': range(40), 'query_vec': list(near)})


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
    assert index.retriever(5, backend='hnsw') == index.retriever(5, backend=HNSW())
    unbuilt = MultilingualIndex(tmp_path / 'none').retriever(5, backend='ivfpq')
    for one in (retriever, unbuilt):
        assert pt.inspect.transformer_inputs(one) == [['qid', 'query_vec']]
        outputs = pt.inspect.transformer_outputs(one, ['qid', 'query_vec'])
        assert set(outputs) == {'qid', 'query_vec', 'docno', 'docid', 'score', 'rank', 'doc_lang'}
    assert unbuilt.schematic == {'label': 'IVFPQ'}
    assert pickle.loads(pickle.dumps(retriever)) == retriever


def test_an_index_is_built_when_it_is_first_needed_and_once(copy, topics):
    backend = IVF(lists=8)
    retriever = copy.retriever(5, backend=backend)
    kept = copy.path / 'faiss' / 'ivf-lists8'
    assert not kept.exists()
    run = retriever(topics)
    stamp = (kept / 'index.faiss').stat().st_mtime_ns
    pd.testing.assert_frame_equal(MultilingualIndex(copy.path).retriever(5, backend=backend)(topics), run)
    assert (kept / 'index.faiss').stat().st_mtime_ns == stamp
    with pytest.raises(Exists, match='ivf-lists8 exists already'):
        copy.build_backend(backend)
    before = (kept / 'index.faiss').read_bytes()
    assert copy.build_backend(backend, overwrite=True) == kept
    assert (kept / 'index.faiss').read_bytes() == before
    copy.verify()
    more = {'docno': 'new', 'lang': 'de', 'doc_vec': topics['query_vec'][3] * 2}
    copy.indexer(mode='append').index([more])
    assert retriever(topics.iloc[[3]])['docno'].iloc[0] == 'new'


@pytest.mark.parametrize('backend', [WHOLE[1], IVFPQ(lists=16, code_bytes=4, probes=4)], ids=repr)
def test_parts_on_disk_give_what_one_in_memory_gives(copy, topics, backend, monkeypatch):
    whole = copy.retriever(20, backend=backend)(topics)
    monkeypatch.setattr('pyterrier_hybrid.indexing.faiss_filling.BLOCK', 100)
    row = 8 + (4 if isinstance(backend, IVFPQ) else 4 * D)
    monkeypatch.setattr('pyterrier_hybrid.indexing.faiss_filling._PART', 500 * row)
    folder = copy.build_backend(backend, overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == ['index.faiss', 'lists.ivfdata', 'meta.json']
    pd.testing.assert_frame_equal(copy.retriever(20, backend=backend)(topics), whole)
    copy.path.rename(copy.path.with_name('moved'))
    moved = MultilingualIndex(copy.path.with_name('moved'))
    pd.testing.assert_frame_equal(moved.retriever(20, backend=backend)(topics), whole)
    moved.verify()
    (moved.path / 'faiss' / folder.name / 'lists.ivfdata').unlink()
    with pytest.raises(FileNotFoundError, match=r'lists.ivfdata is missing'):
        MultilingualIndex(moved.path).retriever(20, backend=backend)(topics)


def test_one_writer_and_nothing_half_written(copy, monkeypatch):
    with only_one(copy.path / 'faiss' / 'ivf-lists8'), pytest.raises(Busy, match=r'is writing .*ivf-lists8'):
        copy.build_backend(IVF(lists=8))

    def full(*args):
        raise RuntimeError('Error in write: No space left on device')

    monkeypatch.setattr('faiss.write_index', full)
    with pytest.raises(OSError, match='ivf-lists8 cannot be written, the disk is full'):
        copy.build_backend(IVF(lists=8))
    assert [path.name for path in (copy.path / 'faiss').glob('[!.]*')] == []
    copy.verify()


@pytest.mark.parametrize('backend', [IVFPQ(lists=16), IVFPQ(lists=16, code_bits=4)], ids=repr)
def test_recall_does_not_depend_on_the_scale_of_the_vectors(build, vectors, topics, backend):
    recalls = []
    for scale in (1, 30, 0.3, 0.1, 1e-8):
        docs = ({'docno': f'{i:04}', 'lang': 'de', 'doc_vec': vector} for i, vector in enumerate(scale * vectors))
        index = build(docs, f'{scale}.index')
        recalls.append(recall(index.retriever(10, backend=backend)(topics), index.retriever(10)(topics)))
    assert recalls == pytest.approx(5 * recalls[:1], abs=0.02) and recalls[0] > 0.9


def test_one_that_was_built_in_an_earlier_way_is_built_again(copy, topics):
    backend = IVFPQ(lists=16, code_bytes=4)
    run = copy.retriever(5, backend=backend)(topics)
    path = copy.path / 'faiss' / 'ivfpq-lists16-code_bytes4-code_bits8' / 'meta.json'
    new = json.loads(path.read_text())
    old = json.dumps({name: value for name, value in new.items() if name != 'version'})
    for again in (lambda: copy.build_backend(backend), lambda: copy.retriever(5, backend=backend)(topics)):
        path.write_text(old)
        again()
        assert json.loads(path.read_text()) == new
    pd.testing.assert_frame_equal(copy.retriever(5, backend=backend)(topics), run)
    plain = copy.build_backend(IVF(lists=8)) / 'meta.json'
    plain.write_text(plain.read_text().replace('"version": 1,', ''))
    with pytest.raises(Exists):  # IVF is what it was
        copy.build_backend(IVF(lists=8))


@pytest.mark.parametrize('used_before', [False, True])
def test_an_index_that_is_replaced_meanwhile_is_searched_as_it_was(
    copy, topics, vectors, replace_when_opened, used_before
):
    """The new index has the same passages in another order."""
    retriever, exact = copy.retriever(10, backend=WHOLE[1]), copy.retriever(10)(topics)
    if used_before:
        retriever(topics)
    opened = copy.open()
    order = np.random.default_rng(2).permutation(N)
    columns = opened.docnos.fwd[order], vectors[order], opened.langs()[order]
    new = MultilingualIndex(copy.path, verbose=False).indexer(mode='overwrite')
    replace_when_opened(copy, lambda: new.index_arrays(*columns).build_backend(WHOLE[1]))
    pd.testing.assert_frame_equal(retriever(topics), exact)
    pd.testing.assert_frame_equal(retriever(topics), copy.retriever(10)(topics))
    assert (retriever(topics)['docid'] != exact['docid']).any()


def test_an_index_that_is_replaced_while_its_backend_is_built(copy, topics, docs, monkeypatch):
    """Neither is the search refused, nor is the new index given what was built of the old one."""
    run, balanced_sample = copy.retriever(10)(topics), faiss_files.balanced_sample

    def replace(*args):
        MultilingualIndex(copy.path, verbose=False).indexer(mode='overwrite').index(docs)
        return balanced_sample(*args)

    monkeypatch.setattr(faiss_files, 'balanced_sample', replace)
    pd.testing.assert_frame_equal(copy.retriever(10, backend=IVF(lists=8))(topics), run)
    assert not (copy.path / 'faiss').exists() and len(copy) == len(docs)


def test_several_first_searches_at_once(copy, topics):
    run = copy.retriever(5, backend=WHOLE[1])(topics)
    shutil.rmtree(copy.path / 'faiss')
    indexes = [MultilingualIndex(copy.path, verbose=False) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        runs = list(threads.map(lambda index: index.retriever(5, backend=WHOLE[1])(topics), indexes))
    for found in runs:
        pd.testing.assert_frame_equal(found, run)


def test_one_that_another_process_has_built_just_now_is_taken(copy, topics, monkeypatch):
    """It appears after this process has seen that there is none."""
    build, other = faiss_files._build, MultilingualIndex(copy.path, verbose=False)

    def build_second(*args, **options):
        monkeypatch.setattr(faiss_files, '_build', build)
        other.build_backend(IVF(lists=8))
        return build(*args, **options)

    monkeypatch.setattr(faiss_files, '_build', build_second)
    assert len(copy.retriever(5, backend=IVF(lists=8))(topics)) == 200


def test_a_folder_of_something_else_is_left_alone(copy, topics):
    folder = copy.path / 'faiss' / 'ivf-lists8'
    folder.mkdir(parents=True)
    (folder / 'notes').touch()
    with pytest.raises(Exists, match=r'ivf-lists8 exists already'):
        copy.retriever(5, backend=IVF(lists=8))(topics)


def test_files_of_other_passages_are_refused(copy, build, topics, vectors):
    copy.build_backend(IVF(lists=8))
    other = build([{'docno': str(i), 'lang': 'de', 'doc_vec': vector} for i, vector in enumerate(vectors)], 'other')
    shutil.copytree(copy.path / 'faiss', other.path / 'faiss')
    with pytest.raises(ValueError, match=r'ivf-lists8 is of other passages than the index .*overwrite=True'):
        other.retriever(5, backend=IVF(lists=8))(topics)
    other.build_backend(IVF(lists=8), overwrite=True)
    assert len(other.retriever(5, backend=IVF(lists=8))(topics)) == 200


@pytest.mark.parametrize('backend', [IVF(lists=8), HNSW(neighbours=4)], ids=repr)
def test_damaged_files_are_named(copy, topics, backend):
    path = copy.build_backend(backend) / 'index.faiss'
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=r'index.faiss has [\d,]+ bytes, and was written with'):
        copy.retriever(5, backend=backend)(topics)
    path.write_bytes(bytes(100) + whole[100:])
    with pytest.raises(ValueError, match=r'index.faiss has changed since it was written'):
        copy.verify()
    with pytest.raises(ValueError, match=r'FAISS cannot read .*index.faiss'):
        copy.retriever(5, backend=backend)(topics)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'index.faiss is missing: remove the folder'):
        copy.verify()
    path.with_name('meta.json').write_text('{}')
    with pytest.raises(ValueError, match=r"meta.json has no field 'backend'"):
        copy.retriever(5, backend=backend)(topics)


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


def test_samples_are_balanced_over_languages():
    lang_ids = np.repeat([0, 1, 2, 3], [5, 1000, 30, 2000]).astype(np.uint16)
    chosen = faiss_files.balanced_sample(lang_ids, 235)
    assert np.bincount(lang_ids[chosen]).tolist() == [5, 100, 30, 100]
    assert (np.diff(chosen) > 0).all()
    assert faiss_files.balanced_sample(lang_ids, 235).tolist() == chosen.tolist()
    assert len(faiss_files.balanced_sample(lang_ids, 9999)) == len(lang_ids)
    assert len(faiss_files.balanced_sample(lang_ids, 0)) == 0


@pytest.mark.parametrize('plan', ['linear', 'tree'])
def test_in_an_experiment(index, topics, plan):
    exact = index.retriever(10)(topics)
    qrels = exact[exact['rank'] < 2][['qid', 'docno']].assign(label=1)
    systems = [index.retriever(10), index.retriever(10, backend=WHOLE[1]), index.retriever(10, backend=SMALL[2])]
    names = ['exact', 'whole', 'small']
    result = pt.Experiment(systems, topics, qrels, ['map', 'num_rel_ret'], names=names, plan=plan)
    assert result['num_rel_ret'][0] == result['num_rel_ret'][1] == 80 > result['num_rel_ret'][2]

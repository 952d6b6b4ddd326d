"""The files of an approximate index: built once and whole, filled in parts, and refused where they are not its own."""
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.files import Busy, Exists, only_one
from pyterrier_hybrid.indexing import HNSW, IVF, IVFPQ, MultilingualIndex, faiss_files

#: It finds what exact search finds.
WHOLE = IVF(lists=32, probes=32, rescore=2.0)


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


@pytest.mark.parametrize('backend', [WHOLE, IVFPQ(lists=16, code_bytes=4, probes=4)], ids=repr)
def test_parts_on_disk_give_what_one_in_memory_gives(copy, topics, backend, monkeypatch):
    whole = copy.retriever(20, backend=backend)(topics)
    monkeypatch.setattr('pyterrier_hybrid.indexing.faiss_filling.BLOCK', 100)
    row = 8 + (4 if isinstance(backend, IVFPQ) else 4 * 16)
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


def test_lists_that_the_disk_has_no_room_for_are_refused_before_they_are_mapped(copy, monkeypatch):
    """The process would be killed by SIGBUS."""
    monkeypatch.setattr('pyterrier_hybrid.indexing.faiss_filling.BLOCK', 100)
    monkeypatch.setattr('pyterrier_hybrid.indexing.faiss_filling._PART', 500 * 72)
    space = shutil.disk_usage(copy.path)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: space._replace(free=72 * 2800 - 1))
    with pytest.raises(OSError, match=r'ivf-lists8 cannot be written, the disk is full .*201,600 bytes '):
        copy.build_backend(IVF(lists=8))
    assert [path.name for path in (copy.path / 'faiss').iterdir()] == ['.ivf-lists8.lock']
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: space._replace(free=72 * 2800))
    copy.build_backend(IVF(lists=8))


@pytest.mark.parametrize('why', ['No space left on device', 'File too large'])
def test_one_writer_and_nothing_half_written(copy, monkeypatch, why):
    with only_one(copy.path / 'faiss' / 'ivf-lists8'), pytest.raises(Busy, match=r'is writing .*ivf-lists8'):
        copy.build_backend(IVF(lists=8))

    def full(*args):
        raise RuntimeError(f'write error in index.faiss: 17 != 3001 ({why})')

    monkeypatch.setattr('faiss.write_index', full)
    with pytest.raises(OSError, match='ivf-lists8 cannot be written, the disk is full'):
        copy.build_backend(IVF(lists=8))
    assert [path.name for path in (copy.path / 'faiss').glob('[!.]*')] == []
    copy.verify()


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
    retriever, exact = copy.retriever(10, backend=WHOLE), copy.retriever(10)(topics)
    if used_before:
        retriever(topics)
    opened = copy.open()
    order = np.random.default_rng(2).permutation(len(vectors))
    columns = opened.docnos.fwd[order], vectors[order], opened.langs()[order]
    new = MultilingualIndex(copy.path, verbose=False).indexer(mode='overwrite')
    replace_when_opened(copy, lambda: new.index_arrays(*columns).build_backend(WHOLE))
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
    run = copy.retriever(5, backend=WHOLE)(topics)
    shutil.rmtree(copy.path / 'faiss')
    indexes = [MultilingualIndex(copy.path, verbose=False) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        runs = list(threads.map(lambda index: index.retriever(5, backend=WHOLE)(topics), indexes))
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


def test_samples_are_balanced_over_languages():
    lang_ids = np.repeat([0, 1, 2, 3], [5, 1000, 30, 2000]).astype(np.uint16)
    chosen = faiss_files.balanced_sample(lang_ids, 235)
    assert np.bincount(lang_ids[chosen]).tolist() == [5, 100, 30, 100]
    assert (np.diff(chosen) > 0).all()
    assert faiss_files.balanced_sample(lang_ids, 235).tolist() == chosen.tolist()
    assert len(faiss_files.balanced_sample(lang_ids, 9999)) == len(lang_ids)
    assert len(faiss_files.balanced_sample(lang_ids, 0)) == 0

"""Files and disks while building: damage, full disks, read-only folders, and what is no index."""
import errno
import os
import traceback

import pytest

from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.indexing import build as building
from pyterrier_hybrid.indexing.build import Build


def index_at(path) -> MultilingualIndex:
    return MultilingualIndex(path, verbose=False)


def failing(docs, error):
    yield from docs
    raise error


def test_damage_is_not_given_new_digests(tmp_path, docs, build):
    """Neither that of a part, by a resumed build, nor that of an index, by an append."""
    index = index_at(tmp_path / 'x.flex')
    with pytest.raises(OSError):
        index.index(failing(docs[:50], OSError()))
    flip(Build(index.path).folder / 'index/flex/vecs.f4')
    with pytest.raises(ValueError, match=r'index/flex/vecs\.f4 has changed since .* starts a new build'):
        index.indexer(mode='resume').index(docs)
    index.index(docs)
    flip(index.path / 'langs.u2', 2)
    with pytest.raises(ValueError, match=r'langs\.u2 has changed'):
        index.indexer(mode='append').index([{**docs[0], 'docno': 'new'}])


@pytest.mark.parametrize('damage', [
    lambda path: flip(path / 'langs.u2', 2),
    lambda path: os.truncate(path / 'flex/vecs.f4', 4),
    lambda path: (path / 'flex/vecs.f4').unlink(),
    lambda path: (path / 'pt_meta.json').write_text('{"type": "dense_'),
    lambda path: (path / 'pt_meta.json').write_text('{"type": "dense_index", "format": "multilingual"}'),
])  # fmt: skip
def test_a_damaged_index_is_overwritten_whether_or_not_that_is_interrupted(docs, build, content, damage):
    whole = content(build(docs, 'whole').path)
    index = build(docs[:9])
    damage(index.path)
    with pytest.raises(KeyboardInterrupt):
        index.indexer(mode='overwrite').index(failing(docs[:50], KeyboardInterrupt()))
    index.indexer(mode='resume').index(docs)
    assert content(index.path) == whole
    damage(index.path)
    index.indexer(mode='overwrite').index(docs)
    assert content(index.path) == whole


def test_damaged_metadata_of_something_else_are_left_alone(tmp_path, docs):
    path = tmp_path / 'x.flex'
    path.mkdir()
    (path / 'pt_meta.json').write_text('{"type": "sparse_')
    with pytest.raises(ValueError, match=r'pt_meta\.json is not JSON'):
        index_at(path).indexer(mode='overwrite').index(docs)
    assert [p.name for p in path.iterdir()] == ['pt_meta.json']


@pytest.mark.parametrize('name', ['flex/vecs.f4', 'langs.u2', 'docno_bytes.u1', 'docno_order.u4', 'flex/docnos.npids'])
def test_verify_names_the_file_that_a_flipped_bit_has_changed(docs, build, name):
    index = build(docs)
    index.verify()
    flip(index.path / name, 2)
    with pytest.raises(ValueError, match=rf'{name} has changed since it was written: .*overwrite'):
        index.verify()


def flip(path, at=5):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize('kind', ['folder', 'link', 'index'])
def test_folders_that_are_not_ours_stay_as_they_are(tmp_path, docs, kind):
    """Whatever bears a name that a build of this or an earlier version could want."""
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos' / 'p.jpg').write_text('x')
    taken = [tmp_path / name for name in ('x.flex.building', 'x.flex.replaced', '.x.flex.1.partial')]
    for path in taken:
        if kind == 'index':
            index_at(path).index(docs[:3])
        elif kind == 'link':
            path.symlink_to(tmp_path / 'photos')
        else:
            (path / 'sub').mkdir(parents=True)
            (path / 'sub' / 'mine').write_text('x')
    index = index_at(tmp_path / 'x.flex')
    with pytest.raises(OSError):
        index.index(failing(docs[:50], OSError()))
    index.indexer(mode='resume').index(docs)
    index.indexer(mode='overwrite').index(docs)
    assert (tmp_path / 'photos' / 'p.jpg').exists()
    for path in taken:
        assert index_at(path).built() if kind == 'index' else kind == 'link' or (path / 'sub' / 'mine').exists()


@pytest.mark.parametrize('moment', ['RowWriter.append', 'RowWriter.keep', 'complete_index', 'publish'])
def test_a_full_disk_is_told_with_the_path_and_resumed(tmp_path, docs, build, content, monkeypatch, moment):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, 'No space left on device')

    index = index_at(tmp_path / 'x.flex')
    with monkeypatch.context() as patch:
        patch.setattr(f'{building.__name__}.{moment}', full)
        with pytest.raises(OSError, match=r"x\.flex cannot be written, the disk is full .*mode='resume'"):
            index.indexer(part_size=40).index(docs)
    index.indexer(mode='resume', part_size=40).index(docs)
    assert content(index.path) == content(build(docs, 'whole.flex').path)


def in_a_process(work) -> None:
    """Runs ``work`` in a process of its own; whatever it raises ends the test."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize('limit', [500, 1_000, 1_500, 2_700])
def test_a_disk_that_takes_so_many_bytes_and_no_more(tmp_path, docs, build, content, limit):
    """A file stops in the middle of a row, or what is written last does; 90 documents have 2,880 bytes of vectors."""
    resource = pytest.importorskip('resource')
    index = index_at(tmp_path / 'run' / 'x.flex')

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr('pyterrier_hybrid.indexing.docno_table._FEWEST', 1 << 4)  # of 128 bytes, before it grows
            with pytest.raises(OSError, match=r"x\.flex cannot be written, .* Nothing is lost: .*mode='resume'"):
                index.indexer(part_size=10).index(docs)

    in_a_process(limited)
    kept = Build(index.path).progress()['count']
    assert kept % 10 == 0 and (kept > 0 or limit < 2_700)
    index.indexer(mode='resume', part_size=10).index(docs)
    assert content(index.path) == content(build(docs, 'whole.flex').path)
    assert sorted(p.name for p in index.path.parent.iterdir()) == ['.x.flex.lock', 'x.flex']


@pytest.mark.parametrize('where', ['scratch', 'RowWriter.keep'])
def test_a_read_only_folder_is_told_with_the_path(tmp_path, docs, monkeypatch, where):
    def denied(*args, **kwargs):
        raise OSError(errno.EROFS, 'Read-only file system')

    monkeypatch.setattr(f'{building.__name__}.{where}', denied)
    with pytest.raises(OSError, match=r'x\.flex cannot be written, the file system is read-only .*choose another path'):
        index_at(tmp_path / 'x.flex').index(docs)
    assert not (tmp_path / 'x.flex').exists()


@pytest.mark.parametrize('name', [
    'index/flex/vecs.f4', 'index/docno_bytes.u1', 'index/docno_offsets.i8', 'lang_ids.u2',
])  # fmt: skip
@pytest.mark.parametrize('damage', ['removed', 'cut', 'changed'])
def test_what_a_build_holds_and_someone_changed_is_named(tmp_path, docs, name, damage):
    index = index_at(tmp_path / 'x.flex')
    with pytest.raises(OSError):
        index.index(failing(docs[:50], OSError()))
    path = Build(index.path).folder / name
    if damage == 'changed':
        flip(path)
    elif damage == 'cut':
        os.truncate(path, path.stat().st_size - 1)
    else:
        path.unlink()
    with pytest.raises(ValueError, match=rf'{name}.*new build'):
        index.indexer(mode='resume').index(docs)
    if damage != 'changed':
        indexer = index.indexer(mode='resume')
        with pytest.raises(ValueError, match=rf'{name} has changed since it was written: a new build starts'):
            list(indexer.remaining(docs))
    assert len(index.index(docs)) == 90


def test_an_error_of_the_documents_stays_what_it_is(tmp_path, docs):
    with pytest.raises(OSError, match=r'^\[Errno 28\] No space left on device$'):
        index_at(tmp_path / 'x.flex').index(failing(docs[:5], OSError(errno.ENOSPC, 'No space left on device')))


@pytest.mark.parametrize('mode', ['create', 'overwrite'])
@pytest.mark.parametrize('name', ['file', 'folder'])
def test_what_is_no_index_is_left_as_it_is(tmp_path, docs, mode, name):
    path = tmp_path / name
    if name == 'folder':
        path.mkdir()
    note = path / 'thesis.tex' if name == 'folder' else path
    note.write_text('years of work')
    with pytest.raises(ValueError, match='holds something that is no FLEX index; it is left as it is'):
        index_at(path).indexer(mode=mode).index(docs)
    assert note.read_text() == 'years of work'


def test_a_half_written_index_is_replaced_only_when_told(tmp_path, docs):
    path = tmp_path / 'x.flex'
    path.mkdir()
    (path / 'vecs.f4').write_bytes(b'1234')
    with pytest.raises(ValueError, match='is half-written'):
        index_at(path).index(docs)
    with pytest.raises(ValueError, match='is half-written'):
        index_at(path).indexer(mode='resume').index(docs)
    with pytest.raises(OSError):
        index_at(path).indexer(mode='overwrite').index(failing(docs[:50], OSError()))
    assert len(index_at(path).indexer(mode='resume').index(docs)) == 90

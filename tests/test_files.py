"""Folders and files: old or new and never in between, one writer at a time, nothing removed that is not ours."""
import errno
import os
import signal
import sys
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from pyterrier_hybrid import files, publishing
from pyterrier_hybrid.files import Busy, Exists, only_one, read_whole, replace_text, whole_file, whole_folder, writing

MARK = 'record.json'


@pytest.fixture(params=['exchange', 'two_renames'])
def system(request, monkeypatch):
    """A file system that exchanges two names by one call, and one that cannot."""
    if request.param == 'two_renames':
        monkeypatch.setattr(publishing, '_exchange', lambda one, other: False)
    return request.param


def write(target: Path, text: str, **options) -> None:
    with whole_folder(target, mark=MARK, **options) as folder:
        (folder / 'sub').mkdir()
        (folder / 'sub' / 'data').write_text(text)
        (folder / MARK).write_text(text)


def content(target: Path) -> dict[str, str]:
    return {str(p.relative_to(target)): p.read_text() for p in target.rglob('*') if p.is_file()}


def whole(text: str) -> dict[str, str]:
    return {'sub/data': text, MARK: text}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def killed_at(step: int, work) -> bool:
    """Runs ``work`` in a child process that kills itself before its ``step``-th call on files; whether it did."""
    child = os.fork()
    if not child:
        seen = [0]

        def count(event: str, arguments: tuple) -> None:
            if event != 'os.kill' and event.startswith(('os.', 'open', 'shutil.', 'tempfile.', 'ctypes.dlsym')):
                seen[0] += 1
                if seen[0] > step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


@pytest.fixture
def no_fsync(monkeypatch):
    monkeypatch.setattr(os, 'fsync', lambda handle: None)


def test_a_folder_appears_whole_and_alone(tmp_path):
    write(tmp_path / 'deep' / 'x', 'new')
    assert content(tmp_path / 'deep' / 'x') == whole('new')
    assert names(tmp_path / 'deep') == ['.x.lock', 'x']


def test_everything_is_flushed_before_the_name_is_given(tmp_path, monkeypatch):
    flushed, target = [], tmp_path / 'x'

    def fsync(handle):
        flushed.append((Path(os.readlink(f'/proc/self/fd/{handle}')).name, target.exists()))

    monkeypatch.setattr(os, 'fsync', fsync)
    write(target, 'new')
    before = {name for name, published in flushed if not published}
    assert before == {'data', MARK, 'sub', 'new'} and flushed[-1] == (tmp_path.name, True)


def test_overwriting_keeps_the_old_one_until_the_end(tmp_path, system):
    write(tmp_path / 'x', 'old')
    with whole_folder(tmp_path / 'x', mark=MARK, overwrite=True) as folder:
        assert content(tmp_path / 'x') == whole('old')
        (folder / MARK).write_text('new')
    assert content(tmp_path / 'x') == {MARK: 'new'}
    assert names(tmp_path) == ['.x.lock', 'x']


@pytest.mark.parametrize('error', [KeyError('x'), KeyboardInterrupt()])
def test_a_failure_changes_nothing(tmp_path, system, error):
    write(tmp_path / 'x', 'old')
    with pytest.raises(type(error)), whole_folder(tmp_path / 'x', mark=MARK, overwrite=True):
        raise error
    assert content(tmp_path / 'x') == whole('old') and names(tmp_path) == ['.x.lock', 'x']


def test_a_failing_second_rename_gives_the_old_one_its_name_back(tmp_path, monkeypatch):
    monkeypatch.setattr(publishing, '_exchange', lambda one, other: False)
    write(tmp_path / 'x', 'old')
    rename = Path.rename

    def fail(self, target):
        if self.name == 'new':
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, 'rename', fail)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / 'x', 'new', overwrite=True)
    assert content(tmp_path / 'x') == whole('old') and names(tmp_path) == ['.x.lock', 'x']


def test_a_folder_without_its_mark_is_not_published(tmp_path):
    with pytest.raises(FileNotFoundError, match=MARK), whole_folder(tmp_path / 'x', mark=MARK):
        pass
    assert names(tmp_path) == ['.x.lock']


def test_killed_before_any_call_the_target_is_old_or_new(tmp_path, system, no_fsync):
    """The reader that follows finds one of them; the next writer succeeds, and leaves nothing of either attempt."""
    target, step, seen = tmp_path / 'x', 0, []
    write(target, 'old')
    while killed_at(step, lambda: write(target, 'new', overwrite=True)):
        seen.append(read_whole(target, MARK, lambda: content(target)))
        write(target, 'old', overwrite=True)
        assert content(target) == whole('old')
        left = {name for name in names(tmp_path) if not (tmp_path / name).is_dir() or any((tmp_path / name).iterdir())}
        assert left == {'.x.lock', 'x'}
        step += 1
    assert content(target) == whole('new')
    assert seen.index(whole('new')) > 10 and seen == sorted(seen, key=lambda found: found == whole('new'))


def test_killed_before_any_call_a_first_attempt_is_absent_or_whole(tmp_path, no_fsync):
    step, target = 0, tmp_path / '0' / 'x'
    while killed_at(step, partial(write, target, 'new')):
        assert not target.exists() or content(target) == whole('new')
        write(target, 'again', overwrite=True)
        assert content(target) == whole('again')
        step += 1
        target = tmp_path / f'{step}' / 'x'
    assert step > 10 and content(target) == whole('new')


def test_what_is_there_is_not_overwritten_unasked(tmp_path):
    write(tmp_path / 'x', 'old')
    for kind in (FileExistsError, ValueError):
        with pytest.raises(kind, match='x exists already'):
            write(tmp_path / 'x', 'new')
    assert content(tmp_path / 'x') == whole('old')


def test_what_appears_meanwhile_is_not_overwritten_unasked(tmp_path):
    with pytest.raises(Exists), whole_folder(tmp_path / 'x', mark=MARK) as folder:
        (folder / MARK).write_text('new')
        (tmp_path / 'x').mkdir()
        (tmp_path / 'x' / 'mine').write_text('work')
    assert content(tmp_path / 'x') == {'mine': 'work'} and names(tmp_path) == ['.x.lock', 'x']


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize('kind', ['file', 'folder'])
def test_what_is_not_of_this_kind_is_never_overwritten(tmp_path, kind, overwrite):
    mine = tmp_path / 'x' if kind == 'file' else tmp_path / 'x' / 'thesis.tex'
    mine.parent.mkdir(exist_ok=True)
    mine.write_text('years of work')
    with pytest.raises(Exists, match=r'x (exists|has no)'):
        write(tmp_path / 'x', 'new', overwrite=overwrite)
    assert mine.read_text() == 'years of work'


def test_an_empty_folder_is_as_good_as_none(tmp_path):
    (tmp_path / 'x').mkdir()
    write(tmp_path / 'x', 'new')
    assert content(tmp_path / 'x') == whole('new')


def test_a_link_stays_and_what_it_names_is_replaced(tmp_path, system):
    (tmp_path / 'disk').mkdir()
    write(tmp_path / 'disk' / 'x', 'old')
    (tmp_path / 'x').symlink_to(tmp_path / 'disk' / 'x')
    write(tmp_path / 'x', 'new', overwrite=True)
    assert (tmp_path / 'x').is_symlink() and content(tmp_path / 'disk' / 'x') == whole('new')


@pytest.mark.parametrize('name', ['x' * 255, 'ü' * 127, '.hidden', 'with space', 'a.b.c'])
def test_any_name_that_the_file_system_takes(tmp_path, name):
    write(tmp_path / name, 'old')
    write(tmp_path / name, 'new', overwrite=True)
    assert content(tmp_path / name) == whole('new')


@pytest.mark.parametrize('opened', [partial(whole_folder, mark=MARK), whole_file, only_one])
def test_a_name_that_is_too_long_is_refused_before_any_work(tmp_path, opened):
    said = r"the name 'x+'\.\.\. has 256 bytes, and file systems take 255 at most"
    with pytest.raises(OSError, match=said), opened(tmp_path / ('x' * 256)):
        pytest.fail('the work has begun')
    assert not any(tmp_path.iterdir())


def test_names_that_begin_alike_have_nothing_to_do_with_each_other(tmp_path):
    with whole_folder(tmp_path / 'x.flex', mark=MARK) as folder:
        write(tmp_path / 'x', 'new')
        assert not publishing.scratches(tmp_path / 'x') and len(publishing.scratches(tmp_path / 'x.flex')) == 1
        (folder / MARK).touch()


def test_working_folders_that_are_not_ours_are_left_alone(tmp_path):
    """Neither a folder with such a name, nor one behind a link, nor what a link in one of ours names."""
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos' / 'p.jpg').write_text('x')
    (tmp_path / 'photos' / publishing.MARK).touch()
    (tmp_path / '.x.1.partial').symlink_to(tmp_path / 'photos')
    (tmp_path / '.x.2.partial').mkdir()
    (tmp_path / '.x.2.partial' / 'mine').write_text('x')
    ours = publishing.scratch(tmp_path / 'x')
    (ours / 'link').symlink_to(tmp_path / 'photos')
    write(tmp_path / 'x', 'new')
    assert (tmp_path / 'photos' / 'p.jpg').exists() and (tmp_path / '.x.2.partial' / 'mine').exists()
    assert not ours.exists()


@pytest.mark.parametrize('kind', ['link', 'file', 'folder'])
def test_a_working_folder_of_a_known_name_must_be_ours(tmp_path, kind):
    work = tmp_path / 'run.checkpoints'
    publishing.claim(work)
    (work / 'checkpoint-3').mkdir()
    publishing.claim(work)
    assert (work / 'checkpoint-3').exists()
    other = tmp_path / 'other'
    if kind == 'link':
        other.symlink_to(work)
    elif kind == 'file':
        other.write_text('x')
    else:
        other.mkdir()
        (other / 'mine').write_text('x')
    with pytest.raises(Exists, match='other'):
        publishing.claim(other)
    publishing.discard(other)
    assert other.exists()
    publishing.discard(work)
    assert not work.exists()


def test_the_second_writer_is_refused_at_once(tmp_path):
    """From another thread, from the same one, and from another process; reading goes on."""
    write(tmp_path / 'x', 'old')
    refused = []

    def second():
        with pytest.raises(Busy, match='x; wait'):
            write(tmp_path / 'x', 'second', overwrite=True)
        refused.append(True)

    with only_one(tmp_path / 'x'):
        second()
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        child = os.fork()
        if not child:
            second()
            os._exit(len(refused))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        assert content(tmp_path / 'x') == whole('old')
        write(tmp_path / 'x', 'first', overwrite=True, lock=False)
    write(tmp_path / 'x', 'third', overwrite=True)
    assert content(tmp_path / 'x') == whole('third') and (tmp_path / '.x.lock').exists()


def test_a_reader_begins_anew_when_the_folder_is_replaced(tmp_path):
    target, reads = tmp_path / 'x', []
    write(target, 'old')

    def read():
        first = (target / MARK).read_text()
        if len(reads) < 2:
            write(target, f'new {len(reads)}', overwrite=True)
        reads.append(first)
        if len(reads) == 2:
            raise ValueError('damaged')
        return first, (target / 'sub' / 'data').read_text()

    assert read_whole(target, MARK, read) == ('new 1', 'new 1')
    assert len(reads) == 3


def test_a_reader_of_an_unchanged_folder_sees_the_error(tmp_path):
    write(tmp_path / 'x', 'old')
    with pytest.raises(FileNotFoundError):
        read_whole(tmp_path / 'x', MARK, lambda: (tmp_path / 'x' / 'gone').read_text())
    with pytest.raises(FileNotFoundError):
        read_whole(tmp_path / 'y', MARK, lambda: (tmp_path / 'y' / MARK).read_text())
    assert names(tmp_path) == ['.x.lock', 'x']


def test_a_reader_waits_for_the_second_of_two_renames(tmp_path, monkeypatch):
    monkeypatch.setattr(publishing, '_exchange', lambda one, other: False)
    write(tmp_path / 'x', 'old')
    rename, between, found = Path.rename, threading.Event(), []

    def slow(self, target):
        result = rename(self, target)
        if target.name == 'replaced':
            between.set()
            reader.join(0.2)
        return result

    def reading():
        between.wait()
        found.append(read_whole(tmp_path / 'x', MARK, lambda: content(tmp_path / 'x')))

    monkeypatch.setattr(Path, 'rename', slow)
    reader = threading.Thread(target=reading)
    reader.start()
    write(tmp_path / 'x', 'new', overwrite=True)
    reader.join()
    assert found == [whole('new')]


def test_a_file_is_replaced_in_one_step(tmp_path, no_fsync):
    target, step = tmp_path / 'deep' / 'x.json', 0
    replace_text(target, 'old\n')
    while killed_at(step, lambda: replace_text(target, 'new\n')):
        assert target.read_text() in ('old\n', 'new\n')
        replace_text(target, 'old\n')
        step += 1
    assert target.read_text() == 'new\n' and step > 3
    (tmp_path / 'link').symlink_to(target)
    with pytest.raises(KeyError), whole_file(tmp_path / 'link') as half:
        half.write_text('half')
        raise KeyError
    replace_text(tmp_path / 'link', 'é\n')
    assert (tmp_path / 'link').is_symlink() and target.read_bytes() == b'\xc3\xa9\n'


@contextmanager
def fails(error: Exception):
    yield
    raise error


@pytest.mark.parametrize(('error', 'code', 'why'), [
    (OSError(errno.ENOSPC, 'No space left on device'), errno.ENOSPC, 'full'),
    (OSError(errno.EDQUOT, 'Disk quota exceeded'), errno.EDQUOT, 'quota'),
    (OSError(errno.EROFS, 'Read-only file system'), errno.EROFS, 'read-only'),
    (PermissionError(errno.EACCES, 'Permission denied', '/a/x/f'), errno.EACCES, 'permission'),
    (OSError('179695 requested and 24544 written'), errno.ENOSPC, 'full'),
    (Exception('No space left on device (os error 28)'), errno.ENOSPC, 'full'),
    (RuntimeError('PytorchStreamWriter failed writing file data/0'), errno.ENOSPC, 'full'),
])  # fmt: skip
def test_a_disk_that_takes_no_more_is_told_with_path_and_remedy(error, code, why):
    message = rf'/a/x cannot be written, .*{why}.*: .*\. Resume it\.$'
    with pytest.raises(OSError, match=message) as caught, writing('/a'), writing('/a/x', 'Resume it.'), fails(error):
        pass
    assert caught.value.errno == code and caught.value.__cause__ is error


@pytest.mark.parametrize('error', [
    ValueError('x'), KeyError('x'), FileNotFoundError(errno.ENOENT, 'No such file', '/a/x/f'),
    PermissionError(errno.EACCES, 'Permission denied', '/corpus/of/the/user'), RuntimeError('CUDA out of memory'),
])  # fmt: skip
def test_other_errors_pass(error):
    with pytest.raises(type(error)) as caught, writing('/a/x'), fails(error):
        pass
    assert caught.value is error


def test_a_full_disk_while_a_folder_is_written(tmp_path, monkeypatch):
    write(tmp_path / 'x', 'old')

    def full(path):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(publishing, 'sync', full)
    with pytest.raises(OSError, match=r'x cannot be written, the disk is full'):
        write(tmp_path / 'x', 'new', overwrite=True)
    assert content(tmp_path / 'x') == whole('old') and names(tmp_path) == ['.x.lock', 'x']
    monkeypatch.setattr(files, 'sync', full)
    with pytest.raises(OSError, match=r'f cannot be written, the disk is full'):
        replace_text(tmp_path / 'f', 'x')
    assert names(tmp_path) == ['.x.lock', 'x']

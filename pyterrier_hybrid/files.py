"""Folders and files that appear whole or not at all, with one writer at a time.

A folder or file is written under another name beside its target, flushed to the disk, and published by one rename. A
reader finds the old content or the new, never a part of either, also after a kill or a power cut.

* :func:`whole_folder`, :func:`whole_file` and :func:`replace_text` write and publish.
* :func:`only_one` refuses a second writer. A writer also reads within this block.
* :func:`read_whole` reads several files of one folder, all from before or all from after a replacement.
* :func:`writing` replaces the errors of a full disk or a read-only folder by an OSError with the path and the remedy.

:mod:`pyterrier_hybrid.publishing` has the single steps.
"""
import errno
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

from pyterrier_hybrid.publishing import (
    PARTIAL,
    Exists,
    beside,
    check_name,
    check_target,
    discard,
    publish,
    replaced,
    restore,
    scratch,
    scratches,
    sync,
    sync_tree,
)

__all__ = ['Busy', 'Exists', 'only_one', 'read_whole', 'replace_text', 'stamp', 'sync', 'sync_tree', 'whole_file',
           'whole_folder', 'writing']  # fmt: skip

T = TypeVar('T')

_FULL = {errno.ENOSPC: 'the disk is full', errno.EDQUOT: 'the disk quota is used up', errno.EFBIG: 'it is too large'}
_DENIED = {errno.EROFS: 'the file system is read-only', errno.EACCES: 'permission is denied',
           errno.EPERM: 'permission is denied'}  # fmt: skip
# Messages of numpy, torch, safetensors, tokenizers and FAISS about a full disk, in errors without an errno.
_SAID_FULL = re.compile(
    r'no space left|file too large|os error 2[78]|quota exceeded|failed writing|write failed|unexpected pos \d|'
    r'requested and \d+ written',
    re.IGNORECASE,
)


class Busy(ValueError):
    """Another process or thread is writing the same thing."""


@contextmanager
def whole_folder(
    target: str | os.PathLike, *, mark: str, overwrite: bool = False, lock: bool = True, remedy: str = ''
) -> Iterator[Path]:
    """Gives a new folder to write to, which takes the target's name when the block ends without an error.

    An attempt that fails leaves the target as it was. One that is killed leaves a hidden folder beside the target,
    which the next attempt removes.

    Args:
        target: where the folder will be; a symbolic link is resolved, missing parents are made.
        mark: the file that makes a folder one of this kind. The block writes it, last of all.
        overwrite: replace a folder that holds ``mark``. It stays in place until the new one is complete.
        lock: False if the caller already holds :func:`only_one` of the target.
        remedy: a sentence on what to do, for the error of a full disk.

    Raises:
        Exists: the target is something that is not to be overwritten; a FileExistsError and a ValueError.
        Busy: another process or thread is writing it; a ValueError.
        OSError: it cannot be written, as :func:`writing`; or its name is too long.
    """
    target = resolved(target)
    check_name(target)
    with writing(target, remedy):
        check_target(target, marks=(mark,), overwrite=overwrite)
        with only_one(target) if lock else nullcontext():
            restore(target)
            check_target(target, marks=(mark,), overwrite=overwrite)
            for leftover in scratches(target):
                discard(leftover)
            target.parent.mkdir(parents=True, exist_ok=True)
            work = scratch(target)
            try:
                new = work / 'new'
                new.mkdir()
                yield new
                publish(new, target, mark=mark, overwrite=overwrite)
            finally:
                discard(work)


@contextmanager
def whole_file(target: str | os.PathLike) -> Iterator[Path]:
    """Gives the name of a file to write, which takes the target's place when the block ends without an error.

    Args:
        target: the file, replaced if it exists; a symbolic link is resolved, missing parents are made.

    Raises:
        OSError: it cannot be written, as :func:`writing`; or its name is too long.
    """
    target = resolved(target)
    check_name(target)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = beside(target, f'.{secrets.token_hex(8)}{PARTIAL}')
        try:
            yield partial
            sync(partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        sync(target.parent)


def replace_text(target: str | os.PathLike, text: str) -> None:
    """Writes a text file (UTF-8, ``\\n``), or replaces it, in one step."""
    with whole_file(target) as partial:
        partial.write_text(text, encoding='utf-8', newline='\n')


@contextmanager
def only_one(target: str | os.PathLike) -> Iterator[None]:
    """A block that every other process and thread with the same target is refused at once.

    The lock is on the hidden file ``.<name>.lock`` beside the target, which is never removed: a lock on a removed file,
    or on a file in a replaced folder, would exclude nobody. The system releases it when the process ends.

    Args:
        target: a file or folder, which need not exist; missing parents are made.

    Raises:
        Busy: another process or thread is in such a block.
    """
    from filelock import FileLock, Timeout

    target = resolved(target)
    check_name(target)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(beside(target, '.lock'))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise Busy(f'another process or thread is writing {target}; wait until it ends, or stop it') from None
    try:
        yield
    finally:
        lock.release()


def read_whole(folder: str | os.PathLike, mark: str, read: Callable[[], T]) -> T:
    """Returns what ``read`` returns, and calls it again if the folder was replaced meanwhile.

    Args:
        folder: a folder that :func:`whole_folder` writes.
        mark: its mark.
        read: reads files of the folder. Its errors are raised only if the folder has stayed the same.
    """
    path = Path(folder) / mark
    while True:
        before = stamp(path) or _stamp_once_published(path)
        try:
            value = read()
        except Exception:
            if stamp(path) == before:
                raise
        else:
            if stamp(path) == before:
                return value


def stamp(path: Path) -> tuple[int, ...] | None:
    """Returns a value that changes if the file, or the folder around it, is replaced; None if there is no file."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _stamp_once_published(path: Path) -> tuple[int, ...] | None:
    """The stamp, after waiting for a writer between its two renames, or undoing the first one of a killed writer."""
    target = resolved(path.parent)
    for _ in range(100):
        if replaced(target) is None:
            break
        try:
            with only_one(target):
                restore(target)
        except Busy:
            time.sleep(0.05)
        except OSError:
            break  # no permission to repair
    return stamp(path)


@contextmanager
def writing(path: str | os.PathLike, remedy: str = '') -> Iterator[None]:
    """A block that writes to a path. If the disk is full or the path read-only, the error names path and remedy.

    Args:
        path: the file or folder.
        remedy: one more sentence for the message, for example on how to resume.

    Raises:
        OSError: the disk is full or the path read-only. It has the system's ``errno``, and replaces what the system,
            numpy, torch, safetensors or tokenizers raise. Every other error passes.
    """
    try:
        yield
    except Exception as error:
        code = error.errno if isinstance(error, OSError) else None
        if code is None and _SAID_FULL.search(str(error)):
            code = errno.ENOSPC
        if hasattr(error, 'written') or (code not in _FULL and code not in _DENIED) or _is_elsewhere(error, path):
            raise
        why, what = _FULL.get(code) or _DENIED[code], 'make it writable or choose another path'
        if code in _FULL:
            what = 'free some space and run it again'
        raised = OSError(code, f'{path} cannot be written, {why} ({error!s:.200}): {what}. {remedy}'.rstrip())
        raised.written = path  # so that an outer block lets it pass
        raise raised from error


def _is_elsewhere(error: Exception, path: str | os.PathLike) -> bool:
    """Whether the error names a file that is neither beside the path, nor in it, nor one of its parents."""
    named = getattr(error, 'filename', None)
    if not isinstance(named, (str, bytes, os.PathLike)):
        return False
    named, path = resolved(os.fsdecode(named)), resolved(path)
    return path.parent not in named.parents and named not in path.parents


def resolved(path: str | os.PathLike) -> Path:
    """The absolute path without symbolic links, so that a writer replaces a link's target and not the link."""
    return Path(os.path.realpath(path))

"""Putting a finished folder in its place, in one step."""
import ctypes
import errno
import os
import shutil
import sys
from pathlib import Path

from pyterrier_hybrid.indexing.storage import sync

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def publish(folder: Path, target: Path) -> None:
    """Renames ``folder`` to ``target``; what was there before is found at ``folder`` afterwards.

    A reader sees the old folder or the new one at any moment, and so does whoever comes after a crash: a folder cannot
    be renamed onto a full one, so the two names are exchanged by one system call (renameat2(2), Linux). On systems
    without it there are two renames, and a crash between them leaves the old folder at ``<target>.replaced``.
    """
    if not target.exists() or not any(target.iterdir()):
        folder.rename(target)
    elif not _exchange(folder, target):
        aside = replaced(target)
        shutil.rmtree(aside, ignore_errors=True)  # left by a crash after the second rename
        target.rename(aside)
        try:
            folder.rename(target)
        except OSError:
            aside.rename(target)
            raise
        aside.rename(folder)
    sync(target.parent)


def replaced(target: Path) -> Path:
    """Where an index that is being replaced lies for a moment, where two folders cannot exchange names."""
    return target.with_name(f'{target.name}.replaced')


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges two names; False where the system or the file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), 'renameat2', None) if sys.platform == 'linux' else None
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))

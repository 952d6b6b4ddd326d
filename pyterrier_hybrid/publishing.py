"""The steps of writing a folder whole: a working folder beside the target, one rename, and the repair after a kill.

:func:`pyterrier_hybrid.files.whole_folder` takes these steps one after another. Code that must continue after a kill,
such as the build of an index, takes them by itself, under :func:`pyterrier_hybrid.files.only_one` of the target.

A working folder has a mark. Only folders with the mark are ever emptied or removed, and no symbolic link is followed.
"""
import ctypes
import errno
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

#: The file that marks a working folder of this package.
MARK = '.pyterrier_hybrid'
PARTIAL = '.partial'
#: The most bytes that a file's name can have.
LONGEST = 255
_REPLACED = 'replaced'


class Exists(FileExistsError, ValueError):
    """A path is taken."""


def scratch(target: Path) -> Path:
    """Makes a working folder beside the target. It is hidden and marked, and its name cannot be guessed."""
    folder = Path(tempfile.mkdtemp(prefix=f'{beside(target, ".").name}', suffix=PARTIAL, dir=target.parent))
    (folder / MARK).touch()
    return folder


def scratches(target: Path) -> list[Path]:
    """The working folders of a target. If the caller holds ``only_one`` of it, they were left by a kill."""
    prefix = beside(target, '.').name
    found = target.parent.iterdir() if target.parent.is_dir() else ()
    ends = {path: path.name.removeprefix(prefix).removesuffix(PARTIAL) for path in found}
    return sorted(p for p, end in ends.items() if p.name == f'{prefix}{end}{PARTIAL}' and '.' not in end and is_ours(p))


def claim(folder: Path) -> None:
    """Makes a working folder with a given name, which may be taken; accepts one that exists and has the mark.

    Raises:
        Exists: the name is taken by something that is not ours, or by a symbolic link.
    """
    if not is_ours(folder):
        if os.path.lexists(folder) and (folder.is_symlink() or not is_empty(folder)):
            raise Exists(
                errno.EEXIST, f'{folder} is needed to work in, and holds something else; move it, or use another path'
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).touch()


def is_ours(folder: Path) -> bool:
    """Whether this is a working folder with our mark, and not a symbolic link to one."""
    return folder.is_dir() and not folder.is_symlink() and (folder / MARK).is_file()


def discard(folder: Path) -> None:
    """Removes a working folder if it is ours. The mark is removed last, so after a kill the folder still has it.

    A file that cannot be removed, for example because a reader has it open on NFS, stays until the next attempt.
    """
    if is_ours(folder):
        with suppress(OSError):
            for path in folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path.name != MARK:
                    path.unlink()
            (folder / MARK).unlink()
            folder.rmdir()


def check_name(target: Path) -> None:
    """Raises an OSError if the name is too long for file systems; otherwise only the final rename would fail."""
    length = len(os.fsencode(target.name))
    if length > LONGEST:
        raise OSError(
            errno.ENAMETOOLONG, f'the name {target.name[:40]!r}... has {length} bytes, and file systems take {LONGEST} '
            'at most; choose a shorter one'
        )  # fmt: skip


def check_target(target: Path, *, marks: tuple[str, ...], overwrite: bool) -> None:
    """Checks that a folder may be published at the target.

    Args:
        target: a path.
        marks: files that make a folder one of the kind that is written.
        overwrite: whether such a folder may be replaced.

    Raises:
        Exists: there is a file or a folder with content, and it may not be replaced or has none of the ``marks``.
    """
    if not os.path.lexists(target) or is_empty(target):
        return
    if not overwrite:
        raise Exists(errno.EEXIST, f'{target} exists already; overwrite it, or choose another path')
    if not any((target / mark).is_file() for mark in marks):
        raise Exists(errno.EEXIST, f'{target} has no {marks[0]}: it is something else and is left as it is; '
                                   'choose another path')  # fmt: skip


def is_empty(path: Path) -> bool:
    """Whether this is a folder without content."""
    return path.is_dir() and not any(path.iterdir())


def publish(folder: Path, target: Path, *, mark: str, overwrite: bool, replaceable: tuple[str, ...] = ()) -> None:
    """Flushes a complete folder inside a working folder to the disk, and gives it the target's name in one step.

    A replaced folder moves into the working folder. A folder cannot be renamed onto one with content, so the two
    exchange their names by one system call: renameat2(2) of Linux, renamex_np(2) of macOS. Some file systems, such as
    NFS, cannot do that; there it takes two renames. After a kill between the two, the next reader or writer puts the
    old folder back (:func:`restore`).

    Args:
        folder: what is published.
        target: the name it gets.
        mark: the file that makes it complete.
        overwrite: replace a folder at the target that has this mark, too.
        replaceable: other files that make a folder one that may be replaced.

    Raises:
        FileNotFoundError: the folder has no ``mark``.
        Exists: as :func:`check_target`.
    """
    if not (folder / mark).is_file():
        raise FileNotFoundError(errno.ENOENT, f'{folder} is not complete: it has no {mark}')
    sync_tree(folder)
    check_target(target, marks=(mark, *replaceable), overwrite=overwrite)
    if not os.path.lexists(target) or is_empty(target):
        folder.rename(target)
    elif not _exchange(folder, target):
        aside = folder.with_name(_REPLACED)
        target.rename(aside)
        try:
            folder.rename(target)
        except BaseException:
            aside.rename(target)
            raise
    sync(target.parent)


def replaced(target: Path) -> Path | None:
    """The old folder of the target, if a kill between the two renames of :func:`publish` left it without its name."""
    if os.path.lexists(target):
        return None
    return next((path for folder in scratches(target) if (path := folder / _REPLACED).is_dir()), None)


def restore(target: Path) -> None:
    """Puts the :func:`replaced` folder back, if there is one. The caller must hold ``only_one`` of the target."""
    old = replaced(target)
    if old is not None:
        old.rename(target)
        sync(target.parent)


def sync(path: Path) -> None:
    """Flushes a file, or a folder's list of files, to the disk."""
    if os.name == 'nt' and path.is_dir():
        return  # Windows cannot open folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Flushes a folder, with all that is in it, to the disk; symbolic links are left alone."""
    for where, _, names in os.walk(folder):
        for path in (Path(where, name) for name in names):
            if not path.is_symlink():
                sync(path)
        sync(Path(where))


def beside(target: Path, suffix: str) -> Path:
    """The hidden name ``.<name><suffix>`` beside the target; a long name is cut, so that file systems accept it."""
    name = os.fsencode(target.name)
    if len(name) > 150:
        name = name[:100] + b'~' + blake2b(name, digest_size=8).hexdigest().encode()
    return target.with_name(f'.{os.fsdecode(name)}{suffix}')


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges two names by one system call; returns False if the system or the file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True) if os.name == 'posix' else None
    names = os.fsencode(one), os.fsencode(other)
    if sys.platform == 'linux' and hasattr(libc, 'renameat2'):
        at_cwd, rename_exchange = -100, 2
        failed = libc.renameat2(at_cwd, names[0], at_cwd, names[1], rename_exchange)
    elif sys.platform == 'darwin' and hasattr(libc, 'renamex_np'):
        rename_swap = 2
        failed = libc.renamex_np(*names, rename_swap)
    else:
        return False
    code = ctypes.get_errno()
    if failed and code not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        raise OSError(code, os.strerror(code), str(one), None, str(other))
    return not failed

"""Sizes and digests of a folder's files. The sizes are checked when the folder is opened; the digests show damage.

Code that writes such a folder lists the files in the folder's record or metadata::

    {'vectors.f4': {'bytes': 3072, 'digest': '5f0b...'}, ...}

A digest is BLAKE2b of 16 bytes or, if it begins with ``xxh3:``, XXH3 of 128 bits. XXH3 is twenty times as fast, and
detects damage as well, but not forgery.
"""
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import xxhash

#: The beginning of every digest by XXH3.
FAST = 'xxh3:'
_CHUNK = 1 << 22


class MissingFile(FileNotFoundError, ValueError):
    """A folder lacks a file that was written with it."""


def list_files(folder: Path, names: Iterable[str] | None = None, kind: str = '') -> dict[str, dict]:
    """The size in bytes and a digest of files of a folder, by name.

    ``names`` are relative paths; by default all files in the folder and below. ``kind`` is the kind of the digests, as
    for :func:`describe`.
    """
    if names is None:
        names = (path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file())
    return {name: describe(folder / name, kind) for name in sorted(names)}


def describe(path: Path, kind: str = '') -> dict:
    """A file's entry: its size in bytes and a digest, of the kind ``FAST`` or, by default, BLAKE2b."""
    return {'bytes': path.stat().st_size, 'digest': digest_of(path, kind)}


def new_digest(kind: str = '') -> 'hashlib.blake2b | xxhash.xxh3_128':
    """A digest to update: XXH3 for ``FAST``, else BLAKE2b. A list of files has it as kind + hexdigest()."""
    return xxhash.xxh3_128() if kind == FAST else hashlib.blake2b(digest_size=16)


def digest_of(path: Path, kind: str = '') -> str:
    """The digest of a file's content, in hexadecimal digits after its kind."""
    digest = new_digest(kind)
    with path.open('rb') as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return kind + digest.hexdigest()


def check_sizes(folder: Path, files: object, remedy: str) -> None:
    """Checks that all files exist and have the sizes with which they were written.

    Args:
        folder: the folder.
        files: what :func:`list_files` returned.
        remedy: what to do if not, for the message.

    Raises:
        MissingFile: one is missing; a FileNotFoundError and a ValueError.
        ValueError: one has another size; or ``files`` is not such a list, because the record itself is damaged.
    """
    if not isinstance(files, Mapping) or not all(_is_entry(name, entry) for name, entry in files.items()):
        raise ValueError(f'{folder} has a damaged list of files: {remedy}')
    for name, entry in files.items():
        path = folder / name
        if not path.is_file():
            raise MissingFile(f'{path} is missing: {remedy}')
        found = path.stat().st_size
        if found != entry['bytes']:
            raise ValueError(f'{path} has {found:,} bytes, and was written with {entry["bytes"]:,}: {remedy}')


def check_contents(folder: Path, files: object, remedy: str) -> None:
    """Reads all files and checks that none has changed, which takes about a second for each GB.

    The arguments are those of :func:`check_sizes`, and so are the errors; a ValueError also names a file whose content
    has changed.
    """
    check_sizes(folder, files, remedy)
    for name, entry in files.items():
        kind = FAST if str(entry['digest']).startswith(FAST) else ''
        if digest_of(folder / name, kind) != entry['digest']:
            raise ValueError(f'{folder / name} has changed since it was written: {remedy}')


def _is_entry(name: object, entry: object) -> bool:
    inside = isinstance(name, str) and not os.path.isabs(name) and '..' not in Path(name).parts
    return inside and isinstance(entry, Mapping) and isinstance(entry.get('bytes'), int) and 'digest' in entry

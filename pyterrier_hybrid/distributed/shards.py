"""The finished shards of a build on a cluster: in a folder that every machine sees, or in an object store.

A shard is a part of an index (see :mod:`pyterrier_hybrid.indexing.storage`) and its ``shard.json``, which is written
last: a shard is complete or does not exist, whatever is killed. Two processes may write the same shard at a time.
"""
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from pyterrier_hybrid.digests import check_contents
from pyterrier_hybrid.files import Exists, replace_text, resolved, writing
from pyterrier_hybrid.indexing.storage import Collection, open_part, read_part_meta, write_part
from pyterrier_hybrid.publishing import claim, discard, is_ours, publish, scratch
from pyterrier_hybrid.stored import read_json

PLAN = 'plan.json'
#: The file that makes a shard complete.
MARK = 'shard.json'
_REMEDY = 'remove this shard, whose documents are then encoded again'


class Shards(Protocol):
    """Where the shards of a build are. ``folders`` are those that every machine has to see."""

    folders: list[Path]

    def plan(self) -> dict | None:
        """What was planned there; None if nothing was."""

    def start(self, plan: Mapping) -> None:
        """Drops what is there of an earlier build, and writes the plan."""

    def found(self) -> dict[int, dict]:
        """The records of the finished shards, by number."""

    def check(self, number: int) -> None:
        """Checks that a shard is as it was written. ValueError: it has changed; names the file."""

    def write(self, number: int, documents: Collection, record: Mapping) -> None:
        """Writes a shard, unless another process has just done so."""

    def local(self, numbers: Sequence[int], copies: Path) -> list[Path]:
        """Folders of some shards on this machine, copied to a new folder if they are elsewhere, and checked then.

        FileNotFoundError: a folder lacks a shard, since another machine has a folder of its own at the same path.
        """

    def discard(self) -> None:
        """Removes all of it."""


def open_shards(where: str | os.PathLike) -> Shards:
    """Opens the shards in a folder or, at a URL such as ``s3://bucket/build``, in an object store.

    Raises ValueError if nothing serves URLs of this kind.
    """
    return ObjectShards(str(where)) if is_url(where) else FolderShards(Path(where))


def is_url(where: object) -> bool:
    """Whether this is a URL and not a path."""
    return isinstance(where, str) and '://' in where


class Opened(Sequence[Collection]):
    """Shards as collections, each of which is opened when it is asked for: there are more than files may be open."""

    def __init__(self, before: Sequence[Collection], folders: Sequence[Path]):
        self.before, self.folders = list(before), list(folders)

    def __len__(self) -> int:
        return len(self.before) + len(self.folders)

    def __getitem__(self, i: int) -> Collection:
        return self.before[i] if i < len(self.before) else open_part(self.folders[i - len(self.before)])


class FolderShards:
    """Shards as folders ``shard-000000`` of one folder."""

    def __init__(self, folder: Path):
        self.folder = resolved(folder)
        self.folders = [self.folder]

    def plan(self) -> dict | None:
        return read_json(self.folder / PLAN) if is_ours(self.folder) else None

    def start(self, plan: Mapping) -> None:
        with writing(self.folder):
            claim(self.folder)
            discard(self.folder)
            claim(self.folder)
            replace_text(self.folder / PLAN, json.dumps(plan))

    def found(self) -> dict[int, dict]:
        marks = sorted(self.folder.glob(f'shard-*/{MARK}'))
        return {int(mark.parent.name[6:]): read_json(mark) for mark in marks if mark.parent.name[6:].isdecimal()}

    def check(self, number: int) -> None:
        folder = self._path(number)
        check_contents(folder, read_part_meta(folder)['files'], _REMEDY)

    def write(self, number: int, documents: Collection, record: Mapping) -> None:
        target = self._path(number)
        with writing(target):
            work = scratch(target)
            try:
                _write(documents, record, work / 'new')
                publish(work / 'new', target, mark=MARK, overwrite=False)
            except Exists:
                if not (target / MARK).is_file():
                    raise
            finally:
                discard(work)

    def local(self, numbers: Sequence[int], copies: Path) -> list[Path]:
        missing = sorted({*numbers}.difference(self.found()))
        if missing:
            raise FileNotFoundError(
                f'{self._path(missing[0])} was written by a machine of the Ray cluster, and is not here: this folder '
                "must be the same on all machines, so put it on a file system that they share; mode='resume' encodes "
                'what is missing'
            )
        return [self._path(number) for number in numbers]

    def discard(self) -> None:
        discard(self.folder)

    def _path(self, number: int) -> Path:
        return self.folder / f'shard-{number:06}'

    def __str__(self) -> str:
        return str(self.folder)


class ObjectShards:
    """Shards under a URL of an object store, by fsspec. Nothing there is mapped: shards are copied to be read."""

    def __init__(self, url: str):
        from fsspec.core import url_to_fs

        self.url, self.folders = url.rstrip('/'), []
        with _reaching(url):
            self._fs, self._root = url_to_fs(self.url)
        self._sizes: dict[str, int] = {}

    def plan(self) -> dict | None:
        with _reaching(self.url):
            return self._json(PLAN)

    def start(self, plan: Mapping) -> None:
        if self.plan() is None and self._listing():
            raise Exists(errno.EEXIST, f'{self.url} holds something else; give another URL for the shards')
        self.discard()
        with _reaching(self.url):
            self._fs.makedirs(self._root, exist_ok=True)
            self._fs.pipe_file(f'{self._root}/{PLAN}', json.dumps(plan).encode())

    def found(self) -> dict[int, dict]:
        names = (path.removeprefix(f'{self._root}/').split('/') for path in self._listing())
        numbers = [int(name[0][6:]) for name in names if name[1:] == [MARK] and name[0][6:].isdecimal()]
        with _reaching(self.url):
            return {number: self._json(f'{_name(number)}/{MARK}') for number in sorted(numbers)}

    def check(self, number: int) -> None:
        """Looks at sizes; contents are read when the shard is copied."""
        with _reaching(self.url):
            files = (self._json(f'{_name(number)}/part.json') or {}).get('files', {})
        for name, entry in files.items():
            if self._sizes.get(f'{self._root}/{_name(number)}/{name}') != entry['bytes']:
                raise ValueError(f'{self.url}/{_name(number)}/{name} is missing or has changed: {_REMEDY}')

    def write(self, number: int, documents: Collection, record: Mapping) -> None:
        with tempfile.TemporaryDirectory(prefix='pyterrier-hybrid-') as work:
            folder = Path(work) / _name(number)
            _write(documents, record, folder)
            with _reaching(self.url):
                self._fs.makedirs(f'{self._root}/{_name(number)}', exist_ok=True)
                for path in sorted(folder.iterdir(), key=lambda path: path.name == MARK):
                    self._fs.put_file(str(path), f'{self._root}/{_name(number)}/{path.name}')

    def local(self, numbers: Sequence[int], copies: Path) -> list[Path]:
        shutil.rmtree(copies, ignore_errors=True)  # of a process that was killed
        self._fs.invalidate_cache()  # a folder may have been listed when a shard in it was half-written
        folders = [copies / _name(number) for number in numbers]
        for folder in folders:
            with _reaching(self.url), writing(folder):
                folder.mkdir(parents=True)
                for path in self._fs.ls(f'{self._root}/{folder.name}', detail=False):
                    self._fs.get_file(path, str(folder / Path(path).name))
            try:
                check_contents(folder, read_part_meta(folder)['files'], _REMEDY)
            except ValueError as error:
                raise ValueError(str(error).replace(str(copies), self.url)) from None
        return folders

    def discard(self) -> None:
        if self.plan() is not None:
            with _reaching(self.url):
                self._fs.rm(self._root, recursive=True)

    def _listing(self) -> dict[str, int]:
        """The sizes of all files."""
        with _reaching(self.url):
            self._fs.invalidate_cache()
            self._sizes = {path: about['size'] for path, about in self._fs.find(self._root, detail=True).items()}
        return self._sizes

    def _json(self, name: str) -> dict | None:
        path = f'{self._root}/{name}'
        return json.loads(self._fs.cat_file(path)) if self._fs.exists(path) else None

    def __str__(self) -> str:
        return self.url


def _name(number: int) -> str:
    return f'shard-{number:06}'


def _write(documents: Collection, record: Mapping, folder: Path) -> None:
    write_part(documents, folder)
    (folder / MARK).write_text(json.dumps(record))


@contextmanager
def _reaching(url: str) -> Iterator[None]:
    """Says of which URL an object store complains."""
    try:
        yield
    except (ImportError, ValueError) as error:
        raise type(error)(f'{url}: {error}') from error
    except Exception as error:  # of the store's own classes
        if hasattr(error, 'written'):  # of this machine's disk
            raise
        raise ConnectionError(f'{url} cannot be reached ({type(error).__name__}: {error!s:.300})') from error

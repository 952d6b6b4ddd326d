"""JSON lines files, plain or compressed, as a stream of values with their places."""
import gzip
import lzma
import os
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path

from datasets_ext.checks import parse_json
from datasets_ext.jsonl import LONGEST

SUFFIXES = ('.jsonl', '.jsonl.gz', '.jsonl.xz')
#: The errors of reading a compressed file that is damaged or cut off.
DAMAGED = (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error)

#: A place in the input: a label that ends in the unit ('pairs.jsonl, line'), and a number of that unit from 1.
Placed = tuple[str, int, object]


def jsonl_files(sources: str | os.PathLike | Iterable[str | os.PathLike]) -> list[Path]:
    """The files of ``sources``: each file given, and the JSON lines files in each folder given, sorted by name.

    Raises:
        FileNotFoundError: a path that does not exist, or a folder without such a file.
        ValueError: no path at all.
    """
    paths = [Path(p) for p in ([sources] if isinstance(sources, str | os.PathLike) else sources)]
    if not paths:
        raise ValueError('no file of pairs given; name at least one file, or a folder of *.jsonl files')
    files = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f'no file or folder of pairs at {path}')
        found = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.name.endswith(SUFFIXES))
        if not found:
            raise FileNotFoundError(f'no file in the folder {path} ends in {", ".join(SUFFIXES)}')
        files += found
    return files


def open_unpacked(path: Path) -> BufferedReader | gzip.GzipFile | lzma.LZMAFile:
    """Opens a file for reading; one that ends in ``.gz`` or ``.xz`` is decompressed.

    Raises ValueError for a compressed file of no bytes, which gzip takes for one of no lines.
    """
    if path.suffix in ('.gz', '.xz') and not path.stat().st_size:
        raise ValueError(f'{path} is damaged or cut off: it has no bytes, and a compressed file has some')
    return {'.gz': gzip.open, '.xz': lzma.open}.get(path.suffix, open)(path, 'rb')


def read_jsonl(files: Iterable[Path]) -> Iterator[Placed]:
    """Yields ``(label, line number, value)`` for every line that is not blank; a byte order mark is no part of it.

    Raises:
        ValueError: a line that is not UTF-8, not JSON, longer than 64 MiB, or has a field twice in one object; or a
            compressed file that is damaged or cut off. Names the file and the line.
    """
    for path in files:
        label = f'{path}, line'
        number = 0
        with open_unpacked(path) as file, BufferedReader(file) as lines:
            try:
                while line := lines.readline(LONGEST):
                    number += 1
                    if len(line) == LONGEST:
                        raise ValueError(f'{label} {number} is longer than {LONGEST >> 20} MiB; it is no row of pairs')
                    if line.removeprefix(BOM_UTF8).strip():
                        yield label, number, parse_json(line.decode('utf-8-sig'), f'{label} {number}')
            except UnicodeDecodeError as error:
                raise ValueError(f'{label} {number} is not UTF-8: {error.reason} at byte {error.start}') from error
            except DAMAGED as error:
                raise ValueError(f'{path} is damaged or cut off after line {number}: {error}') from error

"""The files this package downloads, through ir_datasets' own downloader, verified each time they are read.

The table is ``data/downloads.json``: collection -> file -> ``url`` (pinned to a commit), ``expected_md5``,
``cache_path``. ir_datasets looks for a file at ``$IR_DATASETS_HOME/<collection>/<cache_path>``, then at
``$IR_DATASETS_HOME/downloads/<md5>``, then at the URL, and checks the MD5 of what it fetches. It does not check cached
files again. That is done here, since a swapped or shortened file would otherwise be read as another collection.
"""
import hashlib
import json
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from ir_datasets.util import home_path
from ir_datasets.util.download import _DownloadConfig
from ir_datasets.util.hash import HashVerificationError

#: Terms that ir_datasets shows when it fetches a file of the collection.
TERMS = {
    'mlqa-r': 'MLQA-R is licensed CC BY-NC 4.0: it must not be used for commercial purposes, which includes training '
              'models that are. https://creativecommons.org/licenses/by-nc/4.0/',
}


@lru_cache(None)
def table() -> dict[str, dict[str, dict[str, str]]]:
    """Returns collection -> file -> its entry in ``data/downloads.json``."""
    return json.loads(pkgutil.get_data(__package__, 'data/downloads.json'))


def read(collection: str, name: str) -> tuple[bytes, Path]:
    """Returns the bytes of a file of ``data/downloads.json``, downloaded if needed, and its path.

    Raises:
        FileNotFoundError: it is not cached and could not be downloaded; says from where, and where to put a copy.
        ValueError: the file found or downloaded does not have the expected MD5.
    """
    entry = table()[collection][name]
    copy = home_path() / 'downloads' / entry['expected_md5']
    home, terms = home_path() / collection, TERMS.get(collection)
    try:
        path = Path(_DownloadConfig(contents=table()[collection], base_path=home, dua=terms)[name].path())
    except HashVerificationError as error:
        raise ValueError(f'{collection}: what {entry["url"]} sent is not the expected file ({error}); the download was '
                         f'cut short or the file has changed. Try again, or put a good copy at {copy}') from error
    except OSError as error:
        raise unreachable(entry, collection, error) from error
    return verified(path, entry, collection), path


def unreachable(entry: Mapping[str, str], collection: str, error: OSError) -> FileNotFoundError:
    """The error for a file that is not cached and could not be downloaded: from where, and where to put a copy.

    ``entry`` has its ``url`` and ``expected_md5``, as in the table; ``error`` is what the download raised.
    """
    copy = home_path() / 'downloads' / entry['expected_md5']
    damaged = f' The file that is there has another MD5, {_md5(copy.read_bytes())}.' if copy.exists() else ''
    return FileNotFoundError(f'{collection} needs {entry["url"]}, which is not cached and could not be downloaded '
                             f'({error}). Fetch it elsewhere and put it at {copy}.{damaged}')


def verified(path: Path, entry: Mapping[str, str], collection: str) -> bytes:
    """Returns the bytes of a cached file if they have the ``expected_md5`` of its ``entry``, as in the table.

    Raises:
        ValueError: they do not.
    """
    data = path.read_bytes()
    if _md5(data) != entry['expected_md5']:
        raise ValueError(f'{path} has the MD5 {_md5(data)}, not {entry["expected_md5"]}: it is cut short or another '
                         f'file. Delete it and load {collection} again; it comes from {entry["url"]}')
    return data


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()

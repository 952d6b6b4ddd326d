"""The files of a pairs folder: as the import left them, or refused."""
from hashlib import blake2b
from pathlib import Path

_CHUNK = 1 << 22


def list_files(folder: Path) -> dict[str, dict]:
    """The size in bytes and a digest of every file of a folder, by name: for the manifest."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    return {path.name: {'bytes': path.stat().st_size, 'digest': _digest(path)} for path in paths}


def check_sizes(folder: Path, files: dict[str, dict]) -> None:
    """Checks that all files are there, as large as they were.

    Raises:
        FileNotFoundError: one is missing.
        ValueError: one has another size.
    """
    for name, listed in files.items():
        path, size = folder / name, listed['bytes']
        if not path.is_file():
            raise FileNotFoundError(f'{path} is missing; import the pairs anew')
        found = path.stat().st_size
        if found != size:
            was = f'the {size:,} it was imported with'
            raise ValueError(f'{path} has {found:,} bytes, not {was}; import the pairs anew')


def check_contents(folder: Path, files: dict[str, dict]) -> None:
    """Reads all files and checks that none has changed, which takes about a second for each GB.

    Raises:
        FileNotFoundError: one is missing.
        ValueError: one has another size or other content.
    """
    check_sizes(folder, files)
    for name, listed in files.items():
        if _digest(folder / name) != listed['digest']:
            raise ValueError(f'{folder / name} has changed since the pairs were imported; import the pairs anew')


def _digest(path: Path) -> str:
    digest = blake2b(digest_size=16)
    with path.open('rb') as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()

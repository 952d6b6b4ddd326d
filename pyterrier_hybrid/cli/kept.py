"""A note in kept pairs that says what they were imported from, so that a command can be started again."""
import json
from pathlib import Path

from pyterrier_hybrid.digests import FAST, describe
from pyterrier_hybrid.files import replace_text

_NOTE = 'imported.json'
#: Version of the note. Raise it when an import makes other pairs from the same files.
_FORMAT = 1


def write_note(folder: Path, files: list[Path], **settings) -> None:
    """Notes in a pairs folder that it was imported from these files, with these settings."""
    replace_text(folder / _NOTE, json.dumps(_note(files, settings), ensure_ascii=False, indent=1) + '\n')


def is_import_of(folder: Path, files: list[Path], **settings) -> bool:
    """Whether a pairs folder says that it was imported from files of this content, with these settings."""
    try:
        found = json.loads((folder / _NOTE).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return False
    return found == _note(files, settings)


def _note(files: list[Path], settings: dict) -> dict:
    return {'format': _FORMAT, **settings, 'files': [[path.name, describe(path, FAST)] for path in files]}

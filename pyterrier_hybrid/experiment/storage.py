"""Results on disk: a folder that is absent or complete, with the same bytes for the same result."""
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.parquet
from pandas.api.types import is_numeric_dtype

from pyterrier_hybrid.digests import check_contents, list_files
from pyterrier_hybrid.experiment.frames import BLANK_COLUMNS, CHANCE_COLUMNS, COLUMNS, MATRIX_COLUMNS
from pyterrier_hybrid.files import read_whole, whole_folder
from pyterrier_hybrid.measures.facts import Facts
from pyterrier_hybrid.stored import check_fields, read_json

if TYPE_CHECKING:
    from pyterrier_hybrid.experiment.result import Result

#: The file that marks a folder as a result. It is written last.
RESULT_FILE = 'result.json'
FORMAT = 2
#: The columns of each frame. Each frame is a Parquet file.
FRAMES = {'per_query': COLUMNS, 'blanks': BLANK_COLUMNS, 'matrix': MATRIX_COLUMNS, 'chance': CHANCE_COLUMNS}

_FIELDS = {'dataset': str, 'systems': list, 'measures': list, 'notes': list, 'provenance': dict}
#: The fields that results of the first format lack: digests, and two others.
_LATER = {'files': dict, 'cut': dict, 'facts': list}
_NUMBERS = {'value', 'rank', 'AP', 'n'}
_REMEDY = 'the result is damaged; restore the folder from a copy, or remove it and evaluate again'


def save_result(result: 'Result', folder: str | Path) -> Path:
    """Writes a result as ``result.json`` (names, notes, provenance, digests) and a Parquet file for each of its frames.

    The folder appears whole, by one rename. An earlier result there is replaced. ``per_query.parquet`` is the table for
    other programs.

    Returns:
        The folder, whose parents are made.

    Raises:
        FileExistsError: the folder holds something that is not a result.
    """
    with whole_folder(folder, mark=RESULT_FILE, overwrite=True) as new:
        for name in FRAMES:
            getattr(result, name).to_parquet(new / f'{name}.parquet', index=False)
        record = {
            'format': FORMAT, **{name: getattr(result, name) for name in _FIELDS}, 'cut': result.cut,
            'facts': [facts.as_json() for facts in result.facts.values()], 'files': list_files(new),
        }  # fmt: skip
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
        (new / RESULT_FILE).write_text(f'{text}\n', encoding='utf-8')
    return Path(folder)


def load_result(folder: str | Path) -> 'Result':
    """Reads what :func:`save_result` has written, and checks that no file has changed since.

    Args:
        folder: of the result, or the single Parquet file that ``Result.to_parquet`` of earlier versions wrote.

    Raises:
        FileNotFoundError: there is no result in the folder.
        ValueError: a damaged file, which is named, or a result of another version of this package.
    """
    folder = Path(folder)
    if folder.is_file():
        with folder.open('rb') as file:
            is_parquet = file.read(4) == b'PAR1'
        if is_parquet:
            return _load_file(folder)
    return read_whole(folder, RESULT_FILE, lambda: _load_folder(folder))


def verify_result(folder: str | Path) -> None:
    """Reads a saved result and checks that no file has changed since it was written.

    Raises:
        FileNotFoundError: there is no result in the folder.
        ValueError: a file is missing or has changed, with its name; or the result is of an earlier version, which kept
            no digests.
    """
    load_result(folder)
    if 'files' not in (read_json(Path(folder) / RESULT_FILE) or {}):
        raise ValueError(f'{folder} holds a result of an earlier version without digests; save it again to have them')


def _load_folder(folder: Path) -> 'Result':
    path = folder / RESULT_FILE
    record = read_json(path)
    if record is None:
        raise FileNotFoundError(f'there is no result in {folder}: it has no {RESULT_FILE}')
    version = record.get('format')
    if version not in (1, FORMAT):
        raise ValueError(f'{path} is of format {version!r:.80}, and this version reads 1 and {FORMAT}; evaluate again')
    check_fields(record, _FIELDS | (_LATER if version == FORMAT else {}), path, _REMEDY)
    for name in ('systems', 'measures', 'notes'):
        if not all(isinstance(text, str) for text in record[name]):
            raise ValueError(f'{path} has something other than texts in the field {name!r}: {_REMEDY}')
    if 'files' in record:
        check_contents(folder, record['files'], _REMEDY)
    frames = {name: _read(folder / f'{name}.parquet', columns) for name, columns in FRAMES.items()}
    return _result(frames, record, path)


def _load_file(path: Path) -> 'Result':
    """Reads a result from one Parquet file, whose metadata has everything except the values, as JSON."""
    frames = {'per_query': _read(path, ())}
    text = pyarrow.parquet.read_schema(path).metadata.get(b'pyterrier_hybrid')
    if text is None:
        raise ValueError(f'{path} holds no result; write one with Result.save')
    record = json.loads(text)
    frames |= {name: pd.DataFrame(**record[name]) for name in FRAMES if name != 'per_query'}
    return _result(frames, record, path)


def _result(frames: dict[str, pd.DataFrame], record: dict, path: Path) -> 'Result':
    from pyterrier_hybrid.experiment.result import Result

    try:
        facts = {of['name']: Facts.from_json(of) for of in record.get('facts', ())}
    except (KeyError, TypeError):
        raise ValueError(f'{path} has no facts of measures in the field {"facts"!r}: {_REMEDY}') from None
    fields = {name: record[name] for name in _FIELDS}
    return Result(**frames, **fields, cut=record.get('cut', {}), facts=facts)


def _read(path: Path, columns: tuple[str, ...] | list[str]) -> pd.DataFrame:
    """Reads a Parquet file and checks its columns."""
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are among them
        raise ValueError(f'{path} cannot be read ({error!s:.200}): {_REMEDY}') from None
    for name in columns:
        if name not in frame:
            raise ValueError(f'{path} has no column {name!r}: {_REMEDY}')
        if name in _NUMBERS and len(frame) and not is_numeric_dtype(frame[name]):
            raise ValueError(f'{path} has something other than numbers in the column {name!r}: {_REMEDY}')
    return frame

"""Results on disk: a folder that is absent or whole, the same bytes for the same result."""
import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet

from pyterrier_hybrid.experiment.result import Result
from pyterrier_hybrid.files import whole_folder
from pyterrier_hybrid.measures.facts import Facts

#: The file that is written last, and makes a folder a result.
RESULT_FILE = 'result.json'
FRAMES = ('per_query', 'blanks', 'matrix', 'chance')
FORMAT = 1


def save_result(result: Result, folder: str | Path) -> Path:
    """Writes a result as ``result.json`` (names, notes, provenance) and a Parquet file for each of its frames.

    The folder appears whole, by one rename. An earlier result there is replaced.

    Args:
        result: the result.
        folder: where to; its parents are made.

    Returns:
        The folder.

    Raises:
        FileExistsError: the folder holds something that is not a result.
    """
    with whole_folder(folder, mark=RESULT_FILE, overwrite=True) as new:
        for name in FRAMES:
            getattr(result, name).to_parquet(new / f'{name}.parquet', index=False)
        record = {
            'format': FORMAT, 'dataset': result.dataset, 'systems': result.systems, 'measures': result.measures,
            'notes': result.notes, 'provenance': result.provenance, 'cut': result.cut,
            'facts': [facts.as_json() for facts in result.facts.values()],
        }  # fmt: skip
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
        (new / RESULT_FILE).write_text(f'{text}\n', encoding='utf-8')
    return Path(folder)


def load_result(folder: str | Path) -> Result:
    """Reads what :func:`save_result` has written.

    Args:
        folder: of the result, or the single Parquet file that ``Result.to_parquet`` of earlier versions wrote.

    Raises:
        FileNotFoundError: there is no result in the folder.
        ValueError: a damaged file, or a result of another version of this package.
    """
    folder = Path(folder)
    if folder.is_file():
        return _load_file(folder)
    path = folder / RESULT_FILE
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f'there is no result in {folder}: it has no {RESULT_FILE}') from None
    except ValueError as error:
        raise ValueError(f'{path} is not JSON ({error}): the result is damaged, evaluate again') from None
    if not isinstance(record, dict) or record.pop('format', None) != FORMAT:
        raise ValueError(f'{path} is of another format than {FORMAT}; evaluate again with this version')
    record['facts'] = {facts['name']: Facts.from_json(facts) for facts in record.get('facts', [])}
    return Result(**{name: _read(folder / f'{name}.parquet') for name in FRAMES}, **record)


def _load_file(path: Path) -> Result:
    """A result of one Parquet file, whose metadata hold all but the values as JSON."""
    per_query = _read(path)
    record = pyarrow.parquet.read_schema(path).metadata.get(b'pyterrier_hybrid')
    if record is None:
        raise ValueError(f'{path} holds no result; write one with Result.save')
    record = json.loads(record)
    frames = {name: pd.DataFrame(**record.pop(name)) for name in FRAMES[1:]}
    return Result(per_query=per_query, **frames, **record)


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are among them
        raise ValueError(f'{path} cannot be read ({error}): the result is damaged, evaluate again') from None

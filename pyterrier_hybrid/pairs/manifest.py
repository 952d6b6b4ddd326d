"""The manifest of a pairs folder: JSON, written last, and checked before any other file is opened."""
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MANIFEST = 'manifest.json'
FORMAT = 2
REMEDY = 'import the pairs anew'

_FIELDS = {'fingerprint': str, 'repeated_rows_skipped': int, 'sources': list, 'files': dict}
_OF_SOURCE = {'name': str, 'kind': str, 'rows': int, 'passages': int, 'table': str, 'passage_ids': str, 'digest': str,
              'strata': list, 'lengths': dict}  # fmt: skip
_OF_STRATUM = (list, list, int, int, int)


def write_manifest(folder: Path, manifest: dict) -> None:
    """Writes the manifest: what :func:`read_manifest` returns, without the format."""
    content = json.dumps({'format': FORMAT, **manifest}, ensure_ascii=False, indent=1)
    (folder / MANIFEST).write_text(content + '\n', encoding='utf-8')


def read_manifest(folder: Path) -> dict:
    """Reads the manifest of a pairs folder.

    Returns:
        ``fingerprint``, ``repeated_rows_skipped``, ``sources`` (for each its ``name``, ``kind``, ``rows``,
        ``passages``, the names of its files ``table`` and ``passage_ids``, its ``digest``, ``strata``, ``lengths``) and
        ``files`` (of :func:`~pyterrier_hybrid.digests.list_files`).

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is of another format, or damaged; names the file and the field.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f'no pairs at {folder} (it has no {MANIFEST}); import some first, for example with '
            'ParallelPairs.from_jsonl(files, folder)'
        )
    try:
        manifest = json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path} is damaged ({error!s:.200}); {REMEDY}') from error
    if isinstance(manifest, dict) and manifest.get('format') != FORMAT:
        raise ValueError(f'{path} is of format {manifest.get("format")!r:.80}, not {FORMAT}; {REMEDY}')
    try:
        _check(manifest, _FIELDS)
        for entry in manifest['sources']:
            _check(entry, _OF_SOURCE)
            _check_strata(entry)
            for field in ('table', 'passage_ids'):
                if entry[field] not in manifest['files']:
                    raise ValueError(f'"{field}" of the source {entry["name"]!r:.80} is not among its "files"')
    except ValueError as error:
        raise ValueError(f'{path} is damaged: {error}; {REMEDY}') from None
    return manifest


def _check(value: object, fields: dict[str, type]) -> None:
    if not isinstance(value, dict):
        raise ValueError(f'it has {value!r:.80} where an object with "{next(iter(fields))}" should be')
    for field, kind in fields.items():
        if not isinstance(value.get(field), kind):
            raise ValueError(f'"{field}" is {value.get(field)!r:.80}, not of type {kind.__name__}')


def _check_strata(entry: dict) -> None:
    """Raises ValueError unless the strata cover the rows, one after another."""
    end = 0
    for stratum in entry['strata']:
        typed = isinstance(stratum, list) and [*map(type, stratum)] == [*_OF_STRATUM]
        if not typed or stratum[2] != end or stratum[3] <= end:
            raise ValueError(f'the source {entry["name"]!r:.80} has the stratum {stratum!r:.80} after row {end}')
        end = stratum[3]
    if end != entry['rows'] or not end:
        raise ValueError(f'the source {entry["name"]!r:.80} has {entry["rows"]} "rows" and strata of {end}')


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """A block that reads a file of a pairs folder; adds the file's name to the errors of libraries.

    Raises:
        ValueError: instead of any error except those of the system, such as a missing file.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f'{path} is damaged ({error!s:.200}); {REMEDY}') from error

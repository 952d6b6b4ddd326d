"""The record of a run in its folder, ``training.json``. It is for programs; :mod:`.card` is for people."""
import json
import os
import platform
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from pyterrier_hybrid.batches.composition import mean_shares
from pyterrier_hybrid.digests import check_contents, list_files

#: The file of a run's folder that holds the record; written last.
TRAINING_RECORD = 'training.json'
_PACKAGES = ('pyterrier-hybrid', 'sentence-transformers', 'transformers', 'torch')


def drawn_shares(batches, steps: int) -> list[dict]:
    """Expected shares of all pairs that ``steps`` of a :class:`HybridBatches` draw, for ``training.json``.

    Returns for each kind: ``kind``, ``share``, and ``sources``, ``query_langs`` and ``passage_langs``, which map every
    name that can be drawn to its share. Each of the three sums to the kind's share. ``steps`` only matter for a
    schedule.
    """
    plan, table, parts = batches.plan, batches.describe(steps), []
    for kind, share in mean_shares(batches.mix, steps).items():
        own = table[(table['kind'] == kind.value) & (table['rows'] > 0)]
        queries, passages = Counter(), Counter()
        for supply, given_kind in zip(plan.supplies, plan.shares.tolist()):
            for x, y in supply.pairs if supply.kind is kind else ():  # language pairs are drawn uniformly
                queries[x] += share * given_kind / len(supply.pairs)
                passages[y] += share * given_kind / len(supply.pairs)
        parts.append({
            'kind': kind.value, 'share': round(share, 6), 'sources': _rounded(zip(own['source'], own['probability'])),
            'query_langs': _rounded(queries.items()), 'passage_langs': _rounded(passages.items()),
        })  # fmt: skip
    return parts


def _rounded(shares: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Shares by name, sorted."""
    return {name: round(share, 6) for name, share in sorted(shares)}


def drawn_languages(parts: list[dict]) -> list[str]:
    """The languages that a run can draw, sorted, from its :func:`drawn_shares`."""
    drawn = [part for part in parts if part['share']]
    return sorted({lang for part in drawn for side in ('query_langs', 'passage_langs') for lang in part[side]})


def write_training_record(folder: Path, record: dict) -> None:
    """Writes ``training.json``: the record, versions if it has none, and size and digest of every other file."""
    whole = {
        'python': platform.python_version(), 'versions': {name: version(name) for name in _PACKAGES}, **record,
        'files': list_files(folder),
    }  # fmt: skip
    text = json.dumps(whole, indent=1, ensure_ascii=False) + '\n'
    (folder / TRAINING_RECORD).write_text(text, encoding='utf-8')


def read_training_record(folder: Path) -> dict | None:
    """Reads ``training.json`` in a run's folder; None for a folder of other software. Raises ValueError if not JSON."""
    path = folder / TRAINING_RECORD
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is not JSON ({error}); train again, or remove it') from None
    return record if isinstance(record, dict) and {'mix', 'seed', 'pairs'} <= record.keys() else None


def verify_run(folder: str | os.PathLike) -> None:
    """Reads all files of a trained encoder's folder, and checks that none has changed since they were written.

    Args:
        folder: of :func:`train`, :func:`whiten`, :func:`average_weights` or :func:`remove_language_subspace`.

    Raises:
        MissingFile: a file is missing; a FileNotFoundError and a ValueError.
        ValueError: a file has changed, with its name; or the folder is none of a run, or has no digests.
    """
    record = read_training_record(Path(folder))
    if record is None or 'files' not in record:
        raise ValueError(f'{folder} has no {TRAINING_RECORD} with digests of its files, so it cannot be verified')
    check_contents(Path(folder), record['files'], 'train again, or restore the folder from a copy')

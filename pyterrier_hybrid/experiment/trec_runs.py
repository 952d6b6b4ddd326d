"""Writes runs as TREC files, with qrels and with records of what they were made from."""
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyterrier as pt
import yaml

from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet, as_evaluation_set
from pyterrier_hybrid.experiment.forms import as_systems
from pyterrier_hybrid.experiment.provenance import provenance
from pyterrier_hybrid.experiment.setting import Setting, list_settings
from pyterrier_hybrid.experiment.systems import System
from pyterrier_hybrid.file_names import file_name
from pyterrier_hybrid.files import Exists, only_one, replace_text, whole_folder

#: The file that maps systems to the folders of their runs, and marks a folder as one of runs.
MANIFEST = 'manifest.json'
#: The record of a system's runs, written last into its folder.
RECORD = 'ir_metadata.yaml'
QRELS = 'qrels'
#: What the record says of the collection, where it is known.
_OF_COLLECTION = ('name', 'fingerprint', 'languages', 'ignore_identical_ids')


def write_runs(
    systems: Mapping[str, object],
    dataset: object,
    folder: str | Path,
    *,
    settings: Sequence[str] = ('multilingual',),
    languages: Iterable[str] | None = None,
    depth: int = 1000,
    device: str | None = None,
    verbose: bool = True,
    metadata: bool | None = None,
    ignore_identical_ids: bool = False,
) -> list[Path]:
    """Writes the run of every system in every setting, ``<folder>/<system>/<setting>.<ql>[.<dl>].trec``.

    A run has the system's own scores with 9 significant digits, enough to distinguish all float32, and ranks from 1, by
    (-score, docno). The judgements of each setting are in ``<folder>/qrels``, the passages' languages in their second
    column; a question with nothing relevant in a setting is in neither. ``pt.io.read_results``, ``pt.io.read_qrels``,
    ir_measures and trec_eval read the files. ``manifest.json`` maps systems to their folders; a folder has another name
    if the system's cannot be a file name. ``<system>/ir_metadata.yaml`` records what the runs were made from, in the
    fields of ir_metadata (Breuer, Keller and Schaer, SIGIR 2022). The same inputs give the same bytes.

    Args:
        systems, dataset, settings, languages, device: as in :func:`MultilingualExperiment`. A system that has no
            ranking of one language alone has no file for it.
        folder: where to. Earlier runs there of systems of the same names are replaced, those of others stay.
        depth: passages of every list at most.
        verbose: show progress bars.
        metadata: has no effect any more: a run has no header, and its record is a separate file.
        ignore_identical_ids: leave a passage out of the ranking of the question that has its id (ArguAna, Quora).

    Returns:
        The runs' files.

    Raises:
        ValueError: an unusable argument; an id with white space, which the format cannot hold.
        FileExistsError: the folder holds something else, or runs over another collection.
    """
    if metadata is not None:
        warnings.warn('write_runs(metadata=) has no effect: runs have no header', FutureWarning, stacklevel=2)
    if not isinstance(depth, int) or isinstance(depth, bool) or depth < 1:
        raise ValueError(f'depth is {depth!r}; it is a number of passages, at least 1')
    folder, collection = Path(folder), as_evaluation_set(dataset, languages, ignore_identical_ids)
    wanted = list_settings(collection.query_languages, collection.languages, settings)
    wanted = [setting for setting in wanted if collection.judged(setting).n_queries]
    runners = as_systems(systems, collection, device)
    with only_one(folder):
        folders = _folders(folder, systems, collection)
        _write_manifest(folder, folders, collection)  # first, since it marks the folder as one of runs
        _write_qrels(collection, wanted, folder / QRELS)
        written = []
        for system in runners:
            system.prepare(verbose)
            bar = pt.tqdm(wanted, desc=system.name, unit='run', disable=not verbose)
            written += _write_system(system, bar, folder / folders[system.name], depth)
            _write_manifest(folder, folders, collection)
    return written


def _folders(folder: Path, systems: Iterable[str], collection: EvaluationSet) -> dict[str, str]:
    """The folders of the systems, both of earlier runs and of those to be written."""
    known: dict[str, str] = {}
    if (folder / MANIFEST).exists():
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding='utf-8'))
            known, of = manifest['systems'], manifest['fingerprint']
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{folder / MANIFEST} cannot be read ({error!r:.80}); give another folder') from None
        if of != collection.fingerprint:
            raise Exists(f'{folder} holds runs over another collection than {collection!r}; give another folder')
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Exists(f'{folder} holds something that is not runs; give another folder')
    for name in systems:
        known.setdefault(name, file_name(name, [QRELS, MANIFEST, *known.values()]))
    return known


def _write_manifest(folder: Path, folders: Mapping[str, str], collection: EvaluationSet) -> None:
    finished = {name: path for name, path in folders.items() if (folder / path / RECORD).is_file()}
    content = {'dataset': collection.name, 'fingerprint': collection.fingerprint, 'systems': finished}
    replace_text(folder / MANIFEST, json.dumps(content, indent=1) + '\n')


def _write_system(system: System, settings: Iterable[Setting], folder: Path, depth: int) -> list[Path]:
    """Writes a system's runs into a folder of their own; returns their files."""
    collection, names, done = system.collection, [], []
    with whole_folder(folder, mark=RECORD, overwrite=True, lock=False) as partial:
        for setting in settings:
            if not system.refuses(setting):
                run = system.run(setting, collection.judged(setting), depth)
                names.append(f'{_file(setting)}.trec')
                done.append(setting)
                (partial / names[-1]).write_text(_run_lines(run[run['rank'] < depth], folder.name), encoding='utf-8')
        content = _metadata(folder.name, provenance(collection, [system], [], done), names)
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
        (partial / RECORD).write_text(text, encoding='utf-8')
    return [folder / name for name in names]


def _write_qrels(collection: EvaluationSet, settings: Iterable[Setting], folder: Path) -> None:
    """Writes the judgements of settings, of the questions that are asked there."""
    folder.mkdir(parents=True, exist_ok=True)
    for setting in settings:
        qrels = collection.judgements(setting)
        _check_ids(qrels)
        rows = zip(qrels['qid'], qrels['iteration'], qrels['docno'], qrels['label'])
        lines = ''.join(f'{qid} {lang} {docno} {label}\n' for qid, lang, docno, label in rows)
        replace_text(folder / f'{_file(setting)}.qrels', lines)


def _file(setting: Setting) -> str:
    return '.'.join(part for part in setting if part)


def _run_lines(run: pd.DataFrame, tag: str) -> str:
    """The lines of a run in TREC's six columns."""
    _check_ids(run)
    rows = zip(run['qid'], run['docno'], run['rank'], run['score'])
    return ''.join(f'{qid} Q0 {docno} {rank + 1} {score:.9g} {tag}\n' for qid, docno, rank, score in rows)


def _check_ids(frame: pd.DataFrame) -> None:
    for column in ('qid', 'docno'):
        spaced = frame[column].str.contains(r'\s', regex=True) | (frame[column] == '')
        if spaced.any():
            first = frame[column][spaced].iloc[0]
            raise ValueError(f'the {column} {first!r:.80} has white space, which a TREC file cannot hold' if first else
                             f'a {column} is empty, which a TREC file cannot hold')  # fmt: skip


def _metadata(tag: str, record: dict, files: list[str]) -> dict:
    """The record of what runs were made from, in the fields of ir_metadata."""
    ((name, system),) = record['systems'].items()
    return {
        'tag': tag,
        'platform': {'software': {'libraries': {'python': [f'{k}=={v}' for k, v in record['versions'].items()]}}},
        'data': {
            'test collection': {
                **{field: record['dataset'][field] for field in _OF_COLLECTION if field in record['dataset']},
                'settings': record['settings'],
            }
        },
        'method': {'automatic': True, 'score ties': 'docno, ascending', 'retrieval': [{'name': name, **system}]},
        'runs': files,
    }

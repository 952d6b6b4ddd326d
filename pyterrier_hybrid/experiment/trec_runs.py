"""Runs as TREC files that say where they come from."""
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pyterrier as pt
import yaml

from pyterrier_hybrid.experiment.evaluation_set import as_evaluation_set
from pyterrier_hybrid.experiment.forms import as_systems
from pyterrier_hybrid.experiment.provenance import provenance
from pyterrier_hybrid.experiment.setting import Setting, list_settings


def write_runs(
    systems: Mapping[str, object],
    dataset: object,
    folder: str | Path,
    *,
    settings: Sequence[str] = ('multilingual',),
    languages: Iterable[str] | None = None,
    depth: int = 1000,
    metadata: bool = True,
    verbose: bool = True,
) -> list[Path]:
    """Writes the run of every system in every setting, ``<folder>/<system>/<setting>.<ql>[.<dl>].trec``.

    The score is minus the rank by (-score, docno), so that every tool has this project's order; ranks start at 1.
    The header is that of ir_metadata (Breuer, Keller and Schaer, SIGIR 2022): YAML in comment lines. The same inputs
    give the same bytes.

    Args:
        systems, dataset, settings, languages: as in :func:`MultilingualExperiment`. A system that has no ranking of one
            language alone has no file for it.
        folder: where to; files of the same names are replaced.
        depth: passages of every list at most.
        metadata: whether there is a header; older readers of TREC files, ir_measures' among them, take no comments.
        verbose: show progress bars.

    Returns:
        The files.

    Raises:
        ValueError: an unusable argument; an id with white space, which the format cannot hold.
    """
    if not isinstance(depth, int) or isinstance(depth, bool) or depth < 1:
        raise ValueError(f'depth is {depth!r}; it is a number of passages, at least 1')
    collection = as_evaluation_set(dataset, languages)
    wanted = list_settings(collection.query_languages, collection.languages, settings)
    written = []
    for system in as_systems(systems, collection):
        system.prepare(verbose)
        tag = quote(system.name, safe='')
        target = Path(folder) / tag
        target.mkdir(parents=True, exist_ok=True)
        for setting in pt.tqdm(wanted, desc=system.name, unit='run', disable=not verbose):
            judged = collection.judged(setting)
            if system.refuses(setting) or not judged.n_queries:
                continue
            lines = _lines(system.run(setting, judged, depth), depth, tag)
            header = _header(tag, provenance(collection, [system], [], [setting]), setting) if metadata else ''
            written.append(target / f'{".".join(part for part in setting if part)}.trec')
            written[-1].write_text(header + lines, encoding='utf-8')
    return written


def _lines(run: pd.DataFrame, depth: int, tag: str) -> str:
    """A run in TREC's six columns."""
    for column in ('qid', 'docno'):
        spaced = run[column].str.contains(r'\s', regex=True)
        if spaced.any():
            first = run[column][spaced].iloc[0]
            raise ValueError(f'the {column} {first!r} has white space, which a TREC file cannot hold')
    ranks = -run['score'].astype(int)
    rows = zip(run['qid'], run['docno'], ranks)
    return ''.join(f'{qid} Q0 {docno} {rank} {-rank} {tag}\n' for qid, docno, rank in rows if rank <= depth)


def _header(tag: str, record: dict, setting: Setting) -> str:
    """What a run was made from, in the fields of ir_metadata."""
    (system,) = record['systems'].values()
    content = {
        'tag': tag,
        'platform': {'software': {'libraries': {'python': [f'{k}=={v}' for k, v in record['versions'].items()]}}},
        'data': {
            'test collection': {
                'name': record['dataset']['name'],
                'fingerprint': record['dataset']['fingerprint'],
                'setting': setting.kind,
                'language of the questions': setting.query_lang,
                'languages of the passages': [setting.doc_lang] if setting.doc_lang else record['dataset']['languages'],
            }
        },
        'method': {'automatic': True, 'score ties': 'docno, ascending', 'retrieval': [{'name': tag, **system}]},
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    return ''.join(f'# {line}\n' for line in ('ir_metadata.start', *text.splitlines(), 'ir_metadata.end'))

"""Runs as TREC files that say what they are: with a header in the ir_metadata schema."""
import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import yaml

#: A header is YAML in comment lines between these (Breuer, Keller, Schaer, SIGIR 2022; https://www.ir-metadata.org).
START, END = '# ir_metadata.start', '# ir_metadata.end'


def write_runs(
    pipelines: Mapping[str, Callable],
    collection,
    settings: Sequence[str],
    folder: Path,
    *,
    provenance: Mapping,
    verbose: bool = False,
) -> int:
    """Writes a run for every system and setting: ``<folder>/<system>/<questions' language>-<passages' language>.trec``.

    The passages' language is ``all`` in the multilingual settings. trec_eval skips the header's lines; for a reader
    that does not (ir_measures, PyTerrier), remove the lines that begin with ``#``. There is no date and no timing in
    it, so that the same inputs give the same bytes.

    Args:
        pipelines: by system, a function from a list of languages, or None for all, to a Transformer.
        collection: an :class:`EvaluationSet`.
        settings: kinds of settings.
        folder: where to.
        provenance: of the :class:`Result` that was evaluated.
        verbose: show a progress bar.

    Returns:
        The number of files.

    Raises:
        ValueError: an id with white space, which a TREC file cannot hold.
    """
    import pyterrier as pt

    from pyterrier_hybrid.experiment.settings import list_settings

    every = list_settings(collection.query_languages, collection.languages, settings)
    wanted = [(name, setting) for name in pipelines for setting in every]
    written = 0
    for name, setting in pt.tqdm(wanted, desc='TREC files', unit='file', disable=not verbose):
        topics = collection.topics(setting.query_lang)
        topics = topics[topics['qid'].isin(collection.judged(setting).qids)]
        if not len(topics):
            continue
        whole = None if collection.is_whole else list(collection.languages)
        run = pipelines[name](whole if setting.doc_lang is None else [setting.doc_lang])(topics)
        path = folder / quote(name, safe=' ') / f'{setting.query_lang}-{setting.doc_lang or "all"}.trec'
        path.parent.mkdir(parents=True, exist_ok=True)
        tag = re.sub(r'\s+', '_', name)
        partial = path.with_suffix('.partial')
        with partial.open('w', encoding='utf-8') as file:
            file.write(header({'tag': tag, **_metadata(name, setting, provenance)}))
            _frame(run, tag).to_csv(file, sep=' ', header=False, index=False, lineterminator='\n', quotechar='\0')
        os.replace(partial, path)
        written += 1
    return written


def header(metadata: Mapping) -> str:
    """The header's lines: valid YAML once the leading ``# `` of those between the first and the last is removed."""
    lines = yaml.safe_dump(dict(metadata), sort_keys=False, allow_unicode=True, width=10_000).splitlines()
    return '\n'.join([START, *(f'# {line}' for line in lines), END, ''])


def _metadata(name: str, setting, provenance: Mapping) -> dict:
    """What the run was made with, in ir_metadata's sections."""
    return {
        'platform': {
            'hardware': {'cpu': {'architecture': platform.machine()}},
            'operating system': {'kernel': platform.release(), 'distribution': platform.system()},
            'software': {'python': platform.python_version()},
        },
        'implementation': {
            'executable': {'cmd': 'pyterrier-hybrid evaluate'},
            'libraries': dict(provenance.get('versions', {})),
        },
        'method': {
            'automatic': True,
            'retrieval': [{'name': name, **provenance.get('systems', {}).get(name, {})}],
        },
        'data': {
            'test collection': {
                'name': provenance.get('dataset', {}).get('name'),
                'fingerprint': provenance.get('dataset', {}).get('fingerprint'),
                'setting': setting.kind, 'query language': setting.query_lang,
                'document languages': setting.doc_lang or 'all',
            }
        },
    }  # fmt: skip


def _frame(run, tag: str):
    """The run's rows with the columns of a TREC file, ranks from 1."""
    for column in ('qid', 'docno'):
        broken = run[column].str.contains(r'\s')
        if broken.any():
            raise ValueError(f'the {column} {run.loc[broken, column].iloc[0]!r} has white space; TREC files cannot')
    return run.assign(iteration='Q0', rank=run['rank'] + 1, score=run['score'].astype(str), tag=tag)[
        ['qid', 'iteration', 'docno', 'rank', 'score', 'tag']
    ]

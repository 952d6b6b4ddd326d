"""The record of a run in its folder: ``training.json`` for programs, ``README.md`` for people and the hub."""
import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from pyterrier_hybrid.batches.composition import mean_shares
from pyterrier_hybrid.digests import check_contents, list_files
from pyterrier_hybrid.training.early_stopping import summary_of

#: The file of a run's folder that holds the record; written last.
TRAINING_RECORD = 'training.json'
_PACKAGES = ('pyterrier-hybrid', 'sentence-transformers', 'transformers', 'torch')


def drawn_shares(batches, steps: int) -> list[dict]:
    """Expected shares of all pairs that ``steps`` of a :class:`HybridBatches` draw, for ``training.json``.

    Returns for each kind: ``kind``, ``share``, and ``sources``, ``query_langs`` and ``passage_langs``, which map each
    that can be drawn to its share. Each of the three sums to the kind's share. ``steps`` matter for a schedule.
    """
    plan, table, parts = batches.plan, batches.describe(steps), []
    for kind, share in mean_shares(batches.mix, steps).items():
        own = table[(table['kind'] == kind.value) & (table['rows'] > 0)]
        queries, passages = Counter(), Counter()
        for supply, given_kind in zip(plan.supplies, plan.shares.tolist()):
            for x, y in supply.pairs if supply.kind is kind else ():  # drawn alike
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
    """Writes ``training.json``: the record, versions unless it has them, and size and digest of every other file."""
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


def write_card(folder: Path, name: str, settings: dict, languages: Sequence[str], dimension: int) -> None:
    """Writes ``README.md``, a model card in the Hugging Face hub's format; ``settings`` are those of ``training.json``.

    It has no ``license``, and says so: rows of pairs come without theirs, and folders of backbones too. ``languages``
    are those that the training could draw, see :func:`drawn_languages`.
    """
    base = settings['backbone']
    on_hub = isinstance(base, str) and base.count('/') == 1 and not Path(base).exists()
    front = [
        '---', 'library_name: sentence-transformers', 'pipeline_tag: sentence-similarity',
        'tags: [sentence-transformers, feature-extraction, dense, pyterrier-hybrid]',
        # quoted, because YAML reads a bare no (Norwegian) as false
        f'language: [{", ".join(json.dumps(lang) for lang in languages)}]',
        *([f'base_model: {base}'] if on_hub else []), '---',
    ]  # fmt: skip
    lines = [
        *front,
        '',
        f'# {name}',
        '',
        'A dual encoder for retrieval across languages, trained with pyterrier_hybrid on hybrid batches: batches that '
        'differ in the languages they mix (arXiv 2408.10536). It is dense; it has no sparse part.',
        '',
        f'- backbone: {Path(base).name if not on_hub else base}',
        f'- mix of batches: {_told(settings["mix"])}',
        f'- training pairs: fingerprint `{settings["pairs"]}`, languages {" ".join(languages)}',
        f'- {settings["steps_done"]:,} steps of {settings["batch_size"]:,} pairs, InfoNCE at temperature '
        f'{settings["temperature"]}, {settings["negatives"]} hard negatives a pair, seed {settings["seed"]}',
        *_validated(settings.get('validation'), settings.get('metric_for_best_model')),
        *_without_languages(settings.get('language_subspaces', [])),
        *_whitened(settings.get('whitening', [])),
        *_averaged(settings.get('averages', [])),
        f'- vectors: {dimension} components of float32, to be compared by the cosine',
        f'- prefixes: query `{settings["query_prefix"]!r}`, passage `{settings["passage_prefix"]!r}`',
        '',
        f'Everything else about the run is in `{TRAINING_RECORD}`. No licence is stated: it depends on those of the '
        'backbone and of the pairs, which are not known here. Add it above, as `license`, before this is published.',
        '',
        '```python',
        'from pyterrier_hybrid import HybridEncoder, MultilingualIndex',
        '',
        f"encoder = HybridEncoder('{name}')   # the folder of this file",
        "index = MultilingualIndex('index.flex')",
        '(encoder.doc_encoder() >> index).index(documents)   # docno, text, lang',
        'pipeline = encoder.query_encoder() >> index.retriever()',
        '```',
        '',
        'In sentence-transformers, whose `encode_query` and `encode_document` put the prefixes before the texts:',
        '',
        '```python',
        'from sentence_transformers import SentenceTransformer',
        '',
        f"model = SentenceTransformer('{name}')",
        '```',
    ]
    (folder / 'README.md').write_text('\n'.join(lines) + '\n', encoding='utf-8')


def _validated(validation: dict | None, metric: str | None) -> list[str]:
    """The lines on validation, if there was one."""
    if validation is None:
        return []
    return [
        f'- validated on {validation["name"]} ({validation["questions"]:,} questions, {validation["passages"]:,} '
        f'passages): {summary_of(validation, metric)}'
    ]


def _whitened(whitening: list[dict]) -> list[str]:
    """A line on each whitening."""
    return [
        f'- vectors whitened in part after all of this: power {each["power"]}, over {each["texts"]:,} texts of pairs '
        f'with fingerprint `{each["pairs"]}`'
        for each in whitening
    ]


def _without_languages(removed: list[dict]) -> list[str]:
    """A line on each removal of a language subspace."""
    return [
        f'- {each["directions"]} directions removed in which the mean vectors of {" ".join(each["languages"])} differ, '
        f'over {each["texts"]:,} parallel texts of pairs with fingerprint `{each["pairs"]}`'
        for each in removed
    ]


def _averaged(averages: list[list[dict]]) -> list[str]:
    """A line on each average of weights."""
    lines = []
    for own, *others in averages:
        told = ', '.join(f'{each["share"]:.3g} of {_trained(each)}' for each in others)
        lines.append(f'- weights averaged after all of this: {own["share"]:.3g} of them, {told}')
    return lines


def _trained(encoder: dict) -> str:
    """An encoder that an average has a part of, in words."""
    if 'mix' not in encoder:
        return f'the encoder `{encoder["encoder"]}`'
    return f'a run with the mix {_told(encoder["mix"])}, {encoder["steps_done"]:,} steps, seed {encoder["seed"]}'


def _told(mix: dict | list) -> str:
    """A mix in words."""
    if isinstance(mix, list):
        return '; '.join(f'from step {step} on {_told(each)}' for step, each in mix)
    if 'function' in mix:
        return f'by the function {mix["function"]}, on average {_told(mix["mean"])}'
    return ', '.join(f'{kind} {share:g}' for kind, share in mix.items())

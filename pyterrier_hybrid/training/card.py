"""The card of a run in its folder, ``README.md``, for people and the hub."""
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pyterrier_hybrid.training.early_stopping import summary_of
from pyterrier_hybrid.training.record import TRAINING_RECORD


def write_card(folder: Path, name: str, settings: dict, languages: Sequence[str], dimension: int) -> None:
    """Writes ``README.md``, a model card in the Hugging Face hub's format; ``settings`` are those of ``training.json``.

    The card has no ``license``, and says so, because the licences of the pairs and of the backbone are not known here.
    ``languages`` are those that the training could draw, see :func:`drawn_languages`.
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
        *(f'- then {DERIVATIONS[name](done)}' for name, done in derivations(settings)),
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
    """The lines on validation; none if there was no validation."""
    if validation is None:
        return []
    return [
        f'- validated on {validation["name"]} ({validation["questions"]:,} questions, {validation["passages"]:,} '
        f'passages): {summary_of(validation, metric)}'
    ]


def derivations(record: dict) -> Iterator[tuple[str, Any]]:
    """Yields the derivations of a run's encoder after training, in order: a key of :data:`DERIVATIONS`, an entry."""
    by_name = {name: iter(record[name]) for name in record if name in DERIVATIONS}
    order = record.get('derived', [name for name in by_name for _ in record[name]])
    return ((name, next(by_name[name])) for name in order)


def _whitened(done: dict) -> str:
    return (
        f'vectors whitened in part: power {done["power"]}, over {done["texts"]:,} texts of pairs with fingerprint '
        f'`{done["pairs"]}`'
    )


def _without_languages(done: dict) -> str:
    return (
        f'{done["directions"]} directions removed in which the mean vectors of {" ".join(done["languages"])} differ, '
        f'over {done["texts"]:,} parallel texts of pairs with fingerprint `{done["pairs"]}`'
    )


def _averaged(done: list[dict]) -> str:
    own, *others = done
    told = ', '.join(f'{each["share"]:.3g} of {_trained(each)}' for each in others)
    return f'weights averaged: {own["share"]:.3g} of them, {told}'


def _trained(encoder: dict) -> str:
    """Describes in words an encoder that is part of an average."""
    if 'mix' not in encoder:
        return f'the encoder `{encoder["encoder"]}`'
    run = f'a run with the mix {_told(encoder["mix"])}, {encoder["steps_done"]:,} steps, seed {encoder["seed"]}'
    done = list(dict.fromkeys(name for name, _ in derivations(encoder)))
    return f'what {run}, became after it ({", ".join(done)}; see `{TRAINING_RECORD}`)' if done else run


def _told(mix: dict | list) -> str:
    """A mix in words."""
    if isinstance(mix, list):
        return '; '.join(f'from step {step} on {_told(each)}' for step, each in mix)
    if 'function' in mix:
        return f'by the function {mix["function"]}, on average {_told(mix["mean"])}'
    return ', '.join(f'{kind} {share:g}' for kind, share in mix.items())


#: The ways to derive an encoder: a list's name in ``training.json``, and a function that describes one of its items.
DERIVATIONS = {'language_subspaces': _without_languages, 'whitening': _whitened, 'averages': _averaged}

"""Vectors of real sentences, and as many similar ones as a benchmark needs.

The sentences are the distinct training texts, all of them or a number of each language; a trained encoder encodes them.
Some are held out as questions; their translations and similar sentences are among the others. If there are too few
sentences, copies are added. Each copy is moved by a share of the difference between two other sentences of its
language. This noise has the covariance of the sentences themselves, so copies are as hard to tell apart as sentences.
Isotropic noise would be spread over all dimensions, unlike the vectors of an encoder.
"""
import json
import lzma
from collections.abc import Iterator
from pathlib import Path

import _data
import numpy as np

LANGS = ('ar', 'de', 'el', 'en', 'es', 'hi', 'ru', 'th', 'tr', 'vi', 'zh')
_BLOCK = 8_192
_TEXTS = 'text', 'positive', 'query'


def texts(count: int | None) -> dict[str, list[str]]:
    """The distinct training texts of each language, all or ``count`` of them, evenly spread over the files."""
    found = {lang: {} for lang in LANGS}
    for path in sorted((_data.DATA / 'train').glob('*.jsonl.xz')):
        with lzma.open(path, 'rt', encoding='utf-8') as lines:
            for row in map(json.loads, lines):
                for lang, text in (item for name in _TEXTS for item in row.get(name, {}).items()):
                    found[lang][text] = None
    return {lang: [distinct[i] for i in _spread(count or len(distinct), len(distinct))]
            for lang, distinct in zip(found, map(list, found.values()))}  # fmt: skip


def _spread(count: int, among: int) -> list[int]:
    return np.linspace(0, among - 1, count).astype(int).tolist()


def encode(folder: Path, checkpoint: str, passages: int | None, questions: int) -> tuple[list, np.ndarray]:
    """Encodes sentences as vectors of unit length, and keeps them in the folder for the next run.

    Returns the passages of each language, float32 ``(n, d)``, memory-mapped, and the questions, equally many of each
    language, ``(languages, questions, d)``.
    """
    folder = folder / f'{Path(checkpoint).name}-{passages or "all"}-{questions}'
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / 'questions.npy').exists():
        from pyterrier_hybrid import HybridEncoder

        encoder, asked = HybridEncoder(checkpoint), []
        for lang, drawn in texts(passages and passages + questions).items():
            held = set(_spread(questions, len(drawn)))
            asked.append(_unit(encoder.encode_queries([drawn[i] for i in sorted(held)])))
            docs = encoder.encode_docs([text for i, text in enumerate(drawn) if i not in held])
            np.save(folder / f'{lang}.npy', _unit(docs))
        np.save(folder / 'questions.npy', np.stack(asked))
    return [np.load(folder / f'{lang}.npy', mmap_mode='r') for lang in LANGS], np.load(folder / 'questions.npy')


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def nearest_other(vectors: np.ndarray, among: list[np.ndarray]) -> np.ndarray:
    """The greatest dot product of each vector with another one of ``among``, which include the vector itself."""
    best = np.full((len(vectors), 2), -np.inf, np.float32)
    for part in among:
        for start in range(0, len(part), _BLOCK):
            scores = np.concatenate([best, vectors @ part[start : start + _BLOCK].T], axis=1)
            best = np.partition(scores, -2, axis=1)[:, -2:]
    return best[:, 0]


def natural_share(originals: list[np.ndarray], sample: int = 32) -> float:
    """The jitter with which a copy is as far from its original as a sentence is from the nearest other, in the median.

    It is computed from ``sample`` sentences of each language, to two digits.
    """
    rng = np.random.default_rng(0)
    drawn = [vectors[np.sort(rng.choice(len(vectors), sample, replace=False))] for vectors in originals]
    near = np.median(nearest_other(np.concatenate(drawn), originals))
    for share in np.arange(0.05, 2, 0.05).round(2).tolist():
        moved = np.concatenate([_unit(x + share * (np.roll(x, 1, axis=0) - np.roll(x, 2, axis=0))) for x in drawn])
        if np.median(np.einsum('ij,ij->i', moved, np.concatenate(drawn))) <= near:
            break
    return share


def jittered(originals: list[np.ndarray], count: int, share: float) -> Iterator[tuple[list[str], np.ndarray, str]]:
    """Yields ``count`` documents in blocks of docnos, vectors and a language: each language's originals, then copies.

    The languages have the same shares of the documents as of the originals, which are ``(n, d)`` each. A copy is moved
    by ``share`` of the difference between two others. Docnos name the original: ``de/17~1`` is a copy of ``de/17``.
    """
    rng = np.random.default_rng(0)
    sizes = np.array([len(vectors) for vectors in originals])
    ends = np.rint(count * np.cumsum(sizes) / sizes.sum()).astype(int)
    for lang, vectors, wanted in zip(LANGS, originals, np.diff(ends, prepend=0)):
        for start in range(0, wanted, _BLOCK):
            copy, rows = np.divmod(np.arange(start, min(start + _BLOCK, wanted)), len(vectors))
            one, other = (vectors[np.sort(rng.integers(len(vectors), size=len(rows)))] for _ in range(2))
            moved = _unit(vectors[rows] + share * np.minimum(copy, 1)[:, None] * (rng.permutation(one) - other))
            docnos = [f'{lang}/{row}~{turn}' if turn else f'{lang}/{row}' for turn, row in zip(copy, rows)]
            yield docnos, moved, lang

"""Vectors of real sentences, and as many more like them as a benchmark needs.

Sentences are drawn from the training texts, as many of each language; a trained encoder encodes them. Some are held out
as questions, which have their translations and their like among the others. Each of these is then copied, and each copy
moved by a share of the difference between two other sentences of its language: noise that has the covariance of the
sentences themselves, so that copies are as hard to tell apart as sentences are. Isotropic noise would be spread over
all dimensions, as no encoder's vectors are.
"""
import json
import lzma
from collections.abc import Iterator
from pathlib import Path

import _data
import numpy as np

LANGS = ('ar', 'de', 'el', 'en', 'es', 'hi', 'ru', 'th', 'tr', 'vi', 'zh')
_FILES = ('sentences.bitext', 'tatoeba.bitext')


def texts(lang: str, count: int) -> list[str]:
    """``count`` distinct texts of a language, spread evenly over the files."""
    found = {}
    for name in _FILES:
        with lzma.open(_data.DATA / 'train' / f'{name}.jsonl.xz', 'rt', encoding='utf-8') as lines:
            found.update(dict.fromkeys(row['text'][lang] for row in map(json.loads, lines) if lang in row['text']))
    distinct = list(found)
    return [distinct[i] for i in np.linspace(0, len(distinct) - 1, count).astype(int)]


def encode(folder: Path, checkpoint: str, passages: int, questions: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of passages and of questions, ``(languages, count, d)`` each, which the folder keeps for the next run."""
    folder = folder / f'{Path(checkpoint).name}-{passages}-{questions}'
    folder.mkdir(parents=True, exist_ok=True)
    encoder = None
    for lang in LANGS:
        if not (folder / f'{lang}.npz').exists():
            if encoder is None:
                from pyterrier_hybrid import HybridEncoder

                encoder = HybridEncoder(checkpoint)
            drawn = texts(lang, passages + questions)
            asked = set(np.linspace(0, len(drawn) - 1, questions).astype(int).tolist())
            docs = encoder.encode_docs([text for i, text in enumerate(drawn) if i not in asked])
            queries = encoder.encode_queries([drawn[i] for i in sorted(asked)])
            np.savez(folder / f'{lang}.npz', docs=docs, queries=queries)
    found = [np.load(folder / f'{lang}.npz') for lang in LANGS]
    return np.stack([arrays['docs'] for arrays in found]), np.stack([arrays['queries'] for arrays in found])


def jittered(originals: np.ndarray, count: int, share: float, block: int = 8192) -> Iterator[dict]:
    """``count`` documents of unit length: the originals first, then copies of them, languages in turn.

    Args:
        originals: float32, ``(languages, n, d)``.
        count: documents.
        share: of the difference between two others that a copy is moved by.
        block: documents made at a time.
    """
    rng = np.random.default_rng(0)
    n_langs, n, _ = originals.shape
    for start in range(0, count, block):
        docids = np.arange(start, min(start + block, count))
        langs, rows = docids % n_langs, docids // n_langs % n
        one, other = (originals[langs, rng.integers(n, size=len(docids))] for _ in range(2))
        copies = (docids >= n_langs * n).astype(np.float32)[:, None]
        vectors = originals[langs, rows] + share * copies * (one - other)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        for docid, lang, vector in zip(docids.tolist(), langs.tolist(), vectors):
            yield {'docno': f'{LANGS[lang]}/{docid}', 'lang': LANGS[lang], 'doc_vec': vector}

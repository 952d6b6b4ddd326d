"""Documents and questions in eleven languages with random vectors of unit length, from a fixed seed."""
from collections.abc import Iterator

import numpy as np
import pandas as pd

LANGS = ('ar', 'de', 'el', 'en', 'es', 'hi', 'ru', 'th', 'tr', 'vi', 'zh')
_POOL = 16_384


def documents(count: int, dims: int, pool: int | None = None) -> Iterator[dict]:
    """Yields documents, which are made one by one.

    Args:
        count: their number.
        dims: numbers in a vector.
        pool: how many different vectors there are; they are used again and again, so that making them costs nothing.
            By default all vectors are different.
    """
    rng = np.random.default_rng(0)
    for start in range(0, count, _POOL):
        if start == 0 or pool is None:
            vectors = rng.standard_normal((min(_POOL, count - start if pool is None else pool), dims), np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        for i in range(start, min(start + _POOL, count)):
            lang = LANGS[i % len(LANGS)]
            yield {'docno': f'{lang}/{i}', 'lang': lang, 'doc_vec': vectors[(i - start) % len(vectors)]}


def blocks(count: int, dims: int, pool: int) -> Iterator[tuple[list[str], np.ndarray, list[str]]]:
    """The :func:`documents` as arrays, ``pool`` at a time: docnos, vectors (which are always the same), languages."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((pool, dims), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for start in range(0, count, pool):
        langs = [LANGS[i % len(LANGS)] for i in range(start, min(start + pool, count))]
        yield [f'{lang}/{i}' for i, lang in enumerate(langs, start)], vectors[: len(langs)], langs


def topics(count: int, dims: int) -> pd.DataFrame:
    """Questions near documents, so that scores are distributed like those of an encoder."""
    noise = np.random.default_rng(1).standard_normal((count, dims), np.float32) / np.float32(np.sqrt(dims))
    vectors = [doc['doc_vec'] + x for doc, x in zip(documents(count, dims), noise)]
    return pd.DataFrame({'qid': [str(i) for i in range(count)], 'query_vec': vectors})

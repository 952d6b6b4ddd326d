"""Partial whitening: gives less weight to directions of an encoder's vectors that many texts share."""
import os
from collections.abc import Iterable
from itertools import islice

import numpy as np
import pyterrier as pt
import torch

from pyterrier_hybrid.encoding.encoder import HybridEncoder
from pyterrier_hybrid.pairs.balanced import balanced_texts
from pyterrier_hybrid.pairs.protocol import Pairs
from pyterrier_hybrid.training.derived import model_of, multiply, new_folder, opened, save_derived

#: About how many characters of each language are encoded to measure the spectrum of the vectors.
CHARACTERS = 500_000
#: The least eigenvalue, as a share of the greatest; smaller ones are raised to it. A layer normalisation makes one 0.
_FLOOR = 1e-6
_AT_ONCE = 10_000


def whiten(
    encoder: 'str | os.PathLike | HybridEncoder', pairs: Pairs, folder: str | os.PathLike, *, power: float = 0.25,
    characters: int = CHARACTERS, verbose: bool = True,
) -> HybridEncoder:  # fmt: skip
    """Partially whitens an encoder's vectors, and saves the encoder as a new checkpoint.

    Vectors of texts differ more in some directions than in others, and what is learned last is in the small ones.
    With M the mean of v v' over vectors v of texts (uncentred), scaled to a mean eigenvalue of 1, v becomes
    M^(-power/2) v, so that an eigenvalue s becomes s^(1 - power), up to a constant factor. A power of 1 is whitening
    (Su et al., arXiv 2103.15316, here without centring). It trains nothing and uses no labels; it costs the encoding of
    some thousands of texts: seconds for a static embedding. Evaluate whether it helps.

    The table of a static embedding is multiplied by the matrix; any other encoder gets a ``Dense`` layer before the
    normalisation. Prefixes and greatest lengths are those of the encoder.

    Args:
        encoder: any encoder, which is not changed; or its folder or name on the hub. The checkpoint of one in half
            precision is read again in float32.
        pairs: a :class:`ParallelPairs`. M is a mean over its texts, encoded as passages.
        folder: where the new checkpoint goes; must not exist, and appears whole.
        power: above 0, at most 1.
        characters: about how many of each language are encoded. A transformer needs far fewer than the default: a few
            times as many vectors as they have components are enough.
        verbose: show a progress bar.

    Returns:
        The new encoder, read back from ``folder``, in float32. If the encoder is a training run, the new folder has its
        ``training.json`` and card too, with a note on the whitening.

    Raises:
        FileExistsError: ``folder`` exists.
        FileNotFoundError: there is no such encoder.
        ValueError: a power or number of characters out of bounds; fewer texts than vectors have components, or vectors
            that are not finite; a model in memory in half precision; an encoder that cuts vectors or texts in a way
            that a checkpoint cannot store; several processes.
    """
    folder = new_folder(folder, 'whiten')
    if not 0 < power <= 1:
        raise ValueError(f'power is {power}; it must be above 0 (no change) and at most 1 (whitening)')
    if characters < 1:
        raise ValueError(f'characters is {characters}; it must be at least 1')
    encoder = opened(encoder)
    model = model_of(encoder)
    moment, texts = _second_moment(encoder, balanced_texts(pairs, characters), verbose)
    if texts < encoder.dimension:
        raise ValueError(
            f'the pairs give {texts:,} texts, fewer than the vectors have components ({encoder.dimension:,}), and say '
            'nothing of some directions; give more pairs'
        )
    if not np.isfinite(moment).all():
        raise ValueError(f'{encoder} gives vectors that are not finite; look at its weights')
    multiply(model, torch.from_numpy(_fractional_power(moment, -power / 2)))
    done = {'power': power, 'texts': texts, 'pairs': pairs.fingerprint}
    return save_derived(model, encoder, folder, whitening=done)


def _second_moment(encoder: HybridEncoder, texts: Iterable[str], verbose: bool) -> tuple[np.ndarray, int]:
    """The mean of v v' over vectors of texts, float64 (d, d), and the number of texts."""
    texts = iter(pt.tqdm(texts, desc='Encoding (to whiten)', unit='text', disable=not verbose))
    total, n = np.zeros((encoder.dimension, encoder.dimension)), 0
    while some := list(islice(texts, _AT_ONCE)):
        vectors = encoder.encode_docs(some, verbose=False).astype(np.float64)
        total += vectors.T @ vectors
        n += len(some)
    return total / max(n, 1), n


def _fractional_power(moment: np.ndarray, exponent: float) -> np.ndarray:
    """A power of a symmetric matrix, scaled before to a mean eigenvalue of 1; float32 (d, d)."""
    values, directions = np.linalg.eigh(moment)
    values = np.maximum(values, _FLOOR * values.max()) / values.mean()
    return ((directions * values**exponent) @ directions.T).astype(np.float32)

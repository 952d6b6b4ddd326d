"""Averages of encoders: a new encoder whose every weight is the mean of theirs."""
import os
from collections.abc import Sequence

import torch

from pyterrier_hybrid.encoding.encoder import HybridEncoder
from pyterrier_hybrid.training.card import DERIVATIONS
from pyterrier_hybrid.training.derived import model_of, new_folder, opened, save_derived
from pyterrier_hybrid.training.record import read_training_record

#: The fields of a run's record that the note on an average repeats.
_TOLD = ('mix', 'seed', 'steps_done', 'pairs')


def average_weights(
    encoders: Sequence['str | os.PathLike | HybridEncoder'], folder: str | os.PathLike, *,
    shares: Sequence[float] | None = None,
) -> HybridEncoder:  # fmt: skip
    """Averages the weights of several encoders, and saves the average as a new checkpoint.

    The weights of runs that start from one pretrained encoder stay close to each other, so their average is an encoder
    too, often a better one than each run (model soups, Wortsman et al., arXiv 2203.05482). The average of a run and of
    the encoder that it started from keeps more of what that encoder knew (WiSE-FT, arXiv 2109.01903). Nothing is
    trained, and the average encodes as fast as one encoder. Runs that start from different random weights have nothing
    in common, and their average is noise. Evaluate whether averaging helps.

    Modules, tokenizer, prefixes and greatest lengths are those of the first encoder.

    Args:
        encoders: two or more encoders of one shape and vocabulary, which are not changed; or their folders or names on
            the hub. The checkpoint of one in half precision is read again in float32.
        folder: where the new checkpoint goes; must not exist, and appears whole.
        shares: of each encoder in the average, positive, with the sum 1. None for equal shares.

    Returns:
        The new encoder, read back from ``folder``, in float32. If the first encoder is a training run, the new folder
        has its ``training.json`` and card too, with a note on the average.

    Raises:
        FileExistsError: ``folder`` exists.
        FileNotFoundError: there is no such encoder.
        ValueError: fewer than two encoders; shares that are not as described; encoders that differ in names or shapes
            of weights, or in their vocabulary; weights that are not finite; a model in memory in half precision, or an
            encoder that cuts texts in a way that a checkpoint cannot store; several processes.
    """
    folder, encoders = new_folder(folder, 'average_weights'), _as_list(encoders)
    shares = _check_shares(shares, len(encoders))
    total, notes = {}, []
    for position, (encoder, share) in enumerate(zip(encoders, shares, strict=True)):
        encoder = opened(encoder)
        if not position:
            first, model = encoder, model_of(encoder)
        _check_alike(first, encoder, position)
        for name, weight in encoder.model.state_dict().items():
            if weight.is_floating_point():
                total[name] = total.get(name, 0) + share * weight.to('cpu', torch.float64)
        notes.append({'share': share, **_told(encoder)})
    wrong = next((name for name, weight in total.items() if not weight.isfinite().all()), None)
    if wrong is not None:
        raise ValueError(f'the weight {wrong!r} of an encoder is not finite; look at the encoders')
    model.load_state_dict({**model.state_dict(), **total})  # casts to the model's dtypes
    return save_derived(model, first, folder, averages=notes)


def _as_list(encoders: Sequence) -> list:
    if isinstance(encoders, str | os.PathLike | HybridEncoder):
        encoders = [encoders]
    encoders = list(encoders)
    if len(encoders) < 2:
        raise ValueError(f'{len(encoders)} encoders to average; give two or more, in a list')
    return encoders


def _check_shares(shares: Sequence[float] | None, encoders: int) -> list[float]:
    """Returns the share of each encoder; raises ValueError for shares that are not positive with the sum 1."""
    shares = [1 / encoders] * encoders if shares is None else [float(share) for share in shares]
    if len(shares) != encoders:
        raise ValueError(f'{len(shares)} shares for {encoders} encoders; give one for each')
    if not min(shares) > 0 or not abs(sum(shares) - 1) < 1e-6:
        raise ValueError(f'the shares are {shares}; give positive ones, 1 in sum')
    return shares


def _check_alike(first: HybridEncoder, encoder: HybridEncoder, position: int) -> None:
    """Raises ValueError unless an encoder has the first one's names and shapes of weights, and its vocabulary."""
    own, other = ({name: tuple(weight.shape) for name, weight in each.model.state_dict().items()}
                  for each in (first, encoder))  # fmt: skip
    wrong = next((name for name in sorted({*own, *other}) if own.get(name) != other.get(name)), None)
    where = f'encoder {position} (counted from 0), {encoder},'
    if wrong is not None:
        raise ValueError(
            f'{where} has the weight {wrong!r} in the shape {other.get(wrong)}, the first encoder in {own.get(wrong)} '
            '(None: it lacks it); encoders of one shape can be averaged'
        )
    if first.model.tokenizer.get_vocab() != encoder.model.tokenizer.get_vocab():
        raise ValueError(f'{where} has another vocabulary than the first; runs from one backbone can be averaged')


def _told(encoder: HybridEncoder) -> dict:
    """Describes an encoder: its digest, and how it was trained."""
    record = None if encoder.folder is None else read_training_record(encoder.folder)
    told = {} if record is None else {name: record[name] for name in (*_TOLD, *DERIVATIONS) if name in record}
    return {'encoder': encoder.model_name, **told}

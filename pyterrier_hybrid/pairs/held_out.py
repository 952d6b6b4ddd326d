"""Rows that are kept out of training, to validate on."""
from numbers import Real
from operator import index

import numpy as np

from pyterrier_hybrid.keyed import key_of, uniform
from pyterrier_hybrid.pairs.subset import PairsView


def hold_out(pairs, wanted: float | int) -> tuple[PairsView, PairsView]:
    """Splits pairs into what is trained on and what is validated on, whole passages at a time.

    A row of questions and passages is held out when a keyed hash of its passage is low. With it go all rows of that
    passage (of equal ``passage_ids``), in all sources, bitext too: nothing of a held-out passage is trained on. The
    choice depends on the passages alone, on no seed, so all runs on the same pairs are validated on the same rows, and
    a smaller number is a part of a larger one.

    Args:
        pairs: a :class:`ParallelPairs`, or a view of one.
        wanted: a fraction of the rows that ask a question (of all rows, where the pairs are bitext alone), above 0 and
            below 1; or a number of them. Rows of one passage stay together, so it may become a few more.

    Returns:
        The rows to train on, and the rows held out.

    Raises:
        ValueError: a fraction or number outside of these bounds, or one that leaves nothing on either side.
    """
    asking = [source for source in pairs.sources if source.kind == 'qa'] or pairs.sources
    rows = sum(map(len, asking))
    drawn = np.concatenate([_drawn(source) for source in asking])
    bound = _bound(drawn, wanted, rows)
    wanted = float(wanted) if wanted < 1 else index(wanted)
    ids = np.concatenate([np.asarray(source.passage_ids) for source in asking])
    held = np.unique(ids[drawn < bound])
    masks = [np.isin(source.passage_ids, held) for source in pairs.sources]
    return (
        PairsView(pairs, [~mask for mask in masks], ('holding out', wanted)),
        PairsView(pairs, masks, ('held out', wanted)),
    )


def _drawn(source) -> np.ndarray:
    """A number of [0, 1) for each row, the same for rows of one passage."""
    return uniform(np.asarray(source.passage_ids), key_of('held out'))


def _bound(drawn: np.ndarray, wanted: float | int, rows: int) -> float:
    """Below which number a row is held out."""
    if isinstance(wanted, bool) or not isinstance(wanted, Real):
        raise ValueError(f'validation is {wanted!r}; to hold out pairs give a fraction of them, or a number of rows')
    if 0 < wanted < 1:
        return float(wanted)
    try:
        number = index(wanted)
    except TypeError:
        number = 0
    if not 0 < number < rows:
        raise ValueError(
            f'validation is {wanted!r}; to hold out some of {rows:,} rows give a fraction above 0 and below 1, or a '
            'whole number of rows'
        )
    return float(np.nextafter(np.partition(drawn, number - 1)[number - 1], 1.0))

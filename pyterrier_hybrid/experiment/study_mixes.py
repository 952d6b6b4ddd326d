"""The mixes of a study: points on the paper's line, and on a simplex over three kinds of batches."""
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from numbers import Integral, Real

#: The corners of :func:`simplex`.
CORNERS = ('monolingual', 'crosslingual', 'multilingual')
_SHORT = {'monolingual': 'mono', 'crosslingual': 'cross', 'multilingual': 'multi', 'mixed': 'mixed'}


def alphas(values: float | Iterable[float] = (0, 0.25, 0.5, 0.75, 1)) -> dict[str, dict[str, float]]:
    """The paper's line (arXiv 2408.10536, section 3): alpha of the batches monolingual, the others cross-lingual.

    Args:
        values: the alphas, 0 (X-Y) to 1 (X-X-mono); one may be given alone.

    Returns:
        Mixes by name (:func:`mix_name`), in the order given.

    Raises:
        ValueError: an alpha outside of 0 to 1, one that is no number, or none at all.
    """
    values = [values] if isinstance(values, str | Real | None) else values
    mixes = {}
    for alpha in values:
        if not isinstance(alpha, Real) or not 0 <= alpha <= 1:
            told = f'{alpha:g}' if isinstance(alpha, Real) else f'{alpha!r:.80}'
            raise ValueError(f'alpha is {told}; it is the share of monolingual batches, 0 to 1')
        alpha = float(alpha)
        mix = {'monolingual': alpha, 'crosslingual': 1 - alpha}
        mixes[mix_name(mix)] = {kind: share for kind, share in mix.items() if share}
    if not mixes:
        raise ValueError('there is no alpha; a study needs at least one mix')
    return mixes


def simplex(steps: int, kinds: Sequence[str] = CORNERS) -> dict[str, dict[str, float]]:
    """All mixes of some kinds whose shares are multiples of 1 / ``steps``: the lattice points of a simplex.

    Args:
        steps: intervals along an edge; 1 gives the corners, 2 the middles of the edges too, 3 the centre.
        kinds: the corners.

    Returns:
        Mixes by name; (steps + 1)(steps + 2) / 2 of them for three kinds.

    Raises:
        ValueError: fewer than one step or no whole number of them, an unknown kind or one given twice, or no kinds.
    """
    if not isinstance(steps, Integral) or steps < 1:
        raise ValueError(f'a simplex of {steps!r:.80} steps has no points; give a whole number of 1 or more')
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    unknown = [kind for kind in kinds if kind not in _SHORT]
    if unknown or not kinds:
        found = ', '.join(map(repr, unknown)) or 'none'
        raise ValueError(f'the kinds of a simplex are some of {", ".join(_SHORT)}, not {found:.80}')
    if len(set(kinds)) < len(kinds):
        raise ValueError(f'a kind of batches is given twice: {", ".join(kinds)}')
    mixes = {}
    for counts in _compositions(steps, len(kinds)):
        mix = {kind: count / steps for kind, count in zip(kinds, counts) if count}
        mixes[mix_name(mix)] = mix
    return mixes


def mix_name(mix: Mapping[str, float]) -> str:
    """A mix's name, which can be part of a file name: ``'mono0.25-cross0.75'``.

    Shares have as many digits as tell them apart: ``'mono0.333-multi0.667'`` for thirds, ``'mono0.3333-multi0.6667'``
    for shares of .3333 and .6667.
    """
    return '-'.join(f'{_SHORT.get(kind, kind)}{_digits(share)}' for kind, share in mix.items() if share)


def _digits(share: float) -> str:
    """A share with three digits if its denominator is at most 30 (such shares are .0011 apart), else with twelve."""
    is_simple = abs(Fraction(share).limit_denominator(30) - Fraction(share)) < 1e-12
    return f'{share:.3g}' if is_simple else f'{share:.12g}'


def _compositions(total: int, parts: int) -> list[tuple[int, ...]]:
    """All ways to write ``total`` as an ordered sum of ``parts`` numbers of 0 or more, by the first one, descending."""
    if parts == 1:
        return [(total,)]
    return [(first, *rest) for first in range(total, -1, -1) for rest in _compositions(total - first, parts - 1)]

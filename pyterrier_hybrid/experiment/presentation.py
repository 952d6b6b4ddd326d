"""How a measure is read: which direction is better, and with how many digits it is printed."""
import math

#: Measures of which less is better, and those of which neither more nor less is, by ir_measures' name.
LOWER_IS_BETTER = ('RankDistance',)
NEITHER_IS_BETTER = ('LPR',)
#: Values that are ranks, printed without decimals.
RANKS = ('RankDistance',)


def better(measure: str) -> int:
    """1 if more of a measure is better, -1 if less is, 0 if neither is (LPR, which is read beside chance).

    Args:
        measure: its repr, such as ``'R@10'``.
    """
    name = base_name(measure)
    return 0 if name in NEITHER_IS_BETTER else -1 if name in LOWER_IS_BETTER else 1


def format_value(measure: str, value: float) -> str:
    """A value as it is printed: ranks as whole numbers, everything else with three decimals, a blank for NaN."""
    if value is None or math.isnan(value):
        return ''
    return f'{value:,.0f}' if base_name(measure) in RANKS and 'norm=True' not in measure else f'{value:.3f}'


def base_name(measure: str) -> str:
    """A measure's name without parameters and cutoff: ``'RankDistance'`` of ``'RankDistance(rel=2)@10'``."""
    return measure.partition('@')[0].partition('(')[0]

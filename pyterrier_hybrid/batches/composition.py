"""Tables of the composition of a plan of hybrid batches, which need no training."""
from collections.abc import Iterable

import numpy as np
import pandas as pd

from pyterrier_hybrid.batches.kinds import Kind
from pyterrier_hybrid.batches.plan import Plan
from pyterrier_hybrid.batches.supply import Supply, passages_per_pair

_COLUMNS = ['step', 'kind', 'source', 'query_lang', 'passage_lang']
_NAMED = 5


def tabulate(batches: Iterable) -> pd.DataFrame:
    """Counts the pairs of batches, each a :class:`Batch`; the frame is that of :meth:`HybridBatches.preview`."""
    frames = [
        pd.DataFrame(dict(zip(_COLUMNS, (b.step, b.kind.value, b.sources, b.query_langs, b.passage_langs))))
        for b in batches
    ]
    every = pd.concat(frames) if frames else pd.DataFrame(columns=_COLUMNS)
    return every.groupby(_COLUMNS, sort=True).size().rename('pairs').reset_index()


def drawable(sources: Iterable, plan: Plan, shares: dict[Kind, float], batch_size: int) -> pd.DataFrame:
    """Tabulates what can be drawn of each source for each kind, and what cannot, with the reason.

    ``shares`` are the kinds that occur and how probable each is; the frame is that of :meth:`HybridBatches.describe`.
    """
    rows = []
    for kind, share in shares.items():
        for source in sources:
            supply, given_kind = _supply_of(source.name, kind, plan)
            own = [owner.name == source.name for owner in supply.sources] if supply else []
            drawn = int(supply.sizes[own].sum()) if supply else 0
            passages = passages_per_pair(kind, [source], batch_size)
            short = sorted((n, pair) for pair, n in passages.items() if supply is None or pair not in supply.pairs)
            too_few = {pair: n for n, pair in short}
            absent = sorted(set(source.languages) - {lang for pair in passages for lang in pair})
            rows.append({
                'kind': kind.value, 'source': source.name, 'rows': drawn, 'never_drawn': len(source) - drawn,
                'language_pairs': len(supply.pairs) if supply else 0,
                # not in proportion to the rows if small sources are taken together, because languages are uniform
                'probability': share * given_kind * float(supply.stratum_marginal[own].sum()) if supply else 0.0,
                'left_out': _reason(kind, source, too_few, absent, len(source) - drawn, batch_size),
                'too_few': too_few, 'absent': absent,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _supply_of(name: str, kind: Kind, plan: Plan) -> tuple[Supply | None, float]:
    """The supply of a kind that draws from a source, and its probability given the kind; None and 0 without one."""
    for supply, share in zip(plan.supplies, plan.shares.tolist()):
        if supply.kind is kind and any(source.name == name for source in supply.sources):
            return supply, share
    return None, 0.0


def _reason(kind: Kind, source, too_few: dict, absent: list[str], never_drawn: int, batch_size: int) -> str:
    """Says why rows or languages of a source are never drawn for a kind; empty if all are drawn."""
    if absent == source.languages:
        if source.kind == 'bitext' and not kind.rule.bitext:
            return f'bitext serves no {kind.value} batch'
        return f'there are no {kind.rule.needs}'
    reasons = []
    if too_few:
        named = _listed([f'{x} {n}' if x == y else f'{x}-{y} {n}' for (x, y), n in too_few.items()])
        reasons.append(f'fewer than {batch_size} passages: {named}')
    elif never_drawn:
        reasons.append(f'{never_drawn} rows fit no language pair of this kind')
    if absent:
        reasons.append(f'no pair of this kind: {_listed(absent)}')
    return '; '.join(reasons)


def _listed(names: list[str]) -> str:
    """The first few names and the number of the others, in words."""
    more = f' and {len(names) - _NAMED} more' if len(names) > _NAMED else ''
    return ', '.join(names[:_NAMED]) + more


def mean_shares(mix, steps: int) -> dict[Kind, float]:
    """The mean probability of each kind over the first ``steps`` steps of a :class:`MixSchedule`."""
    return dict(zip(mix.kinds, mix.shares(np.arange(steps)).mean(axis=0).tolist()))

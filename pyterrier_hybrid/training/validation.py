"""How well an encoder in training retrieves: the figures of a validation set."""
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from pyterrier_hybrid.keyed import key_of, mix64
from pyterrier_hybrid.measures.effectiveness import average_precision, recall, reciprocal_rank
from pyterrier_hybrid.ranking import rank_grid

#: Figures of every validation set, by ir_measures' names; a loss is better when it is lower, the others when higher.
FIGURES = ('AP', 'R@1', 'R@10', 'RR', 'loss')


class ValidationSetting(NamedTuple):
    """Questions over a pool of passages; n relevant pairs of them.

    Attributes:
        kind: ``'monolingual'`` or ``'crosslingual'``; empty in a set without kinds.
        queries: int (q,), places in the set's questions.
        passages: int (p,), places in its passages, in the order in which equal scores are ranked.
        of_query: int (n,), ascending, for each relevant pair, the place of its question in ``queries``.
        of_passage: int (n,), and of its passage in ``passages``.
        query_groups, passage_groups: int (q,) and (p,), 0 for no group. A passage of the question's own group that is
            not relevant to it may answer it all the same: the question's ranking leaves it out.
    """

    kind: str
    queries: np.ndarray
    passages: np.ndarray
    of_query: np.ndarray
    of_passage: np.ndarray
    query_groups: np.ndarray
    passage_groups: np.ndarray


@dataclass(frozen=True, eq=False)
class ValidationSet:
    """Questions, passages and which answers which, in one or several settings.

    Attributes:
        name: for the record.
        queries, passages: all texts.
        settings: at least one.
    """

    name: str
    queries: list[str]
    passages: list[str]
    settings: list[ValidationSetting]

    @cached_property
    def kinds(self) -> list[str]:
        """The kinds of settings; empty in a set without kinds."""
        kinds = sorted({setting.kind for setting in self.settings})
        return kinds if len(kinds) > 1 or kinds[0] else []

    @property
    def figure_names(self) -> list[str]:
        """The names of the figures of :meth:`figures`."""
        return [*FIGURES, *(f'{kind}_{name}' for kind in self.kinds for name in FIGURES)]

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits of the content."""
        digest = blake2b(repr((self.queries, self.passages)).encode(), digest_size=16)
        for setting in self.settings:
            digest.update(repr([setting.kind, *(np.asarray(part).tolist() for part in setting[1:])]).encode())
        return digest.hexdigest()

    def record(self) -> dict[str, object]:
        """What it is, as JSON values: ``name``, ``fingerprint`` and the numbers of ``questions`` and ``passages``."""
        return {
            'name': self.name, 'fingerprint': self.fingerprint, 'questions': len(self.queries),
            'passages': len(self.passages),
        }  # fmt: skip

    def figures(self, encoder, *, batch_size: int, temperature: float) -> dict[str, float]:
        """Retrieves with an encoder, and evaluates.

        AP, R@1, R@10 and RR are those of ir_measures for the whole ranking by (-score, passage); a score is the dot
        product, rounded to float32. The loss is the training's, InfoNCE over cosines: each question against its
        passage and ``batch_size - 1`` others of its pool, always the same ones. Each figure is the mean over the
        questions of a setting, then over the settings of a kind (one for each language or pair of languages), then over
        the kinds.

        Args:
            encoder: a :class:`HybridEncoder`; its model encodes in evaluation mode, and draws no random numbers.
            batch_size: of training.
            temperature: of training.

        Returns:
            ``AP``, ``R@1``, ``R@10``, ``RR`` and ``loss``; with kinds also ``monolingual_AP`` and so on.

        Raises:
            ValueError: a vector that is not finite.
        """
        query_vecs = _finite(encoder.encode_queries(self.queries), 'question')
        passage_vecs = _finite(encoder.encode_docs(self.passages), 'passage')
        values = [
            _setting_figures(
                setting, query_vecs[setting.queries], passage_vecs[setting.passages], batch_size, temperature
            )
            for setting in self.settings
        ]
        by_kind = {
            kind: np.mean([found for found, setting in zip(values, self.settings) if setting.kind == kind], axis=0)
            for kind in sorted({setting.kind for setting in self.settings})
        }
        figures = dict(zip(FIGURES, np.mean(list(by_kind.values()), axis=0).tolist()))
        for kind in self.kinds:
            figures.update(zip((f'{kind}_{name}' for name in FIGURES), by_kind[kind].tolist()))
        return figures

    def __repr__(self) -> str:
        return f'ValidationSet({self.name!r}: {len(self.queries):,} questions, {len(self.passages):,} passages)'


def _finite(vectors: np.ndarray, what: str) -> np.ndarray:
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        raise ValueError(
            f'the vector of {what} {broken[0]} of the validation set is not finite; training has diverged, lower the '
            'learning rate'
        )
    return vectors


def _setting_figures(
    setting: ValidationSetting, queries: np.ndarray, passages: np.ndarray, batch_size: int, temperature: float
) -> list[float]:
    """The ``FIGURES`` of a setting; vectors are float32 (q, d) and (p, d)."""
    other_answers = _other_answers(setting)
    ranks = rank_grid(queries, passages, setting.of_query, setting.of_passage, excluded=other_answers).pooled
    judged = ranks, setting.of_query, len(setting.queries)
    losses = _losses(setting, queries, passages, other_answers, batch_size, temperature)
    return [
        float(values.mean())
        for values in (average_precision(*judged), recall(*judged, 1), recall(*judged, 10), reciprocal_rank(*judged),
                       losses)
    ]  # fmt: skip


def _other_answers(setting: ValidationSetting) -> tuple[np.ndarray, np.ndarray]:
    """The passages of a question's own group that are not relevant to it: questions and passages, int (m,) each."""
    by_group = np.argsort(setting.passage_groups, kind='stable')
    groups = setting.passage_groups[by_group]
    starts, stops = (np.searchsorted(groups, setting.query_groups, side) for side in ('left', 'right'))
    sizes = np.where(setting.query_groups == 0, 0, stops - starts)
    queries = np.repeat(np.arange(len(sizes)), sizes)
    passages = by_group[np.arange(sizes.sum()) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)]
    pool = len(groups)
    others = ~np.isin(queries * pool + passages, setting.of_query * pool + setting.of_passage)
    return queries[others], passages[others]


def _losses(
    setting: ValidationSetting, queries: np.ndarray, passages: np.ndarray,
    other_answers: tuple[np.ndarray, np.ndarray], batch_size: int, temperature: float,
) -> np.ndarray:  # fmt: skip
    """The loss of each relevant pair, float64 (n,): against the passages that follow its own in a keyed order."""
    pool = len(passages)
    size = min(batch_size, pool)
    order = np.argsort(mix64(np.arange(pool), key_of('validation loss')), kind='stable')
    place = np.argsort(order)[setting.of_passage]
    around = np.concatenate([order, order[: size - 1]])  # the first follow the last
    queries, in_order = _scaled(queries), _scaled(passages)[around]
    of_query, answers = map(np.concatenate, zip((setting.of_query, setting.of_passage), other_answers))
    by_query = np.argsort(of_query, kind='stable')
    bounds, answers = np.searchsorted(of_query[by_query], np.arange(len(queries) + 1)), answers[by_query]
    losses = np.empty(len(place))
    for i, (query, start) in enumerate(zip(setting.of_query.tolist(), place.tolist())):
        window = slice(start, start + size)
        logits = in_order[window] @ queries[query] / temperature
        right = np.isin(around[window], answers[bounds[query] : bounds[query + 1]])
        logits[1:][right[1:]] = -np.inf  # the other right answers are no wrong ones
        losses[i] = np.logaddexp.reduce(logits) - logits[0]
    return losses


def _scaled(vectors: np.ndarray) -> np.ndarray:
    """Vectors scaled to length 1, float64; zeros stay."""
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1.0)

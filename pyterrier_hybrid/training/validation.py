"""How well an encoder in training retrieves: the figures of a validation set."""
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from pyterrier_hybrid.keyed import key_of, mix64
from pyterrier_hybrid.measures.effectiveness import average_precision, recall, reciprocal_rank

#: Figures of every validation set, by ir_measures' names; a loss is better when it is lower, the others when higher.
FIGURES = ('AP', 'R@1', 'R@10', 'RR', 'loss')
#: Scores that are in memory at a time.
_SCORES = 1 << 21


class Setting(NamedTuple):
    """Questions over a pool of passages; n relevant pairs of them.

    Attributes:
        kind: ``'monolingual'`` or ``'crosslingual'``; empty in a set that makes no difference.
        queries: int (q,), places in the set's questions.
        passages: int (p,), places in its passages, in the order in which equal scores are ranked.
        of_query: int (n,), ascending, for each relevant pair, the place of its question in ``queries``.
        of_passage: int (n,), and of its passage in ``passages``.
        query_groups, passage_groups: int (q,) and (p,). A passage of the question's own group that is not relevant to
            it may answer it all the same: it is not ranked. 0 stands for no group.
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
    settings: list[Setting]

    @cached_property
    def kinds(self) -> list[str]:
        """The kinds of settings that are told apart; empty if there is one only."""
        kinds = sorted({setting.kind for setting in self.settings})
        return kinds if len(kinds) > 1 or kinds[0] else []

    @property
    def figure_names(self) -> list[str]:
        """The names of what :meth:`figures` gives."""
        return [*FIGURES, *(f'{kind}_{name}' for kind in self.kinds for name in FIGURES)]

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits of the content."""
        digest = blake2b(repr((self.queries, self.passages)).encode(), digest_size=16)
        for setting in self.settings:
            digest.update(repr([setting.kind, *(np.asarray(part).tolist() for part in setting[1:])]).encode())
        return digest.hexdigest()

    def figures(self, encoder, *, batch_size: int, temperature: float) -> dict[str, float]:
        """Retrieves with an encoder, and evaluates.

        AP, R@1, R@10 and RR are those of ir_measures for the whole ranking by (-score, passage); a score is the dot
        product, rounded to float32. The loss is the training's, InfoNCE over cosines: each question against its
        passage and ``batch_size - 1`` others of its pool, always the same ones. Each figure is the mean over the
        questions of a setting, then over the settings of a kind (one for each language or pair of languages), then over
        the kinds.

        Args:
            encoder: a :class:`HybridEncoder`; its model is encoded with in evaluation mode, and random numbers are not
                drawn.
            batch_size: of training.
            temperature: of training.

        Returns:
            ``AP``, ``R@1``, ``R@10``, ``RR`` and ``loss``; where settings are of kinds, also ``monolingual_AP`` and so
            on.

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
    return vectors.astype(np.float64)


def _setting_figures(
    setting: Setting, queries: np.ndarray, passages: np.ndarray, batch_size: int, temperature: float
) -> list[float]:
    """The ``FIGURES`` of a setting; vectors are float64 (q, d) and (p, d)."""
    blocks = _blocks(setting, queries, passages)
    parts = [(_ranks(block), _losses(block, batch_size, temperature)) for block in blocks]
    ranks, losses = (np.concatenate(part) for part in zip(*parts))
    judged = ranks, setting.of_query, len(setting.queries)
    return [
        float(values.mean())
        for values in (average_precision(*judged), recall(*judged, 1), recall(*judged, 10), reciprocal_rank(*judged),
                       losses)
    ]  # fmt: skip


class _Block(NamedTuple):
    """Some questions of a setting: q of them, with n relevant pairs.

    Attributes:
        scores, cosines: float64 (q, p).
        of_query, of_passage: int (n,), rows and columns of the relevant pairs.
        ranked: bool (q, p), False for a passage that is left out for a question.
        relevant: bool (q, p).
    """

    scores: np.ndarray
    cosines: np.ndarray
    of_query: np.ndarray
    of_passage: np.ndarray
    ranked: np.ndarray
    relevant: np.ndarray


def _blocks(setting: Setting, queries: np.ndarray, passages: np.ndarray) -> Iterator[_Block]:
    """Yields the questions in order, as many at a time as memory allows."""
    rows = max(1, _SCORES // len(passages))
    lengths = _norms(passages)
    for start in range(0, len(queries), rows):
        of = slice(*np.searchsorted(setting.of_query, [start, start + rows]))
        of_query, of_passage = setting.of_query[of] - start, setting.of_passage[of]
        scores = queries[start : start + rows] @ passages.T
        relevant = np.zeros(scores.shape, dtype=bool)
        relevant[of_query, of_passage] = True
        groups = setting.query_groups[start : start + rows, None]
        ranked = relevant | (groups == 0) | (groups != setting.passage_groups)
        cosines = scores / (_norms(queries[start : start + rows])[:, None] * lengths)
        yield _Block(scores, cosines, of_query, of_passage, ranked, relevant)


def _norms(vectors: np.ndarray) -> np.ndarray:
    """Euclidean norms; those of zeros are 1."""
    norms = np.linalg.norm(vectors, axis=1)
    return np.where(norms > 0, norms, 1.0)


def _ranks(block: _Block) -> np.ndarray:
    """The rank of each relevant pair, int64 (n,), from 1, by (-score, place in the pool).

    Products in float64 that are rounded to float32: equal vectors then score the same wherever they stand.
    """
    scores = np.where(block.ranked, block.scores, -np.inf).astype(np.float32)[block.of_query]
    own = scores[np.arange(len(scores)), block.of_passage][:, None]
    earlier = np.arange(scores.shape[1]) < block.of_passage[:, None]
    return 1 + ((scores > own) | ((scores == own) & earlier)).sum(axis=1)


def _losses(block: _Block, batch_size: int, temperature: float) -> np.ndarray:
    """The loss of each relevant pair, float64 (n,): against the passages that follow its own in a keyed order."""
    pool = block.scores.shape[1]
    order = np.argsort(mix64(np.arange(pool), key_of('validation loss')), kind='stable')
    place = np.empty(pool, dtype=np.int64)
    place[order] = np.arange(pool)
    chosen = order[(place[block.of_passage][:, None] + np.arange(min(batch_size, pool))) % pool]
    rows = block.of_query[:, None]
    wrong = block.ranked[rows, chosen] & ~block.relevant[rows, chosen]
    wrong[:, 0] = True  # its own passage: the numerator is in the sum
    logits = np.where(wrong, block.cosines[rows, chosen] / temperature, -np.inf)
    highest = logits.max(axis=1, keepdims=True)
    return (highest + np.log(np.exp(logits - highest).sum(axis=1, keepdims=True)) - logits[:, :1])[:, 0]

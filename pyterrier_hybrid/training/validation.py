"""Validation sets, and the figures that say how well an encoder in training retrieves."""
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from pyterrier_hybrid.keyed import key_of, mix64
from pyterrier_hybrid.measures.effectiveness import average_precision, recall, reciprocal_rank
from pyterrier_hybrid.ranking.grid import rank_grid

if TYPE_CHECKING:
    from pyterrier_hybrid.encoding import HybridEncoder

#: Figures of every validation set, by ir_measures' names; a loss is better when it is lower, the others when higher.
FIGURES = ('AP', 'R@1', 'R@10', 'RR', 'loss')
#: Scores held in memory at a time.
_SCORES = 1 << 21


@dataclass(frozen=True, eq=False)
class ValidationSet:
    """q questions, p passages, and n relevant pairs of them.

    The pool of a pair is all passages in the language of its passage. The questions in one language over the passages
    in one language are a setting; it is monolingual or crosslingual.

    Attributes:
        name: for the record.
        queries, passages: the texts; passages in the order in which equal scores are ranked.
        of_query, of_passage: int (n,), the question and the passage of each relevant pair; questions ascend.
        query_langs, passage_langs: str (q,) and (p,); all of them empty in a set without languages.
        query_groups, passage_groups: int (q,) and (p,), 0 for no group. A passage of the question's own group that is
            not relevant to it may answer it all the same: the question's ranking leaves it out.
    """

    name: str
    queries: list[str]
    passages: list[str]
    of_query: np.ndarray
    of_passage: np.ndarray
    query_langs: np.ndarray
    passage_langs: np.ndarray
    query_groups: np.ndarray
    passage_groups: np.ndarray

    @cached_property
    def kinds(self) -> list[str]:
        """The kinds of settings; empty in a set without languages."""
        return sorted({kind for kind, _ in self.settings} - {''})

    @property
    def figure_names(self) -> list[str]:
        """The names of the figures of :meth:`figures`."""
        return [*FIGURES, *(f'{kind}_{name}' for kind in self.kinds for name in FIGURES)]

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits of the content."""
        texts = self.queries, self.passages, self.query_langs.tolist(), self.passage_langs.tolist()
        digest = blake2b(repr(texts).encode(), digest_size=16)
        for numbers in (self.of_query, self.of_passage, self.query_groups, self.passage_groups):
            digest.update(np.asarray(numbers, dtype='<i8').tobytes())
        return digest.hexdigest()

    def record(self) -> dict[str, object]:
        """Describes the set in JSON values: ``name``, ``fingerprint``, numbers of ``questions`` and ``passages``."""
        return {
            'name': self.name, 'fingerprint': self.fingerprint, 'questions': len(self.queries),
            'passages': len(self.passages),
        }  # fmt: skip

    def figures(self, encoder: 'HybridEncoder', *, batch_size: int, temperature: float) -> dict[str, float]:
        """Retrieves with an encoder, and evaluates.

        AP, R@1, R@10 and RR are those of ir_measures for the whole ranking of the pool by (-score, passage), as in the
        experiments (:func:`rank_grid`). The loss is the training's, InfoNCE over cosines: each question against its
        passage and ``batch_size - 1`` others of its pool, always the same ones. Each figure is the mean over the
        questions of a setting, then over the settings of a kind, then over the kinds.

        Args:
            encoder: a :class:`HybridEncoder`; its model encodes in evaluation mode, and draws no random numbers.
            batch_size: of training.
            temperature: of training.

        Returns:
            ``AP``, ``R@1``, ``R@10``, ``RR`` and ``loss``; with languages also ``monolingual_AP`` and so on.

        Raises:
            ValueError: a vector that is not finite.
        """
        queries = _finite(encoder.encode_queries(self.queries), 'question')
        passages = _finite(encoder.encode_docs(self.passages), 'passage')
        ranks = rank_grid(
            queries, passages, self.of_query, self.of_passage, doc_langs=self.passage_langs,
            excluded=self._other_answers,
        ).within  # fmt: skip
        losses = self._losses(queries, passages, batch_size, temperature)
        of_kind = defaultdict(list)
        for kind, pairs in self.settings:
            asked, of_query = np.unique(self.of_query[pairs], return_inverse=True)
            judged = ranks[pairs], of_query, len(asked)
            values = (average_precision(*judged), recall(*judged, 1), recall(*judged, 10), reciprocal_rank(*judged),
                      losses[pairs])  # fmt: skip
            of_kind[kind].append([value.mean() for value in values])
        means = {kind: np.mean(values, axis=0) for kind, values in sorted(of_kind.items())}
        figures = dict(zip(FIGURES, np.mean(list(means.values()), axis=0).tolist()))
        for kind in self.kinds:
            figures.update(zip((f'{kind}_{name}' for name in FIGURES), means[kind].tolist()))
        return figures

    @cached_property
    def settings(self) -> list[tuple[str, np.ndarray]]:
        """The kind of each setting, and the indices of its relevant pairs, an int array."""
        of_pair = np.stack([self.query_langs[self.of_query], self.passage_langs[self.of_passage]])
        return [
            ('' if not x else 'monolingual' if x == y else 'crosslingual',
             np.flatnonzero((of_pair[0] == x) & (of_pair[1] == y)))
            for x, y in np.unique(of_pair, axis=1).T.tolist()
        ]  # fmt: skip

    @cached_property
    def _other_answers(self) -> tuple[np.ndarray, np.ndarray]:
        """The passages of a question's own group that are not relevant to it: questions and passages, int (m,) each."""
        by_group = np.argsort(self.passage_groups, kind='stable')
        groups = self.passage_groups[by_group]
        starts, stops = (np.searchsorted(groups, self.query_groups, side) for side in ('left', 'right'))
        sizes = np.where(self.query_groups == 0, 0, stops - starts)
        queries = np.repeat(np.arange(len(sizes)), sizes)
        passages = by_group[np.arange(sizes.sum()) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)]
        others = ~np.isin(self._pair(queries, passages), self._pair(self.of_query, self.of_passage))
        return queries[others], passages[others]

    def _pair(self, queries: np.ndarray, passages: np.ndarray) -> np.ndarray:
        """A number for each pair of a question and a passage."""
        return queries * len(self.passages) + passages

    def _losses(self, queries: np.ndarray, passages: np.ndarray, batch_size: int, temperature: float) -> np.ndarray:
        """The loss of each relevant pair, float64 (n,), against the passages that follow its own in a keyed order."""
        queries, passages, losses = _scaled(queries), _scaled(passages), np.empty(len(self.of_query))
        answers = np.concatenate([self._pair(self.of_query, self.of_passage), self._pair(*self._other_answers)])
        lang_of_pair = self.passage_langs[self.of_passage]
        for lang in np.unique(lang_of_pair):
            pool = np.flatnonzero(self.passage_langs == lang)
            pool = pool[np.argsort(mix64(np.arange(len(pool)), key_of('validation loss')), kind='stable')]
            place = np.empty(len(self.passages), dtype=np.int64)
            place[pool] = np.arange(len(pool))
            pairs = np.flatnonzero(lang_of_pair == lang)
            for some in np.array_split(pairs, min(len(pairs), -(-len(pairs) * len(pool) // _SCORES))):
                of_query, own = self.of_query[some, None], place[self.of_passage[some], None]
                chosen = (own + np.arange(min(batch_size, len(pool)))) % len(pool)
                cosines = np.take_along_axis(queries[of_query[:, 0]] @ passages[pool].T, chosen, axis=1)
                right = np.isin(self._pair(of_query, pool[chosen]), answers)
                right[:, 0] = False  # the sum includes the pair's own passage
                logits = np.where(right, -np.inf, cosines.astype(np.float64) / temperature)
                losses[some] = np.logaddexp.reduce(logits, axis=1) - logits[:, 0]
        return losses

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


def _scaled(vectors: np.ndarray) -> np.ndarray:
    """Vectors scaled to length 1, float32; zeros stay."""
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1.0)).astype(np.float32)

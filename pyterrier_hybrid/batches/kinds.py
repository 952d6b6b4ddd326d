"""The kinds of batches: how the languages of a batch are related.

A kind is a member of :class:`Kind`, with everything that is specific to it. No other file names a kind, so a new kind
only needs a new member here::

    #: Questions in English, passages in other languages.
    FROM_ENGLISH = Rule(
        'from-english', lambda queries, passages: [('en', y) for y in passages if 'en' in queries and y != 'en'],
        needs='question-passage rows that have a query in English and a passage in another language',
    )
"""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from pyterrier_hybrid.pairs.protocol import Stratum

LanguagePairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Rule:
    """The definition of a kind of batch.

    Attributes:
        name: its name in a mix.
        pairs: maps the query languages and the passage languages of a row to the (query language, passage language)
            pairs for which the row can be drawn.
        needs: the rows that the kind needs, in words: 'rows that have ...'.
        one_pair: whether a batch has one language pair throughout; otherwise each pair of texts has its own.
        bitext: whether bitext can be drawn for it. Bitext has no query side: with one language on both sides, a text
            would be its own answer.
    """

    name: str
    pairs: Callable[[Sequence[str], Sequence[str]], LanguagePairs]
    needs: str
    one_pair: bool = False
    bitext: bool = False


def _equal(queries: Sequence[str], passages: Sequence[str]) -> LanguagePairs:
    return [(x, x) for x in queries if x in passages]


_BOTH_SIDES = 'question-passage rows that have both sides in one and the same language'


class Kind(str, Enum):
    """How the languages of a training batch are related. The value is the name in a mix."""

    #: X-X-mono of LAReQA (arXiv 2004.05484): one language for the whole batch.
    MONOLINGUAL = Rule('monolingual', _equal, _BOTH_SIDES, one_pair=True)
    #: X-Y: in every pair, the query and the passage are in two different languages.
    CROSSLINGUAL = Rule(
        'crosslingual', lambda queries, passages: [(x, y) for x in queries for y in passages if x != y],
        'rows that have a query in one language and a passage in another, the same two for all', bitext=True,
    )  # fmt: skip
    #: Query and passage languages drawn independently for every pair, equal ones allowed.
    MULTILINGUAL = Rule(
        'multilingual', lambda queries, passages: [(x, y) for x in queries for y in passages],
        'question-passage rows that have a query in one language and a passage in one, the same for all',
    )  # fmt: skip
    #: X-X of LAReQA: one language on both sides of a pair, languages mixed inside the batch.
    MIXED = Rule('mixed', _equal, _BOTH_SIDES)

    def __new__(cls, rule: Rule) -> 'Kind':
        kind = str.__new__(cls, rule.name)
        kind._value_, kind.rule = rule.name, rule
        return kind

    def language_pairs(self, source_kind: str, stratum: Stratum) -> LanguagePairs:
        """The (query language, passage language) pairs that a stratum of a ``'qa'`` or ``'bitext'`` source serves."""
        if source_kind == 'bitext' and not self.rule.bitext:
            return []
        return self.rule.pairs(stratum.query_langs, stratum.passage_langs)

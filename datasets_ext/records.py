"""The records of every data set of this package: documents, questions and judgements that know their language."""
from collections.abc import Iterable
from typing import NamedTuple

from datasets_ext.checks import short


class Doc(NamedTuple):
    """A passage. ``context`` is the paragraph it was cut from; ``context`` and ``title`` may be empty."""

    doc_id: str
    text: str
    context: str
    title: str
    lang: str

    def default_text(self) -> str:
        """What ir_datasets' tools index: the passage alone."""
        return self.text


class TitledDoc(NamedTuple):
    """A passage whose title belongs to it, as in BEIR and MIRACL; ``context`` is empty."""

    doc_id: str
    text: str
    context: str
    title: str
    lang: str

    def default_text(self) -> str:
        """What ir_datasets' tools index: title and text, as in ir_datasets' own entries of these collections."""
        return f'{self.title} {self.text}'.strip()


class Query(NamedTuple):
    """A question. The names are those of PyTerrier's columns, so ``irds:`` ids keep the language."""

    query_id: str
    query: str
    query_lang: str

    def default_text(self) -> str:
        """The question's text."""
        return self.query


class Qrel(NamedTuple):
    """A judgement. ``iteration``, TREC's second column, is the language of the document."""

    query_id: str
    doc_id: str
    relevance: int
    iteration: str
    query_lang: str


class TrecQrel(NamedTuple):
    """The fields of a ``Qrel`` that TREC's format has, in the same order. ir_datasets' exporters write these."""

    query_id: str
    doc_id: str
    relevance: int
    iteration: str


def judged_once(qrels: Iterable[Qrel], where: str) -> list[Qrel]:
    """Returns the judgements without repetitions, which would count twice.

    Raises:
        ValueError: two judgements of a question and a passage contradict each other; begins with ``where``.
    """
    known: dict[tuple[str, str], Qrel] = {}
    for qrel in qrels:
        earlier = known.setdefault((qrel.query_id, qrel.doc_id), qrel)
        if earlier.relevance != qrel.relevance:
            raise ValueError(f'{where} judges {short(qrel.query_id)} and {short(qrel.doc_id)} twice, as '
                             f'{earlier.relevance} and as {qrel.relevance}; keep one of the judgements')
    return list(known.values())

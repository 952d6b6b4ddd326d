"""What an experiment is run on: questions by language, passages in several languages, judgements that name theirs."""
from collections.abc import Iterable, Iterator
from functools import cache

import pandas as pd
import pyterrier as pt

from pyterrier_hybrid.languages import QUERY_LANG, check_languages


class EvaluationSet:
    """A collection whose ids are ``<name>`` (passages) and ``<name>/<ql>`` (questions in ql over all passages).

    Args:
        name: ``'xquad-r'``, ``'mlqa-r'``, ``'worldfacts'``, or a data set of one's own of the same shape.
        languages: the languages to keep, of questions and passages alike; None for all.

    Raises:
        KeyError: no such data set, with the ones there are.
        ValueError: a name that is one setting of a collection (``'xquad-r/en'``), or a language it does not have.
    """

    def __init__(self, name: str, *, languages: Iterable[str] | None = None):
        self.name = name
        base = pt.get_dataset(f'hybrid:{name}')
        if base.irds_ref().has_queries():
            raise ValueError(f'{name} is one setting of a collection; name the collection, {name.split("/")[0]!r}')
        self._base = base
        counts = pd.Series([doc['lang'] for doc in base.get_corpus_iter(verbose=False)]).value_counts().sort_index()
        self.languages = check_languages(languages, counts.index, f'the collection {name}') or list(counts.index)
        #: Passages by language: int, indexed by code.
        self.pool_sizes = counts[self.languages]

    def docs(self) -> Iterator[dict]:
        """Yields the passages in the chosen languages: ``docno, text, lang`` and the collection's own fields."""
        yield from (doc for doc in self._base.get_corpus_iter(verbose=False) if doc['lang'] in self.languages)

    @cache  # noqa: B019  (one small frame per language, as long as the set lives)
    def topics(self, lang: str) -> pd.DataFrame:
        """The questions in a language: ``qid, query, query_lang``."""
        return pt.get_dataset(f'hybrid:{self.name}/{lang}').get_topics()

    @cache  # noqa: B019
    def qrels(self, lang: str) -> pd.DataFrame:
        """The judgements of the questions in a language, of passages in the chosen languages.

        Columns ``qid, docno, label, iteration, query_lang``, ``iteration`` being the passage's language.
        """
        qrels = pt.get_dataset(f'hybrid:{self.name}/{lang}').get_qrels()
        return qrels[qrels['iteration'].isin(self.languages)].assign(**{QUERY_LANG: lang}).reset_index(drop=True)

    def __repr__(self) -> str:
        return f'EvaluationSet({self.name!r}, languages={self.languages})'

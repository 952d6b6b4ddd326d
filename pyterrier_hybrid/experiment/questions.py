"""The questions over a collection: the data sets that ask them, and checks of their tables."""
import pandas as pd
import pyterrier as pt

from datasets_ext.opening import IRDSDataset
from datasets_ext.provider import HybridDataset, asking_over
from datasets_ext.shape import REGISTERED
from pyterrier_hybrid.languages import QUERY_LANG


def question_sets(base: pt.datasets.Dataset, name: str) -> dict[str, pt.datasets.Dataset]:
    """The data sets that ask questions over the pool of a collection, by language.

    Raises:
        ValueError: one setting of a collection, or a collection without questions, or whose questions lack a column or
            a language.
    """
    ref = base.irds_ref() if isinstance(base, IRDSDataset) else None
    if ref is None or ref.has_queries():
        if ref is REGISTERED.get(name) is not None and ref.queries_lang() is not None:
            raise ValueError(
                f'{name} is one setting of a collection, questions in {ref.queries_lang()} alone; name the collection, '
                "such as 'xquad-r' or 'miracl-multi/dev'"
            )
        topics = base.get_topics()
        _check_questions(topics, name)
        return dict.fromkeys(sorted(topics[QUERY_LANG].unique()), base)
    below = asking_over(name)
    asked = {known.queries_lang(): HybridDataset(known, of) for of, known in below.items()}
    if None in asked or not asked:
        raise ValueError(f'{name} asks no questions' + f'; name one of {", ".join(below)}' * bool(below))
    return asked


def is_empty(queries: pd.Series) -> pd.Series:
    """Whether each question is missing, or consists of white space."""
    return queries.isna() | queries.map(lambda text: isinstance(text, str) and not text.strip()).astype(bool)


def _check_questions(topics: pd.DataFrame, name: str) -> None:
    missing = [column for column in ('qid', 'query', QUERY_LANG) if column not in topics]
    if missing:
        raise ValueError(f'the questions of {name} have no {", ".join(missing)}, which an experiment needs')
    unsaid = ~topics[QUERY_LANG].map(lambda lang: isinstance(lang, str) and lang != '').astype(bool)
    if unsaid.any():
        first = topics[unsaid].iloc[0]
        raise ValueError(f'question {first["qid"]!r:.80} of {name} has the {QUERY_LANG} {first[QUERY_LANG]!r}; give it '
                         'the code of its language')  # fmt: skip

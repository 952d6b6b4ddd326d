"""Reads and checks the judgements of a data set before anything is computed from them."""
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyterrier as pt

from pyterrier_hybrid.languages import QUERY_LANG
from pyterrier_hybrid.measures.judgements import UNKNOWN

#: Floats represent all whole numbers below this exactly.
_EXACT = 2**53


def of_questions_in(lang: str, dataset: pt.datasets.Dataset, name: str) -> pd.DataFrame:
    """The judgements of a data set's questions in a language.

    A judgement without a ``query_lang`` belongs to the questions with its qid that are asked in the language. One of a
    question that is asked in no language is returned as well.

    Raises:
        ValueError: no ``qid``, ``docno`` or ``label``.
    """
    qrels = dataset.get_qrels()
    missing = [column for column in ('qid', 'docno', 'label') if column not in qrels]
    if missing:
        raise ValueError(f'the judgements of {name} have no {", ".join(missing)}; they need qid, docno and label')
    given = qrels[QUERY_LANG] if QUERY_LANG in qrels else pd.Series(None, index=qrels.index, dtype=object)
    unsaid = given.isna() | given.isin(UNKNOWN)
    if not unsaid.any():
        return qrels[given == lang]
    topics = dataset.get_topics()
    here = qrels['qid'].isin(topics['qid'][topics[QUERY_LANG] == lang]) | ~qrels['qid'].isin(topics['qid'])
    return qrels[(given == lang) | (unsaid & here)].assign(**{QUERY_LANG: lang})


def with_languages(qrels: pd.DataFrame, held: pd.Series, lang: str, name: str) -> pd.DataFrame:
    """Fills in the judgements' ``iteration``: the passage's own language if it is missing or unknown.

    Args:
        qrels: ``qid, docno``, and ``iteration`` if there is one.
        held: the languages of the judged passages that the collection has, indexed by docno.
        lang, name: as for :func:`checked_qrels`.

    Returns:
        The judgements. ``iteration`` stays missing if neither they nor the collection have the passage's language.

    Raises:
        ValueError: an ``iteration`` that is not the passage's language.
    """
    own = qrels['docno'].map(held).astype(object)
    if 'iteration' not in qrels:
        return qrels.assign(iteration=own)
    given = qrels['iteration'].astype(object)
    zero = pd.to_numeric(given, errors='coerce') == 0  # also 0.0, in a column that pandas has made float
    said = given.notna() & ~given.astype(str).isin(UNKNOWN) & ~zero
    wrong = said & own.notna() & (given != own)
    if wrong.any():
        first = qrels[wrong].iloc[0]
        raise ValueError(
            f'{name} judges {first["docno"]!r:.80} for question {first["qid"]!r:.80} in {lang} with the iteration '
            f"{first['iteration']!r:.80}, and the passage is in {own[wrong].iloc[0]}; iteration is the passage's "
            'language, or empty'
        )
    return qrels.assign(iteration=given.where(said, own))


def check_held(qrels: pd.DataFrame, held: pd.Series, lang: str, name: str) -> None:
    """Raises ValueError for a relevant passage that the collection does not have, since no system can find it."""
    lost = (qrels['label'] >= 1) & ~qrels['docno'].isin(held.index)
    if lost.any():
        first = qrels[lost].iloc[0]
        raise ValueError(
            f'{name} has no passage {first["docno"]!r:.80}, relevant to {first["qid"]!r:.80} in {lang}; add it to the '
            'passages, or take its judgements out'
        )


def checked_qrels(qrels: pd.DataFrame, asked: Iterable[str], lang: str, name: str) -> pd.DataFrame:
    """Checks the judgements of the questions in a language; returns each once, labels as int64.

    Args:
        qrels: ``qid, docno, label, iteration, query_lang``.
        asked: the questions' qids.
        lang: their language.
        name: the data set's, for messages.

    Raises:
        ValueError: a label that is no whole number, a judgement of a question that is not asked, or two judgements that
            contradict each other.
    """
    labels = pd.to_numeric(qrels['label'], errors='coerce').to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~((np.abs(labels) < _EXACT) & (labels == np.floor(labels)))
    if wrong.any():
        first = qrels[wrong].iloc[0]
        raise ValueError(
            f'{name} judges {first["docno"]!r:.80} for question {first["qid"]!r:.80} in {lang} with the label '
            f'{first["label"]}; labels are whole numbers'
        )
    qrels = qrels.assign(label=labels.astype(np.int64))
    qrels = qrels.drop_duplicates(['qid', 'docno', 'label', 'iteration']).reset_index(drop=True)
    lost = ~qrels['qid'].isin(asked)
    if lost.any():
        raise ValueError(f'{name} judges {qrels["qid"][lost].iloc[0]!r}, a question it does not ask in {lang}')
    twice = qrels[qrels.duplicated(['qid', 'docno'], keep=False)]
    if len(twice):
        qid, docno = twice['qid'].iloc[0], twice['docno'].iloc[0]
        found = twice[(twice['qid'] == qid) & (twice['docno'] == docno)]
        found = ' and '.join(f'{row.label} ({row.iteration})' for row in found.itertuples())
        raise ValueError(
            f'{name} judges {docno!r:.80} for question {qid!r:.80} in {lang} more than once, as {found}; keep one of '
            'these judgements'
        )
    return qrels

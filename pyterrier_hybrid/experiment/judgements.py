"""The judgements of a data set, checked before anything is computed from them."""
from collections.abc import Iterable

import numpy as np
import pandas as pd

#: Every whole number below is a float of its own.
_EXACT = 2**53


def checked_qrels(qrels: pd.DataFrame, asked: Iterable[str], lang: str, name: str) -> pd.DataFrame:
    """The judgements of the questions in a language, each once, labels as int64.

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

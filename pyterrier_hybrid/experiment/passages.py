"""One pass over a collection's passages: their number in each language, and the languages of the judged ones."""
import hashlib
from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from typing import NamedTuple

import pandas as pd
import pyterrier as pt

from pyterrier_hybrid.languages import LANG


class Passages(NamedTuple):
    """Facts about a collection's passages.

    Attributes:
        counts: passages by language.
        digests: a digest of the docnos and texts of each language, in the data set's order.
        judged: the languages of the passages that are judged, indexed by docno.
    """

    counts: dict[str, int]
    digests: dict[str, str]
    judged: pd.Series


def read_passages(base: pt.datasets.Dataset, name: str, judged: Container[str]) -> Passages:
    """Reads the passages once; ``judged`` are the docnos whose languages are kept, so that memory does not grow.

    Raises:
        ValueError: a passage without ``docno``, ``text`` or ``lang``.
    """
    counts: Counter[str] = Counter()
    digests = defaultdict(hashlib.sha256)
    found: dict[str, str] = {}
    for doc in base.get_corpus_iter(verbose=False):
        try:
            docno, text, lang = doc['docno'], doc['text'], doc[LANG]
        except KeyError as error:
            raise ValueError(f'{_place(name, doc, counts)} has no {error.args[0]}; passages need docno, text and '
                             f'{LANG}, the code of their language') from None  # fmt: skip
        if lang not in counts and not (isinstance(lang, str) and lang):
            raise ValueError(f'{_place(name, doc, counts)} has the {LANG} {lang!r}; give it the code of its language')
        counts[lang] += 1
        digests[lang].update(repr((docno, text)).encode())
        if docno in judged:
            found.setdefault(docno, lang)
    return Passages(
        dict(counts), {lang: digest.hexdigest() for lang, digest in digests.items()}, pd.Series(found, dtype=object)
    )


def judged_docnos(datasets: Iterable[pt.datasets.Dataset]) -> set[str]:
    """The docnos that some data sets judge. A data set without judgements adds none; its passages can still be read.

    A data set may be given several times; it is read once.
    """
    docnos: set[str] = set()
    for dataset in {id(dataset): dataset for dataset in datasets}.values():
        try:
            qrels = dataset.get_qrels()
        except NotImplementedError:
            continue
        docnos.update(qrels.get('docno', ()))
    return docnos


def _place(name: str, doc: dict, counts: Counter) -> str:
    return f'passage {doc.get("docno", counts.total() + 1)!r:.80} of {name}'

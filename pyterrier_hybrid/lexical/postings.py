"""Postings: which term occurs how often in which document, and in which language each document is."""
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pyterrier_hybrid.encoding.texts import check_texts
from pyterrier_hybrid.indexing.documents import check_docno, check_lang
from pyterrier_hybrid.lexical.analysis import analyse


@dataclass(frozen=True, eq=False)
class Postings:
    """An inverted file over documents of several languages.

    Documents are numbered in the order of their docnos, and terms in the order of their code points. So the same
    documents give the same arrays, in whatever order they came, and the order by number is the order by docno. A term
    that occurs in several languages is one term.

    Attributes:
        docnos: object (n_docs,), ascending.
        langs: the languages, ascending.
        doc_langs: uint16 (n_docs,), each document's position in ``langs``.
        lengths: int32 (n_docs,), each document's number of terms, repetitions counted.
        terms: term -> its number; the keys are in ascending order.
        indptr: int64 (n_terms + 1,): the postings of term t are those from ``indptr[t]`` to ``indptr[t + 1]``.
        docs: int32 (n_postings,), the number of a document in which the term occurs, ascending within a term.
        tfs: int32 (n_postings,), how often it occurs there.
    """

    docnos: np.ndarray
    langs: list[str]
    doc_langs: np.ndarray
    lengths: np.ndarray
    terms: dict[str, int]
    indptr: np.ndarray
    docs: np.ndarray
    tfs: np.ndarray

    def restrict(self, langs: Iterable[str]) -> 'Postings':
        """Returns the postings of the documents in some of ``langs`` alone, numbered anew.

        The terms keep their numbers; one that occurs in none of the documents has no postings.
        """
        chosen = sorted(langs)
        codes = [self.langs.index(lang) for lang in chosen]
        keep_doc = np.isin(self.doc_langs, codes)
        keep = keep_doc[self.docs]
        return Postings(
            docnos=self.docnos[keep_doc],
            langs=chosen,
            doc_langs=np.searchsorted(codes, self.doc_langs[keep_doc]).astype(np.uint16),
            lengths=self.lengths[keep_doc],
            terms=self.terms,
            indptr=np.concatenate([[0], np.cumsum(keep)])[self.indptr],
            docs=(np.cumsum(keep_doc, dtype=np.int32) - 1)[self.docs[keep]],
            tfs=self.tfs[keep],
        )


def invert(documents: Iterable[dict]) -> Postings:
    """Analyses documents, each in its own language, and inverts them.

    The postings are collected in memory, at 12 bytes each.

    Args:
        documents: dictionaries with ``docno``, ``text`` and ``lang``; other fields are ignored.

    Raises:
        ValueError: a missing field, a value that is not text, an unknown language code, an empty docno or one that
            occurs twice (all with the docno), or no document at all.
    """
    docnos: dict[str, None] = {}
    doc_langs: list[str] = []
    lengths, n_terms = array('i'), array('i')
    numbers: dict[str, int] = {}
    terms, tfs = array('i'), array('i')
    for position, document in enumerate(documents):
        docno, text, lang = check_document(document, position)
        if docno in docnos:
            raise ValueError(f'document {docno!r:.80} occurs twice; docnos must be different, over all languages')
        counts = Counter(analyse(text, lang))
        docnos[docno] = None
        doc_langs.append(lang)
        lengths.append(counts.total())
        n_terms.append(len(counts))
        terms.extend(numbers.setdefault(term, len(numbers)) for term in counts)
        tfs.extend(counts.values())
    if not docnos:
        raise ValueError('there is nothing to index: the corpus has no documents')

    docno_order, new_docs = _ascending(docnos)
    term_order, new_terms = _ascending(numbers)
    docs = np.repeat(new_docs, np.asarray(n_terms, dtype=np.int32))
    terms = new_terms[np.asarray(terms, dtype=np.int32)]
    order = np.lexsort([docs, terms])
    langs, codes = np.unique(doc_langs, return_inverse=True)
    by_docno = np.argsort(new_docs)
    return Postings(
        docnos=np.array(docno_order, dtype=object),
        langs=langs.tolist(),
        doc_langs=codes[by_docno].astype(np.uint16),
        lengths=np.asarray(lengths, dtype=np.int32)[by_docno],
        terms={term: number for number, term in enumerate(term_order)},
        indptr=np.concatenate([[0], np.cumsum(np.bincount(terms, minlength=len(term_order)))]),
        docs=docs[order],
        tfs=np.asarray(tfs, dtype=np.int32)[order],
    )


def check_document(document: object, position: int) -> tuple[str, str, str]:
    """Returns a document's docno, text and language; raises ValueError, with the position, if it is invalid."""
    docno = check_docno(document, position)
    lang, text = check_lang(document, docno), document.get('text')
    check_texts([text], 'document', [docno])
    return docno, text, lang


def _ascending(names: dict[str, object]) -> tuple[list[str], np.ndarray]:
    """Returns the names sorted by code point, and each given name's place among them, int32 (n,)."""
    before = list(names)
    order = sorted(range(len(before)), key=before.__getitem__)
    places = np.empty(len(before), dtype=np.int32)
    places[order] = np.arange(len(before), dtype=np.int32)
    return [before[i] for i in order], places

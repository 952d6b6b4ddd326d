"""The languages of documents, as a parameter that a measure can carry."""
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from pyterrier_hybrid.languages import check_language


class Languages(Mapping[str, str]):
    """A read-only mapping from docno to language whose repr is a short fingerprint of its contents.

    ir_measures compares, hashes and prints measures by their repr, so a plain dict of 13,014 docnos as a parameter
    makes a column name of 119,042 characters. Measures wrap a plain mapping in this class on construction.

    Two objects with the same contents have the same repr, in whatever order the documents came and in any process.

    Args:
        languages: a mapping from docno to ISO 639-1 code, or an iterable of such pairs. It is copied.

    Raises:
        ValueError: no document at all, a docno that is not a string, a value that is not a language code.

    Example::

        langs = Languages.from_index(index)
        AWRF(langs=langs, target='collection')@20
    """

    def __init__(self, languages: Mapping[str, str] | Iterable[tuple[str, str]]):
        self._languages = dict(languages)
        if not self._languages:
            raise ValueError('Languages is empty; give a mapping from docno to language, such as {"d1": "de"}')
        checked: set[str] = set()
        for docno, lang in self._languages.items():
            if not isinstance(docno, str):
                raise ValueError(f'Languages has the docno {docno!r:.80} ({type(docno).__name__}); docnos are strings')
            if not (isinstance(lang, str) and lang in checked):
                checked.add(check_language(lang, f'document {docno!r:.80}'))

    @classmethod
    def from_index(cls, index: Any) -> 'Languages':
        """The languages of the documents of an index.

        Args:
            index: a :class:`pyterrier_hybrid.MultilingualIndex` or :class:`pyterrier_hybrid.BM25Index`, or another
                object whose ``docnos()`` and ``langs()`` are aligned.
        """
        by_docno = getattr(index, 'langs_by_docno', None)
        return cls(zip(index.docnos(), index.langs()) if by_docno is None else by_docno())

    def __getitem__(self, docno: str) -> str:
        return self._languages[docno]

    def __iter__(self) -> Iterator[str]:
        return iter(self._languages)

    def __len__(self) -> int:
        return len(self._languages)

    def shares(self) -> dict[str, float]:
        """Each language's share of the documents; the shares sum to 1."""
        return {lang: count / len(self) for lang, count in sorted(Counter(self._languages.values()).items())}

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for docno in sorted(self._languages):
            digest.update(f'{docno}\0{self._languages[docno]}\0'.encode())
        return digest.hexdigest()[:12]

    def __repr__(self) -> str:
        return f'Languages({len(self)} documents, {self._fingerprint})'

    def __hash__(self) -> int:
        return hash(repr(self))

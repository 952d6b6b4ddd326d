"""The languages of retrieved documents, for runs of retrievers that do not know them."""
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyterrier as pt

from pyterrier_hybrid.languages import DOC_LANG
from pyterrier_hybrid.measures.doc_languages import Languages


class AddDocLang(pt.Transformer):
    """Adds the column ``doc_lang`` to the runs of any retriever, so that measures of language bias can read it.

    Args:
        langs: :class:`Languages`, a mapping from docno to language, or an index that knows its documents' languages.

    Example::

        bm25 = pt.terrier.Retriever(...) >> AddDocLang(index)
        pt.Experiment([bm25], topics, qrels, [AWRF @ 20])
    """

    def __init__(self, langs: Mapping[str, str] | Any):
        super().__init__()
        self.langs = langs if isinstance(langs, Languages) else (
            Languages(langs) if isinstance(langs, Mapping) else Languages.from_index(langs)
        )  # fmt: skip

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """The frame with ``doc_lang``, which replaces a column of that name.

        Args:
            inp: any frame with ``docno``.

        Raises:
            ValueError: a document without a known language, which is named.
        """
        pt.validate.columns(inp, includes=['docno'], context=self)
        langs = [self.langs.get(docno) for docno in inp['docno']]
        if None in langs:
            docno = inp['docno'].iloc[langs.index(None)]
            raise ValueError(f'{self.langs!r} has no document {docno!r:.80}; give those of all documents')
        return inp.assign(**{DOC_LANG: pd.Series(langs, index=inp.index, dtype=object)})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AddDocLang) and repr(self.langs) == repr(other.langs)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f'AddDocLang({self.langs!r})'

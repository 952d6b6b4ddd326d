"""The language of each document in a run, for retrievers that do not give it."""
from typing import TYPE_CHECKING

import pandas as pd
import pyterrier as pt

from pyterrier_hybrid.languages import DOC_LANG

if TYPE_CHECKING:
    from pyterrier_hybrid.stored import StoredIndex


class AddDocLang(pt.Transformer):
    """Adds ``doc_lang`` to a run, from an index that knows the languages of its documents.

    Args:
        index: a :class:`~pyterrier_hybrid.MultilingualIndex` or :class:`~pyterrier_hybrid.lexical.BM25Index`.

    Example::

        colbert >> index.add_doc_lang()      # for measures that read doc_lang, such as AWRF
    """

    def __init__(self, index: 'StoredIndex'):
        self.index = index

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """Adds the column.

        Args:
            inp: a frame with ``docno``.

        Returns:
            The same rows with ``doc_lang``.

        Raises:
            KeyError: a docno that the index does not have; or no column ``docno``.
        """
        pt.validate.columns(inp, includes=['docno'])
        opened = self.index.open()
        docids = opened.docnos.inv[inp['docno'].to_numpy(dtype=object)]
        return inp.assign(**{DOC_LANG: opened.langs()[docids].astype(object)})

    def _key(self) -> tuple:
        return type(self.index), self.index.path.resolve(), self.index.fingerprint()

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, AddDocLang) else NotImplemented

    def __hash__(self) -> int:
        return hash((AddDocLang, self.index.path.resolve()))

    def __repr__(self) -> str:
        return f'{self.index!r}.add_doc_lang()'

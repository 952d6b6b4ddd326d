"""The transformers a :class:`~pyterrier_hybrid.HybridEncoder` puts into a pipeline."""
import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from pyterrier_dr.biencoder import BiDocEncoder, BiQueryEncoder, BiScorer

from pyterrier_hybrid.encoding.batching import WINDOW
from pyterrier_hybrid.encoding.texts import check_column, check_texts


class QueryEncoder(BiQueryEncoder):
    """Adds ``query_vec`` to rows with ``query``. A query that occurs several times is encoded once."""

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """Encodes the queries.

        Args:
            inp: columns ``query`` and, as a rule, ``qid``.

        Returns:
            The same rows with ``query_vec``, float32 arrays of shape (d,). A query that is empty has no vector: its row
            is left out, with a warning, so that it gets no results and the other queries of an experiment get theirs.

        Raises:
            pyterrier.validate.InputValidationError: no ``query`` column; a KeyError.
            ValueError: a query that is not a string, or holds half a surrogate pair; the message names its qid.
        """
        check_column(inp, 'query', 'qid')
        kept, vectors = self._encode(inp['query'].tolist(), inp['qid'].tolist() if 'qid' in inp.columns else None)
        return inp.iloc[kept].assign(query_vec=vectors)

    def transform_iter(self, inp: Iterable[dict]) -> list[dict]:
        """As :meth:`transform`, for rows that are dicts."""
        rows = list(inp)
        kept, vectors = self._encode([row.get('query') for row in rows], _names(rows, 'qid'))
        return [{**rows[i], 'query_vec': vector} for i, vector in zip(kept, vectors)]

    def _encode(self, texts: list[str], names: Sequence | None) -> tuple[list[int], list[np.ndarray]]:
        """The positions of the queries that are not empty, and their vectors."""
        check_texts(texts, 'query', names)
        kept = [i for i, text in enumerate(texts) if text.strip()]
        if len(kept) < len(texts):
            named = [names[i] if names else i for i, text in enumerate(texts) if not text.strip()]
            warnings.warn(
                f'{len(named)} of {len(texts)} queries are empty and get no results: {named[:5]!r:.80}', stacklevel=3
            )
        unique = {text: i for i, text in enumerate(dict.fromkeys(texts[i] for i in kept))}
        vectors = self.bi_encoder_model.encode_queries(
            list(unique), batch_size=self.batch_size, verbose=self.verbose
        )
        return kept, [vectors[unique[texts[i]]] for i in kept]


class DocEncoder(BiDocEncoder):
    """Adds ``doc_vec`` to rows with a document's text.

    An indexing pipeline gives a stage ``batch_size`` documents at once. Here that is a window of some thousands, or as
    many windows as keep all devices busy; a window is sorted by length and encoded in batches of the encoder's size. So
    a stream is encoded as fast as a list, and only the documents that are being encoded are read ahead.
    """

    def __init__(self, encoder, verbose: bool | None = None, batch_size: int | None = None):
        super().__init__(encoder, verbose=verbose, batch_size=batch_size)
        self.encoding_batch_size = self.batch_size
        self.batch_size = max(WINDOW * encoder.windows_at_once, self.batch_size)

    def encode(self, texts: Sequence[str], batch_size: int | None = None) -> np.ndarray:
        """Encodes passages, (n, d) float32."""
        size = batch_size or self.encoding_batch_size
        return self.bi_encoder_model.encode_docs(texts, batch_size=size, verbose=self.verbose)

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """Encodes the documents.

        Args:
            inp: the text column (the encoder's ``text_field``) and, as a rule, ``docno``.

        Returns:
            The same rows with ``doc_vec``, float32 arrays of shape (d,).

        Raises:
            pyterrier.validate.InputValidationError: no such column; a KeyError.
            ValueError: a text that is not a string, or holds half a surrogate pair; the message names its docno.
        """
        check_column(inp, self.text_field, 'docno')
        texts = inp[self.text_field].tolist()
        check_texts(texts, 'document', inp['docno'].tolist() if 'docno' in inp.columns else None)
        return inp.assign(doc_vec=list(self.encode(texts)))

    def transform_iter(self, inp: Iterable[dict]) -> list[dict]:
        """As :meth:`transform`, for rows that are dicts, as an indexing pipeline has them."""
        rows = list(inp)
        texts = [row.get(self.text_field) for row in rows]
        check_texts(texts, 'document', _names(rows, 'docno'))
        return [{**row, 'doc_vec': vector} for row, vector in zip(rows, self.encode(texts))]


class Scorer(BiScorer):
    """Scores results by the dot product of query and document.

    Where it encodes documents, it encodes their queries: the ``query_vec`` with which a run was retrieved may be that
    of another encoder. A ``query_vec`` beside a ``doc_vec`` is taken as it is.
    """

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """Adds ``score`` and ``rank`` to results with ``query`` and the text column, or with their vectors."""
        if {'query', 'query_vec', self.text_field} <= {*inp.columns} and 'doc_vec' not in inp:
            inp = self.bi_encoder_model.query_encoder(verbose=self.verbose, batch_size=self.batch_size)(inp)
        return super().transform(inp)


def _names(rows: list[dict], key: str) -> list:
    """The ids of rows, for messages; the position of a row that has none."""
    return [row.get(key, i) for i, row in enumerate(rows)]

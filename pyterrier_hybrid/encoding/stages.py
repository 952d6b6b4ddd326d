"""The transformers a :class:`~pyterrier_hybrid.HybridEncoder` puts into a pipeline."""
import numpy as np
import pandas as pd
from pyterrier_dr.biencoder import BiDocEncoder, BiQueryEncoder

from pyterrier_hybrid.encoding.batching import WINDOW
from pyterrier_hybrid.encoding.texts import check_column, check_texts


class QueryEncoder(BiQueryEncoder):
    """Adds ``query_vec`` to a frame with ``query``. A query that occurs several times is encoded once."""

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """Encodes the queries.

        Args:
            inp: columns ``query`` and, as a rule, ``qid``.

        Returns:
            The same rows with ``query_vec``, float32 arrays of shape (d,).

        Raises:
            pyterrier.validate.InputValidationError: no ``query`` column; a KeyError.
            ValueError: a query that is empty or not a string; the message names its qid.
        """
        check_column(inp, 'query')
        texts = inp['query'].tolist()
        names = inp['qid'].tolist() if 'qid' in inp.columns else range(len(texts))
        check_texts(texts, 'query', names, empty=False)
        unique = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        vectors = self.bi_encoder_model.encode_queries(
            list(unique), batch_size=self.batch_size, verbose=self.verbose
        )
        return inp.assign(query_vec=[vectors[unique[text]] for text in texts])


class DocEncoder(BiDocEncoder):
    """Adds ``doc_vec`` to a frame with the documents' text.

    An indexing pipeline hands its stages as many documents at once as their ``batch_size`` says. Here that is a window
    of some thousands, which are sorted by length and encoded in batches of the encoder's size.
    """

    def __init__(self, encoder, verbose: bool | None = None, batch_size: int | None = None):
        super().__init__(encoder, verbose=verbose, batch_size=batch_size)
        self.encoding_batch_size = self.batch_size
        self.batch_size = max(WINDOW, self.batch_size)

    def encode(self, texts, batch_size: int | None = None) -> np.ndarray:
        """Encodes passages, (n, d) float32."""
        size = batch_size or self.encoding_batch_size
        return self.bi_encoder_model.encode_docs(texts, batch_size=size, verbose=self.verbose)

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """Encodes the documents.

        Args:
            inp: the text column (``text`` unless the encoder was told another) and, as a rule, ``docno``.

        Returns:
            The same rows with ``doc_vec``, float32 arrays of shape (d,).

        Raises:
            pyterrier.validate.InputValidationError: no such column; a KeyError.
            ValueError: a text that is not a string; the message names its docno.
        """
        check_column(inp, self.text_field)
        texts = inp[self.text_field].tolist()
        names = inp['docno'].tolist() if 'docno' in inp.columns else range(len(texts))
        check_texts(texts, 'document', names)
        return inp.assign(doc_vec=list(self.encode(texts)))

"""Vectors of a collection that are kept on disk, and encoders whose vectors are products of these."""
from pathlib import Path

import numpy as np
from sentence_transformers.base.modules import Dense

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.experiment import EvaluationSet
from pyterrier_hybrid.indexing import MultilingualIndex


class KeptVectors:
    """An encoder over one collection, whose vectors are computed once; an interrupted computation resumes.

    Attributes:
        index: of the collection's passages.
    """

    def __init__(self, encoder: HybridEncoder, collection: EvaluationSet, folder: Path):
        self._encoder, self._queries = encoder, folder / 'queries.npy'
        self.folder, self.model_name, self.dtype = encoder.folder, encoder.model_name, encoder.dtype
        self.index = MultilingualIndex(folder / 'index', verbose=False)
        if not self.index.built():
            indexer = self.index.indexer(mode='resume', encoder=encoder)
            (encoder.doc_encoder() >> indexer).index(indexer.remaining(collection.docs()))
        made_by = (self.index.meta().get('encoder') or {}).get('model')
        if made_by != encoder.model_name:
            raise SystemExit(f'{folder} has the vectors of {made_by}, not of {encoder.model_name}; remove it')

    def encode_queries(self, texts: list[str]) -> np.ndarray:
        """The vectors of the collection's questions, always the same ones."""
        if not self._queries.exists():
            with (new := self._queries.with_suffix('.new')).open('wb') as file:
                np.save(file, self._encoder.encode_queries(texts))
            new.replace(self._queries)
        vectors = np.load(self._queries)
        if len(vectors) != len(texts):
            raise SystemExit(f'{self._queries} has {len(vectors)} vectors for {len(texts)} questions; remove it')
        return vectors


class MultipliedVectors:
    """An encoder derived from another one by dense layers at its end, so its vectors are products of the other's."""

    def __init__(self, derived: HybridEncoder, kept: KeptVectors, scratch: Path):
        self.folder, self.model_name, self.dtype = derived.folder, derived.model_name, derived.dtype
        self._kept, self._matrix = kept, np.eye(derived.dimension, dtype=np.float32)
        for module in derived.model.children():
            if isinstance(module, Dense):
                self._matrix = self._matrix @ module.linear.weight.detach().numpy().T
        rows = kept.index.open()
        langs = np.asarray(rows.languages, dtype=object)[rows.lang_ids].tolist()
        docnos = rows.docnos.decode(np.arange(len(rows.docnos)))
        self.index = MultilingualIndex(scratch / 'index', verbose=False)
        self.index.indexer().index_arrays(docnos, self._product(np.asarray(rows.vecs)), langs)

    def encode_queries(self, texts: list[str]) -> np.ndarray:
        """The vectors of the collection's questions."""
        return self._product(self._kept.encode_queries(texts))

    def check(self, derived: HybridEncoder, texts: list[str]) -> None:
        """Ends the program unless the derived encoder gives the first questions the same vectors."""
        difference = np.abs(derived.encode_queries(texts[:32]) - self.encode_queries(texts)[:32]).max()
        if difference > 1e-4:
            raise SystemExit(f'{derived} gives vectors that differ by {difference} from the products of the kept ones')

    def _product(self, vectors: np.ndarray) -> np.ndarray:
        product = vectors @ self._matrix
        return product / np.linalg.norm(product, axis=1, keepdims=True)

"""Documents given as arrays, which are checked thousands at a time."""
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from pyterrier_hybrid.indexing.documents import plain_docnos
from pyterrier_hybrid.indexing.rows import Collection
from pyterrier_hybrid.languages import LANG, check_language
from pyterrier_hybrid.ranking.scores import max_norm


class Block:
    """Documents as columns of equal length. The columns are sliced, and never read as a whole.

    Args:
        docnos: texts, ``(n,)``: a list, an array, a column of a frame.
        vectors: numbers, ``(n, d)``: an array, a memory map, or whatever gives an array when it is sliced.
        langs: a code for all documents, or one for each.

    Raises:
        ValueError: the columns are of different lengths, or ``vectors`` has another shape.
    """

    def __init__(self, docnos: Sequence[str], vectors: np.ndarray, langs: str | Sequence[str]):
        vectors = vectors if hasattr(vectors, 'shape') else np.asarray(vectors)
        shape, count = tuple(vectors.shape), len(docnos)
        if len(shape) != 2 or not shape[1]:
            raise ValueError(f'the vectors have the shape {shape}; a row for each document is needed, (n, d)')
        lengths = {'vectors': shape[0], **({} if isinstance(langs, str) else {'languages': len(langs)})}
        for name, length in lengths.items():
            if length != count:
                raise ValueError(f'there are {length:,} {name} for {count:,} docnos; each document has one of each')
        self._docnos, self._vectors, self._langs = docnos, vectors, langs

    def __len__(self) -> int:
        return len(self._docnos)

    def docnos(self, rows: slice) -> list:
        """The docnos of some documents."""
        return _as_list(self._docnos[rows])

    def documents(self, rows: slice) -> list[dict]:
        """Some documents as dicts, for checks that say what is wrong with one of them."""
        docnos = self.docnos(rows)
        langs = len(docnos) * [self._langs] if isinstance(self._langs, str) else _as_list(self._langs[rows])
        columns = zip(docnos, np.asarray(self._vectors[rows]), langs)
        return [{'docno': docno, 'doc_vec': vector, LANG: lang} for docno, vector, lang in columns]

    def plain(self, rows: slice, docnos: list, vec_size: int | None, largest: float | None) -> Collection | None:
        """Returns some documents in the form in which they are indexed; None if one is invalid or needs a closer check.

        ``docnos`` are their :meth:`docnos`; ``vec_size`` and ``largest`` are as for
        :func:`~.documents.check_vector`. The vectors are the caller's own array if that is of float32.
        """
        vectors, names = np.asarray(self._vectors[rows]), plain_docnos(docnos)
        if names is None or vectors.dtype.kind not in 'fiu' or vec_size not in (None, vectors.shape[1]):
            return None
        with np.errstate(over='ignore'):
            vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        greatest = max_norm(vectors)  # a sum of squares of float32 numbers cannot overflow float64
        if not np.isfinite(greatest) or (largest is not None and max(vectors.max(), -vectors.min()) > largest):
            return None
        langs = [self._langs] if isinstance(self._langs, str) else _as_list(self._langs[rows])
        try:
            languages = sorted({*langs})
            for lang in languages:
                check_language(lang, '')
        except (TypeError, ValueError):
            return None
        positions = {lang: i for i, lang in enumerate(languages)}
        lang_ids = np.fromiter(map(positions.get, langs), np.uint16, len(langs))
        return Collection(vectors, names, np.resize(lang_ids, len(docnos)), tuple(languages), max_norm=greatest)


def _as_list(values: Sequence) -> list:
    return values.tolist() if hasattr(values, 'tolist') else list(values)


def blocks_of(blocks: Iterable[tuple]) -> Iterator[Block]:
    """Yields the blocks; raises ValueError, with its place, for something that is not a block."""
    for place, columns in enumerate(blocks):
        try:
            docnos, vectors, langs = columns
            block = Block(docnos, vectors, langs)
        except (TypeError, ValueError) as error:
            raise ValueError(f'block {place} (counted from 0) is not docnos, vectors and languages: {error}') from None
        yield block

"""The precisions that vectors are stored in: float32, float16, and int8 with a scale for each vector.

A search scores what is stored. Vectors of reduced precision are decoded to float32 block by block, and the score of a
document is the exact dot product with its decoded vector, so that it only depends on the query and the files.
"""
from collections.abc import Sequence

import numpy as np

#: The files of each precision, and the type of their numbers. int8 has a scale for each vector.
FILES: dict[str, dict[str, type]] = {
    'float32': {'vecs.f4': np.float32},
    'float16': {'vecs.f2': np.float16},
    'int8': {'vecs.i1': np.int8, 'scales.f4': np.float32},
}
#: The greatest number of a precision whose range is less than that of float32.
LARGEST = {'float16': float(np.finfo(np.float16).max)}


class StoredVectors:
    """Vectors of reduced precision; indexing them gives float32.

    Args:
        codes: float16 or int8, ``(n, d)``, as a rule memory-mapped.
        scales: float32, ``(n,)``, for int8: a vector is its codes times its scale.
    """

    dtype = np.dtype(np.float32)
    ndim = 2

    def __init__(self, codes: np.ndarray, scales: np.ndarray | None = None):
        self.codes = codes
        self.scales = scales
        self.shape = codes.shape

    @property
    def precision(self) -> str:
        """The name of the precision."""
        return self.codes.dtype.name

    def arrays(self, rows: slice) -> tuple[np.ndarray, ...]:
        """The stored arrays of some rows, in the order of ``FILES``."""
        return tuple(array[rows] for array in (self.codes, self.scales) if array is not None)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows) -> np.ndarray:
        vectors = self.codes[rows].astype(np.float32)
        if self.scales is not None:
            vectors *= np.asarray(self.scales[rows])[..., None]
        return vectors

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self[:].astype(dtype or np.float32, copy=False)


def check_precision(precision: str) -> str:
    """Returns the precision; raises ValueError if there is no such precision."""
    if precision not in FILES:
        raise ValueError(f'there is no precision {precision!r}; vectors are stored as {", ".join(FILES)}')
    return precision


def precision_of(vectors: 'np.ndarray | StoredVectors') -> str:
    """The precision of the vectors."""
    return vectors.precision if isinstance(vectors, StoredVectors) else 'float32'


def encode(vectors: np.ndarray, precision: str) -> tuple[np.ndarray, ...]:
    """Vectors (float32, ``(n, d)``, none beyond ``LARGEST``) as they are stored, in the order of ``FILES[precision]``.

    int8: the scale of a vector is its greatest absolute value divided by 127, and a code is the nearest integer to
    value / scale, halves to even.
    """
    if precision != 'int8':
        return (vectors.astype(*FILES[precision].values(), copy=False),)
    scales = np.abs(vectors).max(axis=1, initial=0) / np.float32(127)
    with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
        scales = np.where(np.isfinite(127 * scales), scales, np.nextafter(scales, np.float32(0)))
        codes = np.rint(vectors / scales[:, None])
    codes = np.clip(np.nan_to_num(codes, nan=0.0), -127, 127)
    return codes.astype(np.int8), scales


def decode(arrays: Sequence[np.ndarray]) -> 'np.ndarray | StoredVectors':
    """Returns stored arrays as vectors, which give float32 when indexed."""
    return arrays[0] if arrays[0].dtype == np.float32 else StoredVectors(*arrays)

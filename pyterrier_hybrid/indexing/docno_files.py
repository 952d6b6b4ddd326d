"""The files of an index that are computed from its docnos, in memory that does not grow with their number.

``docno_order.u4`` has the docids by ascending docno. npids' file maps docids to docnos and back, for other software.
"""
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

import npids.utils
import numpy as np
from npids.codecs.inv_hash import fnv1_32

from pyterrier_hybrid.indexing.docnos import Docnos

#: Docnos sorted at a time.
RUN = 1 << 18
_ROWS = 4_096
_SAMPLED = 1_024


def write_order(docnos: Docnos, path: Path, run: int = RUN) -> None:
    """Writes the docids by ascending docno, uint32; raises ValueError with a docno that occurs twice.

    Each run of ``run`` docnos is sorted by itself, and its order is written to a file. A sample, every ``_SAMPLED``-th
    docno of each sorted run, cuts all docnos into ranges; each range is gathered from all runs and sorted.
    """
    runs_path = path.with_suffix('.runs')
    try:
        with path.open('wb') as out:
            for docids in _ranges(docnos, _sort_runs(docnos, runs_path, run), run):
                out.write(docids.astype(np.uint32).tobytes())
    finally:
        runs_path.unlink(missing_ok=True)


def _sort_runs(docnos: Docnos, path: Path, run: int) -> list[np.ndarray]:
    starts = range(0, len(docnos), run)
    if len(starts) == 1:
        return [_sorted(docnos, np.arange(len(docnos)))]
    with path.open('wb') as out:
        for start in starts:
            out.write(_sorted(docnos, np.arange(start, min(start + run, len(docnos)))).astype(np.uint32).tobytes())
    orders = np.memmap(path, dtype=np.uint32, mode='r')
    return [orders[start : start + run] for start in starts]


def _ranges(docnos: Docnos, runs: list[np.ndarray], run: int) -> Iterator[np.ndarray]:
    if len(runs) == 1:
        yield runs[0]
        return
    sample = sorted(name for order in runs for name in _names(docnos, order[:: _SAMPLED]))
    step = max(1, run // _SAMPLED)
    ends = [[bisect_left(order, cut, key=lambda docid: _name(docnos, docid)) for order in runs]
            for cut in sample[step::step]] + [[len(order) for order in runs]]  # fmt: skip
    starts = [0] * len(runs)
    for stops in ends:
        yield _sorted(docnos, np.concatenate([order[a:b] for order, a, b in zip(runs, starts, stops)]))
        starts = stops


def _name(docnos: Docnos, docid: int) -> bytes:
    docid = int(docid)
    return docnos.data[docnos.offsets[docid] : docnos.offsets[docid + 1]].tobytes()


def _names(docnos: Docnos, docids: np.ndarray) -> list[bytes]:
    return [_name(docnos, docid) for docid in docids]


def _sorted(docnos: Docnos, docids: np.ndarray) -> np.ndarray:
    """Returns the docids by ascending docno, compared by code point, which is the order of the UTF-8 bytes."""
    import pyarrow as pa
    from pyarrow import compute

    names = docnos.arrow().take(pa.array(docids))
    places = compute.sort_indices(names)
    ascending = names.take(places)
    if compute.any(compute.equal(ascending[1:], ascending[:-1])).as_py():
        twice = compute.index(compute.equal(ascending[1:], ascending[:-1]), True).as_py()
        docno = ascending[twice].as_py().decode(errors='replace')
        first, second = sorted(docids[places.to_numpy()[twice : twice + 2]].tolist())
        raise ValueError(
            f'the docno {docno!r:.80} occurs twice, as documents {first:,} and {second:,} of the index (counted from '
            '0); docnos are unique in an index'
        )
    return docids[places.to_numpy()]


def write_npids(docnos: Docnos, path: Path, run: int = RUN) -> None:
    """Writes the docnos in npids' fixed-width format, with its inverse.

    npids' own writer is not used: it picks a format from the first docnos and factors out their common prefix, and then
    cannot read back a single docno, a last docno that does not fit the formats before, or a prefix that ends within a
    character. It also holds all docnos in memory to write the inverse; here, only those of ``run`` documents are in
    memory. If a few docnos are much longer than the others, blocks of the file have widths of their own.
    """
    wide = len(docnos) * _longest(docnos, 0, len(docnos), run) > 8 * int(docnos.offsets[-1]) + (1 << 20)
    step = _ROWS if wide else len(docnos)
    bits = (len(docnos) - 1).bit_length()
    keys_path = path.with_suffix('.buckets')
    try:
        with npids.utils.FileManager(path, 'a') as out, keys_path.open('wb') as keys:
            for start in range(0, len(docnos), step):
                stop = min(start + step, len(docnos))
                width = _longest(docnos, start, stop, run)
                out.write_header(0, stop - start, {'format': 'fixedbytes', 'length': width, 'prefix': ''})
                for first in range(start, stop, _ROWS):
                    last = min(first + _ROWS, stop)
                    names = _fixed_width(docnos, first, last, width)
                    out.write(names.tobytes())
                    hashes = fnv1_32(names.view(f'S{width}').reshape(-1))
                    buckets = (hashes & np.uint32((1 << bits) - 1)).astype(np.uint64)
                    keys.write((buckets << np.uint64(32) | np.arange(first, last, dtype=np.uint64)).tobytes())
            out.write_header(1, len(docnos), {'format': 'hash', 'hash_bits': bits, 'hash_fn': 'fnv1_32'})
            end = out.tell()
        _write_inverse(np.memmap(keys_path, dtype=np.uint64, mode='r+'), 1 << bits, path, end, run)
    finally:
        keys_path.unlink(missing_ok=True)


def _write_inverse(keys: np.ndarray, count: int, path: Path, end: int, run: int) -> None:
    """Writes the end of each bucket of docids, and the docids bucket by bucket, ascending within each bucket.

    ``keys`` are the buckets of the docids, each above its docid's 32 bits. They are sorted run by run, in place; then
    the keys of each range of buckets are gathered from all runs.
    """
    runs = [keys[start : start + run] for start in range(0, len(keys), run)]
    width, total = -(-count // len(runs)), 0
    lows = range(0, count, width)
    cuts = []
    for part in runs:
        part.sort()
        cuts.append(np.searchsorted(part, np.array([*lows, count], dtype=np.uint64) << np.uint64(32)))
    with path.open('r+b') as ends, path.open('r+b') as docids:
        ends.seek(end)
        ends.write(np.zeros(1, np.uint32).tobytes())
        docids.seek(end + 4 * (count + 1))
        for i, low in enumerate(lows):
            chosen = np.sort(np.concatenate([part[cut[i] : cut[i + 1]] for part, cut in zip(runs, cuts)]))
            docids.write(chosen.astype(np.uint32).tobytes())
            of = (chosen >> np.uint64(32)).astype(np.int64) - low
            counted = np.cumsum(np.bincount(of, minlength=min(width, count - low)))
            ends.write((total + counted).astype(np.uint32).tobytes())
            total += len(chosen)


def _longest(docnos: Docnos, start: int, stop: int, run: int) -> int:
    return max(int(np.diff(docnos.offsets[i : min(i + run, stop) + 1]).max()) for i in range(start, stop, run))


def _fixed_width(docnos: Docnos, start: int, stop: int, width: int) -> np.ndarray:
    """The docnos of some docids as UTF-8 bytes, padded with NUL: uint8, ``(stop - start, width)``."""
    first, last = docnos.offsets[start:stop], docnos.offsets[start + 1 : stop + 1]
    padded = np.zeros((stop - start, width), dtype=np.uint8)
    padded[np.arange(width) < (last - first)[:, None]] = docnos.data[first[0] : last[-1]]
    return padded

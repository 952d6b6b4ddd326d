"""Filling an approximate index with more passages than memory holds: in parts on disk, which are then merged.

Only inverted lists can be merged like this. HNSW is filled in memory, since every passage is linked to others.
"""
import errno
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import faiss

INDEX, LISTS = 'index.faiss', 'lists.ivfdata'
BLOCK = 16_384
#: The bytes of codes and ids that are held in memory at a time.
_PART = 1 << 30


def blocks(vecs: np.ndarray, docids: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """The vectors, or those of ascending docids, in blocks: float32, ``(b, d)``."""
    for start in range(0, len(vecs) if docids is None else len(docids), BLOCK):
        part = slice(start, start + BLOCK) if docids is None else docids[start : start + BLOCK]
        yield np.ascontiguousarray(vecs[part], dtype=np.float32)


def fill(
    made: 'faiss.Index', vecs: np.ndarray, folder: Path, *, lists: bool, progress: Callable[[int], object]
) -> None:
    """Adds all vectors (float32, ``(n, d)``) to a trained index without passages, their ids from 0, and writes it.

    A memory map of vectors is read in blocks. Writes ``index.faiss`` in ``folder``, and ``lists.ivfdata`` if ``lists``
    (the index is one of inverted lists) are filled in several parts. ``progress`` is called with the number of passages
    added since the last call.
    """
    import faiss

    room = _PART // (faiss.extract_index_ivf(made).code_size + 8) if lists else len(vecs)
    parts: list[Path] = []
    start = 0
    for block in blocks(vecs):
        if made.ntotal and made.ntotal + len(block) > room:
            parts.append(_write_part(made, folder, len(parts)))
        if lists:
            made.add_with_ids(block, np.arange(start, start + len(block)))
        else:
            made.add(block)
        start += len(block)
        progress(len(block))
    if parts:
        parts.append(_write_part(made, folder, len(parts)))
        _merge(made, parts, folder / LISTS)
    faiss.write_index(made, str(folder / INDEX))
    for path in parts:
        path.unlink()


def _write_part(made: 'faiss.Index', folder: Path, number: int) -> Path:
    """Writes what the index holds to a file, and empties it."""
    import faiss

    path = folder / f'part-{number:04}'
    faiss.write_index(made, str(path))
    made.reset()
    return path


def _merge(made: 'faiss.Index', parts: list[Path], target: Path) -> None:
    """Gives an empty index the inverted lists of the parts, which stay on disk.

    Raises OSError where that has no room for them: FAISS maps the new file, and a full disk would kill the process.
    """
    import faiss

    held = [faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY) for path in parts]
    pointers = faiss.InvertedListsPtrVector()
    for one in held:
        pointers.push_back(faiss.extract_index_ivf(one).invlists)
    ivf = faiss.extract_index_ivf(made)
    needed = sum(one.ntotal for one in held) * (ivf.code_size + 8)
    if needed > (free := shutil.disk_usage(target.parent).free):
        raise OSError(errno.ENOSPC, f'its lists take {needed:,} bytes beside its parts, and {free:,} are free')
    merged = faiss.OnDiskInvertedLists(ivf.nlist, ivf.code_size, str(target))
    made.ntotal = ivf.ntotal = merged.merge_from_multiple(pointers.data(), pointers.size(), False)
    ivf.replace_invlists(merged, True)
    merged.this.disown()

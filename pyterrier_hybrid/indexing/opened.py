"""An opened index: its documents as arrays, whether it is of this format, of an earlier one, or a plain FLEX index."""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from npids import Lookup

from pyterrier_hybrid.indexing.build import Build
from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.rows import Collection
from pyterrier_hybrid.indexing.storage import VECTORS, map_vectors
from pyterrier_hybrid.languages import check_language
from pyterrier_hybrid.ranking.scores import max_norm
from pyterrier_hybrid.stored import META


@dataclass(frozen=True, eq=False)
class OpenedIndex(Collection):
    """An index's documents, the content of ``pt_meta.json``, and a fingerprint.

    ``max_norm`` is never None. ``fingerprint`` is a digest of vectors, docnos and languages. ``backends`` are the open
    approximate indexes, by the names of their folders.
    """

    meta: dict
    fingerprint: str
    backends: dict = field(default_factory=dict)


def with_languages(collection: Collection, meta: dict) -> OpenedIndex:
    """The documents of an index that knows their languages, with its checked metadata."""
    known = {'max_norm': meta['max_norm'], 'fingerprint': meta['fingerprint']}
    return OpenedIndex(**vars(collection) | known, meta=meta)


def as_plain(doc_langs: Sequence[str] | Mapping[str, str] | None) -> list[str] | dict[str, str] | None:
    """Returns languages as a list or dict, with plain str for any kind of string, so that equal ones compare equal."""
    if doc_langs is None:
        return None
    if isinstance(doc_langs, Mapping):
        return dict(zip(as_plain(list(doc_langs)), as_plain(list(doc_langs.values()))))
    return [str(lang) if isinstance(lang, str) else lang for lang in doc_langs]


def open_without_languages(
    path: Path, meta: dict, doc_langs: Sequence[str] | Mapping[str, str] | None, fingerprint: Callable[[], str]
) -> OpenedIndex:
    """Opens an index whose documents' languages are given.

    Raises ValueError if they are not given, or if they are given for an index that has them.
    """
    if 'languages' in meta:
        raise ValueError(f"the index at {path} knows its documents' languages; open it without doc_langs=")
    if doc_langs is None:
        raise ValueError(
            f'the index at {path} was built without languages; give them as MultilingualIndex(path, doc_langs=...), '
            'one code per document, or open it as a pyterrier_dr.FlexIndex'
        )
    docnos = list(Lookup(path / 'docnos.npids'))
    languages, lang_ids = np.unique(_check_langs(doc_langs, docnos, path), return_inverse=True)
    vecs = map_vectors(path, meta['doc_count'], meta['vec_size'])
    columns = vecs, Docnos.of(docnos), lang_ids.astype(np.uint16), tuple(languages.tolist())
    return OpenedIndex(*columns, meta, fingerprint(), max_norm=max_norm(vecs))


def _check_langs(langs: Sequence[str] | Mapping, docnos: list[str], path: Path) -> list[str]:
    """Returns the languages given for an index that has none, one per document."""
    if isinstance(langs, Mapping):
        langs = [langs.get(docno) for docno in docnos]
    if len(langs) != len(docnos):
        raise ValueError(f'{len(langs)} languages are given for the {len(docnos)} documents of the index at {path}')
    return [check_language(lang, f'document {docno!r:.80}') for lang, docno in zip(langs, docnos)]


def why_missing(path: Path) -> str:
    """Says what is at a path instead of an index, and what to do."""
    build = Build(path)
    if (path / META).exists():
        return f'{path} holds something else than a dense index of passages: see its {META}'
    if (path / VECTORS).exists():
        return (
            f'the index at {path} is half-written (it has vectors and no {META}): the software that wrote it was '
            "interrupted; build it again with indexer(mode='overwrite')"
        )
    if build.plan() is not None:
        return (
            f"the build of the index at {path} was interrupted; indexer(mode='resume') continues it (its parts are in "
            f'{build.folder.name} beside it)'
        )
    return f'there is no index at {path}; build one with (encoder.doc_encoder() >> index).index(documents)'

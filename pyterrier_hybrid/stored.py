"""An index on disk: a folder that is published whole and read whole, with the languages of its documents."""
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyterrier as pt

from pyterrier_hybrid.cards import CARD, Card, describe_encoder
from pyterrier_hybrid.digests import check_contents
from pyterrier_hybrid.files import read_whole, replace_text, stamp, writing

#: The file that marks a finished index. It is written last.
META = 'pt_meta.json'


class NoIndex(FileNotFoundError, ValueError):
    """There is no finished index of this kind at a path; says what is there instead."""


class Opened(Protocol):
    """An opened index: its metadata, and its documents."""

    meta: dict
    docnos: Any

    def langs(self) -> np.ndarray:
        """Each document's language code, in the order of ``docnos``: str, ``(n,)``."""


class StoredIndex:
    """The part of an index that is its folder. A subclass names its formats and fields, and loads its files.

    If any process replaces the index, an object serves the new one from the next call on. All that a call reads is from
    one index, the old or the new.
    """

    path: Path
    #: The ``type`` and ``format`` of the metadata of an index of this kind.
    FORMATS: tuple[tuple[str, str], ...] = ()
    #: The required fields of the metadata, and their types.
    FIELDS: Mapping[str, type] = {'doc_count': int}
    #: What to do about a damaged index, for messages.
    REMEDY = "the index is damaged; build it again with .indexer(mode='overwrite')"

    _held: tuple[tuple | None, Any] | None = None  # the stamp and the content of the opened index

    def built(self) -> bool:
        """Whether there is a finished index of this kind at the path."""
        return self.read_meta() is not None

    def __len__(self) -> int:
        """The number of documents."""
        return self.meta()['doc_count']

    def open(self) -> Any:
        """The index's content; read again if the index has been replaced since the last call.

        Raises:
            FileNotFoundError: there is no index, or an unfinished one.
            ValueError: it is damaged, or of another format.
        """
        held = self._held
        if held is None or stamp(self.path / META) != held[0]:
            self._held = held = None  # frees the old content before the new one is read
            self._held = held = read_whole(self.path, META, lambda: (stamp(self.path / META), self._load()))
        return held[1]

    def _load(self) -> Opened:
        """Reads the content, with the metadata that :meth:`meta` checks."""
        raise NotImplementedError

    def _why_missing(self) -> str:
        """Says what is at the path instead of a finished index, and what to do."""
        raise NotImplementedError

    def meta(self) -> dict:
        """The metadata of the finished index.

        Raises:
            NoIndex: there is none; a FileNotFoundError and a ValueError.
            ValueError: as :meth:`read_meta`.
        """
        meta = self.read_meta()
        if meta is None:
            raise NoIndex(self._why_missing())
        return meta

    def read_meta(self) -> dict | None:
        """The metadata; None if there is none, or if it is that of something else.

        Raises:
            ValueError: it is not JSON, or lacks a field.
        """
        meta = read_whole(self.path, META, lambda: read_json(self.path / META))
        if meta is None or (meta.get('type'), meta.get('format')) not in self.FORMATS:
            return None
        check_fields(meta, self.FIELDS, self.path / META, self.REMEDY)
        return meta

    def fingerprint(self) -> str | None:
        """A digest of the content: equal for the same documents. None if there is no finished index."""
        meta = self.read_meta()
        return meta and meta['fingerprint']

    def verify(self) -> None:
        """Reads all files and checks that none has changed since the build, which takes about a second for each GB.

        Opening a dense index only checks the sizes of its files and what can be checked without reading them whole. A
        BM25 index is read whole when it is opened, and checked like this then.

        Raises:
            FileNotFoundError: there is no index.
            ValueError: a file is missing or has changed; it is named. Or the index was built by software that kept no
                digests.
        """
        meta = self.open().meta
        if 'files' not in meta:
            raise ValueError(f'{self.path / META} has no digests of the files, since other software or an earlier '
                             'version built the index; build it again to have them')  # fmt: skip
        read_whole(self.path, META, lambda: check_contents(self.path, self.meta()['files'], self.REMEDY))

    def annotate(
        self,
        *,
        result: object = None,
        command: str | None = None,
        description: str | None = None,
        encoder: object = None,
    ) -> None:
        """Records what the card of the index says when it is published, by ``to_hf`` or ``to_zenodo``.

        The notes are kept beside the index's files, until the index is replaced. What is not given stays as it was.

        Args:
            result: an outcome of :func:`~pyterrier_hybrid.MultilingualExperiment`, or a table in Markdown.
            command: the command that made the index.
            description: what the index is, in a sentence or two.
            encoder: what made the vectors, an encoder or its name, unless ``indexer(encoder=...)`` recorded it.

        Raises:
            FileNotFoundError: there is no index.
            TypeError: a description, a command or a table that is no text.
            OSError: the folder is read-only, or the disk full.
        """
        self.meta()
        table = result.to_markdown() if hasattr(result, 'to_markdown') else result
        for name, value in (('result', table), ('command', command), ('description', description)):
            if not isinstance(value, str | None):
                also = ', or an outcome of MultilingualExperiment' if name == 'result' else ''
                raise TypeError(f'{name} is a {type(value).__name__}; give a text{also}')
        given = {'result': table, 'command': command, 'description': description, 'encoder': describe_encoder(encoder)}
        with writing(self.path / CARD):
            notes = {**self._notes(), **{name: value for name, value in given.items() if value is not None}}
            replace_text(self.path / CARD, json.dumps(notes, ensure_ascii=False))

    def card(self) -> Card:
        """What the card of the index says."""
        raise NotImplementedError

    def _notes(self) -> dict:
        return read_json(self.path / CARD) or {}

    def _hf_readme(self, *, repo: str, branch: str | None = 'main', pretty_name: str | None = None, metadata=None):
        """The README of the artifact on the Hugging Face hub; PyTerrier asks for it."""
        title = pretty_name or repo.split('/')[-1]
        card = self.card()
        page = super()._hf_readme(repo=repo, branch=branch, pretty_name=title, metadata=metadata)
        head = page.partition('\n# ')[0].replace('\ntags:', ''.join(
            ['\nlanguage:', *(f'\n- {json.dumps(lang)}' for lang in card.languages), '\ntags:'],
        ), 1)  # quoted, because YAML reads a bare no (Norwegian) as false
        where = repo if branch in (None, 'main') else f'{repo}@{branch}'
        return f'{head}\n# {title}\n\n{card.markdown(f"pt.Artifact.from_hf({where!r})")}'

    def _zenodo_metadata(self, *, zenodo_id: str, pretty_name: str | None = None, metadata: dict) -> dict:
        """The record of the artifact on Zenodo; PyTerrier asks for it."""
        record = super()._zenodo_metadata(zenodo_id=zenodo_id, pretty_name=pretty_name, metadata=metadata)
        return {**record, 'description': self.card().html(f'pt.Artifact.from_zenodo({str(zenodo_id)!r})')}

    def langs_by_docno(self) -> dict[str, str]:
        """The language of each document, by docno: what ``Languages`` and measures' ``langs=`` take."""
        opened = self.open()
        return dict(zip(opened.docnos, opened.langs().tolist()))

    def add_doc_lang(self) -> pt.Transformer:
        """A transformer that adds ``doc_lang`` to the runs of any retriever over these documents.

        Example::

            other_retriever >> index.add_doc_lang()
        """
        from pyterrier_hybrid.measures.labelling import AddDocLang

        return AddDocLang(self)


def read_json(path: Path) -> dict | None:
    """The JSON object in a file; None if there is no file.

    Raises:
        ValueError: something else is in it; names the file.
    """
    try:
        value = json.loads(path.read_text(encoding='utf-8'))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path} is not JSON ({error!s:.100}): it is damaged, build it again') from None
    if not isinstance(value, dict):
        raise ValueError(f'{path} is no JSON object but a {type(value).__name__}: it is damaged, build it again')
    return value


def check_fields(meta: Mapping, fields: Mapping[str, type], path: Path, remedy: str) -> None:
    """Checks that metadata has the required fields.

    Args:
        meta: the metadata.
        fields: names and types; an int must be positive, a float finite.
        path: their file, for the message.
        remedy: what to do, for the message.

    Raises:
        ValueError: a field is missing or of another type; names file and field.
    """
    for name, kind in fields.items():
        if name not in meta:
            raise ValueError(f'{path} has no field {name!r}: {remedy}')
        value = meta[name]
        right = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
        if not right or (kind is int and value < 1) or (kind is float and not math.isfinite(value)):
            raise ValueError(f'{path} has {value!r:.80} for the field {name!r}: {remedy}')

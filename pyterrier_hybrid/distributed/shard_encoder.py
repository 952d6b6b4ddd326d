"""The shards of a collection, and what encodes one in a worker."""
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice

import numpy as np

from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.documents import check_docno, check_lang, check_vector
from pyterrier_hybrid.indexing.storage import Collection
from pyterrier_hybrid.languages import LANG

from .encoders import SentEncoder
from .shards import Shards


@dataclass(frozen=True)
class Shard:
    """Some documents, one after another, of a collection: those from ``number * shard_size`` on."""

    number: int
    documents: list[dict] = field(repr=False)

    def digest(self, text_field: str) -> str:
        """A digest of docnos, texts and languages."""
        digest = blake2b(digest_size=16)
        for doc in self.documents:
            digest.update(repr((doc.get('docno'), doc.get(text_field), doc.get(LANG))).encode(errors='replace'))
        return digest.hexdigest()


class ShardEncoder:
    """Encodes and stores a shard; called in the workers.

    Args:
        encoder: the encoder.
        store: where the shard goes.
        size: documents in a shard.
        largest: the greatest absolute value that the index can store, if less than that of float32.
    """

    def __init__(self, encoder: SentEncoder, store: Shards, size: int, largest: float | None = None):
        self.encoder, self.store, self.size, self.largest = encoder, store, size, largest

    def __call__(self, shard: Shard) -> dict:
        """Returns the record of the shard."""
        if self.store.plan() is None:
            raise FileNotFoundError(
                f'{socket.gethostname()}, a machine of the Ray cluster, sees another folder at {self.store} than the '
                'one that was made for the shards: put it on a file system that all machines share'
            )
        encoder, documents = self.encoder.get(), shard.documents
        names = self._check(shard)
        stage, at_once, vecs = encoder.doc_encoder(), self.encoder.batch_size, None
        for start in range(0, len(documents), at_once):
            encoded = stage.transform_iter(documents[start : start + at_once])
            for row, doc in enumerate(encoded, start):
                vector = check_vector(doc, names[row][0], None if vecs is None else vecs.shape[1], self.largest)
                if vecs is None:
                    vecs = np.empty((len(documents), len(vector)), np.float32)
                vecs[row] = vector
        languages, lang_ids = np.unique([lang for _, lang in names], return_inverse=True)
        docnos = Docnos.of(docno for docno, _ in names)
        record = {
            'count': len(vecs), 'dimension': vecs.shape[1], 'documents': shard.digest(self.encoder.text_field),
        }  # fmt: skip
        collection = Collection(vecs, docnos, lang_ids.astype(np.uint16), tuple(languages.tolist()))
        self.store.write(shard.number, collection, record)
        return record

    def _check(self, shard: Shard) -> list[tuple[str, str]]:
        """The docnos and languages of the documents."""
        positions = range(shard.number * self.size, (shard.number + 1) * self.size)
        docnos = [check_docno(doc, position) for position, doc in zip(positions, shard.documents)]
        return [(docno, check_lang(doc, docno)) for docno, doc in zip(docnos, shard.documents)]

    def __repr__(self) -> str:
        return repr(self.encoder)


class Unfinished:
    """The shards of a collection that are not finished, in order; compares those that are with their documents.

    Attributes:
        records: those of the finished shards.
    """

    def __init__(self, docs: Iterator[dict], worker: ShardEncoder, found: Mapping[int, dict]):
        self._docs, self._worker, self.records = docs, worker, dict(found)

    def __iter__(self) -> Iterator[Shard]:
        finished, store, number = dict(self.records), self._worker.store, 0
        fields = {'docno', self._worker.encoder.text_field, LANG}
        while documents := list(islice(self._docs, self._worker.size)):
            shard = Shard(number, [_only(doc, fields) for doc in documents])
            record = finished.pop(number, None)
            if record is None:
                yield shard
            elif record.get('documents') != shard.digest(self._worker.encoder.text_field):
                first = number * self._worker.size
                raise ValueError(
                    f'shard {number} in {store} was made of other documents than number {first:,} to '
                    f'{first + len(documents) - 1:,} are now: the collection has changed, or the shard was changed by '
                    "hand; remove the shard, or start anew with mode='create' or 'overwrite'"
                )
            else:
                store.check(number)
            number += 1
        if finished:
            raise ValueError(
                f'{store} holds shard {max(finished)}, but the documents end before it: the collection has become '
                "shorter; mode='create' or 'overwrite' starts a new build"
            )


def _only(doc: object, fields: set[str]) -> object:
    """A document without what is not needed; what is none is refused by a worker."""
    return {name: value for name, value in doc.items() if name in fields} if isinstance(doc, Mapping) else doc

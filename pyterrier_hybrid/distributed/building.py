"""Building a dense index on the machines of a Ray cluster, with the bytes that one process gives."""
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import chain

import pandas as pd
import pyterrier as pt

from datasets_ext.opening import in_languages, open_dataset
from pyterrier_hybrid.files import only_one, resolved, writing
from pyterrier_hybrid.indexing import IndexingMode, MultilingualIndex
from pyterrier_hybrid.indexing.build import Build
from pyterrier_hybrid.indexing.documents import check_lang
from pyterrier_hybrid.indexing.duplicates import find_duplicate
from pyterrier_hybrid.indexing.modes import check_encoder, check_finished, find_base, is_finished, start_build
from pyterrier_hybrid.indexing.vectors import LARGEST
from pyterrier_hybrid.languages import check_languages
from pyterrier_hybrid.publishing import restore

from .cluster import capacity, cluster
from .encoders import SentEncoder
from .resources import Resources
from .shard_encoder import ShardEncoder, Unfinished
from .shards import Opened, Shards, is_url, open_shards
from .tasks import on_ray

_GO_ON = "Finished shards are kept: the same call with mode='resume' continues."


def build_index(
    encoder: object,
    docs: Iterable[dict] | pd.DataFrame | str,
    path: str | os.PathLike,
    *,
    mode: IndexingMode | str = 'create',
    workers: int | None = None,
    resources: Resources | None = None,
    shards: str | os.PathLike | None = None,
    shard_size: int = 16_384,
    languages: Iterable[str] | None = None,
    precision: str | None = None,
    verbose: bool = True,
) -> MultilingualIndex:
    """Builds a :class:`~pyterrier_hybrid.MultilingualIndex` on the cluster of :func:`~.cluster.cluster`.

    Documents are read here, once, and sent in shards to workers, which encode them. A shard is complete or does not
    exist. One whose worker or machine dies is encoded again elsewhere, and when this process dies,
    ``mode='resume'`` encodes what is missing. At the end the shards are joined here, and the index appears in one step.

    The index is that of ``(encoder.doc_encoder() >> MultilingualIndex(path).indexer(encoder=encoder)).index(docs)``, or
    of an ``indexer`` with the same precision, byte for byte, if the machines are of one kind and a process has as many
    threads as a worker: documents are encoded in the same batches.

    Args:
        encoder: a ``HybridEncoder`` or another ``BiEncoder``, or a function without arguments that makes one on each
            worker. A ``HybridEncoder`` loads its checkpoint on each worker, in the precision that it has here.
        docs: dicts, or a frame's rows, with ``docno``, ``lang`` and the encoder's text field; or the id of a data set,
            of this package or of ir_datasets.
        path: the folder of the index.
        mode: an :class:`~pyterrier_hybrid.indexing.IndexingMode` or its name.
        workers: shards that are encoded at a time; as many as the cluster holds by default.
        resources: what each worker has; one processor by default.
        shards: where finished shards are until the index is: a folder that all machines see at this path, or a URL of
            an object store, read by fsspec (``s3://bucket/build``). By default a hidden folder beside the index.
        shard_size: documents in a shard, rounded up to whole batches of the encoder's pipeline (2,048 documents): what
            a worker that dies has to do again.
        languages: of the passages of the data set; all by default.
        precision: in which the index stores vectors; see :class:`~pyterrier_hybrid.indexing.MultilingualIndexer`.
        verbose: show progress.

    Raises:
        Exists, Busy, OSError: as :meth:`~pyterrier_hybrid.indexing.MultilingualIndexer.index`. A second call for the
            path or the folder of shards is refused before it reads a document.
        ModuleNotFoundError, ConnectionError: there is no cluster; the shards' URL cannot be reached.
        ValueError: a document is not as described, or its vector is not finite (names its docno), or a docno occurs
            twice; a resumed build had another encoder, data set or shard size, or a finished shard has changed (names
            it); a worker cannot make the encoder, or makes another one (names its machine).
        TypeError: no encoder, or one that cannot be sent.
        ChildProcessError: a shard was given up, since its workers died.
    """
    resources = resources or Resources()
    if shard_size < 1 or (workers is not None and workers < 1):
        raise ValueError(f'shard_size is {shard_size} and workers is {workers}; both are at least 1')
    index = MultilingualIndex(path, verbose=verbose)
    mode = index.indexer(mode=mode, precision=precision).mode
    if languages is not None:
        languages = sorted({languages} if isinstance(languages, str) else set(languages))
    given = None if shards is None else open_shards(shards)
    with ExitStack() as stack:
        stack.enter_context(only_one(index.path))
        if shards is not None and not is_url(shards):
            stack.enter_context(only_one(shards))
        restore(resolved(index.path))
        build = Build(index.path)
        if mode is IndexingMode.resume and is_finished(index, build):
            check_finished(index, SentEncoder(encoder).described)
            build.discard()
            if verbose:
                print(f'{index.path} is finished, nothing is left to resume', file=sys.stderr)
            return index
        base = find_base(index, mode, build)
        ray = stack.enter_context(cluster(resources))
        sent = SentEncoder(encoder)
        _check_appended(index, mode, sent.described)
        plan = {
            'encoder': sent.model_name, 'documents': docs if isinstance(docs, str) else None,
            'languages': languages, 'shard_size': -(-shard_size // sent.batch_size) * sent.batch_size,
        }  # fmt: skip
        docs = iter(_read(docs, languages))
        first = next(docs, None)
        if first is None:
            raise ValueError(f'there are no documents to index at {index.path}; nothing was written')
        with writing(build.path, _GO_ON):
            append = start_build(index, mode, build, precision, sent.described)
        store = given or open_shards(build.folder / 'shards')
        try:
            found = _begin(store, plan, mode)
            worker = ShardEncoder(sent, store, plan['shard_size'], LARGEST.get(build.plan()['precision']))
            waiting = Unfinished(chain([first], docs), worker, found)
            count = workers or capacity(ray, resources)
            with pt.tqdm(desc='indexing', unit='doc', disable=not verbose) as bar:
                done = on_ray(
                    worker, waiting, resources=resources, folders=store.folders, at_once=count,
                    name=lambda shard: f'shard {shard.number}',
                )  # fmt: skip
                for shard, record in done:
                    waiting.records[shard.number] = record
                    bar.update(record['count'])
            _join(build, store, waiting.records, [base] if append else [])
            store.discard()
        finally:
            if build.folder is not None and shards is None and not store.found():
                build.discard()
    return index


def _check_appended(index: MultilingualIndex, mode: IndexingMode, given: dict) -> None:
    """Refuses to append vectors of another encoder than is recorded of the index."""
    if mode is IndexingMode.append:
        remedy = "append with that one, or build the index again with mode='overwrite'"
        check_encoder(given, index.recorded_encoder(), f'the index at {index.path}', remedy)


def _read(docs: Iterable[dict] | pd.DataFrame | str, languages: list[str] | None) -> Iterable[dict]:
    """The documents, in the languages."""
    if isinstance(docs, pd.DataFrame):
        docs = docs.to_dict(orient='records')
    if isinstance(docs, str):
        name, view = docs, open_dataset(docs)
        if languages is not None:
            view, known = in_languages(view, languages)
            check_languages(languages, known or languages, f'the collection {name}')
        docs = view.get_corpus_iter(verbose=False)
    return docs if languages is None else _in_languages(docs, languages)


def _in_languages(docs: Iterable[dict], languages: list[str]) -> Iterator[dict]:
    """Yields the documents in some languages. Each document must name its language; workers refuse other objects."""
    missing = set(languages)
    for doc in docs:
        lang = check_lang(doc, doc.get('docno')) if isinstance(doc, dict) else None
        if lang is None or lang in languages:
            missing.discard(lang)
            yield doc
    if missing:
        raise ValueError(f'no document is in {", ".join(sorted(missing))}; give languages= that the documents have')


def _begin(store: Shards, plan: dict, mode: IndexingMode) -> dict[int, dict]:
    """Starts or continues the shards of a build; returns the records of those that are finished."""
    before = store.plan() if mode is IndexingMode.resume else None
    if before is None:
        store.start(plan)
        return {}
    for name, value in plan.items():
        if before.get(name) != value:
            raise ValueError(
                f'the shards in {store} were made with {name}={before.get(name)!r:.80}, here with {value!r:.80}; '
                "give the same, or start anew with mode='create' or 'overwrite'"
            )
    return store.found()


def _join(build: Build, store: Shards, records: Mapping[int, dict], kept: list) -> None:
    """Makes the index of the finished shards, after what is kept of an index before."""
    dimensions = {collection.vecs.shape[1] for collection in kept} | {r['dimension'] for r in records.values()}
    if len(dimensions) > 1:
        raise ValueError(
            f'the vectors of {store} have {" and ".join(map(str, sorted(dimensions)))} dimensions; all documents of an '
            'index come from one encoder'
        )
    with writing(build.path, _GO_ON):
        collections = Opened(kept, store.local(sorted(records), build.folder / 'copies'))
    twice = find_duplicate(_Docnos(collections))
    if twice is not None:
        docno, *positions = twice
        raise ValueError(
            f'the docno {docno!r:.80} occurs twice, as documents {positions[0]:,} and {positions[1]:,} of the index '
            '(counted from 0); docnos are unique in an index'
        )
    with writing(build.path, _GO_ON):
        build.finish(collections)


class _Docnos(Opened):
    """The docnos of shards."""

    def __init__(self, collections: Opened):
        super().__init__(collections.before, collections.folders)

    def __getitem__(self, i: int):
        return super().__getitem__(i).docnos
